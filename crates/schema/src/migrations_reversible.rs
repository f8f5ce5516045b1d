//! Each migration goes up, down and up again with data in place, and a revert leaves nothing behind.

use std::collections::BTreeMap;

use migrations::catalogue::Catalogue;
use migrations::{MigrationError, Migrator};
use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::ephemeral::Ephemeral;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use crate::migration_data::MigrationData;
use crate::rows;

pub(crate) const CHECK: Check = Check::ephemeral_only(
    "schema.migrations.reversible",
    "every migration goes up, down and up again with data in place",
    run,
);

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let migrator = crate::migrator(context).await?;
    let mut evidence = Evidence::of("revisions");
    let Some(head) = migrator.head() else { return Ok(evidence.verdict()) };
    let scratch = context.scratch()?;
    let fresh = scratch.empty().await?;
    let Some(heights) = climb(context, &*migrator, fresh.database(), &mut evidence).await? else {
        return Ok(evidence.verdict());
    };
    let ids: Vec<&str> = migrator.history().iter().map(|revision| revision.id.as_str()).collect();
    let data = MigrationData::read(context, &ids, &mut evidence)?;
    evidence.measure(Measurement::new("files of rows and questions", data.len() as f64, "files"));
    let seeded = scratch.at(head, true).await?;
    let mut descent = Descent {
        context,
        migrator: &*migrator,
        database: seeded.database(),
        heights: &heights,
        data,
        evidence,
        good: 0,
        lost: 0,
    };
    descent.all().await?;
    let (good, lost, mut evidence) = (descent.good, descent.lost, descent.evidence);
    evidence.measure(Measurement::new("rows lost by reverting", lost as f64, "rows"));
    let all = migrator.history().len();
    evidence.summarise(format!("{good} of {all} up, down and up again with data"));
    Ok(evidence.verdict())
}

/// Goes up one revision at a time; the catalogue before the first, and after each. `None`: one failed, and the
/// finding says which.
async fn climb(
    context: &Context,
    migrator: &dyn Migrator,
    database: &Ephemeral,
    evidence: &mut Evidence,
) -> Result<Option<Vec<Catalogue>>, CheckError> {
    let mut heights = vec![read(context, database).await?];
    for revision in migrator.history() {
        if let Err(error) = migrator.upgrade(database.url(), &revision.id).await {
            evidence.examine(1).find(failed(&revision.id, &revision.name, "does not go up", error)?);
            return Ok(None);
        }
        heights.push(read(context, database).await?);
    }
    Ok(Some(heights))
}

/// The way down a database that has rows in it.
struct Descent<'a> {
    context: &'a Context,
    migrator: &'a dyn Migrator,
    database: &'a Ephemeral,
    heights: &'a [Catalogue],
    data: MigrationData,
    evidence: Evidence,
    good: u64,
    lost: u64,
}

impl Descent<'_> {
    /// From the newest revision down, as far as there is a way back.
    async fn all(&mut self) -> Result<(), CheckError> {
        for (at, revision) in self.migrator.history().iter().enumerate().rev() {
            self.evidence.examine(1);
            if !revision.reversible {
                let object = format!("{} {}", revision.id, revision.name);
                let problem = format!("it has no way back: the {} at and below it were not reverted", at + 1);
                self.evidence.find(Finding::advice(object, problem, "write one, or keep a backup at hand"));
                return Ok(());
            }
            if !self.one(at).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Down, up again, and down for good. Whether the way further down is open.
    async fn one(&mut self, at: usize) -> Result<bool, CheckError> {
        let history = self.migrator.history();
        let revision = &history[at];
        let below = at.checked_sub(1).map(|below| history[below].id.as_str());
        let before = rows::count(self.context, self.database).await?;
        if let Err(error) = self.migrator.downgrade(self.database.url(), below).await {
            self.evidence.find(failed(
                &revision.id,
                &revision.name,
                "does not go down with data in place",
                error,
            )?);
            return Ok(false);
        }
        let after = rows::count(self.context, self.database).await?;
        self.count_losses(&format!("{} {}", revision.id, revision.name), &before, &after);
        let left = self.compare(at, "what it made is not undone by its revert", &revision.id).await?;
        if let Some(finding) = self.data.before(&revision.id, self.database).await? {
            self.evidence.find(finding);
        }
        if let Err(error) = self.migrator.upgrade(self.database.url(), &revision.id).await {
            self.evidence.find(failed(
                &revision.id,
                &revision.name,
                "does not go up again after its revert",
                error,
            )?);
            return Ok(false);
        }
        let again = self.compare(at + 1, "it is not the same after down and up again", &revision.id).await?;
        for finding in self.data.after(&revision.id, self.database).await? {
            self.evidence.find(finding);
        }
        if let Err(error) = self.migrator.downgrade(self.database.url(), below).await {
            self.evidence.find(failed(
                &revision.id,
                &revision.name,
                "does not go down a second time",
                error,
            )?);
            return Ok(false);
        }
        if left && again {
            self.good += 1;
        }
        Ok(true)
    }

    /// Compares with the catalogue of the way up; whether they are equal.
    async fn compare(&mut self, height: usize, problem: &str, id: &str) -> Result<bool, CheckError> {
        let found = read(self.context, self.database).await?;
        let wanted = self.heights.get(height).cloned().unwrap_or_default();
        let differences = Catalogue::diff(&wanted, &found);
        for difference in &differences {
            self.evidence.find(Finding::error(
                format!("{id}: {}", difference.object),
                format!("{problem}: {difference}"),
                "mend the way down",
            ));
        }
        Ok(differences.is_empty())
    }

    fn count_losses(&mut self, object: &str, before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) {
        let mut lost = Vec::new();
        for (table, rows) in before {
            let gone = rows - after.get(table).copied().unwrap_or(0);
            if gone > 0 {
                self.lost += gone.unsigned_abs();
                lost.push(format!("{gone} of {table}"));
            }
        }
        if !lost.is_empty() {
            let problem = format!("its revert loses rows: {}", lost.join(", "));
            self.evidence.find(Finding::advice(object, problem, "back up before reverting it"));
        }
    }
}

async fn read(context: &Context, database: &Ephemeral) -> Result<Catalogue, CheckError> {
    Catalogue::read(&mut database.reader().await?, &context.settings.database.schemas).await
}

/// What the database refused is a finding; what could not be asked is not.
fn failed(id: &str, name: &str, what: &str, error: MigrationError) -> Result<Finding, CheckError> {
    if matches!(error, MigrationError::Database(_) | MigrationError::NoAlembic { .. }) {
        return Err(crate::unasked(error));
    }
    Ok(Finding::error(format!("{id} {name}"), format!("it {what}: {error}"), "mend the migration"))
}
