//! The switch of maintenance mode, and the harmless write by which it is seen.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::wait;
use serde_json::json;

use crate::contract::{Contract, Maintenance};
use crate::http::{Answer, Http, Sent};
use crate::token;

/// What switches maintenance mode of one target and sees whether it is on.
pub(crate) struct Switch<'a> {
    context: &'a Context,
    http: Arc<Http>,
    probe: Sent,
}

impl<'a> Switch<'a> {
    pub(crate) fn new(context: &'a Context, contract: &Contract) -> Result<Self, CheckError> {
        let section = section(contract)?;
        let method = Method::from_bytes(section.probe.method.as_bytes()).map_err(|_| {
            CheckError::Other(format!("contract.toml: `{}` is not a method", section.probe.method))
        })?;
        let probe = Sent {
            method,
            path: section.probe.path.clone(),
            headers: vec![("Content-Type".into(), "application/json".into())],
            body: Some(section.probe.body.clone()),
            // Whoever has the token is let through; the probe asks for everybody else.
            token: None,
        };
        Ok(Self { context, http: Http::of(context)?, probe })
    }

    /// Sends the request that switches the mode; the error says what came instead of a success.
    pub(crate) async fn set(&self, enabled: bool) -> Result<Result<(), String>, CheckError> {
        let token = token::required(self.context)?;
        let path = &self.context.settings.api.maintenance.as_ref().map(|section| section.path.clone());
        let Some(path) = path else {
            return Err(CheckError::Missing("the settings have no [api.maintenance]".into()));
        };
        let sent = Sent {
            method: Method::PUT,
            path: path.clone(),
            headers: vec![("Content-Type".into(), "application/json".into())],
            body: Some(json!({ "enabled": enabled }).to_string()),
            token: Some(token),
        };
        Ok(match self.http.send(&sent).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => {
                Err(format!("PUT {path}: expected a success, found status {}", answer.status.as_u16()))
            }
            Err(problem) => Err(format!("PUT {path}: expected an answer, got {problem}")),
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
        // Seconds, or a date, which ends in GMT.
        Some(value) if value.trim().parse::<u32>().is_ok() || value.trim().ends_with("GMT") => Ok(()),
        Some(value) => Err(format!("header Retry-After: expected seconds or a date, found {value:?}")),
    }
}
