//! One test binary; a module a topic.
mod folder;
mod plan;
mod played_staging;
mod procedure;
mod defects;
mod library;
mod program;
mod rehearsal;
mod secrets;
