//! Requests with a time limit, and answers read to their end.

mod answer;
mod client;
mod failure;
mod hidden;
mod pick;
mod sent;

pub(crate) use answer::{Answer, shortened, shortened_to};
pub(crate) use client::Http;
use hidden::Hidden;
pub(crate) use sent::{Sent, quoted};
