//! Proves the claims of a catalogue query from the rows, on one snapshot, and says which it could not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::reader::{Plan, Reader};
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow};

use crate::claim::{Claim, counted};
use crate::corruption::may_trust_indexes;
use crate::crew::{Work, strength, work_off};
use crate::jobs::{self, How, Job};
use crate::picture::Picture;
use crate::proof::{Answer, Hindrance, Proof};
use crate::resume::Resume;

/// How many keys of broken rows a finding shows, where the settings do not say.
const KEYS_SHOWN: u32 = 5;

/// Proves every claim that `catalogue` gives for the schemas of the settings (`$1`); `noun` is what they are called.
pub(crate) async fn prove(
    context: &Context,
    check: &'static str,
    noun: &str,
    catalogue: &str,
) -> Result<Verdict, CheckError> {
    let mut prover = Prover::open(context, check, noun).await?;
    let claims = prover.claims::<Claim>(catalogue).await?;
    prover.prove(claims).await;
    Ok(prover.verdict())
}

/// What is known of a relation before its rows are read.
#[derive(Debug, FromRow)]
struct Relation {
    relation: i64,
    missing: Option<String>,
    key: Vec<String>,
    pages: f64,
}

/// What one check knows: what there is, what was found, and what could not be asked.
pub(crate) struct Prover<'a> {
    pub(crate) context: &'a Context,
    check: &'static str,
    picture: Arc<Picture>,
    sessions: usize,
    /// A session on the present, for the catalogue.
    catalogue: Reader,
    relations: BTreeMap<i64, Relation>,
    resume: Option<Arc<Resume>>,
    evidence: Evidence,
    noun: String,
    faults: i64,
    unmeasured: Vec<Unmeasured>,
    pictures: BTreeSet<u32>,
    pauses: u64,
    earlier: u64,
    along: u64,
}

/// An object that could not be proved.
struct Unmeasured {
    object: String,
    reason: String,
    remedy: String,
}

impl<'a> Prover<'a> {
    /// Opens a session and reads which relations there are.
    pub async fn open(context: &'a Context, check: &'static str, noun: &str) -> Result<Self, CheckError> {
        let mut catalogue = context.reader().await?;
        catalogue.plan(Plan::Plain).await?;
        let relations: Vec<Relation> = catalogue.fetch(include_str!("relations.sql")).await?;
        let absent: Vec<(String,)> =
            catalogue.fetch_with(include_str!("schemas.sql"), schemas(context)?).await?;
        let resume = Resume::of(context);
        if let Some(resume) = &resume {
            resume.begin(check);
        }
        let unmeasured = absent.into_iter().map(|(name,)| Unmeasured {
            object: name,
            reason: "the settings name this schema and the database lacks it".into(),
            remedy: "correct schemas under [database] in runbook.toml".into(),
        });
        Ok(Self {
            context,
            check,
            picture: Picture::of(context).await,
            sessions: strength(context, &mut catalogue).await?,
            catalogue,
            relations: relations.into_iter().map(|relation| (relation.relation, relation)).collect(),
            resume,
            evidence: Evidence::of(noun),
            noun: noun.to_owned(),
            faults: 0,
            unmeasured: unmeasured.collect(),
            pictures: BTreeSet::new(),
            pauses: 0,
            earlier: 0,
            along: 0,
        })
    }

    /// What a catalogue query says of the schemas of the settings.
    pub async fn claims<T>(&mut self, catalogue: &str) -> Result<Vec<T>, CheckError>
    where
        T: for<'r> FromRow<'r, sqlx::postgres::PgRow>,
    {
        let arguments = schemas(self.context)?;
        self.catalogue.fetch_with(catalogue, arguments).await
    }

    /// Proves claims; what hinders one is noted and hinders no other.
    pub async fn prove(&mut self, claims: Vec<Claim>) {
        let claims = self.provable(claims);
        let weights: Vec<f64> = claims.iter().map(|claim| self.weight(&claim.reads)).collect();
        let jobs = self.choose(&claims, &weights).await;
        let mut answers = self.run(&claims, jobs).await;
        // What a short way accuses a row of, the heap confirms; what could not be asked together is asked alone.
        let again: Vec<Job> = answers
            .iter()
            .filter(|(_, answer)| match answer {
                Answer::Counted { faults, how, .. } => *faults > 0 && how.accuses_only(),
                Answer::Hindered { how, lasting, .. } => {
                    matches!(how, How::Pass | How::Swift | How::SwiftJoin) && *lasting
                }
                Answer::Unreadable(_) => false,
            })
            .map(|(index, _)| jobs::alone(&claims, *index, &weights))
            .collect();
        if !again.is_empty() {
            answers.extend(self.run(&claims, again).await);
        }
        for (index, answer) in answers {
            self.conclude(&claims[index], answer);
        }
    }

    /// Works off a list that is no list of claims.
    pub async fn work_off<W: Work>(&mut self, work: &W, items: &[W::Item]) -> Vec<W::Done> {
        let worked = work_off(self.context, &self.picture, self.sessions, &self.noun, work, items).await;
        self.pictures.extend(worked.pictures);
        self.pauses += worked.pauses;
        worked.done
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

    /// Notes that an object was proved without a fault, for a run that goes on where this one ends.
    pub fn note(&self, object: &str, query: &str) {
        if let Some(resume) = &self.resume {
            resume.note(self.check, object, query);
        }
    }

    /// Whether an earlier run proved just this, so that this one need not. It then counts as examined.
    pub fn was_proved(&mut self, object: &str, query: &str, claims: u64) -> bool {
        let proved = self.resume.as_ref().is_some_and(|resume| resume.knows(self.check, object, query));
        if proved {
            self.earlier += claims;
            self.examine(claims);
        }
        proved
    }

    /// Notes that an object could not be proved, and why.
    pub fn pass_over(&mut self, object: &str, hindrance: Hindrance) {
        let Hindrance { reason, remedy } = hindrance;
        self.unmeasured.push(Unmeasured { object: object.to_owned(), reason, remedy });
    }

    /// A session on the present, for what is not about rows.
    pub fn catalogue(&mut self) -> &mut Reader {
        &mut self.catalogue
    }

    /// All relations of the database that are no catalogue's.
    pub fn relations(&self) -> Vec<i64> {
        self.relations.keys().copied().collect()
    }

    /// How many keys a finding shows.
    pub fn keys_shown(&self) -> u32 {
        self.context.settings.integrity.keys_shown.unwrap_or(KEYS_SHOWN)
    }

    /// Weighs it all. What could not be proved keeps the check from passing, and never hides a fault.
    pub fn verdict(mut self) -> Verdict {
        let examined = i64::try_from(self.evidence.examined()).unwrap_or(i64::MAX);
        let broken = self.evidence.findings().iter().any(Finding::is_error);
        self.unmeasured.sort_by(|a, b| (&a.object, &a.reason).cmp(&(&b.object, &b.reason)));
        if let Some(resume) = self.resume.as_ref().filter(|_| self.unmeasured.is_empty()) {
            resume.finish(self.check);
        }
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
            self.evidence.summarise(self.summary(examined));
            #[allow(clippy::cast_precision_loss, reason = "counts that are shown")]
            {
                self.evidence.measure(Measurement::new("faults", self.faults as f64, "rows"));
                if self.pauses > 0 {
                    self.evidence.measure(Measurement::new("waits for the target", self.pauses as f64, ""));
                }
            }
        }
        self.evidence.verdict()
    }

    fn summary(&self, examined: i64) -> String {
        let mut summary = format!("{examined} {} proved from the rows", self.noun);
        if self.along > 0 {
            summary.push_str(&format!(", {} along indexes that amcheck vouches for", self.along));
        }
        if self.earlier > 0 {
            summary.push_str(&format!(", {} by the run before", self.earlier));
        }
        if self.pictures.len() > 1 {
            summary.push_str(&format!(", on {} snapshots", self.pictures.len()));
        }
        summary
    }

    /// The claims whose rows may be read, with the keys by which they are shown.
    fn provable(&mut self, claims: Vec<Claim>) -> Vec<Claim> {
        let mut provable = Vec::with_capacity(claims.len());
        for mut claim in claims {
            if let Some(reason) = claim.unprovable.take() {
                self.pass_over(&claim.object, Hindrance { reason, remedy: claim.remedy });
                continue;
            }
            if let Some(grant) = self.missing(&claim.reads) {
                let reason = format!("the role may not read it: {grant}");
                self.pass_over(&claim.object, Hindrance { reason, remedy: grant });
                continue;
            }
            if self.was_proved(&claim.object, &claim.count(), u64::try_from(claim.claims).unwrap_or(0)) {
                continue;
            }
            if let Some(relation) = claim.keyed_by.and_then(|relation| self.relations.get(&relation)) {
                claim.prefix_key(&relation.key);
            }
            provable.push(claim);
        }
        provable
    }

    /// What the role lacks to read these relations: the first grant that is missing.
    fn missing(&self, relations: &[i64]) -> Option<String> {
        relations.iter().find_map(|relation| self.relations.get(relation)?.missing.clone())
    }

    fn weight(&self, relations: &[i64]) -> f64 {
        relations.iter().filter_map(|relation| self.relations.get(relation)).map(|known| known.pages).sum()
    }

    /// Which statements prove the claims. Those of large tables take a short way where there is one and the planner goes
    /// it: along indexes, where somebody vouches for these, or over the heap.
    async fn choose(&mut self, claims: &[Claim], weights: &[f64]) -> Vec<Job> {
        let all: Vec<usize> = (0..claims.len()).collect();
        let (passes, single) = jobs::by_table(claims, &all);
        let is_large = |index: usize| weights[index] >= jobs::LARGE;
        let trusted = single.iter().any(|index| is_large(*index) && claims[*index].along.is_some())
            // Where that cannot be told, nothing is trusted.
            && may_trust_indexes(self.context, &mut self.catalogue).await.unwrap_or(false);
        let mut chosen = Vec::new();
        for index in single {
            let short =
                if is_large(index) { self.short_way(claims, index, weights, trusted).await } else { None };
            chosen.extend(short.unwrap_or_else(|| vec![jobs::alone(claims, index, weights)]));
        }
        for members in passes {
            let large = members.first().is_some_and(|index| is_large(*index));
            let parts =
                large.then(|| jobs::pass_in_parts(claims, &members, weights, self.sessions)).flatten();
            match parts {
                Some(parts) if self.are_planned(&parts, None).await => chosen.extend(parts),
                _ => chosen.extend(jobs::pass(claims, members, weights)),
            }
        }
        chosen
    }

    /// The jobs of one large claim that the planner plans as they are meant.
    async fn short_way(
        &mut self,
        claims: &[Claim],
        index: usize,
        weights: &[f64],
        trusted: bool,
    ) -> Option<Vec<Job>> {
        let claim = &claims[index];
        if trusted {
            let bounds = self.bounds(claim).await.unwrap_or_default();
            let along = jobs::along(claim, index, weights[index], self.sessions, &bounds);
            if let Some(jobs) = along
                && self.are_planned(&jobs, claim.suspect.as_deref()).await
            {
                self.along += u64::try_from(claim.claims).unwrap_or(0);
                return Some(jobs);
            }
        }
        let jobs = jobs::swift(claim, index, weights[index])?;
        self.are_planned(&jobs, None).await.then_some(jobs)
    }

    /// Between which values a claim can be counted in parts, by the server's statistics.
    async fn bounds(&mut self, claim: &Claim) -> Result<Vec<String>, CheckError> {
        let (Some(leading), Some(relation)) = (claim.leading, claim.reads.first()) else {
            return Ok(Vec::new());
        };
        let mut arguments = PgArguments::default();
        arguments
            .add(relation)
            .and_then(|()| arguments.add(leading))
            .map_err(|error| CheckError::Other(format!("a column cannot be sent: {error}")))?;
        let rows: Vec<(String,)> = self.catalogue.fetch_with(include_str!("bounds.sql"), arguments).await?;
        Ok(rows.into_iter().map(|(bound,)| bound).collect())
    }

    /// Whether the planner reads as these jobs mean to. An error says no: it will be met again, and told, when the heap
    /// is read.
    async fn are_planned(&mut self, jobs: &[Job], suspect: Option<&str>) -> bool {
        let planned = self.plan_as_meant(jobs, suspect).await.unwrap_or(false);
        // What was planned was locked.
        planned & self.catalogue.release().await.is_ok() & self.catalogue.plan(Plan::Plain).await.is_ok()
    }

    async fn plan_as_meant(&mut self, jobs: &[Job], suspect: Option<&str>) -> Result<bool, CheckError> {
        for job in jobs {
            self.catalogue.plan(job.how.plan()).await?;
            let plan: serde_json::Value =
                self.catalogue.scalar(&format!("EXPLAIN (FORMAT JSON) {}", job.sql)).await?;
            if !jobs::keeps_to(job.how, &plan, suspect) {
                return Ok(false);
            }
        }
        Ok(!jobs.is_empty())
    }

    /// Runs jobs and puts the parts of each claim together.
    async fn run(&mut self, claims: &[Claim], jobs: Vec<Job>) -> BTreeMap<usize, Answer> {
        let proof = Proof { claims, shown: self.keys_shown().max(1) };
        let done = self.work_off(&proof, &jobs).await;
        let mut answers: BTreeMap<usize, Answer> = BTreeMap::new();
        for (index, answer) in done.into_iter().flatten() {
            let answer = match answers.remove(&index) {
                Some(before) => before.and(answer),
                None => answer,
            };
            answers.insert(index, answer);
        }
        answers
    }

    fn conclude(&mut self, claim: &Claim, answer: Answer) {
        match answer {
            Answer::Hindered { hindrance, .. } => self.pass_over(&claim.object, hindrance),
            Answer::Unreadable(said) => {
                self.examine(u64::try_from(claim.claims).unwrap_or(0));
                self.find(1, Finding::error(&claim.object, said, &claim.remedy));
            }
            Answer::Counted { faults: 0, .. } => {
                self.examine(u64::try_from(claim.claims).unwrap_or(0));
                self.note(&claim.object, &claim.count());
            }
            Answer::Counted { faults, shown, .. } => {
                self.examine(u64::try_from(claim.claims).unwrap_or(0));
                let problem = format!("{} {}: {shown}", counted(faults, &claim.noun), claim.phrase);
                let remedy = format!("{}; list them all: {}", claim.remedy, claim.list());
                self.find(faults, Finding::error(&claim.object, problem, remedy));
            }
        }
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
