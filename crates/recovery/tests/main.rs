//! One test binary; a module a topic.

mod backup;
mod defects;
mod folder;
mod interrupted;
mod rollback;

mod support;
