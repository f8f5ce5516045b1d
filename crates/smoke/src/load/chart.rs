//! The figures of a load as a person reads them: a few lines, and a bar for each doubling of the latency.

use std::fmt;

use super::Figures;

/// The longest bar, in characters.
const WIDE: u64 = 48;

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.requests.join(" · "))?;
        if let Some(most) = self.most_per_second {
            writeln!(
                f,
                "at most          {most:>10.0} /s   {} connections, each as fast as it is answered",
                self.connections
            )?;
        }
        writeln!(
            f,
            "due / answered   {:>10.0} /s   {:.0} /s, {} answers, {} of them errors",
            self.due_per_second,
            self.answered_per_second,
            self.answers,
            self.failed()
        )?;
        writeln!(
            f,
            "latency          p50 {} · p95 {} · p99 {} · max {}",
            ms(self.p50),
            ms(self.p95),
            ms(self.p99),
            ms(self.max)
        )?;
        for (kind, count) in &self.errors {
            writeln!(f, "  {count:>8} × {kind}")?;
        }
        let most = self.bars.iter().map(|(_, count)| *count).max().unwrap_or_default().max(1);
        for (up_to, count) in &self.bars {
            let long = (count * WIDE).div_ceil(most);
            let bar = "█".repeat(usize::try_from(long).unwrap_or_default());
            writeln!(f, "  ≤ {:>9}  {bar:<width$} {count}", ms(*up_to), width = 48)?;
        }
        Ok(())
    }
}

fn ms(value: f64) -> String {
    if value < 10.0 { format!("{value:.2} ms") } else { format!("{value:.0} ms") }
}
