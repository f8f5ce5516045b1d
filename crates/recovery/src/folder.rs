//! The folder of the dumps: what is in it, newest first by the time in the name.

use std::path::{Path, PathBuf};

use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

use crate::error::RecoveryError;
use crate::manifest::Manifest;

/// A dump, known by its name: `PREFIX_YYYYMMDD_HHMMSS.dump`, or `PREFIX_YYYYMMDD.dump`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump {
    /// Where it is.
    pub path: PathBuf,
    /// The time in its name, read as UTC; a date alone is the first moment of that day, so that it never looks younger
    /// than it is.
    pub taken_at: OffsetDateTime,
}

impl Dump {
    /// The file's name.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Where its manifest is: the same name, `.json`.
    pub fn manifest_path(&self) -> PathBuf {
        self.path.with_extension("json")
    }

    /// Its manifest, `None` where there is none (a dump of another tool).
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub fn manifest(&self) -> Result<Option<Manifest>, RecoveryError> {
        let path = self.manifest_path();
        if path.exists() { Manifest::read(&path).map(Some) } else { Ok(None) }
    }
}

/// What is in a folder of dumps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The dumps, newest first.
    pub dumps: Vec<Dump>,
    /// Names of files that are neither dumps nor their manifests, sorted: they are left alone.
    pub foreign: Vec<String>,
}

/// Lists the dumps that carry this prefix.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(folder: &Path, prefix: &str) -> Result<Listing, RecoveryError> {
    let mut listing = Listing::default();
    let mut manifests = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(RecoveryError::file(folder, "read"))? {
        let entry = entry.map_err(RecoveryError::file(folder, "read"))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let time = |suffix| name.strip_suffix(suffix).and_then(|stem| taken_at(stem, prefix));
        match (time(".dump"), time(".json")) {
            (Some(taken_at), _) if path.is_file() => listing.dumps.push(Dump { path, taken_at }),
            (_, Some(_)) => manifests.push((path, name)),
            _ if is_partial(&name) => {}
            _ => listing.foreign.push(name),
        }
    }
    // The same second twice (a date alone and midnight): the longer name is the more exact one.
    listing.dumps.sort_by(|a, b| b.taken_at.cmp(&a.taken_at).then_with(|| b.path.cmp(&a.path)));
    let orphans = manifests.into_iter().filter(|(path, _)| !path.with_extension("dump").is_file());
    listing.foreign.extend(orphans.map(|(_, name)| name));
    listing.foreign.sort();
    Ok(listing)
}

/// The name of a dump, without its suffix.
pub(crate) fn stem(prefix: &str, taken_at: OffsetDateTime) -> String {
    let format = format_description!("[year][month][day]_[hour][minute][second]");
    // Formatting these components into a string cannot fail.
    let stamp = taken_at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default();
    format!("{prefix}_{stamp}")
}

/// What the name of a dump that is being written starts with.
pub(crate) const PARTIAL: &str = ".runbook-partial-";

fn is_partial(name: &str) -> bool {
    name.starts_with(PARTIAL)
}

fn taken_at(stem: &str, prefix: &str) -> Option<OffsetDateTime> {
    let stamp = stem.strip_prefix(prefix)?.strip_prefix('_')?;
    if stamp.len() == 8 {
        let date = Date::parse(stamp, format_description!("[year][month][day]")).ok()?;
        return Some(PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc());
    }
    let format = format_description!("[year][month][day]_[hour][minute][second]");
    PrimitiveDateTime::parse(stamp, format).ok().map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_name_is_read_with_a_time_or_a_date_alone() {
        let read = |stem| taken_at(stem, "apex_full");
        assert_eq!(read("apex_full_20260102_030405"), Some(datetime!(2026-01-02 03:04:05 UTC)));
        assert_eq!(read("apex_full_20260102"), Some(datetime!(2026-01-02 00:00 UTC)));
        for foreign in [
            "apex_full_2026",
            "apex_full_20261302",
            "apex_full_20260102_0304",
            "apex_20260102",
            "apex_full_+2026012",
        ] {
            assert_eq!(read(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_name_that_is_written_is_read_back() {
        let time = datetime!(2026-11-23 22:59:11 UTC);
        assert_eq!(stem("x", time), "x_20261123_225911");
        assert_eq!(taken_at(&stem("x", time), "x"), Some(time));
    }
}
