//! Ctrl-C and SIGTERM: the first ends the run cleanly, with a report of what was done; the second ends it at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Becomes `true` at the first signal.
pub(crate) fn stop() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            // Without handlers a signal ends the program as it always did; the watcher of the harness cleans up.
            std::future::pending::<()>().await;
            return;
        };
        either(&mut interrupt, &mut terminate).await;
        let _ = sender.send(true);
        either(&mut interrupt, &mut terminate).await;
        #[allow(
            clippy::disallowed_methods,
            reason = "asked twice: the watcher of the harness cleans up after us"
        )]
        std::process::exit(130);
    });
    receiver
}

async fn either(first: &mut Signal, second: &mut Signal) {
    tokio::select! {
        _ = first.recv() => {}
        _ = second.recv() => {}
    }
}
