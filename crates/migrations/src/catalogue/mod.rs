//! What a deployment can change, read from the catalogue as a stable text: sorted, without OIDs, the same on
//! every supported version of Postgres and whatever the name of the system's first schema is.
//!
//! Owners and privileges are left out (a restore may give the same objects to another role), as are the
//! migration tools' own tables: where those stand is told by [`crate::Migrator::current`].

mod difference;
mod plain;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use runbook::check::CheckError;
use runbook::reader::Reader;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow};

pub use difference::Difference;

/// The tables in which migration tools keep the revision.
const VERSION_TABLES: [&str; 2] = [crate::sql_files::VERSION_TABLE, crate::alembic::VERSION_TABLE];

/// One query a topic: their number does not grow with the database.
const QUERIES: [&str; 9] = [
    include_str!("sql/database.sql"),
    include_str!("sql/relations.sql"),
    include_str!("sql/columns.sql"),
    include_str!("sql/constraints.sql"),
    include_str!("sql/indexes.sql"),
    include_str!("sql/triggers.sql"),
    include_str!("sql/sequences.sql"),
    include_str!("sql/types.sql"),
    include_str!("sql/functions.sql"),
];

/// What an object is and how it is called: `table projects`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectName {
    /// `table`, `view`, `sequence`, `function` …
    pub kind: String,
    /// Quoted, and qualified unless it is in the system's first schema.
    pub name: String,
}

/// One thing that is true of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// `column`, `constraint`, `index`, `definition` …
    pub part: String,
    /// The column's, constraint's or index's name; empty where the part is the object's own.
    pub name: String,
    /// What it is, as Postgres writes it.
    pub definition: String,
}

/// Every object of a database, in the order of their kinds and names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    objects: BTreeMap<ObjectName, Vec<Fact>>,
}

#[derive(FromRow)]
struct Row {
    kind: String,
    object: String,
    rank: i32,
    position: i64,
    part: String,
    name: String,
    definition: String,
}

impl Catalogue {
    /// Reads everything in `schemas`; names in the first of them are written without it.
    ///
    /// # Errors
    /// When the reader cannot read the catalogue.
    pub async fn read(reader: &mut Reader, schemas: &[String]) -> Result<Self, CheckError> {
        let home = schemas.first().map(String::as_str).unwrap_or_default();
        let mut rows: Vec<Row> = Vec::new();
        for query in QUERIES {
            let mut arguments = PgArguments::default();
            arguments.add(schemas).map_err(|error| CheckError::Database(sqlx::Error::Encode(error)))?;
            rows.extend(reader.fetch_with::<Row>(query, arguments).await?);
        }
        Ok(Self::assemble(rows, home))
    }

    /// The names of all objects.
    pub fn names(&self) -> impl Iterator<Item = &ObjectName> {
        self.objects.keys()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The facts of one object.
    pub fn facts(&self, name: &ObjectName) -> Option<&[Fact]> {
        self.objects.get(name).map(Vec::as_slice)
    }

    /// One object as text: its name, and below it a fact a line.
    pub fn describe(&self, name: &ObjectName) -> Option<String> {
        let facts = self.objects.get(name)?;
        let mut text = format!("{} {}\n", name.kind, name.name);
        for fact in facts {
            let _ = writeln!(text, "{fact}");
        }
        Some(text)
    }

    /// The whole catalogue as text.
    pub fn text(&self) -> String {
        let objects: Vec<String> = self.objects.keys().filter_map(|name| self.describe(name)).collect();
        objects.join("\n")
    }

    /// SHA-256, in hex, of [`Self::text`]: two databases of the same definition have the same.
    pub fn fingerprint(&self) -> String {
        Sha256::digest(self.text()).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// What differs, sorted by object. Empty exactly when the two are equal.
    pub fn diff(left: &Self, right: &Self) -> Vec<Difference> {
        difference::between(&left.objects, &right.objects)
    }

    fn assemble(mut rows: Vec<Row>, home: &str) -> Self {
        rows.sort_by(|a, b| {
            (a.rank, a.position, &a.part, &a.name).cmp(&(b.rank, b.position, &b.part, &b.name))
        });
        let mut objects: BTreeMap<ObjectName, Vec<Fact>> = BTreeMap::new();
        for row in rows {
            let name = ObjectName { name: plain::unqualified(&row.object, home), kind: row.kind };
            if VERSION_TABLES.contains(&name.name.as_str()) {
                continue;
            }
            let mut definition = plain::unqualified(&row.definition, home);
            if row.part == "definition" && name.kind.ends_with("view") {
                definition = plain::view(&definition);
            }
            if row.part == "index" {
                definition = plain::index(&definition, &row.name, &name.name);
            }
            let facts = objects.entry(name).or_default();
            if row.part == "object" {
                continue;
            }
            facts.push(Fact { part: row.part, name: row.name, definition });
        }
        Self { objects }
    }
}

impl std::fmt::Display for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "  {}", self.part)?;
        for word in [&self.name, &self.definition] {
            if !word.is_empty() {
                write!(f, " {}", word.trim().replace('\n', "\n    "))?;
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}
