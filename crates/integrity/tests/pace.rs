//! A target that answers slower than before is left alone for a while.

use std::time::Duration;

use harness::Database;
use harness::proxy::Proxy;
use runbook::context::Database as Target;
use runbook::ephemeral::Ephemeral;
use runbook::secret::DatabaseUrl;
use runbook::verdict::Outcome;

use crate::support::with;
use crate::verdict;

const WAITS: &str = "waits for the target";

/// The verdict on a check through a network that gets slow while it runs, and whether it waited.
async fn over_a_network_that_slows_down(back_off: Duration) -> (Outcome, bool) {
    let db = Database::seeded().await.unwrap();
    let options = db.url().connect_options();
    let address = format!("{}:{}", options.get_host(), options.get_port()).parse().unwrap();
    let proxy = Proxy::to(address).await.unwrap();
    let through =
        db.url().expose().replace(&options.get_port().to_string(), &proxy.address().port().to_string());
    let mut context = db.context();
    with(&mut context, |settings| {
        settings.integrity.back_off = back_off;
        settings.integrity.connections = 1;
    });
    let limits = context.settings.limits.reading();
    let ephemeral = Ephemeral::adopt(DatabaseUrl::parse(&through).unwrap(), limits).await.unwrap();
    context.database = Target::Ephemeral(ephemeral);
    // The first words about progress are those of the first claim: from then on each answer takes its time.
    let slow = std::sync::Arc::new(tokio::sync::Notify::new());
    let begun = std::sync::Arc::clone(&slow);
    context.stash.put(runbook::meter::Meter::new(move |_| begun.notify_one()));
    let slows = async {
        slow.notified().await;
        proxy.delay(Duration::from_millis(60));
        let sent = || proxy.traffic().iter().map(|traffic| traffic.sent).sum::<u64>();
        let before = sent();
        // A few more questions and their answers, all of them slow.
        runbook::wait::until("more traffic", Duration::from_secs(20), || async {
            let more = sent() - before;
            if more > 1500 { Ok(()) } else { Err(more) }
        })
        .await
        .unwrap();
        proxy.heal().await.unwrap();
    };
    let (verdict, ()) = tokio::join!(verdict(&context, "integrity.constraints.not_null"), slows);
    (verdict.outcome(), verdict.measurements().iter().any(|m| m.name == WAITS && m.value > 0.0))
}

#[tokio::test]
async fn slower_target_is_waited_for() {
    assert_eq!(over_a_network_that_slows_down(Duration::from_millis(20)).await, (Outcome::Pass, true));
}

#[tokio::test]
async fn target_is_never_waited_for_where_the_settings_say_so() {
    assert_eq!(over_a_network_that_slows_down(Duration::ZERO).await, (Outcome::Pass, false));
}
