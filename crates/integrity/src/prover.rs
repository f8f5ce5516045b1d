//! Proves the claims of a catalogue query from the rows, on one snapshot, and says which it could not.

use std::collections::BTreeMap;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::reader::Reader;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow};

use crate::claim::{Claim, counted};

/// How many keys of broken rows a finding shows, where the settings do not say.
const KEYS_SHOWN: u32 = 5;

/// Proves every claim that `catalogue` gives for the schemas of the settings (`$1`); `noun` is what they are called.
pub(crate) async fn prove(context: &Context, noun: &str, catalogue: &str) -> Result<Verdict, CheckError> {
    let mut prover = Prover::open(context, noun).await?;
    for claim in prover.claims::<Claim>(catalogue).await? {
        prover.prove(claim).await;
    }
    Ok(prover.verdict())
}

/// What is known of a relation before its rows are read.
#[derive(Debug, FromRow)]
struct Relation {
    relation: i64,
    missing: Option<String>,
    key: Vec<String>,
}

/// One session, and so one snapshot, that proves claim after claim. Only a lost connection makes a second one.
pub(crate) struct Prover<'a> {
    context: &'a Context,
    reader: Option<Reader>,
    relations: BTreeMap<i64, Relation>,
    evidence: Evidence,
    noun: String,
    faults: i64,
    unmeasured: Vec<Unmeasured>,
    snapshots: u32,
}

struct Unmeasured {
    object: String,
    reason: String,
    remedy: String,
}

impl<'a> Prover<'a> {
    /// Opens a session and reads which relations there are.
    pub async fn open(context: &'a Context, noun: &str) -> Result<Self, CheckError> {
        let mut reader = context.reader().await?;
        let relations: Vec<Relation> = reader.fetch(include_str!("relations.sql")).await?;
        let absent: Vec<(String,)> =
            reader.fetch_with(include_str!("schemas.sql"), schemas(context)?).await?;
        let unmeasured = absent.into_iter().map(|(name,)| Unmeasured {
            object: name,
            reason: "the settings name this schema and the database lacks it".into(),
            remedy: "correct schemas under [database] in runbook.toml".into(),
        });
        Ok(Self {
            context,
            reader: Some(reader),
            relations: relations.into_iter().map(|relation| (relation.relation, relation)).collect(),
            evidence: Evidence::of(noun),
            noun: noun.to_owned(),
            faults: 0,
            unmeasured: unmeasured.collect(),
            snapshots: 1,
        })
    }

    /// What a catalogue query says of the schemas of the settings.
    pub async fn claims<T>(&mut self, catalogue: &str) -> Result<Vec<T>, CheckError>
    where
        T: for<'r> FromRow<'r, sqlx::postgres::PgRow>,
    {
        let arguments = schemas(self.context)?;
        self.reader().await?.fetch_with(catalogue, arguments).await
    }

    /// Proves one claim; what hinders it is noted and hinders no other.
    pub async fn prove(&mut self, mut claim: Claim) {
        if let Some(reason) = claim.unprovable.take() {
            return self.pass_over(&claim.object, reason, &claim.remedy);
        }
        if let Some(grant) = self.missing(&claim.reads) {
            return self.pass_over(&claim.object, format!("the role may not read it: {grant}"), &grant);
        }
        if let Some(relation) = claim.keyed_by.and_then(|relation| self.relations.get(&relation)) {
            claim.prefix_key(&relation.key);
        }
        match self.count(&claim).await {
            Ok(faults) => self.conclude(&claim, faults).await,
            Err(error) => self.stumble(&claim.object, &error).await,
        }
    }

    /// Counts `claims` as examined.
    pub fn examine(&mut self, claims: u64) {
        self.evidence.examine(claims);
    }

    /// Adds a finding for a number of faults.
    pub fn find(&mut self, faults: i64, finding: Finding) {
        self.faults += faults;
        self.evidence.find(finding);
    }

    /// Notes that an object could not be proved, and why.
    pub fn pass_over(&mut self, object: &str, reason: impl Into<String>, remedy: &str) {
        let (object, reason, remedy) = (object.to_owned(), reason.into(), remedy.to_owned());
        self.unmeasured.push(Unmeasured { object, reason, remedy });
    }

    /// Notes an error about an object. The session goes on, on the same snapshot, unless it was lost with the error.
    pub async fn stumble(&mut self, object: &str, error: &CheckError) {
        let remedy = match error {
            CheckError::NotPermitted(_) => "grant the role SELECT on it, then run this check again",
            _ => "run this check again",
        };
        self.pass_over(object, error.to_string(), remedy);
        let alive = match self.reader.as_mut() {
            Some(reader) => reader.scalar::<i32>("SELECT 1").await.is_ok(),
            None => false,
        };
        if !alive {
            self.reader = None;
        }
    }

    /// What the role lacks to read these relations: the first grant that is missing.
    pub fn missing(&self, relations: &[i64]) -> Option<String> {
        relations.iter().find_map(|relation| self.relations.get(relation)?.missing.clone())
    }

    /// The session, a new one after an error.
    pub async fn reader(&mut self) -> Result<&mut Reader, CheckError> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => {
                self.snapshots += 1;
                self.context.reader().await?
            }
        };
        Ok(self.reader.insert(reader))
    }

    /// How many keys a finding shows.
    pub fn keys_shown(&self) -> u32 {
        self.context.settings.integrity.keys_shown.unwrap_or(KEYS_SHOWN)
    }

    /// Weighs it all. What could not be proved keeps the check from passing, and never hides a fault.
    pub fn verdict(mut self) -> Verdict {
        let examined = i64::try_from(self.evidence.examined()).unwrap_or(i64::MAX);
        let broken = self.evidence.findings().iter().any(Finding::is_error);
        if !broken && let Some(first) = self.unmeasured.first() {
            let others = match self.unmeasured.len() - 1 {
                0 => String::new(),
                others => format!(" (and {others} more)"),
            };
            return Verdict::not_measured(format!("{}: {}{others}", first.object, first.reason));
        }
        for unmeasured in &self.unmeasured {
            let problem = format!("was not measured: {}", unmeasured.reason);
            self.evidence.find(Finding::advice(&unmeasured.object, problem, &unmeasured.remedy));
        }
        if examined > 0 {
            let again =
                if self.snapshots > 1 { format!(" on {} snapshots", self.snapshots) } else { String::new() };
            self.evidence.summarise(format!("{examined} {} proved from the rows{again}", self.noun));
            #[allow(clippy::cast_precision_loss, reason = "a count that is shown")]
            self.evidence.measure(Measurement::new("faults", self.faults as f64, "rows"));
        }
        self.evidence.verdict()
    }

    async fn count(&mut self, claim: &Claim) -> Result<i64, CheckError> {
        self.reader().await?.scalar(&claim.count()).await
    }

    async fn conclude(&mut self, claim: &Claim, faults: i64) {
        self.examine(u64::try_from(claim.claims).unwrap_or(0));
        if faults == 0 {
            return;
        }
        let shown = match self.first(claim).await {
            Ok(rows) => {
                let more =
                    if usize::try_from(faults).is_ok_and(|all| all > rows.len()) { "; …" } else { "" };
                let rows: Vec<_> = rows.iter().map(|(values,)| claim.describe(values)).collect();
                format!("{}{more}", rows.join("; "))
            }
            Err(error) => format!("their keys could not be read: {error}"),
        };
        let problem = format!("{} {}: {shown}", counted(faults, &claim.noun), claim.phrase);
        let remedy = format!("{}; list them all: {}", claim.remedy, claim.list());
        self.find(faults, Finding::error(&claim.object, problem, remedy));
    }

    async fn first(&mut self, claim: &Claim) -> Result<Vec<(Vec<Option<String>>,)>, CheckError> {
        let sql = claim.first(self.keys_shown().max(1));
        self.reader().await?.fetch(&sql).await
    }
}

/// The schemas of the settings as the one argument of a catalogue query.
fn schemas(context: &Context) -> Result<PgArguments, CheckError> {
    let mut arguments = PgArguments::default();
    arguments
        .add(&context.settings.database.schemas)
        .map_err(|error| CheckError::Other(format!("the schemas of the settings cannot be sent: {error}")))?;
    Ok(arguments)
}
