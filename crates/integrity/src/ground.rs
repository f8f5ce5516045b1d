//! What is known of a database before its rows are read, and the sessions that read them.

use std::collections::BTreeMap;
use std::sync::Arc;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::reader::{Plan, Reader};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow};

use crate::claim::Claim;
use crate::crew::{Work, Worked, strength, work_off};
use crate::picture::{Picture, opening};
use crate::proof::Hindrance;
use crate::tally::Tally;

/// How many keys of broken rows a finding shows, where the settings do not say.
const KEYS_SHOWN: u32 = 5;

/// A database of fewer pages than this (4 MB) is read by one session: a second one takes longer to be there than to read
/// its half.
const FEW_PAGES: f64 = 500.0;

/// What is known of a relation before its rows are read.
#[derive(Debug, FromRow)]
struct Relation {
    relation: i64,
    missing: Option<String>,
    key: Vec<String>,
    pages: f64,
    measured: bool,
}

/// The database as a check finds it.
pub(crate) struct Ground<'a> {
    pub context: &'a Context,
    /// How many sessions read side by side.
    pub sessions: usize,
    /// A session on the present, for the catalogue, while it is needed.
    catalogue: Option<Reader>,
    picture: Arc<Picture>,
    relations: BTreeMap<i64, Relation>,
    absent: Vec<String>,
}

impl<'a> Ground<'a> {
    /// Opens a session and reads which relations there are.
    pub async fn open(context: &'a Context) -> Result<Self, CheckError> {
        let mut catalogue = context.database.reader_with(&opening()).await?;
        catalogue.plan(Plan::Plain).await?;
        let relations: Vec<Relation> = catalogue.fetch(include_str!("relations.sql")).await?;
        let absent: Vec<(String,)> =
            catalogue.fetch_with(include_str!("schemas.sql"), schemas(context)?).await?;
        let pages: f64 = relations.iter().map(|relation| relation.pages).sum();
        let is_small = pages < FEW_PAGES && relations.iter().all(|relation| relation.measured);
        let sessions = if is_small { 1 } else { strength(context, &mut catalogue).await? };
        Ok(Self {
            context,
            picture: Picture::of(context, sessions).await,
            sessions,
            catalogue: Some(catalogue),
            relations: relations.into_iter().map(|relation| (relation.relation, relation)).collect(),
            absent: absent.into_iter().map(|(name,)| name).collect(),
        })
    }

    /// The tally of a check that begins here.
    pub fn tally(&self, check: &'static str, noun: &str) -> Tally {
        Tally::of(self.context, check, noun, &self.absent)
    }

    /// What a catalogue query says of the schemas of the settings.
    pub async fn claims<T>(&mut self, catalogue: &str) -> Result<Vec<T>, CheckError>
    where
        T: for<'r> FromRow<'r, sqlx::postgres::PgRow>,
    {
        let arguments = schemas(self.context)?;
        self.catalogue().await?.fetch_with(catalogue, arguments).await
    }

    /// A session on the present, for the catalogue.
    pub async fn catalogue(&mut self) -> Result<&mut Reader, CheckError> {
        let reader = match self.catalogue.take() {
            Some(reader) => reader,
            None => {
                let mut reader = self.context.database.reader_with(&opening()).await?;
                reader.plan(Plan::Plain).await?;
                reader
            }
        };
        Ok(self.catalogue.insert(reader))
    }

    /// Works off a list over the sessions. That for the catalogue is given back first: a pooler may have few servers.
    pub async fn work_off<W: Work>(&mut self, noun: &str, work: &W, items: &[W::Item]) -> Worked<W::Done> {
        self.catalogue = None;
        work_off(self.context, &self.picture, self.sessions, noun, work, items).await
    }

    /// The claims whose rows may be read, with the keys by which they are shown.
    pub fn provable(&self, tally: &mut Tally, claims: Vec<Claim>) -> Vec<Claim> {
        let mut provable = Vec::with_capacity(claims.len());
        for mut claim in claims {
            if let Some(reason) = claim.unprovable.take() {
                tally.pass_over(&claim.object, Hindrance { reason, remedy: claim.remedy });
                continue;
            }
            if let Some(grant) = self.missing(&claim.reads) {
                let reason = format!("the role may not read it: {grant}");
                tally.pass_over(&claim.object, Hindrance { reason, remedy: grant });
                continue;
            }
            if tally.was_proved(&claim.object, &claim.count(), claim.number()) {
                continue;
            }
            if let Some(relation) = claim.keyed_by.and_then(|relation| self.relations.get(&relation)) {
                claim.prefix_key(&relation.key);
            }
            provable.push(claim);
        }
        provable
    }

    /// The pages of these relations.
    pub fn weight(&self, relations: &[i64]) -> f64 {
        relations.iter().filter_map(|relation| self.relations.get(relation)).map(|known| known.pages).sum()
    }

    /// All relations of the database that are no catalogue's.
    pub fn relations(&self) -> Vec<i64> {
        self.relations.keys().copied().collect()
    }

    /// How many keys a finding shows.
    pub fn keys_shown(&self) -> u32 {
        self.context.settings.integrity.keys_shown.unwrap_or(KEYS_SHOWN)
    }

    /// What the role lacks to read these relations: the first grant that is missing.
    fn missing(&self, relations: &[i64]) -> Option<String> {
        relations.iter().find_map(|relation| self.relations.get(relation)?.missing.clone())
    }
}

/// The schemas of the settings as the one argument of a catalogue query.
pub(crate) fn schemas(context: &Context) -> Result<PgArguments, CheckError> {
    let mut arguments = PgArguments::default();
    arguments
        .add(&context.settings.database.schemas)
        .map_err(|error| CheckError::Other(format!("the schemas of the settings cannot be sent: {error}")))?;
    Ok(arguments)
}
