//! One test binary; a module a topic.

mod audit;
mod concurrency;
mod contract;
mod listing;
mod maintenance;
mod outage;
mod process;
mod refusals;
mod support;
