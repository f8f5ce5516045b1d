//! Why no answer came, and whether the request may be sent once more.

use std::time::Duration;

use super::Sent;

/// What came instead of an answer.
pub(super) struct Failure {
    /// In one fragment.
    pub(super) said: String,
    /// The connection was refused or lost: another attempt may well be answered.
    lost: bool,
    /// The service has not seen the request.
    unsent: bool,
}

impl Failure {
    pub(super) fn new(error: &reqwest::Error, base: &str, limit: Duration) -> Self {
        let (lost, unsent) = (is_lost(error), error.is_connect());
        let said = if error.is_timeout() {
            format!("no answer within {} s", limit.as_secs_f64())
        } else if error.is_redirect() {
            innermost(error)
        } else if unsent {
            format!("no connection to {base}: {}", innermost(error))
        } else {
            format!("no whole answer: {}", innermost(error))
        };
        Self { said, lost: lost && !error.is_timeout(), unsent }
    }

    /// Nothing was sent, and nothing would be at another attempt.
    pub(super) fn unsendable(said: String) -> Self {
        Self { said, lost: false, unsent: true }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self { said: format!("an answer of more than {limit} bytes"), lost: false, unsent: false }
    }

    /// Whether a second attempt can do no harm: the service never saw the first, or a second does what one does.
    pub(super) fn may_repeat(&self, sent: &Sent) -> bool {
        self.lost && (self.unsent || sent.method.is_safe() || sent.repeatable)
    }
}

/// Refused, reset, or closed before the answer was whole.
fn is_lost(error: &reqwest::Error) -> bool {
    use std::io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof,
    };
    let kinds = [BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof];
    let io = chain(error)
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|io| kinds.contains(&io.kind()));
    // hyper's own kind for it is not visible through reqwest.
    io || innermost(error).contains("connection closed before message completed")
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |inner| inner.source())
}

fn innermost(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}
