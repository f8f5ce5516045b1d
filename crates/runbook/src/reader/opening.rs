//! How a session begins: its limits, and whose snapshot it sees.

use std::time::Duration;

use super::{ReadLimits, START};
use crate::check::CheckError;

/// What differs from the settings' limits for one session. The default differs in nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opening {
    /// The snapshot of another session ([`Reader::export_snapshot`](super::Reader::export_snapshot)) that this one is
    /// to see. The other one must still be open.
    pub snapshot: Option<String>,
    /// `statement_timeout`, where it is not the settings'.
    pub statement: Option<Duration>,
    /// `idle_in_transaction_session_timeout`, for a session that others lean on while it waits.
    pub idle: Option<Duration>,
    /// Whether dates, times and floating point numbers are written as the database has set it for its own clients (`ALTER
    /// DATABASE … SET`). The driver asks for its own ways, and what the rows hold was made under those of the database:
    /// `seen_at::date`, or a number as text. Statements are read as the server reads them by itself.
    pub as_the_database: bool,
    /// Whether the service's own queries are asked, which the server may compile (`jit`) as it would for the service. Else
    /// it compiles nothing: a question to the catalogue looks dear where there are many tables, and is over in less time
    /// than compiling it takes (whole seconds were seen).
    pub for_the_service: bool,
}

/// What the driver sends at the start of a session, back to what the database has set, where it has.
const AS_THE_DATABASE: &str = "SET LOCAL quote_all_identifiers = off; SET LOCAL array_nulls = on; \
    SET LOCAL transform_null_equals = off; SELECT pg_catalog.set_config(own.name, own.value, true) FROM (\
    SELECT pg_catalog.split_part(entry, '=', 1) AS name, \
    pg_catalog.substr(entry, pg_catalog.strpos(entry, '=') + 1) AS value \
    FROM pg_catalog.pg_db_role_setting AS s \
    JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase AND d.datname = pg_catalog.current_database() \
    CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS entry WHERE s.setrole = 0) AS own \
    WHERE pg_catalog.lower(own.name) IN ('datestyle', 'timezone', 'extra_float_digits'); ";

impl Opening {
    /// The limits of this session.
    pub(super) fn limits(&self, limits: ReadLimits) -> ReadLimits {
        ReadLimits {
            statement: self.statement.unwrap_or(limits.statement),
            idle: self.idle.unwrap_or(limits.idle),
            ..limits
        }
    }

    /// The text that opens a session: constants, numbers, and a name of hexadecimal digits and dashes, so it may go
    /// as one simple query.
    ///
    /// `standard_conforming_strings` is set because the guard reads strings by that rule.
    pub(super) fn text(&self, limits: ReadLimits) -> Result<String, CheckError> {
        let snapshot = match &self.snapshot {
            None => String::new(),
            Some(name) if is_snapshot(name) => format!("SET TRANSACTION SNAPSHOT '{name}'; "),
            Some(name) => return Err(CheckError::Other(format!("{name:?} is not the name of a snapshot"))),
        };
        let compiling = if self.for_the_service { "" } else { "SET LOCAL jit = off; " };
        let own = if self.as_the_database { AS_THE_DATABASE } else { "" };
        Ok(format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {snapshot}SET LOCAL statement_timeout = {}; \
             SET LOCAL lock_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = {}; \
             SET LOCAL standard_conforming_strings = on; {compiling}{own}SAVEPOINT {START}",
            milliseconds(limits.statement),
            milliseconds(limits.lock),
            milliseconds(limits.idle),
        ))
    }
}

/// As the server makes them: `00000003-0000001B-1`.
fn is_snapshot(name: &str) -> bool {
    !name.is_empty() && name.len() <= 63 && name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// For the server, 0 means no limit: the least is 1 ms, the most what an integer setting takes.
fn milliseconds(limit: Duration) -> u128 {
    limit.as_millis().clamp(1, 2_147_483_647)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ReadLimits =
        ReadLimits { statement: Duration::ZERO, lock: Duration::from_secs(2), idle: Duration::MAX };

    #[test]
    fn limits_are_never_zero_which_would_be_none() {
        let text = Opening::default().text(LIMITS).unwrap();
        assert!(text.contains("statement_timeout = 1;") && text.contains("lock_timeout = 2000;"), "{text}");
        assert!(text.contains("session_timeout = 2147483647;"), "{text}");
    }

    #[test]
    fn only_what_the_server_calls_a_snapshot_is_sent() {
        let opening = |name: &str| Opening { snapshot: Some(name.into()), ..Opening::default() };
        assert!(
            opening("00000003-0000001B-1").text(LIMITS).unwrap().contains("SNAPSHOT '00000003-0000001B-1'")
        );
        for hostile in ["", "'; DROP TABLE x; --", "0\n", &"0".repeat(64)] {
            assert!(opening(hostile).text(LIMITS).is_err(), "{hostile:?}");
        }
    }
}
