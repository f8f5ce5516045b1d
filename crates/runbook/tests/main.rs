//! One test binary; a module a topic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

mod address;
mod check;
mod document;
mod live;
mod reader;
mod report;
mod settings;
mod statement;
mod verdict;
mod wait;
