//! The proof of claims by their statements: what is counted, what is shown, and what hindered it.

use std::collections::BTreeSet;

use runbook::check::CheckError;

use crate::claim::Claim;
use crate::corruption::is_corruption;
use crate::crew::Work;
use crate::jobs::{How, Job};
use crate::session::Session;

/// What hindered a proof.
pub(crate) struct Hindrance {
    /// Why, in one sentence.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

impl From<&CheckError> for Hindrance {
    fn from(error: &CheckError) -> Self {
        let remedy = match error {
            CheckError::NotPermitted(_) => "grant the role SELECT on it, then run this check again",
            _ => "run this check again",
        };
        Self { reason: error.to_string(), remedy: remedy.into() }
    }
}

/// What came of a claim, or of a part of it.
pub(crate) enum Answer {
    /// So many faults; the first of them, where they were read from the heap.
    Counted { faults: i64, shown: String, how: How },
    /// It could not be asked; `lasting`, where it is not by chance.
    Hindered { hindrance: Hindrance, how: How, lasting: bool },
    /// The server could not read the pages, and the claim is about those.
    Unreadable(String),
}

impl Answer {
    /// Two parts of one claim.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Counted { faults, shown, how }, Self::Counted { faults: more, .. }) => {
                Self::Counted { faults: faults + more, shown, how }
            }
            (whole @ Self::Unreadable(_), _) | (_, whole @ Self::Unreadable(_)) => whole,
            (hindered @ Self::Hindered { .. }, _) | (_, hindered) => hindered,
        }
    }
}

/// The work on jobs.
pub(crate) struct Proof<'a> {
    pub claims: &'a [Claim],
    /// How many faulty rows are shown.
    pub shown: u32,
}

impl Work for Proof<'_> {
    type Item = Job;
    type Done = Vec<(usize, Answer)>;

    fn weight(&self, job: &Job) -> f64 {
        job.weight
    }

    fn place(&self, job: &Job) -> Option<i64> {
        self.claims[*job.claims.first()?].reads.first().copied()
    }

    async fn carry_out(&self, session: &mut Session<'_>, job: &Job) -> Self::Done {
        let how = job.how;
        let answers = match self.count(session, job).await {
            Ok(counts) => counts,
            Err(error) => {
                return job.claims.iter().map(|index| (*index, self.hindered(*index, how, &error))).collect();
            }
        };
        let mut done = Vec::with_capacity(answers.len());
        for (index, faults) in job.claims.iter().copied().zip(answers) {
            let shown = if faults > 0 && !how.accuses_only() {
                self.first(session, &self.claims[index], faults).await
            } else {
                String::new()
            };
            done.push((index, Answer::Counted { faults, shown, how }));
        }
        done
    }
}

impl Proof<'_> {
    fn hindered(&self, index: usize, how: How, error: &CheckError) -> Answer {
        let unreadable = matches!(error, CheckError::Database(error) if is_corruption(error));
        if unreadable && self.claims[index].of_pages {
            return Answer::Unreadable(error.to_string());
        }
        // Of several claims that are asked together, one may have made the statement fail: they are asked alone.
        let lasting = matches!(error, CheckError::Database(_) | CheckError::Refused(_));
        Answer::Hindered { hindrance: Hindrance::from(error), how, lasting }
    }

    async fn count(&self, session: &mut Session<'_>, job: &Job) -> Result<Vec<i64>, CheckError> {
        let reader = session.reader().await?;
        reader.plan(job.how.plan()).await?;
        let counts = match job.how {
            how if how.counts_several() => reader.scalar::<Vec<i64>>(&job.sql).await,
            _ => reader.scalar::<i64>(&job.sql).await.map(|count| vec![count]),
        };
        let counts = match counts {
            Ok(counts) => counts,
            Err(error) => {
                session.rest().await;
                return Err(error);
            }
        };
        let reads: BTreeSet<i64> =
            job.claims.iter().flat_map(|index| self.claims[*index].reads.iter().copied()).collect();
        let reads: Vec<i64> = reads.into_iter().collect();
        if session.rewritten(&reads).await? {
            return Err(CheckError::Interrupted(
                "a table of it was rewritten or refreshed since the snapshot was taken".into(),
            ));
        }
        Ok(counts)
    }

    /// The first faulty rows, as data.
    async fn first(&self, session: &mut Session<'_>, claim: &Claim, faults: i64) -> String {
        let rows = match session.reader().await {
            Ok(reader) => reader.fetch::<(Vec<Option<String>>,)>(&claim.first(self.shown)).await,
            Err(error) => Err(error),
        };
        match rows {
            Ok(rows) => {
                let more =
                    if usize::try_from(faults).is_ok_and(|all| all > rows.len()) { "; …" } else { "" };
                let rows: Vec<_> = rows.iter().map(|(values,)| claim.describe(values)).collect();
                format!("{}{more}", rows.join("; "))
            }
            Err(error) => format!("their keys could not be read: {error}"),
        }
    }
}
