//! The admin token of the service: what switches maintenance mode, and writes during it.

use reqwest::header::HeaderValue;
use runbook::check::CheckError;
use runbook::context::Context;
use secrecy::{ExposeSecret as _, SecretString};

/// A token that a rehearsal made for the service it started; it goes before the environment's.
#[derive(Debug, Clone)]
pub struct AdminToken(pub SecretString);

/// The token that goes with writes: none where the service has an authentication of its own, which goes first.
pub(crate) fn of_writes(context: &Context) -> Result<Option<SecretString>, CheckError> {
    if context.settings.api.authentication.bearer_variable.is_some() {
        return Ok(None);
    }
    find(context)
}

/// The token: of the stash, or of the environment variable that the settings name. None where neither has one.
pub(crate) fn find(context: &Context) -> Result<Option<SecretString>, CheckError> {
    if let Some(token) = context.stash.get::<AdminToken>() {
        return sendable(token.0.clone(), "the admin token").map(Some);
    }
    let variable =
        context.settings.api.maintenance.as_ref().and_then(|section| section.token_variable.as_ref());
    let Some(variable) = variable else { return Ok(None) };
    let token = std::env::var(variable).ok().filter(|token| !token.is_empty()).map(SecretString::from);
    token.map(|token| sendable(token, variable)).transpose()
}

/// A token that a header can hold.
fn sendable(token: SecretString, name: &str) -> Result<SecretString, CheckError> {
    match HeaderValue::from_str(token.expose_secret()) {
        Ok(_) => Ok(token),
        Err(_) => Err(CheckError::Missing(format!("{name} holds what no header can: a line break, say"))),
    }
}

/// [`find`], or which variable would have held it.
pub(crate) fn required(context: &Context) -> Result<Option<SecretString>, CheckError> {
    let Some(maintenance) = &context.settings.api.maintenance else {
        return Err(CheckError::Missing("the settings have no [api.maintenance]".into()));
    };
    match (find(context)?, &maintenance.token_variable) {
        (None, Some(variable)) => Err(CheckError::Missing(format!("no admin token: set {variable}"))),
        (token, _) => Ok(token),
    }
}
