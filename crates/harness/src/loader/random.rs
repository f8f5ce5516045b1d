//! Random numbers that are functions of where they are needed: the same table, column and row give the same one.

/// SplitMix64 (Steele, Lea, Flood 2014): every bit of the result depends on every bit of the input.
pub(super) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The seed of a name: FNV-1a (Fowler, Noll, Vo), then mixed.
pub(super) fn seed(start: u64, names: &[&str]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ start;
    for name in names {
        for byte in name.bytes().chain([0]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    mix(state)
}

/// A number in [0, 1).
#[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
pub(super) fn unit(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number below `of`, each equally likely (Lemire 2019, without the correction: `of` is far below 2^64).
pub(super) fn below(random: u64, of: u64) -> u64 {
    let wide = u128::from(random) * u128::from(of);
    u64::try_from(wide >> 64).unwrap_or(0)
}

/// A number of which the deviates are normal: mean 0, variance 1 (Box and Muller 1958).
pub(super) fn normal(random: u64) -> f64 {
    let radius = (-2.0 * (1.0 - unit(random)).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(mix(random))).cos()
}

/// Puts the number of a frequency rank at another place among `of`, so that what is frequent is not what came
/// first: multiplication by a prime, which is one to one unless `of` is a multiple of it.
pub(super) fn scatter(rank: u64, of: u64) -> u64 {
    const PRIME: u128 = 2_654_435_761;
    let place = (u128::from(rank) * PRIME + 0x9e37) % u128::from(of.max(1));
    u64::try_from(place).unwrap_or(0)
}

/// How ranks are drawn.
#[derive(Debug, Clone)]
pub(super) enum Draw {
    /// All equally likely.
    Even(u64),
    /// By Zipf's law.
    Zipf(Zipf),
}

impl Draw {
    /// Ranks from 0 below `of`; the k-th is drawn with a chance in proportion to k^-exponent.
    pub(super) fn of(of: u64, exponent: Option<f64>) -> Self {
        match exponent {
            Some(exponent) if exponent > 0.0 && of > 1 => Self::Zipf(Zipf::new(of, exponent)),
            _ => Self::Even(of.max(1)),
        }
    }

    /// How many ranks there are.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Even(of) => *of,
            Self::Zipf(zipf) => zipf.of,
        }
    }

    /// The rank, from 0, that this random number gives.
    pub(super) fn rank(&self, random: u64) -> u64 {
        match self {
            Self::Even(of) => below(random, *of),
            Self::Zipf(zipf) => zipf.rank(random),
        }
    }
}

/// Zipf's distribution over 1 to `of`, exact, without a table: rejection-inversion (Hörmann and Derflinger,
/// "Rejection-inversion to generate variates from monotone discrete distributions", 1996).
#[derive(Debug, Clone)]
pub(super) struct Zipf {
    of: u64,
    exponent: f64,
    first: f64,
    last: f64,
    near: f64,
}

#[allow(clippy::cast_precision_loss, reason = "ranks are far below 2^53")]
impl Zipf {
    fn new(of: u64, exponent: f64) -> Self {
        let mut zipf = Self { of, exponent, first: 0.0, last: 0.0, near: 0.0 };
        zipf.first = zipf.area(1.5) - 1.0;
        zipf.last = zipf.area(of as f64 + 0.5);
        zipf.near = 2.0 - zipf.inverse(zipf.area(2.5) - zipf.height(2.0));
        zipf
    }

    fn rank(&self, mut random: u64) -> u64 {
        loop {
            let point = self.last + unit(random) * (self.first - self.last);
            let x = self.inverse(point);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to ranks")]
            let rank = (x.round().max(1.0) as u64).min(self.of);
            let k = rank as f64;
            if k - x <= self.near || point >= self.area(k + 0.5) - self.height(k) {
                return rank - 1;
            }
            random = mix(random);
        }
    }

    fn height(&self, x: f64) -> f64 {
        x.powf(-self.exponent)
    }

    /// The integral of [`Self::height`].
    fn area(&self, x: f64) -> f64 {
        let rest = 1.0 - self.exponent;
        if rest.abs() < 1e-9 { x.ln() } else { (x.powf(rest) - 1.0) / rest }
    }

    fn inverse(&self, area: f64) -> f64 {
        let rest = 1.0 - self.exponent;
        if rest.abs() < 1e-9 { area.exp() } else { (1.0 + area * rest).max(0.0).powf(1.0 / rest) }
    }
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small counts")]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_as_frequent_as_zipfs_law_says() {
        for exponent in [0.6, 1.0, 1.4] {
            let draw = Draw::of(50, Some(exponent));
            let mut counts = [0_u32; 50];
            (0..200_000).for_each(|n| counts[draw.rank(mix(n)) as usize] += 1);
            let weight = |k: usize| (k as f64 + 1.0).powf(-exponent);
            let total: f64 = (0..50).map(weight).sum();
            for rank in [0, 1, 9, 49] {
                let (share, wanted) = (f64::from(counts[rank]) / 200_000.0, weight(rank) / total);
                // Five standard deviations of a share of 200,000 draws.
                let chance = 5.0 * (wanted * (1.0 - wanted) / 200_000.0).sqrt();
                assert!((share - wanted).abs() < chance, "{exponent} {rank}: {share} {wanted}");
            }
        }
    }

    #[test]
    fn scattering_is_one_to_one() {
        for of in [1, 7, 1000] {
            let places: std::collections::BTreeSet<u64> = (0..of).map(|rank| scatter(rank, of)).collect();
            assert_eq!(places.len() as u64, of);
            assert!(places.iter().all(|place| *place < of));
        }
    }
}
