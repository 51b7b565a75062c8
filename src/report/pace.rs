//! Owns how one build time stands against the baseline's, in words: medians below six rounds, a verdict only where
//! the whole interval of the rounds' ratios clears the threshold.
//! Leaves which of them is told to `finding`.

use super::document::{Figure, Row};
use super::format::{count, percent, ratio, time, times};
use crate::results::Phase;

/// An interval within this much of 1 is called the same, one wholly beyond it sooner or slower.
const NOTEWORTHY: f64 = 0.05;
/// From this ratio on a difference is told as a multiple.
const MANIFOLD: f64 = 1.5;

/// What a variant's build time against the baseline's allows to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Too few rounds for a verdict: the medians are all there is.
    Described,
    /// The interval is below 1 by the threshold.
    Sooner,
    /// The interval is above 1 by the threshold.
    Slower,
    /// The interval stays within the threshold.
    Same,
    /// The interval reaches to both sides of the threshold.
    Unclear,
}

/// A variant's build time beside the baseline's in one phase.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace<'a> {
    phase: Phase,
    row: &'a Row,
    baseline: &'a Row,
    own: &'a Figure,
    base: &'a Figure,
    /// The ratio of the medians.
    pub(super) ratio: f64,
    standing: Standing,
}

impl<'a> Pace<'a> {
    /// `None` where the two must not be compared.
    pub(super) fn of(row: &'a Row, baseline: &'a Row, phase: Phase) -> Option<Self> {
        let (own, base) = (row.wall(phase)?, baseline.wall(phase)?);
        let ratio = own.ratio.filter(|_| !row.baseline)?;
        Some(Self { phase, row, baseline, own, base, ratio, standing: standing(own) })
    }

    /// The rounds behind it, where they are too few for a verdict.
    pub(super) fn few(&self) -> Option<usize> {
        let n = self.own.spread.n.min(self.base.spread.n);
        (self.standing == Standing::Described).then_some(n)
    }

    /// Whether some round of either does not count.
    pub(super) fn has_lost(&self) -> bool {
        let lost = |row: &Row, figure: &Figure| {
            row.builds.iter().any(|b| b.phase == self.phase && b.samples.len() > figure.spread.n)
        };
        lost(self.row, self.own) || lost(self.baseline, self.base)
    }

    /// Whether it belongs among the best or the worst: decided to differ, or not decided and medians apart.
    pub(super) fn is_notable(&self) -> bool {
        match self.standing {
            Standing::Sooner | Standing::Slower => true,
            Standing::Described => (self.ratio - 1.0).abs() >= NOTEWORTHY,
            Standing::Same | Standing::Unclear => false,
        }
    }

    /// What follows the name of the variant in a sentence.
    pub(super) fn said(&self) -> String {
        let (own, base, than) = (time(self.own.median()), time(self.base.median()), &self.baseline.name);
        let does = if self.phase == Phase::Cold { "builds cold" } else { "is back" };
        // One round of each says how long those two builds took, and nothing of a ratio.
        let against = match self.few() {
            Some(1) => String::new(),
            _ => format!(" ({})", ratio(self.ratio)),
        };
        match self.standing {
            Standing::Described if self.phase == Phase::Cold => {
                format!("builds cold in {own}, {than} in {base}{against}")
            }
            Standing::Described => {
                format!("takes {own} where {than} takes {base}{against}")
            }
            Standing::Sooner | Standing::Slower => {
                format!("{does} {} ({own} instead of {base})", self.verdict())
            }
            Standing::Same => format!("{does} in about the same time ({own} and {base})"),
            Standing::Unclear => {
                format!("{does} in {own} ({than} {base}, no clear difference in {})", self.rounds())
            }
        }
    }

    /// The same for a title, where there is little room.
    pub(super) fn titled(&self) -> String {
        let (own, base, than) = (time(self.own.median()), time(self.base.median()), &self.baseline.name);
        let (name, after) = (&self.row.name, after(self.phase));
        match (self.standing, self.phase) {
            (Standing::Sooner | Standing::Slower, Phase::Cold) => {
                format!("{name} builds cold {}", self.verdict())
            }
            (Standing::Sooner | Standing::Slower, _) => format!("{name} is back {after} {}", self.verdict()),
            (_, Phase::Cold) => format!("{name} builds cold in {own}, {than} in {base}"),
            _ => format!("{name} takes {own} {after}, {than} {base}"),
        }
    }

    fn rounds(&self) -> String {
        count(self.own.spread.n.min(self.base.spread.n), "round")
    }

    fn verdict(&self) -> String {
        match self.ratio {
            ratio if ratio <= 1.0 / MANIFOLD => format!("{} sooner", times(1.0 / ratio)),
            ratio if ratio < 1.0 => format!("{} sooner", percent(100.0 * (1.0 - ratio))),
            ratio if ratio >= MANIFOLD => format!("in {} the time", times(ratio)),
            ratio => format!("{} slower", percent(100.0 * (ratio - 1.0))),
        }
    }
}

fn standing(own: &Figure) -> Standing {
    let (below, above) = (1.0 - NOTEWORTHY, 1.0 + NOTEWORTHY);
    match own.interval {
        None => Standing::Described,
        Some((_, high)) if high <= below => Standing::Sooner,
        Some((low, _)) if low >= above => Standing::Slower,
        Some((low, high)) if low > below && high < above => Standing::Same,
        Some(_) => Standing::Unclear,
    }
}

/// What the medians of a sentence come from, as in `medians of 3 rounds`; nothing where all of it is decided.
/// One round is all there was, unless others were `lost`.
pub(super) fn basis(few: &[usize], lost: bool) -> Option<String> {
    let (low, high) = (few.iter().min()?, few.iter().max()?);
    Some(match (low, high) {
        (1, 1) if lost => "one round that counts".to_owned(),
        (1, 1) => "one round".to_owned(),
        (low, high) if low == high => format!("medians of {}", count(*high, "round")),
        (low, high) => format!("medians of {low} to {}", count(*high, "round")),
    })
}

/// The phase as a sentence names it.
fn after(phase: Phase) -> &'static str {
    match phase {
        Phase::Cold => "cold",
        Phase::Unchanged => "with nothing changed",
        Phase::SourceEdit => "after a source edit",
        Phase::DepsEdit => "after a dependency edit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Spread;

    fn of(interval: Option<(f64, f64)>) -> Standing {
        let spread = Spread { n: 6, median: 1, min: 1, max: 1 };
        standing(&Figure { spread, ratio: Some(1.0), interval })
    }

    #[test]
    fn a_verdict_needs_the_whole_interval_beyond_the_threshold() {
        assert_eq!(of(None), Standing::Described);
        assert_eq!(of(Some((0.5, 0.95))), Standing::Sooner);
        assert_eq!(of(Some((0.5, 0.96))), Standing::Unclear);
        assert_eq!(of(Some((1.05, 3.0))), Standing::Slower);
        assert_eq!(of(Some((1.04, 3.0))), Standing::Unclear);
        assert_eq!(of(Some((0.96, 1.04))), Standing::Same);
        assert_eq!(of(Some((0.5, 3.0))), Standing::Unclear);
    }

    #[test]
    fn the_number_of_rounds_stands_behind_what_is_not_decided() {
        let said = |few: &[usize]| basis(few, false).map(|text| text.replace('\u{a0}', " "));
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[1, 1]).as_deref(), Some("one round"));
        assert_eq!(basis(&[1, 1], true).as_deref(), Some("one round that counts"));
        assert_eq!(said(&[3, 3]).as_deref(), Some("medians of 3 rounds"));
        assert_eq!(said(&[2, 3]).as_deref(), Some("medians of 2 to 3 rounds"));
    }
}
