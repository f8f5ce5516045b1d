//! Large objects: rows of no table.

use runbook::check::CheckError;
use runbook::reader::Reader;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The large objects, in two numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObjects {
    /// How many.
    pub count: i64,
    /// SHA-256 of their ids, lengths and hashes, hexadecimal.
    pub sha256: String,
}

/// One large object.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct LargeObject {
    /// Its OID: the name that rows know it by, and that a restore keeps.
    pub(crate) id: i64,
    /// Its length.
    pub(crate) bytes: i64,
    /// The sum of the hashes of its pages.
    pub(crate) hash: String,
}

impl LargeObjects {
    /// `None` where there are some and this role may not see what is in them.
    pub(super) async fn read(reader: &mut Reader) -> Result<Option<Self>, CheckError> {
        let objects = match large_objects(reader).await {
            Ok(objects) => objects,
            Err(CheckError::NotPermitted(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut digest = Sha256::new();
        for object in &objects {
            digest.update(format!("{} {} {}\n", object.id, object.bytes, object.hash));
        }
        let sha256 = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Some(Self { count: i64::try_from(objects.len()).unwrap_or(i64::MAX), sha256 }))
    }
}

/// All large objects, by their ids. The reader spells out.
///
/// # Errors
/// When there are some and this role may not see what is in them.
pub(crate) async fn large_objects(reader: &mut Reader) -> Result<Vec<LargeObject>, CheckError> {
    let counted: Vec<(i64, bool)> = reader.fetch(include_str!("large_objects_readable.sql")).await?;
    match counted.as_slice() {
        [(0, _)] => Ok(Vec::new()),
        [(count, false)] => Err(CheckError::NotPermitted(format!(
            "there are {count} large objects, and this role may not see what is in them: GRANT SELECT ON \
             pg_catalog.pg_largeobject to it"
        ))),
        _ => reader.fetch(include_str!("large_objects.sql")).await,
    }
}
