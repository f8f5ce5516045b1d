//! One test binary; a module a topic.

mod actions;
mod bad_input;
mod clean;
mod defects;
mod live;
mod wrong;
