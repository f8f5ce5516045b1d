//! Before against after, in one run: a ratio of times with a bootstrap interval, and a verdict.
//!
//! Both sides are timed in the same rounds, in random order, so that what else the machine does hits both. That is not
//! enough: a connection is a process of the server, and where the system puts it makes it quicker or slower as long as
//! it lives, so that rounds on one pair of connections agree with each other and are all wrong together. The unit that
//! is repeated is therefore the *block*: some rounds on a new pair of connections (Kalibera and Jones, "Rigorous
//! benchmarking in reasonable time", 2013: repeat at the highest level that varies). What is compared is the time that the
//! quickest tenth of all executions keeps, since other work only ever adds time (Chen and Revels, "Robust benchmarking in
//! noisy environments", 2016). Whole blocks are resampled (Efron and Tibshirani, *An Introduction to the Bootstrap*,
//! chapters 8 and 13); with many queries in one run the interval is widened (Bonferroni), and it is never narrower than
//! Student's with the resamples' spread, which knows how few blocks there were.

use std::fmt;

/// Resamples of one interval: with 16 queries its ends are the 5th from either end.
const RESAMPLES: usize = 3_000;
/// The share of the executions that is quicker than the time that is compared.
const QUICKEST: f64 = 0.1;
/// Fewer blocks than this give no verdict.
pub const LEAST_BLOCKS: usize = 8;
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
    /// Of the times that the quickest tenth keeps.
    pub ratio: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Comparison {
    /// Compares blocks of rounds of (before, after) in any one unit. `comparisons` is how many queries are compared in
    /// this run: all their intervals hold together with 95 % confidence. `None` for fewer than [`LEAST_BLOCKS`], or
    /// times that are not above zero: no verdict from nothing.
    pub fn of(blocks: &[Vec<(f64, f64)>], comparisons: usize, seed: u64) -> Option<Self> {
        let times = |block: &Vec<(f64, f64)>| {
            !block.is_empty() && block.iter().all(|(before, after)| *before > 0.0 && *after > 0.0)
        };
        if blocks.len() < LEAST_BLOCKS || !blocks.iter().all(times) {
            return None;
        }
        let whole = logarithm(blocks.iter());
        let mut random = Random::new(seed);
        let mut resampled: Vec<f64> = (0..RESAMPLES)
            .map(|_| logarithm((0..blocks.len()).map(|_| &blocks[random.below(blocks.len())])))
            .collect();
        resampled.sort_by(f64::total_cmp);
        let mean = resampled.iter().sum::<f64>() / RESAMPLES as f64;
        let spread =
            (resampled.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / RESAMPLES as f64).sqrt();
        let tail = 0.05 / comparisons.max(1) as f64 / 2.0;
        let at = |share: f64| resampled[((RESAMPLES - 1) as f64 * share).round() as usize];
        let wide = student(tail, blocks.len() - 1) * spread;
        Some(Self {
            ratio: whole.exp(),
            low: at(tail).min(whole - wide).exp(),
            high: at(1.0 - tail).max(whole + wide).exp(),
        })
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

/// The logarithm of after over before, over all rounds of these blocks.
fn logarithm<'b>(blocks: impl Iterator<Item = &'b Vec<(f64, f64)>>) -> f64 {
    let (mut before, mut after): (Vec<f64>, Vec<f64>) = blocks.flatten().copied().unzip();
    (quickest(&mut after) / quickest(&mut before)).ln()
}

fn quickest(values: &mut [f64]) -> f64 {
    let at = ((values.len() - 1) as f64 * QUICKEST) as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// The value that Student's t with these degrees of freedom exceeds with the chance `tail`: by bisection of its
/// distribution, which is the integral of `cos^(degrees − 1)` up to `atan(t / √degrees)`.
fn student(tail: f64, degrees: usize) -> f64 {
    const STEPS: u32 = 400;
    let area = |to: f64| {
        // Simpson's rule.
        let width = to / f64::from(STEPS);
        let height = |step: u32| (width * f64::from(step)).cos().powi(degrees as i32 - 1);
        let inner: f64 = (1..STEPS).map(|step| height(step) * if step % 2 == 1 { 4.0 } else { 2.0 }).sum();
        (height(0) + inner + height(STEPS)) * width / 3.0
    };
    let all = area(std::f64::consts::FRAC_PI_2);
    let (mut low, mut high) = (0.0, std::f64::consts::FRAC_PI_2);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if 0.5 * (1.0 - area(middle) / all) > tail { low = middle } else { high = middle }
    }
    low.tan() * (degrees as f64).sqrt()
}

/// What a query did on both sides, counted by the server: the same on a busy machine and on a quiet one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Witness {
    /// Rows returned.
    pub rows: u64,
    /// Blocks asked for.
    pub blocks: u64,
}

/// Blocks past which a growth counts: two databases of the same schema differ by chance in where their rows lie.
const FEW_BLOCKS: u64 = 16;

impl Witness {
    /// Whether the query asks for half as many blocks again, or more, to return no more rows: a regression that a warm
    /// cache may hide from the clock.
    pub fn reads_more(before: Self, after: Self) -> bool {
        after.rows <= before.rows
            && after.blocks >= before.blocks + FEW_BLOCKS
            && after.blocks * 2 >= before.blocks * 3
    }
}

/// What a rule that is in common use says of the same rounds, for comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Criterion's: the mean changed by more than its noise threshold of 1 %, and a t-test gives p < 0.05. Criterion runs
    /// one side after the other; here it gets interleaved rounds, which is kinder to it.
    Criterion,
    /// The mean changed by more than so many percent.
    Threshold(u32),
}

impl Rule {
    /// Its verdict.
    pub fn change(self, rounds: &[(f64, f64)]) -> Change {
        let (before, after): (Vec<f64>, Vec<f64>) = rounds.iter().copied().unzip();
        let (old, new) = (Moments::of(&before), Moments::of(&after));
        let ratio = new.mean / old.mean;
        let moved = match self {
            Self::Threshold(percent) => (ratio - 1.0).abs() > f64::from(percent) / 100.0,
            // Of so many rounds the t distribution is the normal one.
            Self::Criterion => {
                let error = (old.error + new.error).sqrt();
                (ratio - 1.0).abs() > 0.01 && (new.mean - old.mean).abs() > 1.96 * error
            }
        };
        match moved {
            true if ratio > 1.0 => Change::Slower,
            true => Change::Faster,
            false => Change::NoEvidence,
        }
    }
}

struct Moments {
    mean: f64,
    /// The variance of the mean.
    error: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Self {
        let n = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        Self { mean, error: variance / n }
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

    /// Times around 1 ms with a long tail, as of a busy machine, in blocks each of which has a place of its own (up to
    /// 10 % off, on either side); `after` is `factor` times as long.
    fn blocks(n: usize, factor: f64, seed: u64) -> Vec<Vec<(f64, f64)>> {
        let mut random = Random::new(seed);
        (0..n)
            .map(|_| {
                let mut place = || 1.0 + random.below(1000) as f64 / 10_000.0;
                let (old, new) = (place(), place());
                let mut time = || {
                    let noise = random.below(1000) as f64 / 5000.0;
                    let stall = if random.below(20) == 0 { 8.0 } else { 0.0 };
                    1.0 + noise + stall
                };
                (0..8).map(|_| (time() * old, time() * new * factor)).collect()
            })
            .collect()
    }

    #[test]
    fn a_fifth_slower_is_seen_and_a_fifth_faster_as_well() {
        for seed in 0..5 {
            let slower = Comparison::of(&blocks(24, 1.2, seed), 16, seed).unwrap();
            assert_eq!(slower.change(), Change::Slower, "{slower:?}");
            let faster = Comparison::of(&blocks(24, 1.0 / 1.2, seed), 16, seed).unwrap();
            assert_eq!(faster.change(), Change::Faster, "{faster:?}");
        }
    }

    #[test]
    fn the_same_is_no_evidence_although_connections_differ() {
        for seed in 0..20 {
            let same = Comparison::of(&blocks(16, 1.0, seed), 16, seed).unwrap();
            assert_eq!(same.change(), Change::NoEvidence, "{same:?}");
            assert!(same.visible_percent() > 0.0 && same.low <= same.ratio && same.ratio <= same.high);
        }
    }

    #[test]
    fn students_t_is_that_of_the_tables() {
        for (tail, degrees, table) in
            [(0.025, 9, 2.262), (0.025, 15, 2.131), (0.005, 1, 63.657), (0.0005, 30, 3.646)]
        {
            let t = student(tail, degrees);
            assert!((t / table - 1.0).abs() < 0.001, "{tail} {degrees}: {t}");
        }
    }

    #[test]
    fn a_plan_that_reads_more_is_seen_without_a_clock() {
        let of = |rows, blocks| Witness { rows, blocks };
        assert!(Witness::reads_more(of(100, 104), of(100, 700)));
        assert!(!Witness::reads_more(of(100, 104), of(100, 110)), "by chance");
        assert!(!Witness::reads_more(of(1, 4), of(1, 12)), "few blocks");
        assert!(!Witness::reads_more(of(100, 104), of(900, 700)), "it returns more");
    }

    #[test]
    fn a_common_rule_takes_one_stall_for_a_change() {
        let mut same: Vec<(f64, f64)> = (0..40).map(|n| (1.0 + f64::from(n % 5) / 100.0, 1.02)).collect();
        assert_eq!(Rule::Threshold(10).change(&same), Change::NoEvidence);
        same[7].1 = 90.0;
        assert_eq!(Rule::Threshold(10).change(&same), Change::Slower);
        let blocks: Vec<Vec<(f64, f64)>> = same.chunks(5).map(<[_]>::to_vec).collect();
        assert_eq!(Comparison::of(&blocks, 1, 1).unwrap().change(), Change::NoEvidence);
    }

    #[test]
    fn too_few_blocks_are_no_verdict() {
        assert_eq!(Comparison::of(&blocks(LEAST_BLOCKS - 1, 2.0, 1), 1, 1), None);
        assert_eq!(Comparison::of(&vec![vec![(0.0, 1.0)]; 100], 1, 1), None);
        assert_eq!(Comparison::of(&vec![Vec::new(); 100], 1, 1), None);
    }
}
