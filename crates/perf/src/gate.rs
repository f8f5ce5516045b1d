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
    fn holds(&self) -> bool {
        self.latencies.p95_ms() <= self.budget_ms
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

    /// The queries whose 95th percentile is past their budget.
    pub fn broken(&self) -> Vec<&str> {
        self.lines.iter().filter(|line| !line.holds()).map(|line| line.name.as_str()).collect()
    }
}

/// The table: a line a query, times in milliseconds, the interval of the percentile that is judged.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            self.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0).max("query".len());
        let (n, p50, p95, p99) = ("n", "p50", "p95", "p99");
        writeln!(
            f,
            "  {:width$}  {n:>7}  {p50:>8}  {p95:>8}  {:>17}  {p99:>8}  {:>8}",
            "query", "95 % interval", "budget"
        )?;
        for line in &self.lines {
            let (low, high) = line.latencies.interval_ms(0.95);
            let mut interval = String::new();
            write!(interval, "{low:.3} – {high:.3}")?;
            writeln!(
                f,
                "{} {:width$}  {:>7}  {:>8.3}  {:>8.3}  {interval:>17}  {:>8.3}  {:>5} ms",
                if line.holds() { "✔" } else { "✘" },
                line.name,
                line.latencies.count(),
                line.latencies.quantile_ms(0.5),
                line.latencies.p95_ms(),
                line.latencies.quantile_ms(0.99),
                line.budget_ms,
            )?;
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
        gate.add("quick", Duration::from_millis(10), latencies([1; 20]));
        gate.add("slow", Duration::from_millis(10), latencies([30; 20]));
        gate.add(
            "late tail",
            Duration::from_millis(10),
            latencies((0..20).map(|n| if n < 19 { 1 } else { 90 })),
        );
        assert_eq!(gate.broken(), ["slow"]);
        assert_eq!(gate.to_string().lines().count(), 4);
    }

    #[test]
    fn what_did_not_run_is_not_judged() {
        let mut gate = Gate::default();
        gate.add("filtered out", Duration::from_millis(10), Latencies::default());
        assert!(gate.is_empty() && gate.broken().is_empty());
    }
}
