//! One test binary; a module a topic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

mod compare;
mod defects;
mod folder;
mod hazards;
mod library;
mod misfit;
mod peers;
mod plan;
mod played_staging;
mod procedure;
mod program;
mod queries_and_rows;
mod rehearsal;
mod secrets;
mod smoke;
