//! One test binary; a module a topic.
mod address;
mod document;
mod live;
mod reader;
mod settings;
mod statement;
mod report;
