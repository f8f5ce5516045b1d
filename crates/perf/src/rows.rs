//! `perf.queries.rows`: each critical query returns as many rows as its header allows.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::report::counted;
use runbook::verdict::{Finding, Verdict};

use crate::bound::{Bound, Stopped};
use crate::index::quoted;
use crate::query::Query;
use crate::tally::{self, Tally};

pub async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let queries = tally::queries(context)?;
    let mut tally = Tally::of("queries");
    let mut returned = 0;
    for query in &queries {
        match count(query, context).await {
            Err(stopped) => tally.skip(query, tally::unmeasured(stopped)),
            Ok(0) if query.rows.least == 0 => tally.skip(query, "its example selects no rows"),
            Ok(rows) => {
                returned += rows;
                tally.evidence.examine(1);
                if !query.rows.holds(rows) {
                    tally.evidence.find(Finding::error(
                        &query.file,
                        format!("{} returned {rows} rows where its header says {}", quoted(query), query.rows),
                        "look for duplicates in what it reads; where the number is right, change `-- rows:` in its header",
                    ));
                }
            }
        }
    }
    Ok(tally.verdict(|examined| format!("{returned} rows from {}", counted(examined, "queries"))))
}

async fn count(query: &Query, context: &Context) -> Result<u64, Stopped> {
    let mut reader = context.reader().await?;
    let bound = Bound::of(query, &mut reader).await?;
    Ok(reader.rows(query.sql(), bound.arguments()?).await?.len() as u64)
}
