use std::path::PathBuf;

/// One revision of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its id: `006`.
    pub id: String,
    /// What it is called in its file: `envelope columns`.
    pub name: String,
    /// The revisions it follows; none for a root.
    pub parents: Vec<String>,
    /// Whether it can be undone.
    pub reversible: bool,
    /// The SQL that applies it, where it is SQL.
    pub sql: Option<String>,
    /// The file that applies it.
    pub file: PathBuf,
}
