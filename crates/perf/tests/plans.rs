//! The plan of each critical query as an accepted snapshot, one a major version of Postgres: a change that
//! changes a plan shows it as a diff.
//!
//! A version without any accepted plan is not compared, and says so; `INSTA_UPDATE=always` accepts it.

use std::path::{Path, PathBuf};

use harness::Database;
use perf::{Bound, Query, explain};

#[tokio::test]
async fn the_plan_of_each_query_is_the_accepted_one() {
    let db = Database::loaded(10_000).await.unwrap();
    let mut reader = db.reader().await.unwrap();
    let version: i32 =
        reader.scalar("SELECT current_setting('server_version_num')::int / 10000").await.unwrap();
    let folder = snapshots();
    let suffix = format!("@{version}.snap");
    let accepted = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let accepted: Vec<_> = accepted
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter_map(|name| name.strip_suffix(&suffix).map(str::to_owned))
        .collect();
    if accepted.is_empty() && std::env::var_os("INSTA_UPDATE").is_none() {
        println!(
            "no plans of Postgres {version} are accepted yet: INSTA_UPDATE=always cargo test -p perf plans"
        );
        return;
    }
    let queries = Query::all(&harness::settings()).unwrap();
    assert!(!queries.is_empty());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_suffix(version.to_string());
    for query in &queries {
        let bound = Bound::of(query, &mut reader).await.unwrap();
        let plan = explain(query, &bound, &mut reader).await.unwrap();
        settings.set_description(&query.states);
        settings.bind(|| insta::assert_snapshot!(query.name.as_str(), plan.text()));
    }
    for name in accepted {
        assert!(queries.iter().any(|query| query.name == name), "{name}{suffix} is the plan of no query");
    }
}

#[tokio::test]
async fn a_plan_in_text_holds_no_cost_and_no_row_count() {
    let db = Database::loaded(10_000).await.unwrap();
    let mut reader = db.reader().await.unwrap();
    let queries = Query::all(&harness::settings()).unwrap();
    let query = queries.iter().find(|query| query.name == "latest_payload_of_estimating_projects").unwrap();
    let bound = Bound::of(query, &mut reader).await.unwrap();
    let plan = explain(query, &bound, &mut reader).await.unwrap();
    assert!(plan.root.cost > 0.0 && plan.root.rows > 0.0);
    assert_eq!(plan.text().lines().next(), Some("Limit"));
    assert!(!plan.text().contains("cost") && !plan.text().contains("rows="), "{}", plan.text());
    assert!(plan.relations().contains("project_payloads") && plan.nodes().len() > 3);
}

fn snapshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../snapshots/perf")
}
