//! What a migration would do to a busy database: told from its text, and measured on a copy.

pub mod alembic;
mod allow;
mod checks;
mod class;
pub mod corpus;
mod foreign;
mod found;
mod judge;
mod lint;
pub mod measure;
mod outside;
mod own;
pub mod page;
mod past;
pub mod rules;
pub mod score;
pub mod script;
mod squawk;
pub mod steps;
pub mod told;
mod tree;

pub use allow::check_settings;
pub(crate) use checks::{MEASURED, STATIC};
pub use class::Class;
pub use found::Found;
pub use judge::{Judged, judge};
pub use lint::{lint, lint_after};
pub use script::{Runs, Script};
