#![doc = include_str!("../README.md")]

mod admin;
pub mod backend;
mod cache;
mod clones;
mod cluster;
mod database;
pub mod defects;
mod error;
mod fixtures;
mod keeper;
mod kept;
pub mod loader;
mod pooler;
mod privilege;
pub mod proxy;
mod scratch;
mod server;
pub mod service;
mod shared;
mod space;
mod state;
mod template;
mod watcher;

pub use database::Database;
pub use error::HarnessError;
pub use fixtures::{folder as fixtures_folder, settings, try_settings, use_settings};
pub use kept::Kept;
pub use pooler::Pooler;
pub use scratch::scratch;
pub use server::{Server, ServerOptions};
pub use watcher::Watched;
