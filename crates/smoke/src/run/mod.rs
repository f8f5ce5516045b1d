//! Running cases: send, compare, look into the database, clean up.

mod alive;
mod own;
mod rows;
mod step;
mod walk;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement};
use secrecy::SecretString;

use crate::case::{Case, Step, Values};
use crate::contract::Contract;
use crate::http::{Answer, Http, Sent};
use crate::token;

pub(crate) use own::Own;
pub use own::Writer;
pub(crate) use rows::fetch;

/// What runs cases against one target.
pub(crate) struct Runner<'a> {
    pub(crate) context: &'a Context,
    pub(crate) contract: &'a Contract,
    pub(crate) http: Arc<Http>,
    /// Sent with what writes, so that it is let through during maintenance.
    pub(crate) token: Option<SecretString>,
    /// The tag of this run: two runs at once, and two rows of them, are told apart.
    run: String,
    /// The keys that the service gave to the rows of this run.
    keys: Mutex<Vec<String>>,
    /// A write got no answer: whether there is a row of it, nobody said.
    uncertain: AtomicBool,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(context: &'a Context, contract: &'a Contract) -> Result<Self, CheckError> {
        Ok(Self {
            context,
            contract,
            http: Http::of(context)?,
            token: token::of_writes(context)?,
            run: alive::new_run(),
            keys: Mutex::default(),
            uncertain: AtomicBool::new(false),
        })
    }

    /// Runs cases into `evidence`. Those that write are followed by the proof that nothing of theirs is left.
    pub(crate) async fn all(&self, cases: &[&Case], evidence: &mut Evidence) -> Result<(), CheckError> {
        let repeated = self.http.repeated();
        let own = match cases.iter().any(|case| case.writes()) {
            true => Some(Own::begin(self, evidence).await?),
            false => None,
        };
        let mut left_out = Vec::new();
        let mut broken = None;
        for case in cases {
            match self.case(case, evidence).await {
                Ok(None) => {}
                Ok(Some(why)) => left_out.push((case, why)),
                // A query that the database does not understand is the case's own mistake: its file is named.
                Err(CheckError::Database(sqlx::Error::Database(error))) => {
                    let problem = CheckError::Database(sqlx::Error::Database(error));
                    broken = Some(CheckError::Other(format!("{}: {problem}", case.path.display())));
                    break;
                }
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        // What was written is removed whatever became of the cases.
        if let Some(own) = own {
            own.end(self, evidence).await?;
        }
        for (case, why) in left_out {
            evidence.find(Finding::advice(&case.name, format!("left out: {why}"), "look at its file"));
        }
        let repeated = self.http.repeated() - repeated;
        if repeated > 0 {
            #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
            evidence.measure(Measurement::new("requests sent once more", repeated as f64, "requests"));
            evidence.find(Finding::advice(
                self.http.base(),
                format!("the connection was lost and the request sent once more, {repeated} times"),
                "look at the network and at what stands before the service",
            ));
        }
        broken.map_or(Ok(()), Err)
    }

    /// Runs one case, or says why it was left out.
    async fn case(&self, case: &Case, evidence: &mut Evidence) -> Result<Option<&'static str>, CheckError> {
        let mut values = self.values();
        if case.supports && self.contract.idempotency_key.is_none() {
            return Ok(Some("contract.toml says of no idempotency_key that the service supports"));
        }
        if let Some(needs) = &case.needs
            && fetch(self.context, needs, &values).await?.is_empty()
        {
            return Ok(Some("the rows that it needs are not there"));
        }
        self.mark(case).await?;
        for step in &case.steps {
            let findings = self.step(case, step, &mut values, evidence).await?;
            let failed = !findings.is_empty();
            for finding in findings {
                evidence.find(finding);
            }
            // What follows builds on this answer; it would only repeat the finding. Rows of `each` stand alone.
            if failed && step.row.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    /// On a database that others use, marks the run before a write that leaves no place for its tag.
    pub(crate) async fn mark(&self, case: &Case) -> Result<(), CheckError> {
        if !self.context.database.is_live() || !case.steps.iter().any(Step::is_untagged_write) {
            return Ok(());
        }
        let mark = &self.contract.rows.mark;
        let sent = self.write(mark.method.clone(), &mark.path, &mark.body, &self.values());
        let problem = match self.http.send(&sent).await {
            Ok(answer) if answer.status.is_success() => {
                self.note_key(&answer);
                return Ok(());
            }
            Ok(answer) => format!("found {}", answer.shown()),
            Err(problem) => problem,
        };
        Err(CheckError::Other(format!(
            "the run could not be marked, so nothing is written: {} {}: expected a success, {problem}",
            sent.method, sent.path
        )))
    }

    /// The values that every case knows.
    pub(crate) fn values(&self) -> Values {
        let mut values = Values::default();
        values.put("run", self.run.clone());
        values
    }

    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// Notes the key of a row of ours.
    pub(crate) fn note(&self, key: &str) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.iter().any(|known| known == key) {
            keys.push(key.to_owned());
        }
    }

    /// Notes the key that an answer to a write names.
    pub(crate) fn note_key(&self, answer: &Answer) {
        let json = answer.json().unwrap_or_default();
        if let Some(key) = json.pointer(&self.contract.rows.key).and_then(serde_json::Value::as_str) {
            self.note(key);
        }
    }

    pub(crate) fn doubt(&self) {
        self.uncertain.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_uncertain(&self) -> bool {
        self.uncertain.load(Ordering::Relaxed)
    }

    pub(crate) fn noted(&self) -> Vec<String> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The request of a step, with the case's values in place.
    pub(crate) fn sent(&self, step: &Step, values: &Values) -> Sent {
        let headers: Vec<_> =
            step.headers.iter().map(|(name, value)| (name.clone(), values.fill(value))).collect();
        let key = self.contract.idempotency_key.as_deref();
        let keyed = headers.iter().any(|(name, _)| key.is_some_and(|key| key.eq_ignore_ascii_case(name)));
        Sent {
            method: step.method.clone(),
            path: values.fill_path(&step.path),
            headers,
            body: match &step.long {
                Some(long) => Some(long.written(values)),
                None => step.body.as_ref().map(|body| values.fill_json(body)),
            },
            token: self.token.clone().filter(|_| !step.method.is_safe()),
            // Of several at once each is one attempt, and counted as one.
            repeatable: keyed && step.race.is_none(),
        }
    }

    /// A write of our own making, let through during maintenance.
    pub(crate) fn write(&self, method: reqwest::Method, path: &str, body: &str, values: &Values) -> Sent {
        Sent {
            token: self.token.clone(),
            ..Sent::json(method, values.fill_path(path), values.fill_json(body))
        }
    }

    pub(crate) fn remedy(&self, sent: &Sent) -> String {
        format!("repeat it: {}", self.http.curl(sent))
    }
}
