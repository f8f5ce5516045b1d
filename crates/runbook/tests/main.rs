//! One test binary; a module a topic.
mod address;
mod check;
mod document;
mod live;
mod reader;
mod report;
mod settings;
mod statement;
mod verdict;
mod wait;
