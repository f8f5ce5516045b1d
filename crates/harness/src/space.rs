//! Room for a data directory: asked before it is needed.

use std::path::{Path, PathBuf};

use crate::HarnessError;

/// Under this many mebibytes a server is not started: an empty data directory takes 40, and each clone 8.
pub(crate) const NEEDED_MIB: u64 = 256;
/// Memory is used for data only when this much of it is free: the 10,000-project data set and its clones fit.
pub(crate) const WANTED_IN_MEMORY_MIB: u64 = 2048;

/// Mebibytes that an unprivileged process may still write below `folder`.
pub(crate) fn free_mib(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize) >> 20)
}

/// Mebibytes that may still be written to a folder in memory: what is free there, and no more than the machine has left.
/// The size of such a file system is a promise that several programs may hold the machine to at once.
pub(crate) fn free_in_memory_mib(folder: &Path) -> Option<u64> {
    let free = free_mib(folder)?;
    let known = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    Some(available_mib(&known).map_or(free, |left| free.min(left)))
}

/// `MemAvailable` of `/proc/meminfo`.
fn available_mib(known: &str) -> Option<u64> {
    let line = known.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib >> 10)
}

/// The first of `folders` with room, `(folder, mebibytes wanted there)` each; `free` answers how much is free.
///
/// # Errors
/// [`HarnessError::NoSpace`] about the last one, when none has room.
pub(crate) fn choose(
    folders: &[(PathBuf, u64)],
    free: impl Fn(&Path) -> Option<u64>,
) -> Result<PathBuf, HarnessError> {
    let mut last = None;
    for (folder, needed) in folders {
        match free(folder) {
            Some(free) if free >= *needed => return Ok(folder.clone()),
            free => last = Some((folder.clone(), free.unwrap_or(0), *needed)),
        }
    }
    let (folder, free, needed) = last.unwrap_or_else(|| (PathBuf::from("/"), 0, NEEDED_MIB));
    Err(HarnessError::NoSpace { folder, free, needed, remedy: "RUNBOOK_STATE" })
}

/// Asks for `needed` mebibytes below `folder` before they are written.
///
/// # Errors
/// [`HarnessError::NoSpace`] when fewer are free.
pub(crate) fn ask(folder: &Path, needed: u64, remedy: &'static str) -> Result<(), HarnessError> {
    match free_mib(folder) {
        Some(free) if free < needed => {
            Err(HarnessError::NoSpace { folder: folder.to_owned(), free, needed, remedy })
        }
        _ => Ok(()),
    }
}

/// The sentence for a disk that was found full while writing to `path`.
pub(crate) fn full(path: &Path) -> HarnessError {
    let folder = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(path);
    HarnessError::NoSpace {
        folder: folder.to_owned(),
        free: free_mib(folder).unwrap_or(0),
        needed: NEEDED_MIB,
        remedy: "RUNBOOK_STATE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_taken_when_there_is_room_and_the_disk_otherwise() {
        let folders = [(PathBuf::from("/memory"), 2048), (PathBuf::from("/disk"), 256)];
        let roomy = |folder: &Path| Some(if folder.starts_with("/memory") { 4096 } else { 300 });
        assert_eq!(choose(&folders, roomy).unwrap(), PathBuf::from("/memory"));
        let small = |folder: &Path| Some(if folder.starts_with("/memory") { 64 } else { 300 });
        assert_eq!(choose(&folders, small).unwrap(), PathBuf::from("/disk"));
    }

    #[test]
    fn memory_that_the_machine_has_not_got_is_not_counted() {
        assert_eq!(available_mib("MemTotal: 4096 kB\nMemAvailable:    2048 kB\n"), Some(2));
        assert_eq!(available_mib("MemTotal: 4096 kB\n"), None);
    }

    #[test]
    fn a_full_disk_is_one_sentence_with_both_figures() {
        let error = choose(&[(PathBuf::from("/disk"), 256)], |_| Some(3)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/disk is full: 3 MiB are free and 256 MiB are needed for a data directory; make room, or name \
             another folder in RUNBOOK_STATE"
        );
    }
}
