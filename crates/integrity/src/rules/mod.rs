//! The system's own rules: a folder of SQL files, each a query for what contradicts its sentence.

mod file;

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::reader::Reader;
use runbook::settings::Settings;
use runbook::verdict::{Finding, Severity, Verdict};
use sqlx::FromRow;

pub use file::{Rule, RuleError};

use crate::crew::Work;
use crate::proof::Hindrance;
use crate::prover::Prover;
use crate::session::Session;

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

/// Plans every rule on this database, and runs none.
///
/// # Errors
/// As [`load`], and the first rule whose query lacks a column, or reads what is not there.
pub(crate) async fn plan(reader: &mut Reader, rules: &[Rule]) -> Result<Vec<(usize, CheckError)>, RuleError> {
    let mut hindered = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        match reader.rows(&format!("EXPLAIN {}", rule.query(1)), Default::default()).await {
            Ok(_) => {}
            Err(CheckError::Database(error)) if rule.is_to_blame(&error) => return Err(rule.blame(&error)),
            Err(CheckError::Refused(refused)) => return Err(rule.refuse(&refused)),
            Err(error) => hindered.push((index, error)),
        }
    }
    // What was planned was locked. A session that is lost is told by whoever needs it next.
    let _ = reader.release().await;
    Ok(hindered)
}

async fn run(context: &Context) -> Result<Verdict, CheckError> {
    if context.settings.integrity.rules.is_none() {
        return Err(CheckError::Missing(
            "no folder of rules is named: set rules under [integrity] in runbook.toml".into(),
        ));
    }
    let said = |error: RuleError| CheckError::Other(error.to_string());
    let mut rules = load(&context.settings).map_err(said)?;
    let mut prover = Prover::open(context, RULES.id, "rules").await?;
    // All are planned before the first runs, so that a rule with the wrong columns lets none run.
    let mut hindered = plan(prover.catalogue().await?, &rules).await.map_err(said)?;
    while let Some((index, error)) = hindered.pop() {
        let rule = rules.remove(index);
        prover.pass_over(&rule.id, Hindrance::from(&error));
    }
    rules.retain(|rule| !prover.was_proved(&rule.id, &rule.query(0), 1));
    let asked = Asked { shown: prover.keys_shown().max(1), relations: prover.relations() };
    let done = prover.work_off(&asked, &rules).await;
    for (rule, breaches) in rules.iter().zip(done) {
        match breaches {
            Ok(breaches) => {
                prover.examine(1);
                if breaches.is_empty() {
                    prover.note(&rule.id, &rule.query(0));
                }
                report(&mut prover, rule, breaches);
            }
            Err(error) => prover.pass_over(&rule.id, Hindrance::from(&error)),
        }
    }
    Ok(prover.verdict())
}

/// The work on rules.
struct Asked {
    shown: u32,
    relations: Vec<i64>,
}

impl Work for Asked {
    type Item = Rule;
    type Done = Result<Vec<Breach>, CheckError>;

    /// What a rule reads is its own business.
    fn weight(&self, _rule: &Rule) -> f64 {
        1.0
    }

    async fn carry_out(&self, session: &mut Session<'_>, rule: &Rule) -> Self::Done {
        let breaches = session.reader().await?.fetch::<Breach>(&rule.query(self.shown)).await?;
        // Which tables it reads is not known here: an accusation holds only where none was rewritten meanwhile.
        if !breaches.is_empty() && session.rewritten(&self.relations).await? {
            return Err(CheckError::Interrupted(
                "a table was rewritten or refreshed since the snapshot was taken".into(),
            ));
        }
        Ok(breaches)
    }
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
