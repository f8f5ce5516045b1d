//! How near the counters of transactions are to their end.

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Threshold, Verdict};
use sqlx::FromRow;

/// Its check.
pub(crate) const CHECK: Check =
    Check::live_safe("monitoring.wraparound", "Old rows are frozen in time", |context| {
        Box::pin(run(context))
    });

#[derive(Debug, FromRow)]
struct Relation {
    relation: String,
    remedy: String,
    age: i64,
    failsafe: i64,
    late: i64,
    multixact_age: i64,
    multixact_failsafe: i64,
    multixact_late: i64,
}

async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let relations: Vec<Relation> = context.reader().await?.fetch(include_str!("wraparound.sql")).await?;
    let mut evidence = Evidence::of("relations and databases");
    evidence.examine(relations.len() as u64);
    for relation in &relations {
        let (failsafe, late) = (relation.failsafe, relation.late);
        judge(&mut evidence, relation, "transactions", relation.age, failsafe, late);
        let (failsafe, late) = (relation.multixact_failsafe, relation.multixact_late);
        judge(&mut evidence, relation, "multixacts", relation.multixact_age, failsafe, late);
    }
    measure(&mut evidence, "oldest transaction", relations.iter().map(|r| (r.age, r.failsafe)));
    measure(
        &mut evidence,
        "oldest multixact",
        relations.iter().map(|r| (r.multixact_age, r.multixact_failsafe)),
    );
    Ok(evidence.verdict())
}

fn judge(evidence: &mut Evidence, relation: &Relation, what: &str, age: i64, failsafe: i64, late: i64) {
    let problem =
        format!("holds rows {age} {what} old; autovacuum should have frozen them at half of {late}");
    let remedy = format!("{}, and look for what keeps autovacuum from it", relation.remedy);
    let relation = relation.relation.as_str();
    if age >= failsafe {
        evidence.find(Finding::error(relation, problem, remedy));
    } else if age >= late {
        evidence.find(Finding::advice(relation, problem, remedy));
    }
}

#[allow(clippy::cast_precision_loss, reason = "an age that is shown")]
fn measure(evidence: &mut Evidence, name: &str, ages: impl Iterator<Item = (i64, i64)>) {
    if let Some((age, failsafe)) = ages.max() {
        let bound = Threshold::Below(failsafe as f64);
        evidence.measure(Measurement::new(name, age as f64, "transactions").within(bound));
    }
}
