//! Why a live database could not be connected to: one sentence each, with what to do, without the password.

use std::io::ErrorKind;
use std::time::Duration;

use crate::check::CheckError;
use crate::secret::DatabaseUrl;

/// 57P03 `cannot_connect_now`: starting up, or a standby that does not serve reads yet.
pub(super) fn is_starting_up(error: &sqlx::Error) -> bool {
    code(error).as_deref() == Some("57P03")
}

/// A pooler that does not know a startup parameter (PgBouncer: 08P01).
pub(super) fn is_refused_parameter(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.message().contains("startup parameter"))
}

/// The server was asked, and did not come up in time.
pub(super) fn still_starting(url: &DatabaseUrl, limit: Duration, last: &str) -> CheckError {
    CheckError::Missing(format!(
        "{url} is still starting up after {} s, it says: {last}; wait for its recovery to end and try again",
        limit.as_secs_f64()
    ))
}

/// Nothing came back at all.
pub(super) fn no_answer(url: &DatabaseUrl, limit: Duration) -> CheckError {
    CheckError::Missing(format!(
        "{url} did not answer within {} s; is a firewall between here and there?",
        limit.as_secs_f64()
    ))
}

/// The sentence for an error of a connection attempt.
pub(super) fn explain(url: &DatabaseUrl, error: &sqlx::Error) -> CheckError {
    let sentence = match error {
        sqlx::Error::Database(_) => by_code(url, error),
        sqlx::Error::Tls(source) => tls(url, &source.to_string()),
        sqlx::Error::Io(io) => network(url, io),
        other => format!("{url} cannot be connected to: {}", one_line(&other.to_string())),
    };
    CheckError::Missing(sentence)
}

fn by_code(url: &DatabaseUrl, error: &sqlx::Error) -> String {
    let options = url.connect_options();
    let (user, database) = (options.get_username(), options.get_database().unwrap_or_default());
    let said = one_line(error.as_database_error().map_or("", |error| error.message()));
    match code(error).as_deref() {
        Some("28P01") if url.has_password() => {
            format!("{url} refuses the password of user `{user}`; check the address, PGPASSWORD or ~/.pgpass")
        }
        Some("28P01") => no_password(url, user),
        Some("28000") => {
            format!(
                "{url} does not let user `{user}` in: {said}; check the role, and pg_hba.conf on the server"
            )
        }
        Some("3D000") => format!("there is no database `{database}` at {url}; check the name in the address"),
        Some("42501") => {
            format!(
                "user `{user}` may not connect to {url}; GRANT CONNECT ON DATABASE to it, or name another role"
            )
        }
        Some("53300") => {
            format!(
                "{url} has no connection left: {said}; try again later, or raise the limit of the role or the server"
            )
        }
        Some("57P01" | "57P02") => format!("{url} is shutting down; try again when it is back"),
        Some(code) => format!("{url} refused the connection: {said} (SQLSTATE {code})"),
        None => format!("{url} refused the connection: {said}"),
    }
}

fn no_password(url: &DatabaseUrl, user: &str) -> String {
    match url.unused_passfile() {
        Some(file) => format!(
            "{url} asks user `{user}` for a password, and {file} is not used because others can read it; chmod 0600 it"
        ),
        None => format!(
            "{url} asks user `{user}` for a password and none was given; set PGPASSWORD or add a line to ~/.pgpass"
        ),
    }
}

/// The driver hands over its TLS library's own words, and no types: these are the phrases of rustls 0.23.
fn tls(url: &DatabaseUrl, said: &str) -> String {
    let has = |text: &str| said.to_lowercase().contains(text);
    if has("does not support tls") {
        format!(
            "{url} offers no TLS, and the sslmode asks for it; switch ssl on there, or name another sslmode"
        )
    } else if has("expired") {
        format!("the certificate of {url} has expired; have it renewed on the server")
    } else if has("not valid yet") {
        format!("the certificate of {url} is not valid yet; check the clock of both machines")
    } else if has("unknownissuer") || has("badsignature") {
        format!(
            "the certificate of {url} is signed by an authority that is not trusted; name its file with sslrootcert"
        )
    } else if has("not valid for") {
        format!("the certificate of {url} is for another host name; connect by the name it was made for")
    } else {
        format!("no TLS session with {url}: {}", one_line(said))
    }
}

fn network(url: &DatabaseUrl, error: &std::io::Error) -> String {
    // The TLS handshake reports through an I/O error.
    if let Some(inner) = error.get_ref()
        && (error.kind() == ErrorKind::InvalidData || inner.source().is_some())
    {
        return tls(url, &inner.to_string());
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!("nothing listens at {url}; check the host and the port, and that the server runs")
        }
        ErrorKind::NotFound if url.host().starts_with('/') => {
            format!("there is no socket for {url}; check the folder and the port, and that the server runs")
        }
        ErrorKind::NotFound | ErrorKind::PermissionDenied if !url.certificate_files().is_empty() => format!(
            "a certificate file of {url} cannot be read ({}): {error}; check sslrootcert, sslcert and sslkey",
            url.certificate_files().join(", ")
        ),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::UnexpectedEof
        | ErrorKind::BrokenPipe => {
            format!("{url} closed the connection before it was open; does a Postgres server listen there?")
        }
        _ if error.to_string().contains("lookup") => {
            format!(
                "the host name of {url} is not known; check its spelling, and the name service of this machine"
            )
        }
        _ => format!("{url} cannot be reached: {}", one_line(&error.to_string())),
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
