//! One test binary; a module a topic.

mod backends;
mod databases;
mod kept;
mod leases;
mod loading;
mod proxy;
mod server;
mod service;
