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
pub use checks::{checks, run_case};
pub use contract::{Contract, validate};
pub use token::AdminToken;
