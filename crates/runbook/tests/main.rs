//! One test binary; a module a topic.
mod address;
mod document;
mod live;
mod statement;
mod report;
