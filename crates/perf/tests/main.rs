//! One test binary; a module a topic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helper ends the test, as the test would")]

mod arguments;
mod base;
mod defects;
mod explaining;
mod headers;
mod latency;
mod plans;
mod sizes;
mod support;
mod tables;
mod values;
mod writes;
