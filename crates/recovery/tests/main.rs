//! One test binary; a module a topic.

mod rollback;
mod support;
