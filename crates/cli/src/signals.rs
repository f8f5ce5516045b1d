//! Ctrl-C, SIGTERM and the end of the terminal: the first ends the run cleanly, with a report of what was done; the second
//! ends it at once.

use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Becomes `true` at the first signal after this call.
pub(crate) fn stop() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    if !hangup_is_ignored() {
        kinds.push(SignalKind::hangup());
    }
    let Ok(mut signals) = kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>() else {
        // Without handlers a signal ends the program as it always did; the watcher of the harness cleans up.
        return receiver;
    };
    tokio::spawn(async move {
        any(&mut signals).await;
        let _ = sender.send(true);
        any(&mut signals).await;
        #[allow(
            clippy::disallowed_methods,
            reason = "asked twice: the watcher of the harness cleans up after us"
        )]
        std::process::exit(130);
    });
    receiver
}

async fn any(signals: &mut [Signal]) {
    std::future::poll_fn(|context| {
        let came = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if came { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Under `nohup` the run goes on. Linux alone tells without a system call of our own; elsewhere it ends cleanly.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 != 0)
}
