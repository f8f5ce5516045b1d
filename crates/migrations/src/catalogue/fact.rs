//! What is true of an object: its facts, each with its attributes.

use std::fmt;
use std::str::FromStr;

/// What a fact is about, in the order in which the facts of an object are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Who owns it, where that is not who owns most objects.
    Owner,
    /// `unlogged`, `temporary`.
    Persistence,
    /// An access method other than heap.
    AccessMethod,
    /// A tablespace other than the database's.
    Tablespace,
    /// Storage parameters, options of a foreign object.
    Options,
    /// Row security: enabled, forced.
    RowSecurity,
    /// Replica identity other than the primary key.
    ReplicaIdentity,
    /// The key of a partitioned table.
    PartitionBy,
    /// The bound of a partition.
    PartitionBound,
    /// The type of a typed table.
    OfType,
    /// The parents of an inheriting table or a partition.
    Inherits,
    /// The server of a foreign table.
    Server,
    /// `no`: a materialized view without data.
    Populated,
    /// The version of an extension.
    Version,
    /// The schema of an extension.
    Schema,
    /// What a domain is over.
    Domain,
    /// What a range is of.
    Range,
    /// `none`: an enum without labels.
    Labels,
    /// A label of an enum.
    Label,
    /// A column.
    Column,
    /// A constraint.
    Constraint,
    /// An index that is not only there for a constraint.
    Index,
    /// A trigger, or that of a constraint that does not fire.
    Trigger,
    /// A rewrite rule.
    Rule,
    /// A row security policy.
    Policy,
    /// Whether and when it fires.
    Enabled,
    /// What it is, in Postgres's own words.
    Definition,
    /// The target of a statistics object.
    Target,
    /// An operator of a family.
    Operator,
    /// A support function of a family.
    Function,
    /// The dictionaries of a kind of token.
    Mapping,
    /// A table of a publication.
    Table,
    /// The column that owns a sequence.
    OwnedBy,
    /// The identity column whose sequence it is.
    IdentityOf,
    /// A setting of the database, alone or for a role.
    Setting,
    /// What a role may do, beyond the defaults.
    Grant,
    /// A comment.
    Comment,
}

const WORDS: [(Part, &str); 37] = [
    (Part::Owner, "owner"),
    (Part::Persistence, "persistence"),
    (Part::AccessMethod, "access method"),
    (Part::Tablespace, "tablespace"),
    (Part::Options, "options"),
    (Part::RowSecurity, "row security"),
    (Part::ReplicaIdentity, "replica identity"),
    (Part::PartitionBy, "partition by"),
    (Part::PartitionBound, "partition bound"),
    (Part::OfType, "of type"),
    (Part::Inherits, "inherits"),
    (Part::Server, "server"),
    (Part::Populated, "populated"),
    (Part::Version, "version"),
    (Part::Schema, "schema"),
    (Part::Domain, "domain"),
    (Part::Range, "range"),
    (Part::Labels, "labels"),
    (Part::Label, "label"),
    (Part::Column, "column"),
    (Part::Constraint, "constraint"),
    (Part::Index, "index"),
    (Part::Trigger, "trigger"),
    (Part::Rule, "rule"),
    (Part::Policy, "policy"),
    (Part::Enabled, "enabled"),
    (Part::Definition, "definition"),
    (Part::Target, "target"),
    (Part::Operator, "operator"),
    (Part::Function, "function"),
    (Part::Mapping, "mapping"),
    (Part::Table, "table"),
    (Part::OwnedBy, "owned by"),
    (Part::IdentityOf, "identity of"),
    (Part::Setting, "setting"),
    (Part::Grant, "grant"),
    (Part::Comment, "comment"),
];

impl Part {
    /// How it is written.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(part, _)| *part == self).map_or("", |(_, word)| word)
    }

    /// Whether it says who owns a thing or may use it, and not what the thing is.
    pub fn is_access(self) -> bool {
        matches!(self, Self::Owner | Self::Grant)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = WORDS.iter().find(|(_, known)| *known == word);
        known.map(|(part, _)| *part).ok_or_else(|| format!("there is no part `{word}`"))
    }
}

impl PartialEq<&str> for Part {
    fn eq(&self, word: &&str) -> bool {
        self.word() == *word
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One property of a column, index, trigger …; the order is that in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// What it is: the type of a column, the definition of a constraint.
    Base,
    /// A collation that is not the type's.
    Collation,
    /// It takes no NULL.
    NotNull,
    /// `always as identity`, `by default as identity`.
    Identity,
    /// The expression of a generated column: `(EXPRESSION) stored`.
    Generated,
    /// The default.
    Default,
    /// A storage that is not the type's.
    Storage,
    /// A compression method of its own.
    Compression,
    /// A statistics target of its own.
    Statistics,
    /// Options of a column.
    Options,
    /// Options of a column of a foreign table.
    ForeignOptions,
    /// It is in another tablespace than the database's.
    Tablespace,
    /// A failed build left it behind.
    Invalid,
    /// The table is clustered by it.
    Clustered,
    /// It is the replica identity.
    ReplicaIdentity,
    /// When it fires, where that is not always.
    Enabled,
    /// What roles may do with this column alone.
    Grants,
    /// A comment.
    Comment,
}

impl Attribute {
    /// The words before the text.
    fn words(self) -> &'static str {
        match self {
            Self::Base | Self::Enabled => "",
            Self::Collation => "collate ",
            Self::NotNull => "not null",
            Self::Identity => "generated ",
            Self::Generated => "generated always as ",
            Self::Default => "default ",
            Self::Storage => "storage ",
            Self::Compression => "compression ",
            Self::Statistics => "statistics ",
            Self::Options => "options ",
            Self::ForeignOptions => "foreign options ",
            Self::Tablespace => "tablespace ",
            Self::Invalid => "invalid",
            Self::Clustered => "clustered",
            Self::ReplicaIdentity => "replica identity",
            Self::Grants => "grant ",
            Self::Comment => "comment ",
        }
    }
}

/// One thing that is true of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub part: Part,
    /// The column's, constraint's or index's name; empty where the part is the object's own.
    pub name: String,
    /// What is true of it, in the order of [`Attribute`].
    pub attributes: Vec<(Attribute, String)>,
}

impl Fact {
    /// A fact of one text.
    pub(super) fn plain(part: Part, name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let attributes = if text.is_empty() { Vec::new() } else { vec![(Attribute::Base, text)] };
        Self { part, name: name.into(), attributes }
    }

    /// The text of one attribute.
    pub fn get(&self, attribute: Attribute) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| *key == attribute).map(|(_, text)| text.as_str())
    }

    /// What it is: the type of a column, the definition of a constraint.
    pub fn base(&self) -> &str {
        self.get(Attribute::Base).unwrap_or_default()
    }

    /// The part with its name: `column status`.
    pub fn key(&self) -> String {
        if self.name.is_empty() { self.part.to_string() } else { format!("{} {}", self.part, self.name) }
    }

    /// All attributes as one text.
    pub fn definition(&self) -> String {
        let mut text = String::new();
        for (attribute, value) in &self.attributes {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(attribute.words());
            text.push_str(value.trim());
        }
        text.trim_end().to_owned()
    }

    /// Its line of the text form, two spaces in; further lines of a definition are four more in.
    pub(super) fn write(&self, text: &mut String) {
        text.push_str("  ");
        text.push_str(self.part.word());
        let definition = self.definition();
        for word in [&self.name, &definition] {
            if !word.is_empty() {
                text.push(' ');
                if word.contains('\n') {
                    text.push_str(&word.replace('\n', "\n    "));
                } else {
                    text.push_str(word);
                }
            }
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}
