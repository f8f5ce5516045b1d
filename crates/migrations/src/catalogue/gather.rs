//! Putting the rows of the queries together, by the numbers of the objects.

use std::collections::{BTreeMap, HashMap, HashSet};

use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, Encode, Postgres, Type};

use super::cells::Cells;
use super::fact::{Attribute, Fact, Part};
use super::kind::Kind;
use super::{ObjectName, VERSION_TABLES, access, casts, plain};

/// System catalogues, by the numbers that they have had since there are numbers.
pub(super) mod class {
    pub(in super::super) const TYPE: u32 = 1247;
    pub(in super::super) const PROC: u32 = 1255;
    pub(in super::super) const CLASS: u32 = 1259;
    pub(in super::super) const CONSTRAINT: u32 = 2606;
    pub(in super::super) const NAMESPACE: u32 = 2615;
}

/// A column, as indexes refer to it.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: u32,
    pub(super) collation: u32,
}

/// An object that is being put together.
pub(super) struct Draft {
    pub(super) name: ObjectName,
    owner: Option<String>,
    /// Facts with their place among those of the same part.
    facts: Vec<(i64, Fact)>,
}

/// Everything that was read so far.
pub(super) struct Gathering {
    pub(super) home: Vec<String>,
    pub(super) version: i32,
    spaces: HashMap<u32, (String, bool)>,
    members: HashSet<(u32, u32)>,
    /// Roles whose names are words of SQL.
    pub(super) reserved: HashSet<String>,
    comments: HashMap<(u32, u32), Vec<(i32, String)>>,
    drafts: Vec<Draft>,
    by_oid: HashMap<(u32, u32), usize>,
    pub(super) columns: HashMap<(u32, i16), Column>,
}

impl Gathering {
    /// Reads the schemas, and what is needed to tell of any object: what belongs to extensions, and the comments.
    pub(super) async fn begin(reader: &mut Reader, schemas: &[String]) -> Result<Self, CheckError> {
        let home = schemas.first().map(String::as_str).unwrap_or_default();
        let mut gathering = Self {
            home: plain::prefixes(home),
            version: 0,
            spaces: HashMap::new(),
            members: HashSet::new(),
            reserved: HashSet::new(),
            comments: HashMap::new(),
            drafts: Vec::new(),
            by_oid: HashMap::new(),
            columns: HashMap::new(),
        };
        reader
            .for_each(include_str!("sql/comments.sql"), PgArguments::default(), |row| {
                let mut cells = Cells::of(row);
                let (class, oid) = (cells.oid()?, cells.oid()?);
                let comment = (cells.next()?, cells.next()?);
                gathering.comments.entry((class, oid)).or_default().push(comment);
                Ok(())
            })
            .await?;
        reader
            .for_each(include_str!("sql/reserved_roles.sql"), PgArguments::default(), |row| {
                gathering.reserved.insert(Cells::of(row).next()?);
                Ok(())
            })
            .await?;
        reader
            .for_each(include_str!("sql/spaces.sql"), one(schemas)?, |row| {
                let mut cells = Cells::of(row);
                let (oid, raw, quoted) = (cells.oid()?, cells.next::<String>()?, cells.next::<String>()?);
                let (owner, list): (String, Option<Vec<String>>) = (cells.next()?, cells.next()?);
                gathering.version = cells.next()?;
                let name = ObjectName { kind: Kind::Schema, name: quoted.clone() };
                gathering.spaces.insert(oid, (quoted, raw == home));
                gathering.add((class::NAMESPACE, oid), name, Some(owner), list.as_deref());
                Ok(())
            })
            .await?;
        Ok(gathering)
    }

    /// Notes that an object belongs to an extension, and is that extension's affair.
    pub(super) fn leave_out(&mut self, class: u32, oid: u32) {
        self.members.insert((class, oid));
    }

    /// A name in a schema: bare in the system's first.
    pub(super) fn qualified(&self, space: u32, name: &str) -> String {
        match self.spaces.get(&space) {
            Some((_, true)) | None => name.to_owned(),
            Some((schema, false)) => format!("{schema}.{name}"),
        }
    }

    /// A text of Postgres's own, without the name of the system's first schema, and as a restore would leave it.
    pub(super) fn plain(&self, text: String) -> String {
        casts::of_elements(plain::unqualified(text, &self.home))
    }

    /// Begins an object, with its owner, grants and comment; `false` for one that is not told of.
    pub(super) fn add(
        &mut self,
        key: (u32, u32),
        name: ObjectName,
        owner: Option<String>,
        list: Option<&[String]>,
    ) -> bool {
        if self.by_oid.contains_key(&key) {
            return true;
        }
        let kept = matches!(name.kind, Kind::Table) && VERSION_TABLES.contains(&name.name.as_str());
        if kept || self.members.contains(&key) {
            return false;
        }
        let mut facts = Vec::new();
        if let Some(owner) = &owner {
            let grants = access::facts(&name, owner, list, self.version, &self.reserved);
            facts.extend(grants.into_iter().map(|fact| (0, fact)));
        }
        if let Some(text) = self.comment(key.0, key.1, 0) {
            facts.push((0, Fact::plain(Part::Comment, "", literal(text))));
        }
        self.by_oid.insert(key, self.drafts.len());
        self.drafts.push(Draft { name, owner, facts });
        true
    }

    /// A comment of an object or of a column of it.
    pub(super) fn comment(&self, class: u32, oid: u32, part: i32) -> Option<&str> {
        let comments = self.comments.get(&(class, oid))?;
        comments.iter().find(|(at, _)| *at == part).map(|(_, text)| text.as_str())
    }

    /// The object of a number.
    pub(super) fn name(&self, class: u32, oid: u32) -> Option<&ObjectName> {
        let at = self.by_oid.get(&(class, oid))?;
        self.drafts.get(*at).map(|draft| &draft.name)
    }

    /// Adds a fact to an object; nothing where there is no such object.
    pub(super) fn tell(&mut self, class: u32, oid: u32, position: i64, fact: Fact) {
        if let Some(draft) = self.by_oid.get(&(class, oid)).and_then(|at| self.drafts.get_mut(*at)) {
            draft.facts.push((position, fact));
        }
    }

    /// Adds a fact of one text, where there is one.
    pub(super) fn tell_text(&mut self, class: u32, oid: u32, part: Part, text: Option<String>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let text = self.plain(text);
            self.tell(class, oid, 0, Fact::plain(part, "", text));
        }
    }

    /// Everything, sorted. Who owns most is "the owner"; other owners are named.
    pub(super) fn finish(self) -> BTreeMap<ObjectName, Vec<Fact>> {
        let owner = self.prevailing_owner();
        let mut objects = BTreeMap::new();
        for mut draft in self.drafts {
            let other = draft.owner.filter(|its| Some(its) != owner.as_ref());
            let of_none = matches!(draft.name.kind, Kind::DefaultPrivileges | Kind::Database);
            if let Some(other) = other.filter(|_| !of_none) {
                draft.facts.push((0, Fact::plain(Part::Owner, "", other)));
            }
            draft
                .facts
                .sort_by(|(a, one), (b, other)| (one.part, a, &one.name).cmp(&(other.part, b, &other.name)));
            objects.insert(draft.name, draft.facts.into_iter().map(|(_, fact)| fact).collect());
        }
        objects
    }

    /// Who owns most objects; of equals, the first by name. A restore may give all of them to somebody else.
    fn prevailing_owner(&self) -> Option<String> {
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for draft in
            self.drafts.iter().filter(|draft| !matches!(draft.name.kind, Kind::Schema | Kind::Database))
        {
            if let Some(owner) = &draft.owner {
                *counts.entry(owner).or_default() += 1;
            }
        }
        let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
        most.map(|(owner, _)| owner.clone())
    }
}

/// The one argument of a query.
pub(super) fn one<'q, T>(value: T) -> Result<PgArguments, CheckError>
where
    T: Encode<'q, Postgres> + Type<Postgres> + 'q,
{
    let mut arguments = PgArguments::default();
    add(&mut arguments, value)?;
    Ok(arguments)
}

/// One more argument.
pub(super) fn add<'q, T>(arguments: &mut PgArguments, value: T) -> Result<(), CheckError>
where
    T: Encode<'q, Postgres> + Type<Postgres> + 'q,
{
    arguments.add(value).map_err(|error| CheckError::Database(sqlx::Error::Encode(error)))
}

/// A text as a literal of SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Pushes an attribute, where there is one.
pub(super) fn attribute(fact: &mut Fact, attribute: Attribute, text: Option<String>) {
    if let Some(text) = text {
        fact.attributes.push((attribute, text));
    }
}
