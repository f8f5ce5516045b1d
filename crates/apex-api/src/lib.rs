#![doc = include_str!("../README.md")]

mod body;
mod envelope;
mod error;
mod fields;
mod identity;
mod layers;
mod maintenance;
mod metrics;
mod openapi;
mod project;
mod routes;
mod serve;
mod service;
mod status;
mod store;
mod worker;

pub use envelope::content_sha256;
pub use maintenance::{Maintenance, StateFileError};
pub use routes::router;
pub use serve::{pool, serve};
pub use service::{Limits, Service};
pub use worker::work;
