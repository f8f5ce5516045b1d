//! What several topics need: a folder of dumps, a fixed time, and a description of a database by an independent tool.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::Database;
use recovery::RecoveryError;
use recovery::backup::Backup;
use recovery::clock::FixedClock;
use recovery::folder::Dump;
use recovery::manifest::Manifest;
use recovery::programs::Programs;
use recovery::rollback::{Outcome, Rollback};
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::ephemeral::Ephemeral;
use runbook::secret::DatabaseUrl;
use runbook::verdict::Verdict;
use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Mutex;

/// The fixed time of all tests.
pub const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);

/// A folder of dumps, removed when dropped.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder for anything else.
    pub fn beside(&self) -> &Path {
        self.0.path()
    }

    /// The folder of the dumps itself: not there until the first backup.
    pub fn path(&self) -> PathBuf {
        self.0.path().join("backups")
    }
}

/// The context of a database, with a folder of dumps and the fixed time.
pub fn context(db: &Database, folder: &Folder) -> Context {
    let mut context = db.context();
    context.backups = Some(folder.path());
    context.stash.put(FixedClock(NOW));
    context
}

/// Asked once of each server: later the database may be closed, and whether the pool has a session left is not known.
pub async fn programs(db: &Ephemeral) -> Programs {
    static KNOWN: Mutex<BTreeMap<(String, u16), Programs>> = Mutex::const_new(BTreeMap::new());
    let options = db.url().connect_options();
    let socket =
        options.get_socket().map_or(options.get_host().to_owned(), |path| path.display().to_string());
    let mut known = KNOWN.lock().await;
    let server = (socket, options.get_port());
    if let Some(programs) = known.get(&server) {
        return programs.clone();
    }
    let version: String = sqlx::query_scalar("SELECT current_setting('server_version_num')")
        .fetch_one(db.pool())
        .await
        .unwrap();
    let programs = Programs::for_server(version.parse::<u32>().unwrap() / 10_000).await.unwrap();
    known.insert(server, programs.clone());
    programs
}

pub async fn backup(db: &Database, folder: &Path) -> (Dump, Manifest) {
    try_backup(db, folder, programs(db).await).await.unwrap()
}

/// Runs an action by its id.
pub async fn act(context: &Context, id: &str) -> Result<Verdict, CheckError> {
    recovery::actions().iter().find(|action| action.id == id).unwrap().run(context).await
}

pub async fn try_backup(
    db: &Database,
    folder: &Path,
    programs: Programs,
) -> Result<(Dump, Manifest), RecoveryError> {
    let settings = harness::settings();
    let migrator = migrations::open(&settings).unwrap();
    let backup = Backup {
        programs,
        folder: folder.to_owned(),
        prefix: settings.backup.prefix.clone(),
        compression: 1,
        limit: settings.limits.command,
    };
    backup.make(db, Some(&*migrator), NOW).await
}

pub async fn rollback_plan(db: &Ephemeral) -> Rollback {
    let settings = harness::settings();
    Rollback {
        programs: programs(db).await,
        jobs: settings.backup.restore_jobs,
        limit: settings.limits.command,
        disconnect_others: false,
        keep_replaced: false,
    }
}

pub async fn roll_back(
    db: &Ephemeral,
    (dump, manifest): &(Dump, Manifest),
) -> Result<Outcome, RecoveryError> {
    rollback_plan(db).await.run(db, dump, manifest).await
}

pub async fn upgrade(db: &Ephemeral, to: &str) {
    migrations::open(&harness::settings()).unwrap().upgrade(db.url(), to).await.unwrap();
}

pub async fn sql(db: &Ephemeral, statements: &str) {
    db.execute(statements).await.unwrap();
}

/// The whole schema as `pg_dump` writes it, and every row, sorted: a witness that shares no code with the suite.
/// Conditions on arrays are spelt anew by a restore, so their casts and brackets are taken out.
pub async fn witness(db: &Ephemeral) -> String {
    let mut command = Command::new(programs(db).await.pg_dump());
    for variable in DatabaseUrl::LIBPQ_VARIABLES {
        command.env_remove(variable);
    }
    for (variable, value) in db.url().libpq_environment() {
        command.env(variable, value.expose_secret());
    }
    let output = command.args(["--inserts", "--no-password"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .map(|line| line.replace("::text[]", "").replace("::text", "").replace(['(', ')'], ""))
        .collect();
    lines.sort();
    lines.join("\n")
}

/// How many databases there are that belong to this one: itself, and what a rollback put beside it.
pub async fn databases(db: &Ephemeral) -> i64 {
    let sql = "SELECT count(*) FROM pg_database WHERE datname = current_database() OR datname IN (
                 SELECT prefix || left(encode(sha256(convert_to(current_database(), 'UTF8')), 'hex'), 16)
                 FROM unnest(ARRAY['runbook_restoring_', 'runbook_replaced_']) prefix)";
    sqlx::query_scalar(sql).fetch_one(db.pool()).await.unwrap()
}

/// What the database is called.
pub fn name(db: &Ephemeral) -> String {
    db.url().connect_options().get_database().unwrap().to_owned()
}

/// Another database of ours, by its address.
pub async fn adopt(url: DatabaseUrl) -> Ephemeral {
    Ephemeral::adopt(url, harness::settings().limits.reading()).await.unwrap()
}

/// A role of this test alone, with a session of its own on the database; [`Role::drop`] takes it away.
pub struct Role {
    pub name: String,
    pub database: Ephemeral,
}

impl Role {
    pub async fn new(db: &Database, attributes: &str) -> Self {
        let database = name(db);
        let name = format!("the role {}", &database[database.len() - 12..]);
        sql(db, &format!("CREATE ROLE \"{name}\" LOGIN PASSWORD 'pw' {attributes}")).await;
        let options = db.url().connect_options();
        let (host, port) = (options.get_host(), options.get_port());
        let user = name.replace(' ', "%20");
        let url = DatabaseUrl::own(&format!("postgres://{user}:pw@{host}:{port}/{database}")).unwrap();
        Self { name, database: adopt(url).await }
    }

    pub async fn drop(self, db: &Database) {
        self.database.pool().close().await;
        let (role, database) = (&self.name, name(db));
        sql(db, &format!("ALTER DATABASE \"{database}\" OWNER TO CURRENT_USER")).await;
        sql(
            db,
            &format!(
                "REASSIGN OWNED BY \"{role}\" TO CURRENT_USER; DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""
            ),
        )
        .await;
    }
}

/// A backup of a database that the harness did not make, or by another role.
pub async fn own_backup(db: &Ephemeral, folder: &Folder) -> Result<(Dump, Manifest), RecoveryError> {
    let limit = harness::settings().limits.command;
    let (folder, prefix) = (folder.path(), "own".to_owned());
    Backup { programs: programs(db).await, folder, prefix, compression: 1, limit }.make(db, None, NOW).await
}

/// Rows of before a deployment, at revision 006.
pub const ROWS: &str = "INSERT INTO projects (project_id, account_id, name, status, created_by, updated_by)
       SELECT 'p' || n, 'acc_1', 'it''s — ' || n, 'draft', 'tester', 'tester' FROM generate_series(1, 200) n;
     INSERT INTO project_events (project_id, event_type, actor, data)
       SELECT 'p' || n, 'project.created', 'tester', '{}' FROM generate_series(1, 200) n";

/// A folder with the real programs, one of them replaced by a shell script. `$REAL` is the real one, `$HERE` a folder
/// for what the script has to tell.
pub fn with_script(real: &Programs, folder: &Path, program: &str, script: &str) -> Programs {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in ["pg_dump", "pg_restore"] {
        let _ = std::fs::remove_file(bin.join(name));
        if name != program {
            std::os::unix::fs::symlink(real.folder.join(name), bin.join(name)).unwrap();
        }
    }
    let (real_path, here) = (real.folder.join(program), folder.display());
    let text = format!("#!/bin/sh\nREAL='{}'\nHERE='{here}'\n{script}\n", real_path.display());
    // Another test of this process may be forking just now and hold the file open for writing: a child writes it.
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg("printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"")
        .arg("sh")
        .arg(text)
        .arg(bin.join(program));
    assert!(shell.status().unwrap().success());
    Programs { folder: bin, version: real.version.clone() }
}

/// Waits until a script has written this file, and returns what stands in it.
pub async fn written(path: &Path) -> String {
    let limit = std::time::Duration::from_secs(20);
    runbook::wait::until("the script's file", limit, async || match std::fs::read_to_string(path) {
        Ok(text) if text.ends_with('\n') => Ok(text),
        _ => Err("not there"),
    })
    .await
    .unwrap()
}

/// Passes pieces on for as long as `may` says so; it sees each before it goes.
pub async fn pass(
    mut from: impl AsyncRead + Unpin + Send,
    mut to: impl AsyncWrite + Unpin,
    mut may: impl FnMut(&[u8]) -> bool,
) {
    let mut buffer = vec![0_u8; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if !may(&buffer[..read]) || to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
}
