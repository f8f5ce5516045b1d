#![doc = include_str!("../README.md")]

pub mod action;
pub mod check;
pub mod context;
pub mod document;
pub mod ephemeral;
pub mod grant;
pub mod live;
pub mod procedure;
pub mod reader;
pub mod report;
pub mod secret;
pub mod settings;
pub mod stash;
pub mod statement;
pub mod verdict;
pub mod wait;
