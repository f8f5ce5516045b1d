//! One test binary; a module a topic.

mod databases;
mod leases;
mod loading;
mod proxy;
mod server;
mod service;
