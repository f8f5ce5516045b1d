#![doc = include_str!("../README.md")]

mod actions;
mod case;
mod checks;
mod contract;
mod http;
mod run;
mod switch;
mod token;

pub use actions::actions;
pub use case::Case;
pub use checks::{case_check, checks};
pub use contract::{Contract, validate};
pub use token::AdminToken;
