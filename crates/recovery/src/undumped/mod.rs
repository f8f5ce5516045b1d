//! What is inside a database and in no dump of it: the versions of its extensions, that it has no schema `public`, and which
//! triggers of constraints are off. What has to be there before the dump is restored is made first, the rest afterwards.

use std::collections::BTreeMap;

use runbook::check::CheckError;
use runbook::reader::Reader;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::error::RecoveryError;
use crate::properties::{identifier, literal, run};

/// What is inside a database and in no dump of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undumped {
    /// Whether there is a schema `public`, which every new database has.
    public: bool,
    /// All extensions, in the order in which they were made: a dump names no versions.
    extensions: Vec<Extension>,
    /// Triggers of constraints that do not fire as they were made to (`DISABLE TRIGGER ALL`).
    triggers: Vec<Trigger>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
struct Extension {
    name: String,
    schema: String,
    version: String,
    /// Whether that is what the server takes when it is told no version.
    is_default: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
struct Trigger {
    /// Quoted for SQL, as the next one.
    relation: String,
    of_constraint: String,
    function: String,
    /// `pg_trigger.tgenabled`.
    state: String,
    /// It holds an OID: of use in the database that it was read from, and nowhere else.
    #[serde(skip)]
    name: String,
}

impl Trigger {
    fn purpose(&self) -> (&str, &str, &str) {
        (&self.relation, &self.of_constraint, &self.function)
    }
}

/// `pg_trigger.tgenabled` of a trigger that fires as it was made to.
const AS_MADE: &str = "O";

impl Undumped {
    /// Reads what the reader's database has of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(reader: &mut Reader) -> Result<Self, CheckError> {
        reader.spell_out(true).await?;
        let sql = "SELECT pg_catalog.count(*) > 0 FROM pg_catalog.pg_namespace n WHERE n.nspname = 'public'";
        let public = reader.scalar(sql).await?;
        let extensions = reader.fetch(include_str!("extensions.sql")).await?;
        let triggers: Vec<Trigger> = reader.fetch(include_str!("triggers.sql")).await?;
        reader.spell_out(false).await?;
        let off = triggers.into_iter().filter(|trigger| trigger.state != AS_MADE);
        let nameless = off.map(|trigger| Trigger { name: String::new(), ..trigger });
        Ok(Self { public, extensions, triggers: nameless.collect() })
    }

    /// Whether the dump cannot be restored in one piece and be as it was.
    pub(crate) fn is_in_the_dumps_way(&self) -> bool {
        self.has_versions() || !self.triggers.is_empty()
    }

    /// Whether extensions have to be made before the dump is restored, since the dump would take another version.
    pub(crate) fn has_versions(&self) -> bool {
        self.extensions.iter().any(|extension| !extension.is_default)
    }

    /// Takes from a new database what it has and the dumped one had not.
    ///
    /// # Errors
    /// When that is not permitted.
    pub(crate) async fn empty(&self, copy: &mut PgConnection) -> Result<(), RecoveryError> {
        if !self.public {
            run(copy, "DROP SCHEMA IF EXISTS public".to_owned()).await?;
        }
        let made: Vec<String> =
            sqlx::query_scalar("SELECT extname::text FROM pg_catalog.pg_extension ORDER BY 1")
                .fetch_all(&mut *copy)
                .await?;
        for name in made.iter().filter(|name| !self.extensions.iter().any(|known| known.name == **name)) {
            run(copy, format!("DROP EXTENSION {}", identifier(name))).await?;
        }
        Ok(())
    }

    /// Makes the extensions that do not stand at the server's default version. Their schemas are there.
    ///
    /// # Errors
    /// When the server has not that version: one sentence, since no dump could be restored as it was.
    pub(crate) async fn extend(&self, copy: &mut PgConnection) -> Result<(), RecoveryError> {
        for Extension { name, schema, version, .. } in self.extensions.iter().filter(|one| !one.is_default) {
            let available: bool = sqlx::query_scalar(
                "SELECT count(*) > 0 FROM pg_catalog.pg_available_extension_versions WHERE name = $1 AND version = $2",
            )
            .bind(name)
            .bind(version)
            .fetch_one(&mut *copy)
            .await?;
            if !available {
                return Err(RecoveryError::Missing(format!(
                    "the extension {name} stood at version {version}, which the server has no files of: install them, \
                     or update the extension before the next backup"
                )));
            }
            let (name, schema) = (identifier(name), identifier(schema));
            let sql = format!(
                "CREATE EXTENSION IF NOT EXISTS {name} SCHEMA {schema} VERSION {} CASCADE",
                literal(version)
            );
            run(copy, sql).await?;
        }
        Ok(())
    }

    /// Sets the triggers of constraints as they were.
    ///
    /// # Errors
    /// When that is not permitted: it takes a superuser.
    pub(crate) async fn switch(&self, copy: &mut PgConnection) -> Result<(), RecoveryError> {
        if !self.triggers.is_empty() {
            // Event triggers came with the dump, and one may forbid it.
            run(copy, "SET session_replication_role = replica".to_owned()).await?;
        }
        let there: Vec<Trigger> = sqlx::query_as(include_str!("triggers.sql")).fetch_all(&mut *copy).await?;
        let there: BTreeMap<_, _> = there.iter().map(|trigger| (trigger.purpose(), trigger)).collect();
        for trigger in &self.triggers {
            // One that is not there is a difference that the comparison of the catalogues tells.
            let Some(restored) = there.get(&trigger.purpose()) else { continue };
            let to = match trigger.state.as_str() {
                "D" => "DISABLE",
                "R" => "ENABLE REPLICA",
                "A" => "ENABLE ALWAYS",
                _ => "ENABLE",
            };
            let (relation, name) = (&restored.relation, identifier(&restored.name));
            run(copy, format!("ALTER TABLE ONLY {relation} {to} TRIGGER {name}")).await?;
        }
        Ok(())
    }
}
