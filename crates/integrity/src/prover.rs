//! Proves the claims of catalogue queries from the rows, on one snapshot, and says which it could not.

use std::collections::{BTreeMap, BTreeSet};

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::reader::Reader;
use runbook::verdict::{Finding, Verdict};
use sqlx::FromRow;

use crate::claim::Claim;
use crate::crew::Work;
use crate::ground::Ground;
use crate::jobs::{self, Job};
use crate::proof::{Answer, Hindrance, Proof};
use crate::tally::Tally;

/// Proves every claim that `catalogue` gives for the schemas of the settings (`$1`); `noun` is what they are called.
pub(crate) async fn prove(
    context: &Context,
    check: &'static str,
    noun: &str,
    catalogue: &str,
) -> Result<Verdict, CheckError> {
    let mut prover = Prover::open(context, check, noun).await?;
    let claims = prover.claims::<Claim>(catalogue).await?;
    prove_all(&mut prover.ground, noun, vec![(&mut prover.tally, claims)]).await;
    Ok(prover.verdict())
}

/// Proves the claims of several checks; what hinders one is noted and hinders no other.
pub(crate) async fn prove_all(ground: &mut Ground<'_>, noun: &str, lots: Vec<(&mut Tally, Vec<Claim>)>) {
    let (mut claims, mut owners, mut tallies) = (Vec::new(), Vec::new(), Vec::new());
    for (tally, stated) in lots {
        for claim in ground.provable(tally, stated) {
            claims.push(claim);
            owners.push(tallies.len());
        }
        tallies.push(tally);
    }
    let weights: Vec<f64> = claims.iter().map(|claim| ground.weight(&claim.reads)).collect();
    let jobs = ground.choose(&claims, &weights).await;
    let along: BTreeSet<usize> =
        jobs.iter().filter(|job| job.how.is_along()).flat_map(|job| job.claims.iter().copied()).collect();
    for index in along {
        tallies[owners[index]].go_along(claims[index].number());
    }
    let mut answers = run(ground, noun, &claims, jobs, &mut tallies).await;
    // What a short way accuses a row of, the heap confirms; what could not be asked together is asked alone.
    let again: Vec<Job> = answers
        .iter()
        .filter(|(_, answer)| match answer {
            Answer::Counted { faults, how, .. } => *faults > 0 && how.accuses_only(),
            Answer::Hindered { how, lasting, .. } => how.counts_several() && *lasting,
            Answer::Unreadable(_) => false,
        })
        .map(|(index, _)| jobs::alone(&claims, *index, &weights))
        .collect();
    if !again.is_empty() {
        answers.extend(run(ground, noun, &claims, again, &mut tallies).await);
    }
    for (index, answer) in answers {
        tallies[owners[index]].conclude(&claims[index], answer);
    }
}

/// Runs jobs and puts the parts of each claim together.
async fn run(
    ground: &mut Ground<'_>,
    noun: &str,
    claims: &[Claim],
    jobs: Vec<Job>,
    tallies: &mut [&mut Tally],
) -> BTreeMap<usize, Answer> {
    let proof = Proof { claims, shown: ground.keys_shown().max(1) };
    let worked = ground.work_off(noun, &proof, &jobs).await;
    for tally in tallies {
        tally.looked(&worked.pictures, worked.pauses);
    }
    let mut answers: BTreeMap<usize, Answer> = BTreeMap::new();
    for (index, answer) in worked.done.into_iter().flatten() {
        let answer = match answers.remove(&index) {
            Some(before) => before.and(answer),
            None => answer,
        };
        answers.insert(index, answer);
    }
    answers
}

/// One check at its work: what there is, what was found, and what could not be asked.
pub(crate) struct Prover<'a> {
    ground: Ground<'a>,
    tally: Tally,
    noun: String,
}

impl<'a> Prover<'a> {
    /// Opens a session and reads which relations there are.
    pub async fn open(context: &'a Context, check: &'static str, noun: &str) -> Result<Self, CheckError> {
        let ground = Ground::open(context).await?;
        let tally = ground.tally(check, noun);
        Ok(Self { ground, tally, noun: noun.to_owned() })
    }

    /// What a catalogue query says of the schemas of the settings.
    pub async fn claims<T>(&mut self, catalogue: &str) -> Result<Vec<T>, CheckError>
    where
        T: for<'r> FromRow<'r, sqlx::postgres::PgRow>,
    {
        self.ground.claims(catalogue).await
    }

    /// Works off a list that is no list of claims.
    pub async fn work_off<W: Work>(&mut self, work: &W, items: &[W::Item]) -> Vec<W::Done> {
        let worked = self.ground.work_off(&self.noun, work, items).await;
        self.tally.looked(&worked.pictures, worked.pauses);
        worked.done
    }

    /// Counts `claims` as examined.
    pub fn examine(&mut self, claims: u64) {
        self.tally.examine(claims);
    }

    /// Adds a finding for a number of faults.
    pub fn find(&mut self, faults: i64, finding: Finding) {
        self.tally.find(faults, finding);
    }

    /// Notes that an object was proved without a fault, for a run that goes on where this one ends.
    pub fn note(&self, object: &str, query: &str) {
        self.tally.note(object, query);
    }

    /// Whether an earlier run proved just this, so that this one need not. It then counts as examined.
    pub fn was_proved(&mut self, object: &str, query: &str, claims: u64) -> bool {
        self.tally.was_proved(object, query, claims)
    }

    /// Notes that an object could not be proved, and why.
    pub fn pass_over(&mut self, object: &str, hindrance: Hindrance) {
        self.tally.pass_over(object, hindrance);
    }

    /// A session on the present, for what is not about rows.
    pub async fn catalogue(&mut self) -> Result<&mut Reader, CheckError> {
        self.ground.catalogue().await
    }

    /// All relations of the database that are no catalogue's.
    pub fn relations(&self) -> Vec<i64> {
        self.ground.relations()
    }

    /// How many keys a finding shows.
    pub fn keys_shown(&self) -> u32 {
        self.ground.keys_shown()
    }

    /// Weighs it all.
    pub fn verdict(self) -> Verdict {
        self.tally.verdict()
    }
}
