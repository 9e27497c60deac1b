//! Whether random choices are evenly spread.

/// Pearson's test for evenly spread counts. Even counts exceed its bound less often than once in 10^8 runs.
pub(crate) fn assert_even(counts: impl ExactSizeIterator<Item = usize> + Clone) {
    let (total, freedom) = (counts.clone().sum::<usize>() as f64, counts.len() as f64 - 1.0);
    let expected = total / counts.len() as f64;
    let statistic: f64 = counts.map(|count| (count as f64 - expected).powi(2) / expected).sum();
    let bound = freedom + 10.0 * (2.0 * freedom).sqrt() + 20.0;
    assert!(statistic < bound, "chi squared is {statistic:.1} over {freedom} degrees of freedom");
}
