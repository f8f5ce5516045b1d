//! The system's own rules: a folder of SQL files, each a query for what contradicts its sentence.

mod file;

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::settings::Settings;
use runbook::verdict::{Finding, Severity, Verdict};
use sqlx::FromRow;

pub use file::{Rule, RuleError};

use crate::prover::Prover;

/// The rules of the settings' folder.
pub(crate) const RULES: Check =
    Check::live_safe("integrity.rules", "The rows obey the system's own rules", |context| {
        Box::pin(run(context))
    });

/// Reads every rule of the folder that `[integrity] rules` names, in the order of their file names. Nothing runs.
///
/// # Errors
/// The file, the line and one sentence: no header, an unknown key, a statement that writes, several statements.
pub fn load(settings: &Settings) -> Result<Vec<Rule>, RuleError> {
    let Some(folder) = &settings.integrity.rules else { return Ok(Vec::new()) };
    file::load_folder(&settings.path(folder))
}

/// A row that contradicts a rule.
#[derive(Debug, FromRow)]
struct Breach {
    object: Option<String>,
    problem: Option<String>,
    breaches: i64,
}

async fn run(context: &Context) -> Result<Verdict, CheckError> {
    if context.settings.integrity.rules.is_none() {
        return Err(CheckError::Missing(
            "no folder of rules is named: set rules under [integrity] in runbook.toml".into(),
        ));
    }
    let rules = load(&context.settings).map_err(|error| CheckError::Other(error.to_string()))?;
    let mut prover = Prover::open(context, "rules").await?;
    let shown = prover.keys_shown().max(1);
    // All are planned before the first runs, so that a rule with the wrong columns lets none run.
    let mut planned = Vec::new();
    for rule in rules {
        match prover.reader().await?.rows(&format!("EXPLAIN {}", rule.query(1)), Default::default()).await {
            Ok(_) => planned.push(rule),
            Err(CheckError::Database(error)) if rule.is_to_blame(&error) => {
                return Err(CheckError::Other(rule.blame(&error).to_string()));
            }
            Err(error) => prover.stumble(&rule.id, &error).await,
        }
    }
    for rule in planned {
        match prover.reader().await?.fetch::<Breach>(&rule.query(shown)).await {
            Ok(breaches) => {
                prover.examine(1);
                report(&mut prover, &rule, breaches);
            }
            Err(error) => prover.stumble(&rule.id, &error).await,
        }
    }
    Ok(prover.verdict())
}

fn report(prover: &mut Prover<'_>, rule: &Rule, breaches: Vec<Breach>) {
    let remedy = format!("{}; all that contradict it: {}", rule.states, rule.path.display());
    let all = breaches.first().map_or(0, |breach| breach.breaches);
    let finding = |object: String, problem: String| match rule.severity {
        Severity::Error => Finding::error(object, problem, remedy.clone()),
        Severity::Advice => Finding::advice(object, problem, remedy.clone()),
    };
    let unseen = all.saturating_sub(i64::try_from(breaches.len()).unwrap_or(all));
    for breach in breaches {
        let object = breach.object.unwrap_or_else(|| "null".into());
        let problem = breach.problem.unwrap_or_else(|| rule.states.clone());
        prover.find(
            1,
            finding(object.escape_debug().to_string(), format!("{} ({})", problem.escape_debug(), rule.id)),
        );
    }
    if unseen > 0 {
        prover.find(unseen, finding(rule.id.clone(), format!("{unseen} more contradict the rule")));
    }
}
