//! Measuring: on copies that the harness makes.

use std::sync::Arc;

use futures_util::StreamExt as _;
use runbook::check::CheckError;
use runbook::context::Context;
use schema::hazards::corpus::{self, Case};
use schema::hazards::measure::{Measured, Plan, measure};
use schema::hazards::page::{Record, Shown as Drawn};
use schema::hazards::score::Score;
use schema::hazards::{Found, Runs, Script, judge, lint, rules};

use super::Looked;
use super::show::Shown;
use crate::failure::Failure;
use crate::settings::System;

const NO_REVISION: &str = "no SQL migration stands before it, so there is nothing to make a copy of";

/// A database whose context gives copies. It must outlive them.
struct Copies {
    context: Context,
    _database: harness::Database,
}

impl Copies {
    async fn of(system: &System) -> Result<Self, Failure> {
        let settings = Arc::new(system.settings.clone());
        // Copies are of the folder that was asked for; a second call finds it in use already.
        harness::use_settings(Arc::clone(&settings));
        let database = harness::Database::empty().await.map_err(Failure::said)?;
        let mut context = database.context();
        context.settings = settings;
        Ok(Self { context, _database: database })
    }
}

/// Text and measurement of one migration.
pub(super) async fn measured(
    system: &System,
    looked: &Looked,
    found: Vec<Found>,
    rows: Option<u64>,
) -> Result<Shown, Failure> {
    let script = looked.script.clone();
    let Some(previous) = &looked.previous else {
        return Ok(Shown::unmeasured(script, found, Some(NO_REVISION.to_owned())));
    };
    let copies = Copies::of(system).await?;
    let mut plan = Plan::of(&copies.context, previous);
    plan.setup = corpus::setup_of(&script.text);
    plan.before.clone_from(&looked.given);
    plan.victims = true;
    if let Some(rows) = rows {
        plan.sizes = [rows / 10, rows];
        plan.target = plan.target.max(rows);
    }
    let measured = match measure(&copies.context, &script, &plan).await {
        Ok(measured) => measured,
        // It kept itself from being looked at, by a time-out of its own say: what its text tells stays true.
        Err(error @ (CheckError::Interrupted(_) | CheckError::Missing(_))) => {
            return Ok(Shown::unmeasured(script, found, Some(error.to_string())));
        }
        Err(error) => return Err(Failure::said(format!("{}: {error}", script.name()))),
    };
    let judged = judge(&script, found, &measured, &system.settings.hazards).map_err(|error| *error)?;
    let mut seen: Vec<_> = judged.seen.into_iter().map(|(class, text)| (Some(class), text)).collect();
    if let Some(wait) = measured.longest() {
        seen.push((
            None,
            format!(
                "{} of {} would wait {:.1} s at {} rows, extrapolated from {} and {} rows",
                wait.who.words(),
                wait.table,
                wait.seconds,
                plan.target,
                plan.sizes[0],
                plan.sizes[1]
            ),
        ));
    }
    Ok(Shown { found: judged.found, seen, measured: Some((measured, plan)), script, unmeasured: None })
}

/// The whole corpus, two at a time.
pub(super) async fn score(
    system: &System,
    looked: Vec<(Case, Vec<Found>)>,
    record: bool,
) -> Result<Score, Failure> {
    let copies = Copies::of(system).await?;
    let head = migrations::open(&system.settings).map_err(Failure::said)?.head().map(str::to_owned);
    let head = head.ok_or_else(|| Failure::said("there is no migration to stand the corpus on"))?;
    let answers = futures_util::stream::iter(looked).map(|(case, found)| {
        let (context, head) = (copies.context.clone(), head.clone());
        async move {
            let measured = on_copies(&context, &case.script, &head).await?;
            if record {
                let line = corpus::summary(&measured, context.settings.hazards.budget);
                std::fs::write(&case.path, case.recorded(&line))
                    .map_err(|error| Failure::said(format!("{}: {error}", case.path.display())))?;
            }
            let judged =
                judge(&case.script, found, &measured, &context.settings.hazards).map_err(|error| *error)?;
            Ok::<_, Failure>((case.script.name(), case.is_hazard(), judged.is_hazard()))
        }
    });
    let mut answers: Vec<_> = answers.buffered(2).collect().await;
    let mut score = Score::default();
    for answer in answers.drain(..) {
        let (name, is_hazard, said) = answer?;
        score.count(&name, is_hazard, said);
    }
    Ok(score)
}

/// Measures every bad example on this server.
pub(super) async fn examples(system: &System, record: &mut Record) -> Result<(), Failure> {
    let copies = Copies::of(system).await?;
    let context = &copies.context;
    let head = migrations::open(&system.settings).map_err(Failure::said)?.head().map(str::to_owned);
    let head = head.ok_or_else(|| Failure::said("there is no migration to stand the examples on"))?;
    let mut reader = context.reader().await.map_err(Failure::said)?;
    let number: String = reader.scalar("SHOW server_version_num").await.map_err(Failure::said)?;
    let major = number.parse::<u32>().unwrap_or_default() / 10_000;
    let shown = record.entry(major.to_string()).or_default();
    shown.clear();
    for rule in rules::all() {
        let path = system.settings.path("hazards").join(rule.id).join("bad.sql");
        let script = Script::read(&path, Runs::Wrapped).map_err(|error| *error)?;
        lint(&script, &[], &system.settings.hazards).map_err(|error| *error)?;
        let measured = on_copies(context, &script, &head).await?;
        shown.insert(rule.id.to_owned(), Drawn::of(&measured, &Plan::of(context, &head)));
    }
    Ok(())
}

async fn on_copies(context: &Context, script: &Script, revision: &str) -> Result<Measured, Failure> {
    let mut plan = Plan::of(context, revision);
    plan.setup = corpus::setup_of(&script.text);
    measure(context, script, &plan)
        .await
        .map_err(|error| Failure::said(format!("{}: {error}", script.name())))
}
