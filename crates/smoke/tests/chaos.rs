//! Creates under random faults on both sides of the service: none lost, none doubled. The seed is printed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use harness::Database;
use harness::proxy::Proxy;
use harness::service::Service;
use runbook::wait;
use serde_json::{Value, json};

use crate::bad_days::{at_port, client};

/// How long one attempt may take: a request that a fault swallowed is given up and sent again.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long anything may take; only a broken service needs it.
const PATIENCE: Duration = Duration::from_secs(120);
const WRITERS: usize = 16;

/// splitmix64: the same faults for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

#[derive(Default)]
struct Progress {
    done: AtomicUsize,
    failed: AtomicUsize,
}

/// Writers create until all is acknowledged, each create with a key of its own, sent again until it is answered.
#[allow(clippy::print_stdout, reason = "the seed is what a failure is repeated with")]
async fn chaos(creates: usize, seed: u64) {
    println!("seed {seed}");
    let db = Database::seeded().await.unwrap();
    let port = db.url().connect_options().get_port();
    let behind = Proxy::to(([127, 0, 0, 1], port).into()).await.unwrap();
    let url = at_port(db.url(), behind.address().port());
    let service = Service::start(&harness::settings().api.start, &url).await.unwrap();
    let before = Proxy::to(service.address()).await.unwrap();
    let base = format!("http://{}", before.address());
    let (client, progress, next) =
        (client(ATTEMPT), Arc::new(Progress::default()), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (client, base) = (client.clone(), base.clone());
            let (progress, next) = (Arc::clone(&progress), Arc::clone(&next));
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= creates {
                        return acknowledged;
                    }
                    let body =
                        json!({"name": number.to_string(), "account_id": "acc_001", "created_by": "chaos"});
                    let key = wait::until("a create is acknowledged", PATIENCE, || async {
                        let request = client
                            .post(format!("{base}/projects"))
                            .header("Idempotency-Key", format!("{seed} {number}"))
                            .json(&body);
                        let answered = async {
                            let answer = request.send().await.map_err(|error| error.to_string())?;
                            let status = answer.status();
                            let value = answer.json::<Value>().await.map_err(|error| error.to_string())?;
                            match value["result"]["project_id"].as_str() {
                                Some(key) if status.is_success() => Ok(key.to_owned()),
                                _ => Err(format!("{status}: {value}")),
                            }
                        };
                        answered.await.inspect_err(|_| {
                            progress.failed.fetch_add(1, Ordering::SeqCst);
                        })
                    })
                    .await
                    .unwrap();
                    acknowledged.push((number, key));
                    progress.done.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let faults = async {
        let mut random = Random(seed);
        let mut planted = 0;
        while progress.done.load(Ordering::SeqCst) < creates {
            let proxy = if random.below(2) == 0 { &before } else { &behind };
            match random.below(4) {
                0 => proxy.cut(),
                1 => proxy.close(),
                2 => proxy.delay(Duration::from_millis(1 + random.below(20))),
                _ => proxy.refuse().await.unwrap(),
            }
            planted += 1;
            // Until it is felt, or, where it is a small one, lived with.
            seen(&progress, creates, 1 + random.below(20), 1 + random.below(4)).await;
            proxy.heal().await.unwrap();
            seen(&progress, creates, 1 + random.below(60), u64::MAX).await;
        }
        planted
    };
    let (writers, planted) = tokio::join!(join_all(writers), faults);
    let acknowledged: Vec<(usize, String)> = writers.into_iter().flat_map(|writer| writer.unwrap()).collect();
    assert_eq!(acknowledged.len(), creates);
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT p.name, p.project_id, (SELECT count(*) FROM project_events AS e WHERE e.project_id = p.project_id)
         FROM projects AS p WHERE p.created_by = 'chaos' ORDER BY p.name::int",
    )
    .fetch_all(db.pool())
    .await
    .unwrap();
    let mut expected: Vec<(String, String, i64)> =
        acknowledged.into_iter().map(|(number, key)| (number.to_string(), key, 1)).collect();
    expected.sort_by_key(|(name, _, _)| name.parse::<usize>().unwrap());
    let failed = progress.failed.load(Ordering::SeqCst);
    assert!(failed > 0 && planted > 1, "{planted} faults, {failed} attempts failed: nothing was proved");
    assert!(rows == expected, "seed {seed}: {} rows for {} acknowledged", rows.len(), expected.len());
    println!("seed {seed}: {creates} creates, {planted} faults, {failed} attempts failed, 0 lost, 0 doubled");
}

/// Until so many more creates are done, so many more attempts have failed, or all is done.
async fn seen(progress: &Progress, creates: usize, more: u64, failures: u64) {
    let (done, failed) =
        (progress.done.load(Ordering::SeqCst) as u64, progress.failed.load(Ordering::SeqCst) as u64);
    wait::until("the fault is felt", PATIENCE, || {
        let now = progress.done.load(Ordering::SeqCst);
        let over = now >= creates
            || now as u64 >= done + more
            || progress.failed.load(Ordering::SeqCst) as u64 >= failed.saturating_add(failures);
        async move { if over { Ok(()) } else { Err(now) } }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn none_of_three_hundred_creates_is_lost_or_doubled() {
    chaos(300, 1).await;
}

/// Left out of the default profile.
mod soak {
    #[tokio::test]
    async fn none_of_ten_thousand_creates_is_lost_or_doubled() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let seed = std::env::var("RUNBOOK_SEED").ok().and_then(|seed| seed.parse().ok());
        super::chaos(10_000, seed.unwrap_or(u64::try_from(now % 1_000_000).unwrap())).await;
    }
}
