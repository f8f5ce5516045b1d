//! The switch of maintenance mode, and the harmless write by which it is seen.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use runbook::action::run_command;
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::settings::SwitchBy;
use runbook::wait;
use serde_json::json;

use crate::contract::{Contract, Maintenance};
use crate::http::{Answer, Http, Sent};
use crate::token;

/// What switches maintenance mode of one target and sees whether it is on.
#[derive(Clone)]
pub(crate) struct Switch<'a> {
    context: &'a Context,
    pub(crate) http: Arc<Http>,
    pub(crate) probe: Sent,
}

impl<'a> Switch<'a> {
    pub(crate) fn new(context: &'a Context, contract: &Contract) -> Result<Self, CheckError> {
        let probe = &section(contract)?.probe;
        let method = Method::from_bytes(probe.method.as_bytes())
            .map_err(|_| CheckError::Other(format!("contract.toml: `{}` is not a method", probe.method)))?;
        // Whoever has the token is let through; the probe asks for everybody else.
        let probe = Sent::json(method, probe.path.as_str(), probe.body.as_str());
        Ok(Self { context, http: Http::of(context)?, probe })
    }

    /// Carries out what switches the mode; the error says what came instead of a success.
    pub(crate) async fn set(&self, enabled: bool) -> Result<Result<(), String>, CheckError> {
        let token = token::required(self.context)?;
        let Some(section) = &self.context.settings.api.maintenance else {
            return Err(CheckError::Missing("the settings have no [api.maintenance]".into()));
        };
        let by = if enabled { &section.on } else { &section.off };
        let sent = match (by, &section.path) {
            (Some(SwitchBy { command: Some(argv), .. }), _) => {
                return Ok(match run_command(self.context, argv, &[]).await {
                    Ok(_) => Ok(()),
                    Err(CheckError::Other(problem) | CheckError::Interrupted(problem)) => Err(problem),
                    Err(error) => return Err(error),
                });
            }
            (Some(SwitchBy { path: Some(path), method, body, .. }), _) => {
                let name = method.as_deref().unwrap_or("PUT");
                let method = Method::from_bytes(name.as_bytes()).map_err(|_| {
                    CheckError::Missing(format!("[api.maintenance] `{name}` is not a method"))
                })?;
                Sent { token, ..Sent::json(method, path.as_str(), body.clone().unwrap_or_default()) }
            }
            (_, Some(path)) => {
                let body = json!({ "enabled": enabled }).to_string();
                Sent { token, ..Sent::json(Method::PUT, path.as_str(), body) }
            }
            _ => return Err(CheckError::Missing("[api.maintenance] says of no way to switch it".into())),
        };
        if let Some(wrong) = sent.wrong_path() {
            return Err(CheckError::Missing(format!("[api.maintenance] {wrong}")));
        }
        let (method, path) = (&sent.method, &sent.path);
        Ok(match self.http.send(&sent).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => Err(format!("{method} {path}: expected a success, found {}", answer.shown())),
            Err(problem) => Err(format!("{method} {path}: expected an answer, got {problem}")),
        })
    }

    /// Waits until the probe is refused (or, for `enabled = false`, no longer is); how long that took, or what
    /// was seen instead.
    pub(crate) async fn seen(&self, enabled: bool) -> Result<Duration, String> {
        let started = std::time::Instant::now();
        let limit = self.context.settings.limits.request;
        let what = if enabled { "refusing the write" } else { "taking writes again" };
        wait::until(what, limit, || async {
            match self.http.send(&self.probe).await {
                Ok(answer) if refused(&answer).is_ok() == enabled && (enabled || answer.status != 503) => {
                    Ok(())
                }
                Ok(answer) => Err(match refused(&answer) {
                    Ok(()) => "status 503".into(),
                    Err(problem) => problem,
                }),
                Err(problem) => Err(problem),
            }
        })
        .await
        .map(|()| started.elapsed())
        .map_err(|timed_out| format!("{} {}: {timed_out}", self.probe.method, self.probe.path))
    }

    /// Whether the mode is on now.
    pub(crate) async fn is_on(&self) -> Result<bool, String> {
        self.http.send(&self.probe).await.map(|answer| refused(&answer).is_ok())
    }
}

/// The section, or that there is none.
pub(crate) fn section(contract: &Contract) -> Result<&Maintenance, CheckError> {
    let missing = || CheckError::Missing("contract.toml has no [maintenance]".into());
    contract.maintenance.as_ref().ok_or_else(missing)
}

/// Whether an answer is the refusal of maintenance mode: 503, and when to come back.
pub(crate) fn refused(answer: &Answer) -> Result<(), String> {
    if answer.status != 503 {
        return Err(format!("expected status 503, found {}", answer.status.as_u16()));
    }
    match answer.header("retry-after") {
        None => Err("header Retry-After: expected a value, found nothing".into()),
        Some(value)
            if value.trim().parse::<u32>().is_ok() || httpdate::parse_http_date(value.trim()).is_ok() =>
        {
            Ok(())
        }
        Some(value) => Err(format!("header Retry-After: expected seconds or a date, found {value:?}")),
    }
}
