//! Hazards: what the text tells, and what a copy shows.

use harness::Database;
use schema::hazards::corpus::{self, Case};
use schema::hazards::lint;
use schema::hazards::measure::{Plan, measure};
use schema::hazards::score::Score;

/// The texts of all migrations of the fixtures.
fn texts() -> Vec<String> {
    let settings = harness::settings();
    let folder = settings.path(settings.migrations.sqlx.as_ref().unwrap());
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".up.sql"));
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

#[test]
fn static_score() {
    let settings = harness::settings();
    let before = texts();
    let mut score = Score::default();
    for case in Case::all(&settings.path("hazards/corpus")).unwrap() {
        let mut before = before.clone();
        before.push(case.setup.clone());
        let found = lint(&case.script, &before, &settings.hazards).unwrap();
        let errors: Vec<&str> = found.iter().filter(|found| found.is_error()).map(|found| found.rule.id).collect();
        let said = !errors.is_empty();
        if said != case.is_hazard() {
            println!("{} is {:?}: {errors:?}", case.script.name(), case.classes);
        }
        score.count(&case.script.name(), case.is_hazard(), said);
    }
    println!("{} recall {:.3} precision {:.3}", score.all(), score.recall(), score.precision());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "records the corpus"]
async fn record() {
    let db = Database::empty().await.unwrap();
    let context = db.context();
    let folder = context.settings.path("hazards/corpus");
    let only = std::env::var("ONLY").unwrap_or_default();
    for case in Case::all(&folder).unwrap() {
        let name = case.script.name();
        if !name.contains(&only) {
            continue;
        }
        let mut plan = Plan::of(&context, "007");
        plan.setup = case.setup.clone();
        let began = std::time::Instant::now();
        match measure(&context, &case.script, &plan).await {
            Ok(measured) => {
                let seen = measured.classes(plan.budget);
                let line = corpus::summary(&measured, plan.budget);
                let agree = if seen == case.classes { "  " } else { "!!" };
                println!("{agree} {name} label {:?} seen {seen:?} {:?}\n      {line}", case.classes, began.elapsed());
                std::fs::write(&case.path, case.recorded(&line)).unwrap();
            }
            Err(error) => println!("?? {name}: {error}"),
        }
    }
}
