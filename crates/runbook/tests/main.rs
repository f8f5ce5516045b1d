//! One test binary; a module a topic.
mod document;

mod statement;
mod address;
