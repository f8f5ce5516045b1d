//! What is refused before anything is done: a dump that is not this database's, and rights that would be missed half-way.

use runbook::ephemeral::Ephemeral;
use sqlx::{Connection as _, PgConnection};

use super::names::Names;
use crate::backup::checksum;
use crate::error::RecoveryError;
use crate::folder::Dump;
use crate::manifest::Manifest;
use crate::properties::identifier;

#[derive(sqlx::FromRow)]
struct Rights {
    role: String,
    may_create: bool,
    may_rename: bool,
    owner: String,
    /// `None` where there is no such role.
    may_give: Option<bool>,
}

/// The dump is the one that its manifest describes.
///
/// # Errors
/// When it is another one, or was changed.
pub(super) fn the_dump(dump: &Dump, manifest: &Manifest) -> Result<(), RecoveryError> {
    let name = dump.name();
    let (sha256, _) = checksum(&dump.path)?;
    if sha256 != manifest.sha256 {
        return Err(RecoveryError::Damaged(format!(
            "{name} is not what its manifest says (SHA-256 {sha256}): nothing was changed; use another dump",
        )));
    }
    if name != manifest.dump {
        return Err(RecoveryError::Damaged(format!(
            "the manifest of {name} is that of {}: nothing was changed; give dump and manifest the names that they were \
             written with",
            manifest.dump
        )));
    }
    Ok(())
}

/// The dump is of this database, and this role may do all that a rollback does.
///
/// # Errors
/// When it is not, or may not; the message says what to grant.
pub(super) async fn the_database(
    control: &mut PgConnection,
    names: &Names,
    target: &Ephemeral,
    manifest: &Manifest,
) -> Result<(), RecoveryError> {
    let refused = |problem: String| Err(RecoveryError::Refused(format!("{problem}; nothing was changed")));
    let closed: Option<bool> =
        sqlx::query_scalar("SELECT NOT datallowconn FROM pg_catalog.pg_database WHERE datname = $1")
            .bind(&names.live)
            .fetch_optional(&mut *control)
            .await?;
    if closed == Some(true) {
        return refused(format!(
            "the database {} is closed to every session, ours too: ALTER DATABASE {} ALLOW_CONNECTIONS true",
            names.live,
            identifier(&names.live)
        ));
    }
    // As it says itself: in another encoding, another database's session may read its name otherwise.
    let itself: String = target.reader().await?.scalar("SELECT pg_catalog.current_database()::text").await?;
    let (live, of) = (&names.live, manifest.database.name());
    if itself != of {
        return refused(format!(
            "{} is a dump of the database {of}, and this one is {live}: use a dump of its own",
            manifest.dump
        ));
    }
    let wanted = manifest.database.owner();
    let rights: Option<Rights> = sqlx::query_as(include_str!("preconditions.sql"))
        .bind(live)
        .bind(wanted)
        .fetch_optional(&mut *control)
        .await?;
    match rights {
        None => refused(format!("there is no database {live} on this server")),
        Some(Rights { role, may_create: false, .. }) => refused(format!(
            "the role {role} may not create databases, and the dump is restored into a new one: ALTER ROLE {role} CREATEDB"
        )),
        Some(Rights { role, may_rename: false, owner, .. }) => refused(format!(
            "the role {role} may not rename the database, which belongs to {owner}: GRANT {owner} TO {role}"
        )),
        Some(Rights { may_give: None, .. }) => refused(format!(
            "the database belonged to the role {wanted}, which is not there any more: CREATE ROLE {wanted}"
        )),
        Some(Rights { role, may_give: Some(false), .. }) => refused(format!(
            "the role {role} may not give the database to {wanted}, whose it was: GRANT {wanted} TO {role}"
        )),
        Some(Rights { role, .. }) => match try_on(control, live, manifest).await {
            Err(RecoveryError::Check(error)) => refused(format!(
                "the role {role} cannot give the database what it had (owner, limits, labels, grants, settings): {error}: make \
                 that possible, or roll back as a superuser"
            )),
            other => other,
        },
    }
}

/// Gives the database of now what it had then, and takes that back at once: what is refused is refused before the restore, and
/// by the server itself.
async fn try_on(control: &mut PgConnection, live: &str, manifest: &Manifest) -> Result<(), RecoveryError> {
    let mut transaction = control.begin().await?;
    let tried = manifest.database.apply(&mut transaction, live).await;
    transaction.rollback().await?;
    tried
}
