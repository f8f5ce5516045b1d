//! A load, and what it cost: rate, latencies, errors by kind.
//!
//! Without a rate of its own the load finds one: a tenth of its time every connection sends as fast as it is answered,
//! which is what the service can take. The rest of the time requests are due at four fifths of that, whether or not
//! the last ones are answered, and each latency counts from when its request was *due*: a service that stalls is seen
//! to stall by all who wait, and not by the one request that it met (coordinated omission).

mod chart;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use hdrhistogram::Histogram;
use runbook::check::CheckError;
use runbook::settings::Settings;
use runbook::verdict::{Evidence, Finding, Measurement};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::contract::Contract;
use crate::http::{Http, Sent};

/// The largest latency that is told apart, in microseconds: ten minutes.
const LONGEST: u64 = 600_000_000;
/// Of what was found to be possible, so much is asked for.
const SHARE: f64 = 0.8;
/// The part of the time that finding it takes.
const FINDING: f64 = 0.1;

/// What is asked of the service.
#[derive(Debug, Clone)]
pub struct Load {
    /// How long, in all.
    pub during: Duration,
    /// How many requests may be on their way at once.
    pub connections: usize,
    /// Requests a second; found where it is not given.
    pub rate: Option<f64>,
}

/// The load that a deployment ends with, in `contract.toml`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Short {
    pub(crate) seconds: f64,
    pub(crate) connections: usize,
}

impl Short {
    /// The load; none where its figures are not such as a load has.
    pub(crate) fn load(self) -> Option<Load> {
        let during = Duration::try_from_secs_f64(self.seconds).ok()?;
        let fits = (0.1..=60.0).contains(&self.seconds) && (1..=1000).contains(&self.connections);
        fits.then_some(Load { during, connections: self.connections, rate: None })
    }
}

/// What it cost.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// What was sent, in turn.
    pub requests: Vec<String>,
    /// How many requests were on their way at most.
    pub connections: usize,
    /// Requests a second that were answered when each connection sent as fast as it could.
    pub most_per_second: Option<f64>,
    /// Requests a second that were due …
    pub due_per_second: f64,
    /// … and that were answered.
    pub answered_per_second: f64,
    /// Answers in all.
    pub answers: u64,
    /// Milliseconds from when a request was due to the end of its answer.
    pub p50: f64,
    /// The same.
    pub p95: f64,
    /// The same.
    pub p99: f64,
    /// The same.
    pub max: f64,
    /// Answers that were none, or a refusal: how often each.
    pub errors: BTreeMap<String, u64>,
    /// How many answers took up to so many milliseconds, each bar twice as wide as the last.
    pub bars: Vec<(f64, u64)>,
}

impl Figures {
    /// How many of the answers were errors.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// For a report: figures, and advice where there were errors. A load is no gate by itself. `memory` is the most
    /// that the service had, in MiB, where it is known.
    #[allow(clippy::cast_precision_loss, reason = "counts of a load are far below 2^52")]
    pub fn evidence(&self, memory: Option<f64>) -> Evidence {
        let mut evidence = Evidence::of("answers");
        evidence.examine(self.answers).summarise(format!(
            "{:.0} requests/s answered, p95 {:.2} ms, {} errors",
            self.answered_per_second,
            self.p95,
            self.failed()
        ));
        let mut measure = |name: &str, value: f64, unit: &str| {
            evidence.measure(Measurement::new(name, value, unit));
        };
        if let Some(most) = self.most_per_second {
            measure("load: at most", most, "requests/s");
        }
        measure("load: due", self.due_per_second, "requests/s");
        measure("load: answered", self.answered_per_second, "requests/s");
        measure("load: connections", self.connections as f64, "");
        measure("load: errors", self.failed() as f64, "answers");
        measure("load: latency, p50", self.p50, "ms");
        measure("load: latency, p95", self.p95, "ms");
        measure("load: latency, p99", self.p99, "ms");
        evidence.measure(Measurement::new("load: latency, max", self.max, "ms").spread(self.bars.clone()));
        if let Some(memory) = memory {
            evidence.measure(Measurement::new("load: memory of the service, at most", memory, "MiB"));
        }
        for (kind, count) in &self.errors {
            evidence.find(Finding::advice(
                self.requests.join(", "),
                format!("{count} of {} answers under load: {kind}", self.answers),
                "read the service's log; a load is no gate by itself",
            ));
        }
        evidence
    }
}

/// The most memory that a process had so far, in MiB, where the system tells.
pub fn peak_memory(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Puts the load on the service: the sample requests of the contract, in turn. They only read.
///
/// # Errors
/// When there is no contract, the address is none, or nothing was answered at all.
pub async fn put(settings: &Settings, base: &str, load: &Load) -> Result<Figures, CheckError> {
    let contract = Contract::load(settings).map_err(|wrong| CheckError::Other(wrong.to_string()))?;
    let contract = contract.ok_or_else(|| CheckError::Missing("the settings name no [api] cases".into()))?;
    of(&contract, Arc::new(Http::to(base, settings)?), load).await
}

/// [`put`], by a contract and a client that are there already.
pub(crate) async fn of(contract: &Contract, http: Arc<Http>, load: &Load) -> Result<Figures, CheckError> {
    let sent: Vec<Sent> = contract.envelope.samples.iter().map(|path| Sent::get(path.as_str())).collect();
    if sent.is_empty() {
        return Err(CheckError::Missing("contract.toml names no samples to read".into()));
    }
    let work = Work { http, sent: sent.into(), number: Arc::default() };
    let (most, during) = match load.rate {
        Some(_) => (None, load.during),
        None => {
            let finding = load.during.mul_f64(FINDING);
            (Some(work.saturate(load.connections, finding).await), load.during.saturating_sub(finding))
        }
    };
    let due = load.rate.or(most.map(|most| most * SHARE)).filter(|rate| *rate > 0.0).ok_or_else(|| {
        CheckError::Missing(format!(
            "{} answered nothing within {} s",
            work.http.base(),
            load.during.as_secs_f64()
        ))
    })?;
    let (seen, took) = work.offer(due, load.connections, during).await?;
    let requests = contract.envelope.samples.iter().map(|path| format!("GET {path}")).collect();
    Ok(seen.figures(requests, load.connections, most, due, took))
}

/// What is sent, by whom.
#[derive(Clone)]
struct Work {
    http: Arc<Http>,
    sent: Arc<[Sent]>,
    number: Arc<AtomicU64>,
}

impl Work {
    async fn one(&self) -> Result<(), String> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let at = usize::try_from(number).unwrap_or_default() % self.sent.len();
        match self.http.send_once(&self.sent[at]).await {
            Ok(answer)
                if answer.status.is_server_error() || matches!(answer.status.as_u16(), 401 | 403 | 429) =>
            {
                Err(format!("status {}", answer.status.as_u16()))
            }
            Ok(_) => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    /// Every connection as fast as it is answered: answers a second.
    #[allow(clippy::cast_precision_loss, reason = "counts of a load are far below 2^52")]
    async fn saturate(&self, connections: usize, during: Duration) -> f64 {
        let (started, answered) = (Instant::now(), AtomicU64::new(0));
        let one = async || {
            while started.elapsed() < during {
                if self.one().await.is_ok() {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        join_all((0..connections).map(|_| one())).await;
        answered.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
    }

    /// Requests that are due at a rate.
    async fn offer(
        &self,
        rate: f64,
        connections: usize,
        during: Duration,
    ) -> Result<(Seen, Duration), CheckError> {
        let started = Instant::now();
        let next = Arc::new(AtomicU64::new(0));
        let workers = (0..connections).map(|_| {
            let (work, next) = (self.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut seen = Seen::new()?;
                loop {
                    // The next that is due is the next worker's; when all are late, it waits, and its latency counts it.
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    #[allow(clippy::cast_precision_loss, reason = "turns of a load are far below 2^52")]
                    let due = started + Duration::from_secs_f64(turn as f64 / rate);
                    if due >= started + during {
                        return Ok::<_, String>(seen);
                    }
                    tokio::time::sleep_until(due).await;
                    let result = work.one().await;
                    seen.note(due.elapsed(), result);
                }
            })
        });
        let mut all = Seen::new().map_err(CheckError::Other)?;
        for worker in join_all(workers).await {
            let seen = worker.map_err(|error| error.to_string()).and_then(|seen| seen);
            all.add(seen.map_err(CheckError::Other)?);
        }
        Ok((all, started.elapsed()))
    }
}

/// What was seen.
struct Seen {
    took: Histogram<u64>,
    errors: BTreeMap<String, u64>,
}

impl Seen {
    fn new() -> Result<Self, String> {
        let took = Histogram::new_with_bounds(1, LONGEST, 3).map_err(|error| error.to_string())?;
        Ok(Self { took, errors: BTreeMap::new() })
    }

    fn note(&mut self, took: Duration, result: Result<(), String>) {
        self.took.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LONGEST).max(1));
        if let Err(kind) = result {
            *self.errors.entry(kind).or_default() += 1;
        }
    }

    fn add(&mut self, other: Self) {
        // Both have the same bounds.
        let _ = self.took.add(other.took);
        for (kind, count) in other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "microseconds and counts of a load are far below 2^52")]
    fn figures(
        self,
        requests: Vec<String>,
        connections: usize,
        most: Option<f64>,
        due: f64,
        during: Duration,
    ) -> Figures {
        let ms = |micros: u64| micros as f64 / 1000.0;
        let bars = self
            .took
            .iter_log(100, 2.0)
            .map(|bar| (ms(bar.value_iterated_to()), bar.count_since_last_iteration()));
        Figures {
            requests,
            connections,
            most_per_second: most,
            due_per_second: due,
            answered_per_second: self.took.len() as f64 / during.as_secs_f64(),
            answers: self.took.len(),
            p50: ms(self.took.value_at_quantile(0.5)),
            p95: ms(self.took.value_at_quantile(0.95)),
            p99: ms(self.took.value_at_quantile(0.99)),
            max: ms(self.took.max()),
            bars: bars.collect(),
            errors: self.errors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_counted_by_all_who_waited() {
        let mut seen = Seen::new().unwrap();
        // One request a millisecond was due; the service stalled for the first hundred.
        for number in 0..1000_u64 {
            let waited = 100_u64.saturating_sub(number).max(1);
            seen.note(Duration::from_millis(waited), Ok(()));
        }
        let figures = seen.figures(Vec::new(), 1, None, 1000.0, Duration::from_secs(1));
        assert!(figures.p95 > 45.0 && figures.p99 > 85.0, "{figures:?}");
        assert_eq!(figures.bars.iter().map(|(_, count)| count).sum::<u64>(), 1000);
    }
}
