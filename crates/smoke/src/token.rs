//! The admin token of the service: what switches maintenance mode, and writes during it.

use runbook::check::CheckError;
use runbook::context::Context;
use secrecy::SecretString;

/// A token that a rehearsal made for the service it started; it goes before the environment's.
#[derive(Debug, Clone)]
pub struct AdminToken(pub SecretString);

/// The token: of the stash, or of the environment variable that the settings name. None where neither has one.
pub(crate) fn find(context: &Context) -> Option<SecretString> {
    if let Some(token) = context.stash.get::<AdminToken>() {
        return Some(token.0.clone());
    }
    let maintenance = context.settings.api.maintenance.as_ref()?;
    std::env::var(&maintenance.token_variable).ok().filter(|token| !token.is_empty()).map(SecretString::from)
}

/// [`find`], or which variable would have held it.
pub(crate) fn required(context: &Context) -> Result<SecretString, CheckError> {
    find(context).ok_or_else(|| {
        CheckError::Missing(match &context.settings.api.maintenance {
            Some(maintenance) => format!("no admin token: set {}", maintenance.token_variable),
            None => "the settings have no [api.maintenance]".into(),
        })
    })
}
