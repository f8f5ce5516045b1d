//! Which statements prove a list of claims. Those of large tables take a short way where there is one and the planner
//! goes it: along indexes, where somebody vouches for these, or over the heap, which is read once for all that is asked
//! of it.

use std::collections::BTreeSet;

use runbook::check::CheckError;
use runbook::reader::{Plan, Reader};
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use crate::claim::Claim;
use crate::corruption::may_trust_indexes;
use crate::ground::Ground;
use crate::jobs::{self, Job};
use crate::planned;

impl Ground<'_> {
    /// The jobs that prove `claims`.
    pub async fn choose(&mut self, claims: &[Claim], weights: &[f64]) -> Vec<Job> {
        let all: Vec<usize> = (0..claims.len()).collect();
        let (passes, single) = jobs::by_table(claims, &all);
        let is_large = |index: usize| weights[index] >= jobs::LARGE;
        let mut chosen = Vec::new();
        let mut settled = BTreeSet::new();
        let trusted = single.iter().any(|index| is_large(*index) && claims[*index].along.is_some())
            // Where that cannot be told, nothing is trusted.
            && self.may_trust_indexes().await.unwrap_or(false);
        // What is more than the share of one session is parted.
        let all: f64 = passes
            .iter()
            .filter_map(|members| members.first())
            .chain(&single)
            .map(|index| weights[*index])
            .sum();
        #[allow(clippy::cast_precision_loss, reason = "a number of sessions")]
        let share = all / self.sessions as f64;
        for members in passes {
            let mut parts = None;
            if members.first().is_some_and(|index| is_large(*index)) {
                // Keys that cost less on the way than by themselves are looked at there.
                let pages = members.first().map_or(0.0, |index| weights[*index]);
                let keys = jobs::keys_of(claims, &members, &single, pages);
                if keys.members().is_empty() && trusted {
                    let open: Vec<usize> =
                        single.iter().copied().filter(|index| !settled.contains(index)).collect();
                    parts = self.beside(claims, &open, &members, weights).await;
                    settled.extend(parts.iter().flatten().flat_map(|job| job.claims.clone()));
                }
                if !keys.members().is_empty() {
                    parts = self.in_parts(claims, &members, &keys, weights).await;
                    if parts.is_some() {
                        settled.extend(keys.members());
                    }
                }
                if parts.is_none() {
                    let none = jobs::Keys::Compared(Vec::new());
                    parts = self.in_parts(claims, &members, &none, weights).await;
                }
            }
            chosen.extend(parts.unwrap_or_else(|| jobs::pass(claims, members, weights)));
        }
        let single: Vec<usize> = single.into_iter().filter(|index| !settled.contains(index)).collect();
        for index in single {
            let sessions = if weights[index] > share { self.sessions } else { 1 };
            let short = if is_large(index) {
                self.short_way(claims, index, weights, trusted.then_some(sessions)).await
            } else {
                None
            };
            chosen.extend(short.unwrap_or_else(|| vec![jobs::alone(claims, index, weights)]));
        }
        chosen
    }

    /// One pass over a heap in parts, where the planner reads it so.
    async fn in_parts(
        &mut self,
        claims: &[Claim],
        members: &[usize],
        keys: &jobs::Keys,
        weights: &[f64],
    ) -> Option<Vec<Job>> {
        let parts = jobs::pass_in_parts(claims, members, keys, weights, self.sessions)?;
        self.are_planned(&parts, None).await.then_some(parts)
    }

    /// The conditions of a table beside one of the foreign keys that are `open`, where an index holds all of it.
    async fn beside(
        &mut self,
        claims: &[Claim],
        open: &[usize],
        members: &[usize],
        weights: &[f64],
    ) -> Option<Vec<Job>> {
        for key in open {
            if let Some(job) = jobs::beside(claims, *key, members, weights) {
                let jobs = vec![job];
                if self.are_planned(&jobs, None).await {
                    return Some(jobs);
                }
            }
        }
        None
    }

    /// The jobs of one large claim that the planner plans as they are meant: along indexes for so many sessions, where these
    /// are trusted, or over the heap.
    async fn short_way(
        &mut self,
        claims: &[Claim],
        index: usize,
        weights: &[f64],
        along: Option<usize>,
    ) -> Option<Vec<Job>> {
        let claim = &claims[index];
        if let Some(sessions) = along {
            let bounds = if jobs::is_parted(weights[index], sessions) {
                self.bounds(claim).await.unwrap_or_default()
            } else {
                Vec::new()
            };
            let along = jobs::along(claim, index, weights[index], sessions, &bounds);
            if let Some(jobs) = along
                && self.are_planned(&jobs, claim.suspect.as_deref()).await
            {
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
        let rows: Vec<(String,)> =
            self.catalogue().await?.fetch_with(include_str!("bounds.sql"), arguments).await?;
        Ok(rows.into_iter().map(|(bound,)| bound).collect())
    }

    async fn may_trust_indexes(&mut self) -> Result<bool, CheckError> {
        let context = self.context;
        may_trust_indexes(context, self.catalogue().await?).await
    }

    /// Whether the planner reads as these jobs mean to. An error says no: it will be met again, and told, when the heap
    /// is read.
    async fn are_planned(&mut self, jobs: &[Job], suspect: Option<&str>) -> bool {
        let Ok(catalogue) = self.catalogue().await else { return false };
        let planned = plan_as_meant(catalogue, jobs, suspect).await.unwrap_or(false);
        // What was planned was locked.
        planned & catalogue.release().await.is_ok() & catalogue.plan(Plan::Plain).await.is_ok()
    }
}

async fn plan_as_meant(
    catalogue: &mut Reader,
    jobs: &[Job],
    suspect: Option<&str>,
) -> Result<bool, CheckError> {
    for job in jobs {
        catalogue.plan(job.how.plan()).await?;
        let plan: serde_json::Value = catalogue.scalar(&format!("EXPLAIN (FORMAT JSON) {}", job.sql)).await?;
        if !planned::keeps_to(job.how, &plan, suspect) {
            return Ok(false);
        }
    }
    Ok(!jobs.is_empty())
}
