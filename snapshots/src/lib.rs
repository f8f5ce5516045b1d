//! Nothing here: the accepted snapshots stand beside this folder. See `Cargo.toml`.
