//! Writers beside the proof: they insert, update and delete in every table, and keep every claim true at each moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use harness::Database;
use runbook::verdict::Outcome;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::support::live;
use crate::{execute, verdicts};

/// One round of a writer: in each transaction all that belongs together, so that no snapshot sees half of it.
const ROUND: &str = include_str!("round.sql");

/// Writers that go on until they are stopped.
pub(crate) struct Writers {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Writers {
    /// So many of them.
    pub(crate) fn start(db: &Database, number: usize) -> Self {
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..number)
            .map(|number| {
                let (url, stop, rounds) = (db.url().clone(), Arc::clone(&stop), Arc::clone(&rounds));
                tokio::spawn(async move {
                    let mut connection = PgConnection::connect_with(&url.connect_options()).await.unwrap();
                    let mut round = 0_u64;
                    while !stop.load(Ordering::Relaxed) {
                        round += 1;
                        let sql = ROUND
                            .replace("{writer}", &number.to_string())
                            .replace("{round}", &round.to_string());
                        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
                        rounds.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        Self { stop, rounds, tasks }
    }

    /// How many rounds they have done.
    pub(crate) fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }

    /// Lets them finish, and fails when one of them did.
    pub(crate) async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.rounds.load(Ordering::Relaxed)
    }
}

/// Runs the suite so often beside writers. Nothing may fail; what a lock or a rewrite hindered may be not measured.
/// Returns how many verdicts passed, and how many were not measured.
pub(crate) async fn silent_beside_writers(db: &Database, runs: usize) -> (usize, usize) {
    execute(db, "CREATE EXTENSION IF NOT EXISTS amcheck").await;
    let writers = Writers::start(db, 2);
    let (mut passed, mut hindered) = (0, 0);
    for run in 0..runs {
        let before = writers.rounds();
        for (id, verdict) in verdicts(&live(db).await).await {
            match verdict.outcome() {
                Outcome::Pass => passed += 1,
                Outcome::NotMeasured => hindered += 1,
                Outcome::Fail => panic!("run {run}: {id}: {verdict:#?}"),
            }
        }
        assert!(writers.rounds() > before, "run {run} was not disturbed");
    }
    writers.stop().await;
    (passed, hindered)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_fails_beside_writers_that_keep_every_claim_true() {
    let db = Database::seeded().await.unwrap();
    let (passed, hindered) = silent_beside_writers(&db, 3).await;
    assert!(passed >= 3 * 9, "{passed} passed, {hindered} were not measured");
}
