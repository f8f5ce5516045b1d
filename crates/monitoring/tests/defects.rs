use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use harness::Database;
use harness::defects;
use runbook::context::Context;
use runbook::verdict::Outcome;
use serde::Deserialize;

use crate::{act, execute, verdicts};

/// Some 30,000 blocks, all of them found, of a table that the rate of scans leaves out.
const WARM: &str = "DO $$BEGIN FOR turn IN 1..2000 LOOP PERFORM count(typname) FROM pg_type; END LOOP; END$$; \
    SELECT pg_stat_force_next_flush()";

/// A defect that is not a state but a deed: traffic within a window, or a session that stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deed {
    plants: String,
    within: Option<String>,
    held: Option<String>,
}

/// The deeds of the fixtures, each with its check.
fn deeds() -> Vec<(String, Deed)> {
    let mut deeds = Vec::new();
    for folder in std::fs::read_dir(harness::fixtures_folder().join("defects")).unwrap() {
        let folder = folder.unwrap();
        let check = folder.file_name().into_string().unwrap();
        if !check.starts_with("monitoring.") {
            continue;
        }
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                deeds.push((check.clone(), read(&path)));
            }
        }
    }
    deeds
}

fn read(path: &Path) -> Deed {
    let deed: Deed = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!deed.plants.is_empty(), "{}", path.display());
    deed
}

#[test]
fn every_check_has_a_planted_defect() {
    let states = defects::of("monitoring").into_iter().map(|defect| defect.check);
    let planted: BTreeSet<String> = states.chain(deeds().into_iter().map(|(check, _)| check)).collect();
    let checks: BTreeSet<String> = monitoring::checks().iter().map(|check| check.id.to_owned()).collect();
    assert_eq!(planted, checks);
}

#[tokio::test]
async fn every_planted_state_is_found_by_its_check_and_by_no_other() {
    for defect in defects::of("monitoring") {
        let db = Database::seeded().await.unwrap();
        defect.plant(&db).await.unwrap();
        assert_only(&defect.check, &db.context()).await;
    }
}

#[tokio::test]
async fn every_planted_deed_is_found_by_its_check_and_by_no_other() {
    for (check, deed) in deeds() {
        let db = Database::loaded(1000).await.unwrap();
        let mut context = db.context();
        // A fresh clone's blocks are read from the disk once: that is before the window.
        execute(&db, "SELECT count(description) FROM projects; SELECT pg_stat_force_next_flush()").await;
        act(&context, "monitoring.window.open").await;
        if check != "monitoring.cache_hit_rate" {
            // Other sessions of the pool tell of their first, cold reads at some later time, within the window: beside as
            // many blocks as these that is no low rate.
            execute(&db, WARM).await;
        }
        if let Some(sql) = &deed.within {
            execute(&db, sql).await;
        }
        let Some(sql) = deed.held else {
            assert_only(&check, &context).await;
            continue;
        };
        let mut settings = (*context.settings).clone();
        settings.thresholds.transaction_seconds = 0.0;
        context.settings = Arc::new(settings);
        let mut held = db.pool().begin().await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *held).await.unwrap();
        assert_only(&check, &context).await;
        held.rollback().await.unwrap();
    }
}

async fn assert_only(check: &str, context: &Context) {
    let verdicts = verdicts(context).await;
    let failed: Vec<_> = verdicts.iter().filter(|(_, verdict)| verdict.outcome() == Outcome::Fail).collect();
    assert_eq!(failed.iter().map(|(id, _)| **id).collect::<Vec<_>>(), [check], "{failed:#?}");
}
