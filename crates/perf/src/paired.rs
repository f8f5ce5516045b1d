//! Before against after, in one run: the ratio of two medians with a bootstrap interval, and a verdict.
//!
//! Both sides are timed in the same rounds, in random order, so that what else the machine does hits both.
//! Rounds are resampled as pairs (Efron and Tibshirani, *An Introduction to the Bootstrap*, chapter 13: the
//! percentile interval); with many queries in one run the interval is widened (Bonferroni).

use std::fmt;

/// Resamples of one interval.
const RESAMPLES: usize = 2_000;
/// Fewer rounds than this give no verdict.
pub const LEAST_ROUNDS: usize = 30;
/// Two databases of the same schema differ by chance in where their rows lie; less than this is no change.
const NEGLIGIBLE: f64 = 1.02;

/// Whether a query changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The whole interval lies above 1.02.
    Slower,
    /// The whole interval lies below 1 / 1.02.
    Faster,
    /// Neither.
    NoEvidence,
}

/// After over before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The ratio of the medians.
    pub ratio: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Comparison {
    /// Compares `rounds` of (before, after) in any one unit. `comparisons` is how many queries are compared in
    /// this run: all their intervals hold together with 95 % confidence. `None` for fewer than
    /// [`LEAST_ROUNDS`], or times that are not above zero: no verdict from nothing.
    pub fn of(rounds: &[(f64, f64)], comparisons: usize, seed: u64) -> Option<Self> {
        if rounds.len() < LEAST_ROUNDS
            || rounds.iter().any(|(before, after)| !(*before > 0.0 && *after > 0.0))
        {
            return None;
        }
        let mut random = Random::new(seed);
        let mut ratios: Vec<f64> = (0..RESAMPLES)
            .map(|_| ratio((0..rounds.len()).map(|_| rounds[random.below(rounds.len())])))
            .collect();
        ratios.sort_by(f64::total_cmp);
        let tail = 0.05 / comparisons.max(1) as f64 / 2.0;
        let at = |share: f64| ratios[((RESAMPLES - 1) as f64 * share).round() as usize];
        Some(Self { ratio: ratio(rounds.iter().copied()), low: at(tail), high: at(1.0 - tail) })
    }

    /// The verdict.
    pub fn change(&self) -> Change {
        if self.low > NEGLIGIBLE {
            Change::Slower
        } else if self.high < 1.0 / NEGLIGIBLE {
            Change::Faster
        } else {
            Change::NoEvidence
        }
    }

    /// The smallest slowdown that this run could have seen, in percent: half the interval's width (of its
    /// logarithm) beyond what is negligible.
    pub fn visible_percent(&self) -> f64 {
        ((self.high / self.low).sqrt() * NEGLIGIBLE - 1.0) * 100.0
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::NoEvidence => "no evidence",
        })
    }
}

fn ratio(rounds: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut before, mut after): (Vec<f64>, Vec<f64>) = rounds.unzip();
    median(&mut after) / median(&mut before)
}

fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, seeded, the same on every machine.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is above zero.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    /// Puts `items` in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times around 1 ms with a long tail, as of a busy machine; `after` is `factor` times as long.
    fn rounds(n: usize, factor: f64, seed: u64) -> Vec<(f64, f64)> {
        let mut random = Random::new(seed);
        let mut time = || {
            let noise = random.below(1000) as f64 / 5000.0;
            let stall = if random.below(20) == 0 { 8.0 } else { 0.0 };
            1.0 + noise + stall
        };
        (0..n).map(|_| (time(), time() * factor)).collect()
    }

    #[test]
    fn a_tenth_slower_is_seen_and_a_tenth_faster_as_well() {
        for seed in 0..2 {
            let slower = Comparison::of(&rounds(200, 1.10, seed), 16, seed).unwrap();
            assert_eq!(slower.change(), Change::Slower, "{slower:?}");
            let faster = Comparison::of(&rounds(200, 1.0 / 1.10, seed), 16, seed).unwrap();
            assert_eq!(faster.change(), Change::Faster, "{faster:?}");
        }
    }

    #[test]
    fn the_same_is_no_evidence() {
        for seed in 0..3 {
            let same = Comparison::of(&rounds(200, 1.0, seed), 16, seed).unwrap();
            assert_eq!(same.change(), Change::NoEvidence, "{same:?}");
            assert!(same.visible_percent() > 0.0 && same.low <= same.ratio && same.ratio <= same.high);
        }
    }

    #[test]
    fn too_few_rounds_are_no_verdict() {
        assert_eq!(Comparison::of(&rounds(LEAST_ROUNDS - 1, 2.0, 1), 1, 1), None);
        assert_eq!(Comparison::of(&[(0.0, 1.0); 100], 1, 1), None);
    }
}
