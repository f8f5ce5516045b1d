//! Ready data directories, so that only the first run on a machine waits for initdb and for the migrations.

use std::path::{Path, PathBuf};

use crate::HarnessError;
use crate::cluster::Cluster;
use crate::privilege::{User, give, server_user};
use crate::state;

/// So many are kept, the newest ones: 40 to 60 MB each.
const KEPT: usize = 6;

/// Fills the cluster's data directory with an empty one: copied, or made by initdb and kept.
pub(crate) fn base(cluster: &Cluster) -> Result<(), HarnessError> {
    cluster.create_folders()?;
    let name = format!("base-{}", identity(cluster));
    if take(cluster, &name)? {
        return Ok(());
    }
    cluster.initdb()?;
    put(cluster, &name, "");
    Ok(())
}

/// Fills the data directory with one that holds this template already; returns the clone strategy that was
/// found to be the faster one with it. `None` when there is none.
pub(crate) fn take_ready(cluster: &Cluster, template: &str) -> Result<Option<String>, HarnessError> {
    let name = format!("ready-{}-{template}", identity(cluster));
    let Some(strategy) =
        root().and_then(|root| std::fs::read_to_string(root.join(&name).join("strategy")).ok())
    else {
        return Ok(None);
    };
    Ok(take(cluster, &name)?.then_some(strategy))
}

/// Keeps the data directory of a stopped server.
pub(crate) fn put_ready(cluster: &Cluster, template: &str, strategy: &str) -> Result<(), HarnessError> {
    put(cluster, &format!("ready-{}-{template}", identity(cluster)), strategy);
    Ok(())
}

/// `RUNBOOK_CACHE`, or a folder where caches belong. Without any, nothing is kept.
fn root() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("RUNBOOK_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("runbook")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/runbook")))
}

/// What makes two data directories different: the programs, and what we do with them.
fn identity(cluster: &Cluster) -> String {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    hash.update(state::FORMAT.to_le_bytes());
    hash.update(crate::cluster::INITDB.join(" "));
    hash.update(cluster.binaries.folder.as_os_str().as_encoded_bytes());
    format!("{}-{}", cluster.binaries.version, crate::fixtures::hex(hash, 8))
}

/// Copies an entry into the data directory. A failed copy (an entry that was pruned meanwhile) leaves it empty.
fn take(cluster: &Cluster, name: &str) -> Result<bool, HarnessError> {
    let Some(root) = root() else { return Ok(false) };
    let entry = root.join(name).join("data");
    if !entry.is_dir() {
        return Ok(false);
    }
    match copy(&entry, &cluster.data(), server_user()?) {
        Ok(()) => Ok(true),
        Err(error @ HarnessError::NoSpace { .. }) => Err(error),
        Err(_) => {
            let _ = std::fs::remove_dir_all(cluster.data());
            cluster.create_folders()?;
            Ok(false)
        }
    }
}

/// Keeps a copy. It is a cache: that it cannot be written (a full disk, say) stops nobody.
fn put(cluster: &Cluster, name: &str, strategy: &str) {
    let Some(root) = root() else { return };
    let private = root.join(format!("new-{}", state::unique()));
    let made = std::fs::create_dir_all(&private)
        .map_err(HarnessError::io(&private))
        .and_then(|()| copy(&cluster.data(), &private.join("data"), None))
        .and_then(|()| {
            std::fs::write(private.join("strategy"), strategy).map_err(HarnessError::io(&private))
        });
    // Complete or not there at all; who lost a race throws its own copy away.
    if made.is_err() || std::fs::rename(&private, root.join(name)).is_err() {
        let _ = std::fs::remove_dir_all(&private);
    }
    prune(&root);
}

fn prune(root: &Path) {
    let mut entries: Vec<_> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .filter(|(_, path)| path.join("data").is_dir())
        .collect();
    entries.sort();
    for (_, path) in entries.iter().rev().skip(KEPT) {
        let _ = std::fs::remove_dir_all(path);
    }
}

/// Copies a folder, without what a running server keeps there.
fn copy(from: &Path, to: &Path, user: Option<User>) -> Result<(), HarnessError> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    if !to.is_dir() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(to).map_err(HarnessError::io(to))?;
        std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o700)).map_err(HarnessError::io(to))?;
        give(to, user)?;
    }
    for entry in std::fs::read_dir(from).map_err(HarnessError::io(from))? {
        let entry = entry.map_err(HarnessError::io(from))?;
        let target = to.join(entry.file_name());
        if entry.file_name() == "postmaster.pid" || entry.file_name() == "postmaster.opts" {
            continue;
        }
        if entry.file_type().map_err(HarnessError::io(from))?.is_dir() {
            copy(&entry.path(), &target, user)?;
        } else {
            std::fs::copy(entry.path(), &target).map_err(HarnessError::io(&target))?;
            give(&target, user)?;
        }
    }
    Ok(())
}
