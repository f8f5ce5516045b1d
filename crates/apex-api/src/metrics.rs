//! Figures in Prometheus' text format: requests by route and status, their latency, the pool, failures.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the latency histogram, in seconds: the alert rules look at 2 s and 5 s.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0];

/// What was counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    requests: BTreeMap<(String, String, u16), u64>,
    latency: BTreeMap<String, Latency>,
    database_failures: u64,
}

#[derive(Debug, Default)]
struct Latency {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

/// What is true now, beside what was counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) connections: u32,
    pub(crate) idle: usize,
    pub(crate) maximum: u32,
    pub(crate) maintenance: bool,
}

impl Metrics {
    /// Counts one answered request.
    pub(crate) fn request(
        &self,
        method: &str,
        route: &str,
        status: u16,
        took: Duration,
        database_failed: bool,
    ) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.requests.entry((route.to_owned(), method.to_owned(), status)).or_default() += 1;
        counted.database_failures += u64::from(database_failed);
        let latency = counted.latency.entry(route.to_owned()).or_default();
        let seconds = took.as_secs_f64();
        latency.count += 1;
        latency.seconds += seconds;
        for (bucket, bound) in latency.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self, now: Now) -> String {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        describe(&mut text, "http_requests_total", "counter", "Requests answered.");
        for ((route, method, status), count) in &counted.requests {
            let _ = writeln!(
                text,
                "http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}"
            );
        }
        describe(&mut text, "http_request_duration_seconds", "histogram", "Time from request to answer.");
        for (route, latency) in &counted.latency {
            for (count, bound) in latency.buckets.iter().zip(BOUNDS) {
                let _ = writeln!(
                    text,
                    "http_request_duration_seconds_bucket{{route=\"{route}\",le=\"{bound}\"}} {count}"
                );
            }
            let (count, seconds) = (latency.count, latency.seconds);
            let _ = writeln!(
                text,
                "http_request_duration_seconds_bucket{{route=\"{route}\",le=\"+Inf\"}} {count}"
            );
            let _ = writeln!(text, "http_request_duration_seconds_sum{{route=\"{route}\"}} {seconds}");
            let _ = writeln!(text, "http_request_duration_seconds_count{{route=\"{route}\"}} {count}");
        }
        let gauges = [
            ("db_pool_connections", "gauge", "Open connections to the database.", u64::from(now.connections)),
            ("db_pool_idle_connections", "gauge", "Those that nobody uses.", now.idle as u64),
            ("db_pool_max_connections", "gauge", "How many there may be.", u64::from(now.maximum)),
            ("maintenance_mode", "gauge", "1 while writes are refused.", u64::from(now.maintenance)),
            (
                "db_transaction_failures_total",
                "counter",
                "Requests that failed because of the database.",
                counted.database_failures,
            ),
        ];
        for (name, kind, help, value) in gauges {
            describe(&mut text, name, kind, help);
            let _ = writeln!(text, "{name} {value}");
        }
        text
    }
}

fn describe(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}
