#![doc = include_str!("../README.md")]

pub mod backend;
mod cluster;
mod database;
mod error;
mod fixtures;
mod keeper;
mod privilege;
mod scratch;
mod shared;
mod space;
mod state;
mod template;

pub use database::Database;
pub use error::HarnessError;
pub use fixtures::{folder as fixtures_folder, settings, try_settings, use_settings};
pub use scratch::scratch;
