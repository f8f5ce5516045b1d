//! One test binary; a module a topic.
mod folder;
mod plan;
mod played_staging;
mod procedure;
