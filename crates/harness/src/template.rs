//! Templates: databases that are built once and cloned many times. A template's name is a hash of all that
//! went into it, so that a changed migration is another template.

use std::sync::OnceLock;

use runbook::ephemeral::MARK;
use runbook::settings::Settings;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::fixtures::{hash_files, hex, try_settings};
use crate::shared::Shared;
use crate::watcher::Owned;
use crate::{HarnessError, state};

/// What a database starts with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Nothing but what the settings prepare.
    Empty,
    /// What these scripts make of an empty database.
    Made(Vec<String>),
    /// A revision, without rows but those that migrations write.
    At(String),
    /// A revision, with the seed rows.
    Seeded(String),
    /// The newest revision, seeded, with this many generated rows of the leading table.
    Loaded(String, u64),
}

impl Kind {
    /// The name of its template on a server of this version.
    pub(crate) fn template(
        &self,
        settings: &Settings,
        version_num: u32,
        scope: &str,
    ) -> Result<String, HarnessError> {
        let mut hash = Sha256::new();
        hash.update(scope);
        hash.update(state::FORMAT.to_le_bytes());
        hash.update(version_num.to_le_bytes());
        hash.update(format!("{self:?}"));
        for statement in &settings.database.prepare {
            hash.update(statement);
        }
        if !matches!(self, Self::Empty | Self::Made(_)) {
            hash_migrations(&mut hash, settings)?;
        }
        if matches!(self, Self::Seeded(_) | Self::Loaded(..)) {
            for seed in &settings.data.seeds {
                hash_files(&mut hash, &settings.path(seed))?;
            }
        }
        if let (Self::Loaded(..), Some(generate)) = (self, &settings.data.generate) {
            hash_files(&mut hash, &settings.path(generate))?;
        }
        Ok(format!("runbook_t_{}", hex(hash, 20)))
    }

    /// What it is built on.
    fn base(&self) -> Option<Self> {
        match self {
            Self::Empty => None,
            Self::At(_) | Self::Made(_) => Some(Self::Empty),
            Self::Seeded(revision) => Some(Self::At(revision.clone())),
            Self::Loaded(revision, _) => Some(Self::Seeded(revision.clone())),
        }
    }
}

/// The name of the kind's template, built when it is not there. Runs on the keeper's runtime.
pub(crate) async fn ensure(
    shared: &Shared,
    admin: &mut PgConnection,
    kind: &Kind,
) -> Result<String, HarnessError> {
    let settings = try_settings()?;
    let name = kind.template(&settings, shared.record.version_num, &shared.record.scope)?;
    if exists(admin, &name).await? {
        return Ok(name);
    }
    let base = match kind.base() {
        Some(base) => Some(Box::pin(ensure(shared, admin, &base)).await?),
        None => None,
    };
    // One builder across all processes; who waited finds it ready.
    let _building = shared.state.lock(&format!("lock-{name}")).await?;
    if exists(admin, &name).await? {
        return Ok(name);
    }
    let private = format!("runbook_b_{}", state::unique());
    if shared.record.backend == "url" {
        // The server outlives us, so the watcher must know each database by name.
        shared.state.own(Owned::Database(&private))?;
        shared.state.own(Owned::Database(&name))?;
    }
    let filled = build(shared, admin, kind, &private, base.as_deref().unwrap_or("template0")).await;
    match (filled, kind) {
        (Ok(()), _) => {}
        (Err(error), Kind::Seeded(revision)) if *revision != head()? => {
            // Seeds are written for the newest revision: there they fit, and a downgrade keeps what this one has.
            let seeded = Box::pin(ensure(shared, admin, &Kind::Seeded(head()?.to_owned()))).await?;
            create(admin, &private, &seeded, &shared.record.strategy).await?;
            if let Err(back) = downgrade(shared, &settings, &private, revision).await {
                discard(admin, &private).await;
                return Err(HarnessError::Fixtures(format!(
                    "the seeds do not fit revision {revision} ({error}), and from the newest, where they fit, there is no way \
                     back to it: {back}"
                )));
            }
        }
        (Err(error), _) => return Err(error),
    }
    introduce(shared, &private).await?;
    execute(admin, format!("ALTER DATABASE {private} WITH ALLOW_CONNECTIONS false")).await?;
    execute(admin, format!("ALTER DATABASE {private} RENAME TO {name}")).await?;
    Ok(name)
}

async fn build(
    shared: &Shared,
    admin: &mut PgConnection,
    kind: &Kind,
    private: &str,
    base: &str,
) -> Result<(), HarnessError> {
    create(admin, private, base, &shared.record.strategy).await?;
    let filled = fill(shared, kind, private).await;
    if filled.is_err() {
        discard(admin, private).await;
    }
    filled
}

/// A session that starts leaves the file from which later ones take what they need of the catalogue, and the last changes
/// have removed it: without it, the first session on each clone would read it all anew.
async fn introduce(shared: &Shared, name: &str) -> Result<(), HarnessError> {
    let url =
        shared.record.url()?.with_database(name).map_err(|error| HarnessError::Other(error.to_string()))?;
    close(connect(&url).await?).await
}

async fn discard(admin: &mut PgConnection, name: &str) {
    let _ = execute(admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
}

async fn downgrade(shared: &Shared, settings: &Settings, name: &str, to: &str) -> Result<(), HarnessError> {
    let url =
        shared.record.url()?.with_database(name).map_err(|error| HarnessError::Other(error.to_string()))?;
    let migrator = migrations::open(settings).map_err(|error| HarnessError::Fixtures(error.to_string()))?;
    migrator.downgrade(&url, Some(to)).await.map_err(|error| HarnessError::Fixtures(error.to_string()))?;
    let mut connection = connect(&url).await?;
    execute(&mut connection, "ANALYZE".into()).await?;
    close(connection).await
}

/// Makes a database from a template, with the mark by which it is known to be ours.
pub(crate) async fn create(
    admin: &mut PgConnection,
    name: &str,
    template: &str,
    strategy: &str,
) -> Result<(), HarnessError> {
    execute(admin, format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY {strategy}")).await?;
    execute(admin, format!("COMMENT ON DATABASE {name} IS '{MARK}'")).await
}

pub(crate) async fn execute(admin: &mut PgConnection, sql: String) -> Result<(), HarnessError> {
    let doing = sql.clone();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(admin).await.map(drop).map_err(HarnessError::sql(doing))
}

/// The faster of the two ways to clone this template here: it depends on the file system, so it is measured.
pub(crate) async fn faster_strategy(
    admin: &mut PgConnection,
    template: &str,
) -> Result<String, HarnessError> {
    let mut best = [std::time::Duration::MAX; 2];
    let name = format!("runbook_m_{}", state::unique());
    // Interleaved, the best of five each: what else the machine does hits both, and the answer is kept for later runs.
    for _ in 0..5 {
        for (strategy, best) in ["FILE_COPY", "WAL_LOG"].into_iter().zip(&mut best) {
            let start = std::time::Instant::now();
            create(admin, &name, template, strategy).await?;
            *best = start.elapsed().min(*best);
            execute(admin, format!("DROP DATABASE {name}")).await?;
        }
    }
    Ok(if best[0] <= best[1] { "FILE_COPY" } else { "WAL_LOG" }.into())
}

async fn exists(admin: &mut PgConnection, name: &str) -> Result<bool, HarnessError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(admin)
        .await
        .map_err(HarnessError::sql("looking for a template"))
}

async fn fill(shared: &Shared, kind: &Kind, name: &str) -> Result<(), HarnessError> {
    let settings = try_settings()?;
    let url =
        shared.record.url()?.with_database(name).map_err(|error| HarnessError::Other(error.to_string()))?;
    match kind {
        Kind::Empty => {
            let mut connection = connect(&url).await?;
            for statement in &settings.database.prepare {
                execute(&mut connection, statement.clone()).await?;
            }
            close(connection).await
        }
        Kind::Made(scripts) => {
            let mut connection = connect(&url).await?;
            for script in scripts {
                execute(&mut connection, script.clone()).await?;
            }
            close(connection).await
        }
        Kind::At(revision) => upgrade(&settings, &url, revision).await,
        Kind::Seeded(_) => seed(&settings, &url).await,
        Kind::Loaded(_, n) => {
            if *n == 0 {
                return Err(HarnessError::Fixtures(
                    "a data set of 0 rows shows nothing: ask for at least 1".into(),
                ));
            }
            // However few rows lead it: what each of them brings along is for the data set to say.
            let size = crate::loader::estimate(&url, &settings, *n).await?;
            // The template, the clone that was asked for, and one that is made ahead.
            let needed = size.peak_mib().saturating_add(size.stored_mib().saturating_mul(2));
            match &shared.record.folder {
                Some(folder) => {
                    crate::loader::ask(folder, &settings, (*n, &size), needed, "RUNBOOK_DATA")?;
                }
                None => {
                    let mut connection = connect(&url).await?;
                    if shared.record.backend == "container" {
                        crate::loader::ask_container(&mut connection, &settings, (*n, &size), needed).await?;
                    } else {
                        crate::loader::room(&mut connection, &size).await?;
                    }
                    close(connection).await?;
                }
            }
            crate::loader::load(&url, &settings, *n, &crate::loader::Unwatched).await.map(drop)
        }
    }
}

/// What [`Kind::Seeded`] holds at the newest revision, in an empty database of a server of its own.
pub(crate) async fn prepare(
    settings: &Settings,
    url: &runbook::secret::DatabaseUrl,
) -> Result<(), HarnessError> {
    for statement in &settings.database.prepare {
        run(url, statement.clone()).await?;
    }
    upgrade(settings, url, head()?).await?;
    seed(settings, url).await
}

/// Runs a statement on a connection of its own.
pub(crate) async fn run(url: &runbook::secret::DatabaseUrl, sql: String) -> Result<(), HarnessError> {
    let mut connection = connect(url).await?;
    execute(&mut connection, sql).await?;
    close(connection).await
}

async fn seed(settings: &Settings, url: &runbook::secret::DatabaseUrl) -> Result<(), HarnessError> {
    let mut connection = connect(url).await?;
    for seed in &settings.data.seeds {
        let path = settings.path(seed);
        let sql = std::fs::read_to_string(&path).map_err(HarnessError::io(&path))?;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .map_err(HarnessError::sql(path.display().to_string()))?;
    }
    execute(&mut connection, "ANALYZE".into()).await?;
    close(connection).await
}

async fn upgrade(
    settings: &Settings,
    url: &runbook::secret::DatabaseUrl,
    to: &str,
) -> Result<(), HarnessError> {
    let migrator = migrations::open(settings).map_err(|error| HarnessError::Fixtures(error.to_string()))?;
    migrator.upgrade(url, to).await.map(drop).map_err(|error| HarnessError::Fixtures(error.to_string()))
}

async fn connect(url: &runbook::secret::DatabaseUrl) -> Result<PgConnection, HarnessError> {
    PgConnection::connect_with(&url.connect_options())
        .await
        .map_err(HarnessError::sql("connecting to a new template"))
}

/// Closes it in an orderly way: a template with a session still on it cannot be cloned.
async fn close(connection: PgConnection) -> Result<(), HarnessError> {
    connection.close().await.map_err(HarnessError::sql("closing a connection to a new template"))
}

/// The newest revision of the settings' migrations: read once, as the settings are, because judging every file takes
/// two milliseconds, and a database is handed out in seven. What one process has found out is noted for the others.
pub(crate) fn head() -> Result<&'static str, HarnessError> {
    static HEAD: OnceLock<String> = OnceLock::new();
    if let Some(head) = HEAD.get() {
        return Ok(head);
    }
    let settings = try_settings()?;
    let mut hash = Sha256::new();
    hash_migrations(&mut hash, &settings)?;
    let (state, note) = (state::State::of_this_process(), format!("head-{}", hex(hash, 20)));
    let noted = std::fs::read_to_string(state.path(&note)).ok().filter(|head| !head.is_empty());
    if let Some(head) = noted {
        return Ok(HEAD.get_or_init(|| head));
    }
    let migrator = migrations::open(&settings).map_err(|error| HarnessError::Fixtures(error.to_string()))?;
    let head = migrator.head().map(ToOwned::to_owned).ok_or_else(|| {
        HarnessError::Fixtures(format!("{}: there are no migrations", settings.root.display()))
    })?;
    // The first process may be here before the folder is.
    let _ = state.write(&note, head.as_bytes());
    Ok(HEAD.get_or_init(|| head))
}

/// Feeds the tool and every file of the migrations to `hash`.
fn hash_migrations(hash: &mut Sha256, settings: &Settings) -> Result<(), HarnessError> {
    hash.update(format!("{:?}", settings.migrations.tool));
    for folder in [&settings.migrations.sqlx, &settings.migrations.alembic].into_iter().flatten() {
        hash_files(hash, &settings.path(folder))?;
    }
    Ok(())
}
