//! Owns numbers about numbers: median and range, ratio and reduction, the interval of a median.
//! Knows no case and no unit.

use serde::Serialize;

/// From this many rounds on a time is decided; with fewer, median and range are all that is said. With 6 the
/// range covers the median 97 % of the time, with 3 only 75 %.
pub const DECIDING_ROUNDS: usize = 6;

/// The middle and the ends of some values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many values there are.
    pub n: usize,
    /// The middle one; of an even number the mean of the middle two, rounded.
    pub median: u64,
    /// The smallest.
    pub min: u64,
    /// The largest.
    pub max: u64,
}

impl Spread {
    /// The spread of these values; `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = (*values.get((values.len() - 1) / 2)?, *values.get(values.len() / 2)?);
        Some(Self { n: values.len(), median: low + (high - low).div_ceil(2), min, max })
    }
}

/// `value` in units of `baseline`; `None` where the baseline is zero.
pub fn ratio(value: u64, baseline: u64) -> Option<f64> {
    (baseline > 0).then(|| value as f64 / baseline as f64)
}

/// By how many percent `value` is below `baseline`; negative if it is above.
pub fn reduction(value: u64, baseline: u64) -> Option<f64> {
    ratio(value, baseline).map(|ratio| (1.0 - ratio) * 100.0)
}

/// The narrowest interval between two of these values that covers their median with at least 95 %, whatever their
/// distribution; `None` below [`DECIDING_ROUNDS`] values.
pub fn interval(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < DECIDING_ROUNDS {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    // Each value is below the median with one half: the ends may move in while both tails stay within 5 %.
    let mut term = 0.5f64.powi(i32::try_from(n).ok()?);
    let (mut tail, mut at) = (term, 0);
    while at + 1 < n / 2 {
        term *= (n - at) as f64 / (at + 1) as f64;
        if 2.0 * (tail + term) > 0.05 {
            break;
        }
        tail += term;
        at += 1;
    }
    Some((*sorted.get(at)?, *sorted.get(n - 1 - at)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_is_the_rounded_mean_of_the_middle_two() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([7]), Some(Spread { n: 1, median: 7, min: 7, max: 7 }));
        assert_eq!(Spread::of([9, 1, 4]), Some(Spread { n: 3, median: 4, min: 1, max: 9 }));
        assert_eq!(Spread::of([10, 2, 5, 4]), Some(Spread { n: 4, median: 5, min: 2, max: 10 }));
        assert_eq!(Spread::of([u64::MAX, u64::MAX]).map(|s| s.median), Some(u64::MAX));
    }

    #[test]
    fn a_reduction_is_what_is_missing_to_the_baseline() {
        assert_eq!(reduction(25, 100), Some(75.0));
        assert_eq!(reduction(110, 100).map(f64::round), Some(-10.0));
        assert_eq!(ratio(1, 0), None);
    }

    #[test]
    fn the_interval_is_the_range_of_six_and_moves_in_with_nine() {
        // Two tails of 1/64 leave 97 % with 6; with 9 two tails of (1 + 9)/512 leave 96 %.
        assert_eq!(interval(&[1.0, 2.0, 3.0, 4.0, 5.0]), None);
        assert_eq!(interval(&[6.0, 2.0, 3.0, 4.0, 5.0, 1.0]), Some((1.0, 6.0)));
        assert_eq!(interval(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]), Some((2.0, 8.0)));
    }
}
