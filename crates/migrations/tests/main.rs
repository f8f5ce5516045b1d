//! One test binary; a module a topic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail as a test does")]

mod alembic;
mod catalogue;
mod deployers;
mod equality;
mod folder;
mod killed;
mod mend;
mod mend_database;
mod mend_under;
mod sqlx_files;
mod support;
mod versions;
