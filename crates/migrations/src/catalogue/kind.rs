//! The kinds of objects, in the order in which they can be made: what a kind refers to stands above it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Kind {
    /// A schema of the system.
    Schema,
    /// An extension and its version.
    Extension,
    /// A procedural language that no extension brought.
    Language,
    /// An access method that no extension brought.
    AccessMethod,
    /// A collation.
    Collation,
    /// A conversion between encodings.
    Conversion,
    /// An enum, domain, range, composite or base type.
    Type,
    /// A sequence, that of an identity column included.
    Sequence,
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// An operator.
    Operator,
    /// A family of operators, with its members.
    OperatorFamily,
    /// An operator class.
    OperatorClass,
    /// A cast.
    Cast,
    /// A transform.
    Transform,
    /// A text search parser.
    SearchParser,
    /// A text search template.
    SearchTemplate,
    /// A text search dictionary.
    SearchDictionary,
    /// A text search configuration, with its mappings.
    SearchConfiguration,
    /// A foreign data wrapper.
    Wrapper,
    /// A foreign server.
    Server,
    /// A user mapping; without its password.
    UserMapping,
    /// A table, partitioned or not.
    Table,
    /// A foreign table.
    ForeignTable,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A statistics object.
    Statistics,
    /// An event trigger.
    EventTrigger,
    /// A publication, with its tables and schemas.
    Publication,
    /// A subscription; without its connection string.
    Subscription,
    /// Default privileges of a role.
    DefaultPrivileges,
    /// The database itself: its settings and rights.
    Database,
}

/// Each kind with its word.
const WORDS: [(Kind, &str); 33] = [
    (Kind::Schema, "schema"),
    (Kind::Extension, "extension"),
    (Kind::Language, "language"),
    (Kind::AccessMethod, "access method"),
    (Kind::Collation, "collation"),
    (Kind::Conversion, "conversion"),
    (Kind::Type, "type"),
    (Kind::Sequence, "sequence"),
    (Kind::Function, "function"),
    (Kind::Procedure, "procedure"),
    (Kind::Aggregate, "aggregate"),
    (Kind::Operator, "operator"),
    (Kind::OperatorFamily, "operator family"),
    (Kind::OperatorClass, "operator class"),
    (Kind::Cast, "cast"),
    (Kind::Transform, "transform"),
    (Kind::SearchParser, "text search parser"),
    (Kind::SearchTemplate, "text search template"),
    (Kind::SearchDictionary, "text search dictionary"),
    (Kind::SearchConfiguration, "text search configuration"),
    (Kind::Wrapper, "foreign data wrapper"),
    (Kind::Server, "server"),
    (Kind::UserMapping, "user mapping"),
    (Kind::Table, "table"),
    (Kind::ForeignTable, "foreign table"),
    (Kind::View, "view"),
    (Kind::MaterializedView, "materialized view"),
    (Kind::Statistics, "statistics"),
    (Kind::EventTrigger, "event trigger"),
    (Kind::Publication, "publication"),
    (Kind::Subscription, "subscription"),
    (Kind::DefaultPrivileges, "default privileges"),
    (Kind::Database, "database"),
];

impl Kind {
    /// How it is written: `materialized view`. In capitals it is also what DDL calls it.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(kind, _)| *kind == self).map_or("object", |(_, word)| word)
    }

    /// What DDL calls it: `MATERIALIZED VIEW`.
    pub fn keyword(self) -> String {
        self.word().to_uppercase()
    }

    /// Whether it has rows and columns.
    pub fn is_relation(self) -> bool {
        matches!(self, Self::Table | Self::ForeignTable | Self::View | Self::MaterializedView)
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = WORDS.iter().find(|(_, known)| *known == word);
        known.map(|(kind, _)| *kind).ok_or_else(|| format!("there is no kind of object `{word}`"))
    }
}

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        word.parse()
    }
}

impl From<Kind> for &'static str {
    fn from(kind: Kind) -> Self {
        kind.word()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
