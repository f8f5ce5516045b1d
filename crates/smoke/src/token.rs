//! The admin token of the service: what switches maintenance mode, and writes during it.

use runbook::check::CheckError;
use runbook::context::Context;
use secrecy::SecretString;

/// A token that a rehearsal made for the service it started; it goes before the environment's.
#[derive(Debug, Clone)]
pub struct AdminToken(pub SecretString);

/// The token that goes with writes: none where the service has an authentication of its own, which goes first.
pub(crate) fn of_writes(context: &Context) -> Option<SecretString> {
    find(context).filter(|_| context.settings.api.authentication.bearer_variable.is_none())
}

/// The token: of the stash, or of the environment variable that the settings name. None where neither has one.
pub(crate) fn find(context: &Context) -> Option<SecretString> {
    if let Some(token) = context.stash.get::<AdminToken>() {
        return Some(token.0.clone());
    }
    let variable = context.settings.api.maintenance.as_ref()?.token_variable.as_ref()?;
    std::env::var(variable).ok().filter(|token| !token.is_empty()).map(SecretString::from)
}

/// [`find`], or which variable would have held it.
pub(crate) fn required(context: &Context) -> Result<Option<SecretString>, CheckError> {
    let Some(maintenance) = &context.settings.api.maintenance else {
        return Err(CheckError::Missing("the settings have no [api.maintenance]".into()));
    };
    match (find(context), &maintenance.token_variable) {
        (None, Some(variable)) => Err(CheckError::Missing(format!("no admin token: set {variable}"))),
        (token, _) => Ok(token),
    }
}
