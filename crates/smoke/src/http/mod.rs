//! Requests with a time limit, and answers read to their end.

mod answer;
mod client;
mod failure;
mod pick;
mod sent;

pub(crate) use answer::{Answer, shortened, shortened_to};
pub(crate) use client::Http;
pub(crate) use sent::{Sent, quoted};
