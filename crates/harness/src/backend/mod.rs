//! Where a server comes from: a container, the machine's own binaries, or an address.

pub mod binaries;
pub(crate) mod local;
