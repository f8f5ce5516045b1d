//! Pages whose checksum was wrong when the server read them.

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};
use sqlx::FromRow;

/// The server's own count of such pages.
pub(crate) const CHECKSUMS: Check = Check::live_safe(
    "integrity.corruption.checksums",
    "No page that the server read had a wrong checksum",
    |context| Box::pin(checksums(context)),
);

#[derive(Debug, FromRow)]
struct Counted {
    object: String,
    failures: Option<i64>,
    relations: i64,
}

async fn checksums(context: &Context) -> Result<Verdict, CheckError> {
    let mut reader = context.reader().await?;
    let on: String = reader.scalar("SHOW data_checksums").await?;
    if on != "on" {
        return Err(CheckError::Missing(
            "the cluster keeps no checksums: stop it and run pg_checksums --enable".into(),
        ));
    }
    let mut evidence = Evidence::of("relations");
    let mut all = 0;
    let arguments = crate::ground::schemas(context)?;
    for counted in reader.fetch_with::<Counted>(include_str!("checksums.sql"), arguments).await? {
        let Some(failures) = counted.failures else { continue };
        evidence.examine(u64::try_from(counted.relations).unwrap_or(0));
        all += failures;
        if failures > 0 {
            let pages = if failures == 1 { "page" } else { "pages" };
            evidence.find(Finding::error(
                counted.object,
                format!("{failures} {pages} had a wrong checksum when the server read them"),
                "find the relation in the server's log, restore it from a backup, and look for the cause: storage, \
                 memory; then SELECT pg_stat_reset() as superuser",
            ));
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "a count that is shown")]
    evidence.measure(Measurement::new("checksum failures", all as f64, "pages"));
    Ok(evidence.verdict())
}
