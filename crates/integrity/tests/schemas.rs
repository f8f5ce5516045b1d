//! Databases that are nothing like the system under deployment, and nothing like each other.

use std::collections::BTreeMap;

use harness::Database;
use runbook::context::Context;
use runbook::verdict::Outcome;

use crate::support::with;
use crate::{execute, failed, verdicts};

async fn database(schema: &str, schemas: &[&str]) -> (Database, Context) {
    let db = Database::empty().await.unwrap();
    execute(&db, schema).await;
    let mut context = db.context();
    with(&mut context, |settings| {
        settings.database.schemas = schemas.iter().map(|name| (*name).to_owned()).collect();
        settings.integrity.rules = None;
    });
    (db, context)
}

/// Silent on the schema, each check having examined so many; after the faults, so many findings of each check.
async fn proves(
    schema: &str,
    schemas: &[&str],
    faults: &str,
    examined: &[(&'static str, u64)],
    found: &[(&'static str, usize)],
) {
    let (db, context) = database(schema, schemas).await;
    let clean = verdicts(&context).await;
    assert_eq!(failed(&clean), []);
    let counted: BTreeMap<&str, u64> = clean
        .iter()
        .filter(|(id, verdict)| verdict.outcome() == Outcome::Pass && !id.contains("corruption"))
        .map(|(id, verdict)| (*id, verdict.examined()))
        .collect();
    assert_eq!(counted, examined.iter().copied().collect(), "{clean:#?}");
    execute(&db, faults).await;
    let broken = verdicts(&context).await;
    let counted: BTreeMap<&str, usize> = broken
        .iter()
        .filter(|(_, verdict)| verdict.outcome() == Outcome::Fail)
        .map(|(id, verdict)| (*id, verdict.findings().iter().filter(|finding| finding.is_error()).count()))
        .collect();
    assert_eq!(counted, found.iter().copied().collect(), "{broken:#?}");
}

#[tokio::test]
async fn ledger_of_several_schemas_is_proved_and_each_fault_in_it_found() {
    proves(
        include_str!("schemas/ledger.sql"),
        &["books", "Ledger 2025"],
        include_str!("schemas/ledger_faults.sql"),
        &[
            ("integrity.constraints.check", 4),
            ("integrity.constraints.domains", 4),
            ("integrity.constraints.generated", 1),
            ("integrity.constraints.not_null", 10),
            ("integrity.constraints.unique", 4),
            ("integrity.foreign_keys.orphans", 2),
            ("integrity.matviews.fresh", 1),
            ("integrity.sequences.behind", 1),
        ],
        &[
            ("integrity.constraints.unique", 1),
            ("integrity.foreign_keys.orphans", 3),
            ("integrity.matviews.fresh", 1),
            ("integrity.sequences.behind", 1),
        ],
    )
    .await;
}

#[tokio::test]
async fn fleet_of_partitions_is_proved_and_each_fault_in_it_found() {
    proves(
        include_str!("schemas/fleet.sql"),
        &["public"],
        include_str!("schemas/fleet_faults.sql"),
        &[
            ("integrity.constraints.check", 6),
            ("integrity.constraints.exclusion", 1),
            ("integrity.constraints.not_null", 18),
            ("integrity.constraints.unique", 2),
            ("integrity.foreign_keys.orphans", 4),
        ],
        &[
            ("integrity.constraints.check", 1),
            ("integrity.constraints.exclusion", 1),
            ("integrity.foreign_keys.orphans", 4),
        ],
    )
    .await;
}

#[tokio::test]
async fn five_hundred_tables_are_proved_one_by_one() {
    proves(
        include_str!("schemas/wide.sql"),
        &["public"],
        include_str!("schemas/wide_faults.sql"),
        &[
            ("integrity.constraints.check", 500),
            ("integrity.constraints.not_null", 1000),
            ("integrity.constraints.unique", 500),
            ("integrity.foreign_keys.orphans", 499),
        ],
        &[("integrity.foreign_keys.orphans", 2)],
    )
    .await;
}
