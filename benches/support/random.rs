//! Random numbers that are the same in every run: splitmix64, and Zipf's law on top of it.

/// Splitmix64 (Steele, Lea and Flood, 2014): one addition and one mix a number.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// A number in `0.0..1.0`.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// Zipf's law with exponent 0.99, as YCSB draws it (Gray et al., 1994): of 1,000,000 keys the most popular one gets
/// 1 of 15 requests and the first hundred get a third.
pub(crate) struct Zipf {
    keys: usize,
    zeta: f64,
    eta: f64,
}

impl Zipf {
    const EXPONENT: f64 = 0.99;

    pub(crate) fn new(keys: usize) -> Self {
        let zeta: f64 = (1..=keys).map(|rank| (rank as f64).powf(-Self::EXPONENT)).sum();
        let first_two = 1.0 + 0.5_f64.powf(Self::EXPONENT);
        let eta = (1.0 - (2.0 / keys as f64).powf(1.0 - Self::EXPONENT)) / (1.0 - first_two / zeta);
        Self { keys, zeta, eta }
    }

    pub(crate) fn sample(&self, random: &mut Random) -> usize {
        let unit = random.unit();
        let scaled = unit * self.zeta;
        let rank = if scaled < 1.0 {
            0
        } else if scaled < 1.0 + 0.5_f64.powf(Self::EXPONENT) {
            1
        } else {
            let curve = (self.eta * (unit - 1.0) + 1.0).powf(1.0 / (1.0 - Self::EXPONENT));
            (self.keys as f64 * curve) as usize
        };
        // Popular keys are not neighbours: a large prime scatters the ranks and stays one-to-one.
        (rank.min(self.keys - 1) * 2_654_435_761) % self.keys
    }
}
