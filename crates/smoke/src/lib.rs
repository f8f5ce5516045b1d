#![doc = include_str!("../README.md")]

mod actions;
mod case;
mod cause;
mod checks;
mod contract;
mod envelope;
mod http;
pub mod load;
mod run;
mod switch;
mod token;
mod vigil;

pub use actions::actions;
pub use case::Case;
pub use cause::ServiceLog;
pub use checks::{ask, checks, run_case};
pub use contract::{Contract, validate};
pub use run::Writer;
pub use token::AdminToken;
