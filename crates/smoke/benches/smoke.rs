//! What the suite costs: a request of a case over a bare one, the whole contract, and how soon `/ready` tells.
//!
//! Each ratio is of one run, its rounds interleaved. It ends with an error where a target is missed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench says what is wrong by panicking, and what it measured by printing"
)]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::proxy::Proxy;
use harness::service::Service;
use harness::{Database, Server};
use runbook::context::{Api, Context};
use runbook::secret::DatabaseUrl;
use runbook::verdict::Outcome;
use secrecy::SecretString;
use smoke::{AdminToken, ServiceLog};

/// Requests of a round, and rounds of each kind: many short ones, since the machine's pace changes within a second.
const REQUESTS: u32 = 50;
const ROUNDS: usize = 201;
/// The targets.
const RATIO: f64 = 1.10;
const CONTRACT: Duration = Duration::from_secs(5);
const NOT_READY: Duration = Duration::from_secs(1);
const READY: Duration = Duration::from_secs(2);

fn main() {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    if asked("--list") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Tried, not measured: nothing is judged.
    if asked("--test") {
        runtime.block_on(contract());
        return;
    }
    let missed = runtime.block_on(async {
        let contract = contract().await;
        let ratio = ratio().await;
        let ready = ready().await;
        [contract, ratio, ready].into_iter().flatten().collect::<Vec<_>>()
    });
    assert!(missed.is_empty(), "{}", missed.join("; "));
}

/// Every check: the database, the service and all cases.
async fn contract() -> Option<String> {
    // The server, the template and the service's program are there on a machine that has tested before.
    let db = Database::seeded().await.unwrap();
    drop(Service::start(&harness::settings().api.start, db.url()).await.unwrap());
    drop(db);
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let started = Instant::now();
        let db = Database::seeded().await.unwrap();
        let service = Service::start(&harness::settings().api.start, db.url()).await.unwrap();
        let context = of(&db, &service);
        let mut examined = 0;
        for check in smoke::checks() {
            let verdict = check.run(&context).await;
            assert_eq!(verdict.outcome(), Outcome::Pass, "{}: {:#?}", check.id, verdict.findings());
            examined += verdict.examined();
        }
        let took = started.elapsed();
        println!(
            "contract: {examined} requests and rows, database and service included: {:.2} s",
            took.as_secs_f64()
        );
        best = best.min(took);
    }
    (best > CONTRACT).then(|| format!("the contract took {:.2} s", best.as_secs_f64()))
}

/// The same request by a case and by bare reqwest, in turn.
async fn ratio() -> Option<String> {
    let db = Database::seeded().await.unwrap();
    let service = Arc::new(Service::start(&harness::settings().api.start, db.url()).await.unwrap());
    let mut context = of(&db, &service);
    let (said, heard) = (Arc::clone(&service), Arc::clone(&service));
    context.stash.put(ServiceLog::of(move || said.said(), move |mark| heard.output_since(mark)));
    let folder = tempfile::tempdir().unwrap();
    let mut settings = (*context.settings).clone();
    for name in ["contract.toml", "envelope.schema.json", "create_test_project.toml", "query_it_back.toml"] {
        std::fs::copy(settings.path("api").join(name), folder.path().join(name)).unwrap();
    }
    let mut rows = String::new();
    for number in 0..REQUESTS {
        write!(rows, "{{ n = \"{number}\" }}, ").unwrap();
    }
    let case = format!(
        "title = 'x'\ncheck = 'smoke.project.read'\n[[step]]\npath = '/projects/proj_test_001?n={{n}}'\neach = [{rows}]\n\
         [step.expect]\nstatus = 200\n[step.expect.json]\n'/result/project_id' = 'proj_test_001'\n\
         '/result/name' = {{ present = true }}\n"
    );
    std::fs::write(folder.path().join("measured.toml"), case).unwrap();
    settings.api.cases = Some(folder.path().to_owned());
    context.settings = settings.into();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let base = service.base_url();
    let bare = async || {
        let started = Instant::now();
        for number in 0..REQUESTS {
            let answer =
                client.get(format!("{base}/projects/proj_test_001?n={number}")).send().await.unwrap();
            assert!(answer.status() == 200 && !answer.bytes().await.unwrap().is_empty());
        }
        started.elapsed().as_secs_f64()
    };
    let ours = async || {
        let started = Instant::now();
        let verdict = smoke::run_case(&context, "measured").await.unwrap();
        assert_eq!((verdict.outcome(), verdict.examined()), (Outcome::Pass, u64::from(REQUESTS)));
        started.elapsed().as_secs_f64()
    };
    bare().await;
    ours().await;
    let (mut bares, mut cases) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Each is as often the first as the second.
        if round % 2 == 0 {
            bares.push(bare().await);
            cases.push(ours().await);
        } else {
            cases.push(ours().await);
            bares.push(bare().await);
        }
    }
    let mut ratios: Vec<f64> = bares.iter().zip(&cases).map(|(bare, case)| case / bare).collect();
    let ratio = median(&mut ratios);
    let each = |rounds: &mut Vec<f64>| median(rounds) * 1e6 / f64::from(REQUESTS);
    println!(
        "a request: bare {:.0} µs, by a case {:.0} µs, ratio {ratio:.3} (median of {ROUNDS} interleaved rounds of {REQUESTS})",
        each(&mut bares),
        each(&mut cases)
    );
    (ratio > RATIO).then(|| format!("a request of a case costs {ratio:.3} of a bare one"))
}

/// How soon `/ready` tells that the database is gone, and that it is back: the network of one, and a server that ends.
async fn ready() -> Option<String> {
    let mut server = Server::options().start().await.unwrap();
    let db = server.create("ready").await.unwrap();
    let settings = harness::settings();
    let migrator = migrations::open(&settings).unwrap();
    migrator.upgrade(db.url(), &migrator.history().last().unwrap().id).await.unwrap();
    let proxy = Proxy::to(([127, 0, 0, 1], server.port()).into()).await.unwrap();
    let mut url = url::Url::parse(db.url().expose()).unwrap();
    url.set_port(Some(proxy.address().port())).unwrap();
    let url = DatabaseUrl::parse(url.as_str()).unwrap();
    let service = Service::start(&settings.api.start, &url).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = format!("{}/ready", service.base_url());
    let until = async |since: Instant, status: u16| {
        while client.get(&ask).send().await.unwrap().status() != status {
            assert!(since.elapsed() < Duration::from_secs(30), "/ready does not become {status}");
        }
        since.elapsed()
    };
    until(Instant::now(), 200).await;
    let days = ["gone", "cut", "slow", "server stopped", "server killed"];
    let (mut worst_gone, mut worst_back) = (Duration::ZERO, Duration::ZERO);
    for day in days.repeat(3) {
        let fault = Instant::now();
        match day {
            "gone" => {
                proxy.cut();
                proxy.refuse().await.unwrap();
            }
            "cut" => proxy.cut(),
            "slow" => proxy.delay(Duration::from_secs(5)),
            "server stopped" => server.stop().await.unwrap(),
            _ => server.kill().await.unwrap(),
        }
        let gone = until(fault, 503).await;
        if day.starts_with("server") {
            server.restart().await.unwrap();
        } else {
            proxy.heal().await.unwrap();
        }
        let back = until(Instant::now(), 200).await;
        println!(
            "/ready, {day}: false after {:.2} s, true again after {:.2} s",
            gone.as_secs_f64(),
            back.as_secs_f64()
        );
        (worst_gone, worst_back) = (worst_gone.max(gone), worst_back.max(back));
    }
    let (gone, back) = (worst_gone.as_secs_f64(), worst_back.as_secs_f64());
    let late = worst_gone > NOT_READY || worst_back > READY;
    late.then(|| format!("/ready was false after {gone:.2} s and true after {back:.2} s"))
}

fn of(db: &Database, service: &Service) -> Context {
    let mut context = db.context();
    context.api = Some(Api { base_url: service.base_url() });
    context.stash.put(AdminToken(SecretString::from(service.token())));
    context
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
