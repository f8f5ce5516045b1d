//! Waiting with a deadline: the last state seen is what a person reads.

use std::cell::Cell;
use std::time::Duration;

use runbook::wait::until;

#[tokio::test]
async fn the_value_is_given_as_soon_as_there_is_one() {
    let asked = Cell::new(0);
    let value = until("the third answer", Duration::from_secs(60), || async {
        asked.set(asked.get() + 1);
        if asked.get() < 3 { Err(format!("answer {}", asked.get())) } else { Ok("done") }
    });
    assert_eq!(value.await.unwrap(), "done");
    assert_eq!(asked.get(), 3);
}

#[tokio::test]
async fn past_the_deadline_the_last_state_is_said() {
    let error =
        until("the server ready", Duration::from_millis(20), || async { Err::<(), _>("starting") }).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "the server ready did not happen within 0.02 s; last seen: starting"
    );
}

#[tokio::test]
async fn a_probe_that_hangs_is_cut_at_the_deadline() {
    let error =
        until("an answer", Duration::from_millis(20), std::future::pending::<Result<(), String>>).await;
    assert!(error.unwrap_err().to_string().ends_with("last seen: nothing"));
}
