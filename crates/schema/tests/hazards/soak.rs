//! Every example and the whole corpus, measured: minutes of work.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use harness::Database;
use runbook::context::Context;
use schema::hazards::corpus::Case;
use schema::hazards::measure::measure;
use schema::hazards::page::{self, Shown};
use schema::hazards::score::Score;
use schema::hazards::{judge, lint, rules};

use super::{errors, example, history, plan, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `make soak`"]
async fn every_example_does_on_a_copy_what_its_rule_says() {
    let db = Database::empty().await.unwrap();
    let context = db.context();
    let (major,): (i32,) = sqlx::query_as("SELECT current_setting('server_version_num')::int / 10000")
        .fetch_one(db.pool())
        .await
        .unwrap();
    let record = page::read(&context.settings.path("hazards/measured.json")).unwrap();
    let known = record.get(&major.to_string()).cloned().unwrap_or_default();
    let mut wrong = Vec::new();
    for rule in rules::all() {
        for name in ["bad.sql", "good.sql"] {
            let script = example(&context.settings, rule.id, name);
            let plan = plan(&context, &script);
            let measured = measure(&context, &script, &plan).await.unwrap();
            let judged =
                judge(&script, told(&context.settings, &script), &measured, &context.settings.hazards)
                    .unwrap();
            if name == "good.sql" && judged.is_hazard() {
                wrong.push(format!(
                    "{}: good.sql is a hazard: {:?} {:?}",
                    rule.id,
                    errors(&judged.found),
                    judged.seen
                ));
            }
            if name == "bad.sql" {
                if !judged.found.iter().any(|found| found.rule == rule) {
                    wrong.push(format!(
                        "{}: bad.sql does not fire it, but {:?}",
                        rule.id,
                        errors(&judged.found)
                    ));
                }
                let shown = Shown::of(&measured, &plan);
                if known.get(rule.id).is_some_and(|known| !known.agrees(&shown)) {
                    wrong.push(format!(
                        "{}: measured.json says {:?}, and now {shown:?}",
                        rule.id, known[rule.id]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `make soak`"]
async fn rules_and_measurement_together_keep_to_their_target() {
    let db = Database::empty().await.unwrap();
    let context = db.context();
    let cases = Case::all(&context.settings.path("hazards/corpus")).unwrap();
    let answers: BTreeMap<String, (bool, bool)> = futures_util::stream::iter(cases)
        .map(|case| {
            let context = context.clone();
            tokio::spawn(async move { (case.script.name(), (case.is_hazard(), said(&context, &case).await)) })
        })
        .buffer_unordered(2)
        .map(Result::unwrap)
        .collect()
        .await;
    let mut score = Score::default();
    for (name, (is_hazard, said)) in answers {
        score.count(&name, is_hazard, said);
    }
    assert!(score.recall() >= 0.97 && score.precision() >= 0.97, "{score:#?}");
}

async fn said(context: &Context, case: &Case) -> bool {
    let mut before = history();
    before.push(case.setup.clone());
    let found = lint(&case.script, &before, &context.settings.hazards).unwrap();
    let measured = measure(context, &case.script, &plan(context, &case.script)).await.unwrap();
    judge(&case.script, found, &measured, &context.settings.hazards).unwrap().is_hazard()
}
