//! What a migration would do to a busy database: measured on a copy.

mod class;
pub mod corpus;
pub mod measure;
pub mod script;
mod tree;

pub use class::Class;
pub use script::{Runs, Script};
