//! One test binary; a module a topic.

mod databases;
mod loading;
