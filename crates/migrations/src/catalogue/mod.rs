//! What a deployment can change, read from the catalogue as a stable text: sorted, without OIDs, the same on
//! every supported version of Postgres and whatever the name of the system's first schema is.
//!
//! Left out are the migration tools' own tables (where those stand is told by [`crate::Migrator::current`]), what
//! belongs to an extension, and secrets: passwords of user mappings, connection strings of subscriptions. Who owns most
//! objects is "the owner", since a restore may give them all to another role; other owners are named.

mod access;
mod attached;
mod casts;
mod cells;
mod difference;
mod fact;
mod gather;
mod index;
mod kind;
mod mend;
mod others;
mod plain;
mod relations;
mod secret;
mod under;
mod view;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use runbook::check::CheckError;
use runbook::reader::Reader;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use difference::{Difference, script};
pub use fact::{Attribute, Fact, Part};
pub use kind::Kind;

/// The tables in which migration tools keep the revision.
const VERSION_TABLES: [&str; 2] = [crate::sql_files::VERSION_TABLE, crate::alembic::VERSION_TABLE];

/// What an object is and how it is called: `table projects`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectName {
    /// What it is.
    pub kind: Kind,
    /// Quoted, and qualified unless it is in the system's first schema.
    pub name: String,
}

/// Every object of a database, in the order of their kinds and names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    objects: BTreeMap<ObjectName, Vec<Fact>>,
    /// Whether owners and rights were taken out.
    without_access: bool,
}

impl Catalogue {
    /// Reads everything in `schemas`, and what belongs to no schema; names in the first of them are written without it.
    /// A fixed number of queries, whatever the size of the database.
    ///
    /// # Errors
    /// When the reader cannot read the catalogue.
    pub async fn read(reader: &mut Reader, schemas: &[String]) -> Result<Self, CheckError> {
        Self::gathered(reader, schemas, false).await
    }

    /// The same, and the settings and rights of the database itself. A copy of a database has none of them: it is as the
    /// server makes it, so that only two databases that are in use can be compared in this way.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_whole(reader: &mut Reader, schemas: &[String]) -> Result<Self, CheckError> {
        Self::gathered(reader, schemas, true).await
    }

    async fn gathered(reader: &mut Reader, schemas: &[String], whole: bool) -> Result<Self, CheckError> {
        reader.spell_out(true).await?;
        let mut gathering = gather::Gathering::begin(reader, schemas).await?;
        relations::read(reader, schemas, &mut gathering).await?;
        others::read(reader, schemas, &mut gathering).await?;
        attached::read(reader, schemas, &mut gathering).await?;
        if whole {
            others::database(reader, &mut gathering).await?;
        }
        reader.spell_out(false).await?;
        Ok(Self { objects: gathering.finish(), without_access: false })
    }

    /// The names of all objects.
    pub fn names(&self) -> impl Iterator<Item = &ObjectName> {
        self.objects.keys()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none, but for the database itself.
    pub fn is_empty(&self) -> bool {
        self.objects.keys().all(|name| name.kind == Kind::Database)
    }

    /// The facts of one object.
    pub fn facts(&self, name: &ObjectName) -> Option<&[Fact]> {
        self.objects.get(name).map(Vec::as_slice)
    }

    /// The same without what [`Self::read_whole`] adds.
    #[must_use]
    pub fn without_database(mut self) -> Self {
        self.objects.retain(|name, _| name.kind != Kind::Database);
        self
    }

    /// The same without owners, grants and default privileges: what the objects are, and not whose.
    #[must_use]
    pub fn without_access(mut self) -> Self {
        self.objects.retain(|name, _| name.kind != Kind::DefaultPrivileges);
        for fact in self.objects.values_mut() {
            fact.retain(|fact| !fact.part.is_access());
            for fact in fact.iter_mut() {
                fact.attributes.retain(|(attribute, _)| *attribute != Attribute::Grants);
            }
        }
        self.without_access = true;
        self
    }

    /// One object as text: its name, and below it a fact a line.
    pub fn describe(&self, name: &ObjectName) -> Option<String> {
        let mut text = String::new();
        write(&mut text, name, self.objects.get(name)?);
        Some(text)
    }

    /// The whole catalogue as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, facts) in &self.objects {
            if !text.is_empty() {
                text.push('\n');
            }
            write(&mut text, name, facts);
        }
        text
    }

    /// SHA-256, in hex, of [`Self::text`]: two databases of the same definition have the same.
    pub fn fingerprint(&self) -> String {
        Sha256::digest(self.text()).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// What differs, sorted by object. Empty exactly when the two are equal. Each difference knows the statements that
    /// would make the right side like the left.
    pub fn diff(left: &Self, right: &Self) -> Vec<Difference> {
        difference::between(&left.objects, &right.objects, !left.without_access && !right.without_access)
    }
}

fn write(text: &mut String, name: &ObjectName, facts: &[Fact]) {
    let _ = writeln!(text, "{} {}", name.kind, name.name);
    for fact in facts {
        fact.write(text);
        text.push('\n');
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}
