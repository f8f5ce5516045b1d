//! Hazards: what the text tells, and what a copy shows.

use harness::Database;
use schema::hazards::corpus::{self, Case};
use schema::hazards::measure::{Plan, measure};

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
