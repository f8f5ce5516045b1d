//! A backup: one dump with its manifest, complete or not there at all.

use std::fs::{DirBuilder, File};
use std::io::Read as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use migrations::Migrator;
use runbook::ephemeral::Ephemeral;
use runbook::reader::{Opening, Reader};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use time::OffsetDateTime;

use crate::child::Child;
use crate::error::RecoveryError;
use crate::folder::{self, Dump};
use crate::manifest::{FORMAT, Manifest};
use crate::partial;
use crate::programs::Programs;
use crate::properties::Properties;
use crate::state::State;
use crate::undumped::Undumped;

/// How a backup is made.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Where `pg_dump` is.
    pub programs: Programs,
    /// Where the dump goes; made with mode 0700 when it is not there.
    pub folder: PathBuf,
    /// What its name starts with.
    pub prefix: String,
    /// `pg_dump -Z`, from 0 to 9.
    pub compression: u8,
    /// How long `pg_dump` may take.
    pub limit: Duration,
}

impl Backup {
    /// Dumps the database into the folder. Rows are counted and hashed in the snapshot that the dump reads. The dump
    /// gets its name when it and its manifest are complete and on the disk; `now` stands in the name, or the first
    /// second after it that is free.
    ///
    /// # Errors
    /// When the dump could not be made; the folder then holds no trace of it.
    pub async fn make(
        &self,
        database: &Ephemeral,
        migrator: Option<&dyn Migrator>,
        now: OffsetDateTime,
    ) -> Result<(Dump, Manifest), RecoveryError> {
        let begun = Instant::now();
        self.prepare_folder()?;
        let dump_file = partial::create(&self.folder)?;
        // It leads what pg_dump reads, and may take as long.
        let opening = Opening { statement: Some(self.limit), idle: Some(self.limit), ..Opening::default() };
        let mut reader = database.reader_with(&opening).await?;
        let setting = |name: &str| format!("SELECT pg_catalog.current_setting('{name}')");
        let server_version: String = reader.scalar(&setting("server_version")).await?;
        let encoding: String = reader.scalar(&setting("server_encoding")).await?;
        let snapshot = reader.export_snapshot().await?;
        // pg_dump takes over the snapshot when it connects; the reader holds it open until both are done.
        let (_, observed) = tokio::try_join!(
            self.pg_dump(database, dump_file.path(), &snapshot, &encoding),
            observe(&mut reader, migrator)
        )?;
        drop(reader);
        dump_file.as_file().sync_all().map_err(RecoveryError::file(dump_file.path(), "write"))?;
        let (sha256, bytes) = checksum(dump_file.path())?;
        let manifest = Manifest {
            format: FORMAT,
            dump: String::new(),
            sha256,
            bytes,
            // Without what a distribution adds to it.
            server_version: server_version.split(' ').next().unwrap_or_default().to_owned(),
            pg_dump_version: self.programs.version.clone(),
            revision: observed.revision,
            started_at: now,
            finished_at: now + begun.elapsed(),
            database: observed.properties,
            undumped: observed.undumped,
            state: observed.state,
        };
        self.publish(dump_file, manifest)
    }

    async fn pg_dump(
        &self,
        database: &Ephemeral,
        file: &Path,
        snapshot: &str,
        encoding: &str,
    ) -> Result<String, RecoveryError> {
        Child::new("pg_dump", &self.programs.pg_dump())
            .args(["--format=custom", "--no-password"])
            .args([format!("--compress={}", self.compression), format!("--snapshot={snapshot}")])
            // The database's own, whatever it has its clients use: no other one is sure to have all its characters.
            .args([format!("--encoding={encoding}")])
            .args(["--file".as_ref(), file.as_os_str()])
            .database(database.url())
            .run(self.limit)
            .await
    }

    fn prepare_folder(&self) -> Result<(), RecoveryError> {
        let folder = &self.folder;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(RecoveryError::file(folder, "create"))?;
        partial::sweep(folder)
    }

    /// Gives dump and manifest their names: the manifest first, so that no dump is ever seen without its own.
    fn publish(
        &self,
        mut dump_file: NamedTempFile,
        mut manifest: Manifest,
    ) -> Result<(Dump, Manifest), RecoveryError> {
        let mut taken_at = manifest.started_at.replace_nanosecond(0).unwrap_or(manifest.started_at);
        loop {
            let path = self.folder.join(format!("{}.dump", folder::stem(&self.prefix, taken_at)));
            let dump = Dump { path, taken_at };
            manifest.dump = dump.name();
            let mut file = partial::create(&self.folder)?;
            let file_path = file.path().to_owned();
            manifest.write(file.as_file_mut(), &file_path)?;
            match file.persist_noclobber(dump.manifest_path()) {
                Ok(_) => {}
                Err(error) if taken(&error.error) => {
                    taken_at += Duration::from_secs(1);
                    continue;
                }
                Err(error) => return Err(RecoveryError::file(&dump.manifest_path(), "create")(error.error)),
            }
            if let Err(error) = dump_file.persist_noclobber(&dump.path) {
                let _ = std::fs::remove_file(dump.manifest_path());
                if taken(&error.error) {
                    dump_file = error.file;
                    taken_at += Duration::from_secs(1);
                    continue;
                }
                return Err(RecoveryError::file(&dump.path, "create")(error.error));
            }
            // The names are on the disk when their folder is.
            let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
            folder.map_err(RecoveryError::file(&self.folder, "write"))?;
            return Ok((dump, manifest));
        }
    }
}

/// SHA-256 (hexadecimal) and size of a file, read in pieces.
///
/// # Errors
/// When it cannot be read.
pub fn checksum(path: &Path) -> Result<(String, u64), RecoveryError> {
    let mut file = File::open(path).map_err(RecoveryError::file(path, "read"))?;
    let mut digest = Sha256::new();
    let mut piece = vec![0_u8; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut piece).map_err(RecoveryError::file(path, "read"))?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        digest.update(&piece[..read]);
    }
    let hex = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((hex, bytes))
}

/// What the manifest says of the database itself.
struct Observed {
    properties: Properties,
    undumped: Undumped,
    state: State,
    revision: Option<String>,
}

async fn observe(reader: &mut Reader, migrator: Option<&dyn Migrator>) -> Result<Observed, RecoveryError> {
    let properties = Properties::read(reader).await?;
    let undumped = Undumped::read(reader).await?;
    let state = State::read(reader).await?;
    let revision = match migrator {
        // Last on this reader: should the question fail, nothing else is lost.
        Some(migrator) => migrator.current(reader).await.unwrap_or(None),
        None => None,
    };
    Ok(Observed { properties, undumped, state, revision })
}

fn taken(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::AlreadyExists
}
