//! One test binary; a module a topic.
mod address;
mod document;
mod live;
mod settings;
mod statement;
mod report;
