//! Checks that a run asks one after the other and that read the same tables are proved in one go: each table is read
//! once for all that is asked of it, and no session waits for the last statement of each check.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::Verdict;

use crate::claim::Claim;
use crate::constraints::{CHECKS, FOREIGN_KEYS, GENERATED, NOT_NULL, UNIQUE};
use crate::corruption::BTREE;
use crate::ground::Ground;
use crate::prover::prove_all;
use crate::references;

/// What a check of this kind is: its id, what its claims are called, and the query that states them.
struct Part {
    id: &'static str,
    noun: &'static str,
    catalogue: &'static str,
}

const PARTS: [Part; 5] = [
    Part { id: FOREIGN_KEYS.id, noun: "foreign keys", catalogue: include_str!("foreign_keys.sql") },
    Part { id: CHECKS.id, noun: "CHECK constraints", catalogue: include_str!("check_constraints.sql") },
    Part { id: NOT_NULL.id, noun: "NOT NULL columns", catalogue: include_str!("not_null.sql") },
    Part { id: GENERATED.id, noun: "generated columns", catalogue: include_str!("generated.sql") },
    Part { id: UNIQUE.id, noun: "unique keys", catalogue: include_str!("unique_keys.sql") },
];

/// Above this many pages (16 GiB) each check keeps the time that one check may take to itself.
const MOST: f64 = 2_097_152.0;

/// What a run will ask, and what was answered ahead of the question.
#[derive(Default)]
struct Ahead {
    /// Until the first of them is asked: what is asked once more is looked at anew, and alone.
    asked: Mutex<BTreeSet<&'static str>>,
    answered: Mutex<BTreeMap<&'static str, Verdict>>,
    /// That the run leaves out the check of the indexes.
    indexes_unasked: bool,
}

impl Ahead {
    /// What is asked together with this check, itself included; nothing, where it is not or was already.
    fn asked_with(&self, id: &str) -> BTreeSet<&'static str> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.contains(id) { std::mem::take(&mut *asked) } else { BTreeSet::new() }
    }
}

/// Tells this suite which checks a run is going to ask, so that those that read the same tables may be proved by the
/// first of them. For a live target, whose checks all look at one snapshot; elsewhere a run changes the rows between two
/// checks, and this does nothing.
pub fn ask_together(context: &Context, asked: impl Fn(&str) -> bool) {
    if context.database.is_live() {
        let indexes_unasked = !asked(BTREE.id);
        let asked = PARTS.iter().map(|part| part.id).filter(|id| asked(id)).collect();
        context.stash.put(Ahead { asked: Mutex::new(asked), indexes_unasked, ..Ahead::default() });
    }
}

/// Whether a run asks of the indexes as well: else nobody would say that one of them lacks an entry.
pub(crate) fn asks_the_indexes(context: &Context) -> bool {
    context.stash.get::<Ahead>().is_none_or(|ahead| !ahead.indexes_unasked)
}

/// The verdict of one of these checks.
pub(crate) async fn prove_part(context: &Context, id: &'static str) -> Result<Verdict, CheckError> {
    let ahead = context.stash.get::<Ahead>().unwrap_or_default();
    let answered = ahead.answered.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    if let Some(verdict) = answered {
        return Ok(verdict);
    }
    let asked = ahead.asked_with(id);
    let mut ground = Ground::open(context).await?;
    let (mine, others): (Vec<&Part>, Vec<&Part>) =
        PARTS.iter().filter(|part| part.id == id || asked.contains(part.id)).partition(|part| part.id == id);
    let mut lots = Vec::with_capacity(1 + others.len());
    for part in mine {
        let claims = part.claims(&mut ground).await?;
        lots.push((ground.tally(part.id, part.noun), claims));
    }
    if ground.weight(&ground.relations()) <= MOST {
        for part in others {
            // One that cannot be stated is left to its own check, which says why.
            if let Ok(claims) = part.claims(&mut ground).await {
                lots.push((ground.tally(part.id, part.noun), claims));
            }
        }
    }
    let noun = match lots.as_slice() {
        [(_, _)] => PARTS.iter().find(|part| part.id == id).map_or("claims", |part| part.noun),
        _ => "claims",
    };
    let (mut tallies, claims): (Vec<_>, Vec<_>) = lots.into_iter().unzip();
    prove_all(&mut ground, noun, tallies.iter_mut().zip(claims).collect()).await;
    let mut verdicts = tallies.into_iter().map(|tally| (tally.check(), tally.verdict()));
    let own = verdicts.next().map(|(_, verdict)| verdict);
    ahead.answered.lock().unwrap_or_else(PoisonError::into_inner).extend(verdicts);
    own.ok_or_else(|| CheckError::Other(format!("{id} is none of the checks that are proved together")))
}

impl Part {
    async fn claims(&self, ground: &mut Ground<'_>) -> Result<Vec<Claim>, CheckError> {
        let mut claims = ground.claims::<Claim>(self.catalogue).await?;
        if self.id == FOREIGN_KEYS.id {
            let context = ground.context;
            let stated = references::claims(ground.catalogue().await?, &context.settings).await;
            claims.extend(stated.map_err(|wrong| CheckError::Other(wrong.to_string()))?);
        }
        Ok(claims)
    }
}
