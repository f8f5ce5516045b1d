//! One test binary; a module a topic.

mod defects;
mod rollback;
mod support;
