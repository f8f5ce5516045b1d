//! How plans change as data grows: `RUNBOOK_SIZES=10000,1000000 cargo bench -p perf --bench sizes`.
//!
//! Each critical query is planned and executed at each size (10,000 and 100,000 projects without the variable). A plan
//! that flips is named, with the growth exponent of the blocks that it asks for: 0 is the same at any size, 1 grows with
//! the data. Exit code 1 when at any size a plan loses the indexes that its header expects there, 3 when at one of them no
//! plan could be judged.

#[allow(dead_code, reason = "each bench uses its part of it")]
mod common;

use std::process::ExitCode;

use common::arguments::Filter;
use common::data::{Data, sizes};
use common::{Result, begin, ended, filtered, known_names, say};
use perf::{Bound, Flip, Plan, Query, analyze};

fn main() -> ExitCode {
    let asked = match begin("sizes") {
        Ok(asked) => asked,
        Err(code) => return code,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let answer = match runtime {
        Ok(runtime) => runtime.block_on(compare(&asked.filter)),
        Err(error) => Err(error.into()),
    };
    answer.unwrap_or_else(|error| ended("sizes", &*error))
}

/// The plans of one size, or why there is none.
type Plans = Vec<std::result::Result<Plan, String>>;

async fn compare(filter: &Filter) -> Result<ExitCode> {
    let settings = harness::settings();
    let queries = filtered(Query::some(&settings)?, filter, |query| &query.name)?;
    let mut sizes = sizes("RUNBOOK_SIZES", &[10_000, 100_000])?;
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.len() < 2 {
        return Err("RUNBOOK_SIZES names one size, and one shows no growth: name two".into());
    }
    let mut planned: Vec<(u64, Plans)> = Vec::new();
    let (mut failed, mut unmeasured) = (0, 0);
    for size in sizes {
        let data = Data::of(size).await?;
        known_names(&queries, &data.context()).await?;
        let index = perf::checks().into_iter().find(|check| check.id == "perf.queries.index");
        if let Some(check) = index {
            let verdict = check.run(&data.context()).await;
            if let Some(reason) = verdict.reason() {
                unmeasured += 1;
                say(&format!("– at {size}: {reason}"));
            }
            for finding in verdict.findings().iter().filter(|finding| finding.is_error()) {
                failed += 1;
                say(&format!("✘ at {size}: {}: {}", finding.object, finding.problem));
            }
        }
        let mut plans = Plans::new();
        for query in &queries {
            plans.push(executed(query, &data).await);
        }
        planned.push((size, plans));
        data.close().await?;
    }
    let width = queries.iter().map(|query| query.name.len()).max().unwrap_or(0);
    for pair in planned.windows(2) {
        let [(small, before), (large, after)] = pair else { continue };
        say(&format!(
            "\n{small} → {large} projects: milliseconds, blocks and their growth exponent, what flips\n"
        ));
        for ((query, before), after) in queries.iter().zip(before).zip(after) {
            say(&match (before, after) {
                (Ok(before), Ok(after)) => line(&query.name, width, (*small, before), (*large, after)),
                (Err(why), _) | (_, Err(why)) => format!("– {:width$}  {why}", query.name),
            });
        }
    }
    Ok(match (failed, unmeasured) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(3),
        _ => ExitCode::FAILURE,
    })
}

fn line(name: &str, width: usize, (small, before): (u64, &Plan), (large, after): (u64, &Plan)) -> String {
    let blocks = |plan: &Plan| plan.root.actual.blocks().max(1) as f64;
    let exponent = (blocks(after) / blocks(before)).ln() / (large as f64 / small as f64).ln();
    let flip = Flip::between(before, after).map(|flip| flip.to_string()).unwrap_or_default();
    format!(
        "  {name:width$}  {:>8.2} → {:>8.2}  {:>6} → {:>7}  {exponent:>5.2}  {flip}",
        before.execution_ms.unwrap_or(0.0),
        after.execution_ms.unwrap_or(0.0),
        blocks(before),
        blocks(after),
    )
}

async fn executed(query: &Query, data: &Data) -> std::result::Result<Plan, String> {
    let mut reader = data.reader().await.map_err(|error| error.to_string())?;
    let bound = Bound::of(query, &mut reader).await.map_err(|error| error.to_string())?;
    drop(reader);
    // Twice: the first execution fills the buffers.
    analyze(query, &bound, data).await.map_err(|error| error.to_string())?;
    analyze(query, &bound, data).await.map_err(|error| error.to_string())
}
