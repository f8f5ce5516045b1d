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
}

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
        Ok(format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {snapshot}SET LOCAL statement_timeout = {}; \
             SET LOCAL lock_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = {}; \
             SET LOCAL standard_conforming_strings = on; SAVEPOINT {START}",
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
