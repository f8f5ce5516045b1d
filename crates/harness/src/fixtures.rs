//! The fixtures folder: settings, and the hash by which templates know that it has changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use runbook::settings::Settings;
use sha2::{Digest as _, Sha256};

use crate::HarnessError;

static SETTINGS: OnceLock<Result<Arc<Settings>, String>> = OnceLock::new();

/// Gives this process settings that were read already; the program does so before it asks for a database, because
/// its command line may name another folder or another tool. Returns `false` when settings were in use before.
pub fn use_settings(settings: Arc<Settings>) -> bool {
    SETTINGS.set(Ok(settings)).is_ok()
}

/// The settings of the fixtures: `RUNBOOK_FIXTURES`, or the workspace's own folder. Read once a process.
///
/// # Panics
/// With the sentence of the error, when they cannot be read: a test has nothing to go on with.
pub fn settings() -> Arc<Settings> {
    #[allow(clippy::panic, reason = "a test has nothing to go on with when its settings are wrong")]
    match try_settings() {
        Ok(settings) => settings,
        Err(error) => panic!("{error}"),
    }
}

/// [`settings`] for those who can go on without.
///
/// # Errors
/// With the file, the line and the key that is wrong.
pub fn try_settings() -> Result<Arc<Settings>, HarnessError> {
    SETTINGS
        .get_or_init(|| match Settings::load(&folder()) {
            Ok(settings) => Ok(Arc::new(settings)),
            Err(error) => Err(error.to_string()),
        })
        .clone()
        .map_err(HarnessError::Fixtures)
}

/// The fixtures folder.
pub fn folder() -> PathBuf {
    match std::env::var_os("RUNBOOK_FIXTURES") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => workspace().join("fixtures"),
    }
}

/// The workspace this crate was built in.
pub(crate) fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Feeds every file below `path`, in order of name, with its name, to `hash`.
pub(crate) fn hash_files(hash: &mut Sha256, path: &Path) -> Result<(), HarnessError> {
    if path.is_dir() {
        let mut entries = std::fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>())
            .map_err(HarnessError::io(path))?;
        entries.sort();
        for entry in entries {
            // What alembic's interpreter leaves behind says nothing about the schema.
            if entry.file_name().is_some_and(|name| name != "__pycache__") {
                hash_files(hash, &entry)?;
            }
        }
        return Ok(());
    }
    let bytes = std::fs::read(path).map_err(HarnessError::io(path))?;
    hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(&bytes);
    Ok(())
}

/// A hash as lower-case hexadecimal text of `length` digits.
pub(crate) fn hex(hash: Sha256, length: usize) -> String {
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
    }
    text.truncate(length);
    text
}
