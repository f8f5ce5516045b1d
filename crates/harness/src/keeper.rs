//! A thread with a runtime of its own: what must not die with a test's runtime is done there.

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::Handle;

use crate::HarnessError;

/// Runs `work` on the keeper's runtime; the returned future only waits for it, so dropping it cancels nothing.
pub(crate) async fn run<T, F>(work: F) -> Result<T, HarnessError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, HarnessError>> + Send + 'static,
{
    match handle()?.spawn(work).await {
        Ok(result) => result,
        Err(error) => Err(HarnessError::Other(format!("the harness's own thread failed: {error}"))),
    }
}

/// Starts `work` on the keeper's runtime and returns a way to wait for its end from any thread.
pub(crate) fn start<F>(work: F) -> Result<std::sync::mpsc::Receiver<()>, HarnessError>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (done, wait) = std::sync::mpsc::channel();
    handle()?.spawn(async move {
        work.await;
        let _ = done.send(());
    });
    Ok(wait)
}

fn handle() -> Result<Handle, HarnessError> {
    static HANDLE: OnceLock<Result<Handle, String>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| format!("a runtime could not be built: {error}"))?;
            let handle = runtime.handle().clone();
            std::thread::Builder::new()
                .name("runbook-keeper".into())
                .spawn(move || runtime.block_on(std::future::pending::<()>()))
                .map_err(|error| format!("a thread could not be started: {error}"))?;
            Ok(handle)
        })
        .clone()
        .map_err(HarnessError::Other)
}
