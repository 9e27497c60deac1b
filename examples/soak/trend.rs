//! The trend of a figure: the straight line that fits its values best.

/// The trend of a figure over time.
pub(crate) struct Trend {
    pub(crate) mean: f64,
    /// The growth in a second.
    pub(crate) slope: f64,
    /// The rise of the line from the first value to the last, as a share of the mean.
    pub(crate) growth: f64,
}

impl Trend {
    /// Fits a line to pairs of seconds and value by least squares.
    pub(crate) fn of(values: &[(f64, f64)]) -> Self {
        let count = values.len() as f64;
        let middle = values.iter().map(|(second, _)| second).sum::<f64>() / count;
        let mean = values.iter().map(|(_, value)| value).sum::<f64>() / count;
        let spread: f64 = values.iter().map(|(second, _)| (second - middle).powi(2)).sum();
        let slope = values.iter().map(|(second, value)| (second - middle) * (value - mean)).sum::<f64>() / spread;
        let seconds = values.last().map_or(0.0, |last| last.0) - values.first().map_or(0.0, |first| first.0);
        Self { mean, slope, growth: slope * seconds / mean }
    }
}

/// The median of the values.
pub(crate) fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_under_what_goes_up_and_down() {
        let values: Vec<_> = (0..100).map(|n| (f64::from(n), 1_000.0 + f64::from(2 * n) + f64::from(n % 2))).collect();
        let trend = Trend::of(&values);
        assert!((trend.slope - 2.0).abs() < 0.01, "{}", trend.slope);
        assert!((trend.growth - 198.0 / 1_099.5).abs() < 0.001, "{}", trend.growth);
    }
}
