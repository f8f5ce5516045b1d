//! What the types of the settings cannot say: ids that exist, files that are there, figures within reason.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{MigrationTool, Settings, SettingsError};

/// The oldest major version of Postgres on which the checks' own queries run.
const OLDEST: u32 = 15;

/// A day: what takes longer is no query that anybody waits for.
const LONGEST_QUERY_MS: f64 = 86_400_000.0;

/// Seconds.
const YEAR: f64 = 31_536_000.0;

/// The most executions of a query, and the most that a budget is multiplied by.
const MOST: u32 = 1_000_000;

/// `runbook.toml` as it was read, to point into.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Settings {
    /// Checks every id that the settings name against those that the suites have.
    ///
    /// # Errors
    /// With the line of the first that no suite has, and the id that is nearest to it.
    pub fn validate(&self, checks: &[&str], actions: &[&str]) -> Result<(), SettingsError> {
        for (index, line) in self.lines.iter().enumerate() {
            let index = index.to_string();
            for (kind, ids, known) in [("checks", &line.checks, checks), ("actions", &line.actions, actions)]
            {
                for (number, id) in ids.iter().enumerate() {
                    let place = ["line", &index, kind, &number.to_string()];
                    self.known(kind, id, known, &place)?;
                }
            }
        }
        for (target, ids) in &self.checks.required {
            if !matches!(target.as_str(), "ephemeral" | "live") {
                let problem = format!("[checks.required] has no kind of target `{target}`");
                let help = "it is `ephemeral` or `live`";
                return Err(self.wrong(&["checks", "required", target], problem, help));
            }
            for (number, id) in ids.iter().enumerate() {
                self.known("checks", id, checks, &["checks", "required", target, &number.to_string()])?;
            }
        }
        for (number, accepted) in self.checks.accept.iter().enumerate() {
            self.known(
                "checks",
                &accepted.check,
                checks,
                &["checks", "accept", &number.to_string(), "check"],
            )?;
        }
        Ok(())
    }

    /// Checks what can be seen without the suites. Called on loading.
    pub(super) fn check_values(&self) -> Result<(), SettingsError> {
        self.check_database()?;
        self.check_api()?;
        self.check_figures()?;
        self.check_integrity()?;
        self.check_paths()
    }

    fn check_database(&self) -> Result<(), SettingsError> {
        if self.database.schemas.is_empty() {
            let problem = "[database] schemas is empty, so that no check would look at anything".to_owned();
            return Err(self.wrong(
                &["database", "schemas"],
                problem,
                "name the schemas that belong to the system",
            ));
        }
        if self.database.minimum_version < OLDEST {
            let problem = format!("[database] minimum_version is {}", self.database.minimum_version);
            let help = format!("the checks need PostgreSQL {OLDEST} or newer");
            return Err(self.wrong(&["database", "minimum_version"], problem, &help));
        }
        let (tool, folder) = match self.migrations.tool {
            MigrationTool::Sqlx => ("sqlx", &self.migrations.sqlx),
            MigrationTool::Alembic => ("alembic", &self.migrations.alembic),
        };
        if folder.is_none() {
            let problem = format!("[migrations] tool is `{tool}`, and no folder is named for it");
            let help = format!("add `{tool} = \"FOLDER\"` to [migrations]");
            return Err(self.wrong(&["migrations", "tool"], problem, &help));
        }
        Ok(())
    }

    fn check_api(&self) -> Result<(), SettingsError> {
        let authentication = &self.api.authentication;
        if authentication.header.is_some() != authentication.header_variable.is_some() {
            let problem = "[api.authentication] `header` and `header_variable` belong together".to_owned();
            let help = "name the header, and the environment variable that holds its value";
            return Err(self.wrong(&["api", "authentication"], problem, help));
        }
        let Some(maintenance) = &self.api.maintenance else { return Ok(()) };
        for (key, by) in [("on", &maintenance.on), ("off", &maintenance.off)] {
            match by {
                Some(by) if by.command.is_some() == by.path.is_some() => {
                    let problem = format!("[api.maintenance] `{key}` is either a `command` or a `path`");
                    let help = "give one of the two; a path may have a `method` and a `body`";
                    return Err(self.wrong(&["api", "maintenance", key], problem, help));
                }
                None if maintenance.path.is_none() => {
                    let problem = format!("[api.maintenance] says of no way to switch it {key}");
                    let help = "give `path`, or both `on` and `off`";
                    return Err(self.wrong(&["api", "maintenance"], problem, help));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_figures(&self) -> Result<(), SettingsError> {
        let thresholds = &self.thresholds;
        for (key, rate) in
            [("index_hit_rate", thresholds.index_hit_rate), ("cache_hit_rate", thresholds.cache_hit_rate)]
        {
            if !(0.0..100.0).contains(&rate) {
                let problem = format!("[thresholds] {key} is {rate}, which no share can be strictly above");
                return Err(self.wrong(&["thresholds", key], problem, "give percent, from 0 to below 100"));
            }
        }
        if !(thresholds.query_ms > 0.0 && thresholds.query_ms <= LONGEST_QUERY_MS) {
            let problem = format!("[thresholds] query_ms is {:?}", thresholds.query_ms);
            let help = "give milliseconds, above 0 and up to a day (86400000)";
            return Err(self.wrong(&["thresholds", "query_ms"], problem, help));
        }
        self.check_perf()?;
        self.check_ranges()?;
        let limits = &self.limits;
        for (key, limit) in [
            ("check_seconds", limits.check),
            ("statement_seconds", limits.statement),
            ("lock_seconds", limits.lock),
            ("command_seconds", limits.command),
            ("request_seconds", limits.request),
        ] {
            if limit < Duration::from_millis(1) {
                let problem =
                    format!("[limits] {key} is below a millisecond, and nothing could be done in it");
                return Err(self.wrong(&["limits", key], problem, "give seconds, above 0"));
            }
        }
        Ok(())
    }

    /// Figures outside of which a check could not fail, or could not pass, or would divide by nothing.
    fn check_ranges(&self) -> Result<(), SettingsError> {
        let (thresholds, hazards) = (&self.thresholds, &self.hazards);
        let percent = "give percent, above 0 and up to 100";
        let ranges: [(&[&str], f64, f64, &str); 7] = [
            (
                &["schema", "key_days"],
                self.schema.key_days.unwrap_or(1.0),
                f64::from(MOST),
                "give days, above 0 and up to 1000000",
            ),
            (&["thresholds", "sequence_used"], thresholds.sequence_used, 100.0, percent),
            (&["thresholds", "connections"], thresholds.connections, 100.0, percent),
            (
                &["thresholds", "transaction_seconds"],
                thresholds.transaction_seconds,
                YEAR,
                "give seconds, above 0 and up to a year (31536000)",
            ),
            (
                &["backup", "max_restore_minutes"],
                self.backup.max_restore_minutes,
                YEAR / 60.0,
                "give minutes, above 0 and up to a year (525600)",
            ),
            (
                &["hazards", "disk_mb_per_second"],
                hazards.disk_mb_per_second,
                f64::from(MOST),
                "give MB a second, above 0 and up to 1000000",
            ),
            (
                &["hazards", "rows_per_second"],
                hazards.rows_per_second,
                1e12,
                "give rows a second, above 0 and up to 1e12",
            ),
        ];
        for (place, number, most, help) in ranges {
            if !(number > 0.0 && number <= most) {
                return Err(self.wrong(place, format!("[{}] {} is {number:?}", place[0], place[1]), help));
            }
        }
        for (key, number) in [
            ("minimum_traffic", thresholds.minimum_traffic),
            ("small_table_blocks", thresholds.small_table_blocks),
        ] {
            if number < 0 {
                let problem = format!("[thresholds] {key} is {number}");
                return Err(self.wrong(&["thresholds", key], problem, "give 0 or more"));
            }
        }
        let [small, large] = hazards.sizes;
        if small == 0 || small >= large {
            let problem = format!("[hazards] sizes are {small} and {large}");
            let help = "give two numbers of rows above 0, the smaller one first: what grows between them is extrapolated";
            return Err(self.wrong(&["hazards", "sizes"], problem, help));
        }
        for (table, rows) in &self.schema.rows_per_day {
            if !(0.0..=1e15).contains(rows) {
                let problem = format!("[schema.rows_per_day] {table} is {rows:?}");
                return Err(self.wrong(
                    &["schema", "rows_per_day", table],
                    problem,
                    "give rows a day, 0 or more",
                ));
            }
        }
        Ok(())
    }

    fn check_perf(&self) -> Result<(), SettingsError> {
        let perf = &self.perf;
        if !(perf.budget_factor > 0.0 && perf.budget_factor <= f64::from(MOST)) {
            let problem = format!("[perf] budget_factor is {:?}", perf.budget_factor);
            let help = format!("give a number above 0 and up to {MOST}");
            return Err(self.wrong(&["perf", "budget_factor"], problem, &help));
        }
        for (key, number) in [("samples", perf.samples), ("warm_up", perf.warm_up), ("rounds", perf.rounds)] {
            if number > MOST {
                let problem = format!("[perf] {key} is {number}");
                return Err(self.wrong(&["perf", key], problem, &format!("give a number up to {MOST}")));
            }
        }
        Ok(())
    }

    fn check_integrity(&self) -> Result<(), SettingsError> {
        let connections = self.integrity.connections;
        if !(1..=3).contains(&connections) {
            let problem = format!("[integrity] connections is {connections}");
            return Err(self.wrong(&["integrity", "connections"], problem, "give a number from 1 to 3"));
        }
        for reference in &self.integrity.references {
            let (from, to) = (&reference.from, &reference.to);
            if from.columns.is_empty() || from.columns.len() != to.columns.len() {
                let problem = format!(
                    "[[integrity.reference]] of `{}` names {} columns, and {} of `{}`",
                    from.table.get_ref(),
                    from.columns.len(),
                    to.columns.len(),
                    to.table.get_ref()
                );
                let help = "name as many columns on both sides, in the same order".to_owned();
                return Err(self.wrong_at(from.table.span(), problem, help));
            }
        }
        Ok(())
    }

    /// Every file and folder that the file itself names. A default that is not there is the suites' business.
    fn check_paths(&self) -> Result<(), SettingsError> {
        let single: [(&[&str], Option<&Path>); 8] = [
            (&["migrations", "sqlx"], self.migrations.sqlx.as_deref()),
            (&["migrations", "alembic"], self.migrations.alembic.as_deref()),
            (&["migrations", "data"], self.migrations.data.as_deref()),
            (&["data", "generate"], self.data.generate.as_deref()),
            (&["api", "cases"], self.api.cases.as_deref()),
            (&["api", "certificate_authority"], self.api.certificate_authority.as_deref()),
            (&["integrity", "rules"], self.integrity.rules.as_deref()),
            (&["perf", "queries"], Some(&self.perf.queries)),
        ];
        for (place, path) in single {
            if let Some(path) = path {
                self.check_path(place, path)?;
            }
        }
        for (number, seed) in self.data.seeds.iter().enumerate() {
            self.check_path(&["data", "seeds", &number.to_string()], seed)?;
        }
        Ok(())
    }

    fn check_path(&self, place: &[&str], path: &Path) -> Result<(), SettingsError> {
        if self.path(path).exists() || self.find(place).is_none() {
            return Ok(());
        }
        let problem = format!("[{}] names `{}`, which does not exist", place[..1].join("."), path.display());
        let help = format!("paths start at {}; create it, or mend the path", self.root.display());
        Err(self.wrong(place, problem, &help))
    }

    fn known(&self, kind: &str, id: &str, known: &[&str], place: &[&str]) -> Result<(), SettingsError> {
        if known.contains(&id) {
            return Ok(());
        }
        let problem = format!("there is no {} `{id}`", kind.trim_end_matches('s'));
        let help = match nearest(id, known) {
            Some(near) => format!("did you mean `{near}`? `runbook list` shows all there are"),
            None => "`runbook list` shows all there are".to_owned(),
        };
        Err(self.wrong(place, problem, &help))
    }

    fn wrong(&self, place: &[&str], problem: String, help: &str) -> SettingsError {
        let span = self.find(place).unwrap_or(0..0);
        SettingsError::at(&self.source.path, &self.source.text, span, problem, Some(help.to_owned()))
    }

    /// An error at a place of `runbook.toml`, for what only a database can tell about it.
    pub fn wrong_at(&self, span: Range<usize>, problem: String, help: String) -> SettingsError {
        SettingsError::at(&self.source.path, &self.source.text, span, problem, Some(help))
    }

    /// Where a value stands in the file: keys, and numbers for the items of an array.
    fn find(&self, place: &[&str]) -> Option<Range<usize>> {
        let (first, rest) = place.split_first()?;
        let root = DeTable::parse(&self.source.text).ok()?;
        let mut value: &Spanned<DeValue<'_>> = root.get_ref().get(*first)?;
        for key in rest {
            value = match value.get_ref() {
                DeValue::Table(table) => table.get(*key)?,
                DeValue::Array(array) => array.get(key.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value.span())
    }
}

/// The known id that shares the most with this one: its suite, then the longest common start and end.
pub fn nearest<'a>(id: &str, known: &[&'a str]) -> Option<&'a str> {
    let common = |a: &mut dyn Iterator<Item = char>, b: &mut dyn Iterator<Item = char>| {
        a.zip(b).take_while(|(a, b)| a == b).count()
    };
    let likeness = |other: &str| {
        common(&mut id.chars(), &mut other.chars()) + common(&mut id.chars().rev(), &mut other.chars().rev())
    };
    known
        .iter()
        .copied()
        .max_by_key(|other| likeness(other))
        .filter(|other| likeness(other) * 2 > id.chars().count())
}
