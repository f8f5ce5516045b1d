//! Latencies as a histogram, and the gate that compares their percentiles with budgets.
//!
//! Criterion's samples are sums over many iterations and have no percentiles, so the benches keep a histogram
//! of single executions and are judged by it.

use std::fmt::{self, Write as _};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Single executions of one query, in nanoseconds with three significant digits.
#[derive(Debug, Clone)]
pub struct Latencies {
    histogram: Histogram<u64>,
}

impl Default for Latencies {
    fn default() -> Self {
        #[allow(clippy::expect_used, reason = "three digits are within what a histogram can keep (0 to 5)")]
        let histogram = Histogram::new(3).expect("three significant digits");
        Self { histogram }
    }
}

impl Latencies {
    /// Adds one execution.
    pub fn record(&mut self, elapsed: Duration) {
        let nanoseconds = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX).max(1);
        // The histogram grows with what it is given; only past 2^63 ns could it refuse.
        let _ = self.histogram.record(nanoseconds);
    }

    /// How many executions were timed.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The smallest time that `share` of the executions (0 to 1) did not exceed, in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        self.histogram.value_at_quantile(share) as f64 / 1e6
    }

    /// The 95th percentile in milliseconds.
    pub fn p95_ms(&self) -> f64 {
        self.quantile_ms(0.95)
    }

    /// A 95 % confidence interval of a quantile, in milliseconds: the order statistics at
    /// `nq ± 1.96 √(nq(1−q))` (normal approximation of the binomial; no assumption about the distribution).
    pub fn interval_ms(&self, share: f64) -> (f64, f64) {
        let n = self.count() as f64;
        if n == 0.0 {
            return (0.0, 0.0);
        }
        let spread = 1.96 * (share * (1.0 - share) / n).sqrt();
        (self.quantile_ms((share - spread).max(0.0)), self.quantile_ms((share + spread).min(1.0)))
    }
}

/// A time in milliseconds.
pub fn milliseconds(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64() * 1e3
}

/// Fewer executions than this say nothing about the 95th percentile: with 95 % confidence it lies below the longest of them
/// from `n + 1 > 0.95n + 1.96 √(0.0475n)` on.
pub const LEAST_EXECUTIONS: u64 = 73;

/// Whether a query keeps its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The interval of the 95th percentile lies within the budget.
    Yes,
    /// It lies beyond.
    No,
    /// The budget lies within it, or there were too few executions: there is no evidence either way.
    Unsure,
}

/// What ran, and the budget of each.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    name: String,
    budget_ms: f64,
    latencies: Latencies,
}

impl Line {
    fn held(&self) -> Held {
        let (low, high) = self.latencies.interval_ms(0.95);
        if self.latencies.count() < LEAST_EXECUTIONS {
            Held::Unsure
        } else if high <= self.budget_ms {
            Held::Yes
        } else if low > self.budget_ms {
            Held::No
        } else {
            Held::Unsure
        }
    }
}

impl Gate {
    /// Adds what was timed of one query. Nothing timed is nothing added.
    pub fn add(&mut self, name: impl Into<String>, budget: Duration, latencies: Latencies) {
        if latencies.count() > 0 {
            self.lines.push(Line { name: name.into(), budget_ms: milliseconds(budget), latencies });
        }
    }

    /// Whether nothing ran: then there is no verdict.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The queries whose 95th percentile is past their budget, with 95 % confidence.
    pub fn broken(&self) -> Vec<&str> {
        self.named(Held::No)
    }

    /// The queries of which it cannot be said.
    pub fn unsure(&self) -> Vec<&str> {
        self.named(Held::Unsure)
    }

    fn named(&self, held: Held) -> Vec<&str> {
        self.lines.iter().filter(|line| line.held() == held).map(|line| line.name.as_str()).collect()
    }
}

/// The table: a line a query, times in milliseconds, with the 95 % interval of each percentile.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            self.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0).max("query".len());
        let (n, p50, p95, p99) = ("n", "p50", "p95", "p99");
        writeln!(f, "  {:width$}  {n:>7}  {p50:>23}  {p95:>23}  {p99:>23}  {:>8}", "query", "budget")?;
        for line in &self.lines {
            let sign = match line.held() {
                Held::Yes => "✔",
                Held::No => "✘",
                Held::Unsure => "–",
            };
            write!(f, "{sign} {:width$}  {:>7}", line.name, line.latencies.count())?;
            for share in [0.5, 0.95, 0.99] {
                let (low, high) = line.latencies.interval_ms(share);
                let mut interval = String::new();
                write!(interval, "({low:.2}–{high:.2})")?;
                write!(f, "  {:>8.3} {interval:>14}", line.latencies.quantile_ms(share))?;
            }
            writeln!(f, "  {:>5} ms", line.budget_ms)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(milliseconds: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        milliseconds.into_iter().for_each(|value| latencies.record(Duration::from_millis(value)));
        latencies
    }

    #[test]
    fn percentiles_are_those_of_the_executions() {
        let hundred = latencies(1..=100);
        assert!((hundred.p95_ms() - 95.0).abs() < 0.1, "{}", hundred.p95_ms());
        let (low, high) = hundred.interval_ms(0.95);
        assert!((90.0..92.0).contains(&low) && (99.0..100.1).contains(&high), "{low} {high}");
    }

    #[test]
    fn a_broken_budget_hides_no_other_line() {
        let mut gate = Gate::default();
        gate.add("quick", Duration::from_millis(10), latencies([1; 100]));
        gate.add("slow", Duration::from_millis(10), latencies([30; 100]));
        let tail = |slow: u64| latencies((0..1000).map(move |n| if n < 1000 - slow { 1 } else { 90 }));
        gate.add("short tail", Duration::from_millis(10), tail(20));
        gate.add("long tail", Duration::from_millis(10), tail(90));
        assert_eq!(gate.broken(), ["slow", "long tail"]);
        assert_eq!(gate.unsure(), [""; 0]);
        assert_eq!(gate.to_string().lines().count(), 5);
    }

    #[test]
    fn without_enough_executions_or_distance_there_is_no_verdict() {
        let mut gate = Gate::default();
        gate.add("few", Duration::from_millis(10), latencies([30; 72]));
        gate.add(
            "near",
            Duration::from_millis(10),
            latencies((0..200).map(|n| if n < 189 { 1 } else { 90 })),
        );
        assert_eq!(gate.unsure(), ["few", "near"]);
        assert!(gate.broken().is_empty());
    }

    #[test]
    fn what_did_not_run_is_not_judged() {
        let mut gate = Gate::default();
        gate.add("filtered out", Duration::from_millis(10), Latencies::default());
        assert!(gate.is_empty() && gate.broken().is_empty());
    }
}
