//! One test binary; a module a topic.
mod folder;
mod plan;
mod procedure;
