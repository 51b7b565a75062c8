//! Owns whether a run has a gap: something that was to be measured, or was tried, and counts in no round.

use crate::results::{Measure, Metric, Sample, Status};
use crate::runner::Planned;
use std::collections::BTreeMap;

/// Whether some build that was to be measured, or a size, transfer or start that was tried, has no valid sample in any round.
/// What cannot be had here is skipped, and no gap as long as anything counts. Nor are the parts of a build that counts: somebody
/// else's build makes the bytes of the build cache unknown.
pub(super) fn has_gap(plan: &[Planned], samples: &[Sample]) -> bool {
    let mut settled = BTreeMap::new();
    let told_by_the_wall = |metric: Metric| metric != Metric::BuildWall && metric.parts() == [Measure::Build];
    for sample in samples.iter().filter(|sample| !told_by_the_wall(sample.metric)) {
        let had: &mut bool = settled.entry((&sample.case, sample.metric)).or_default();
        *had |= sample.valid().is_some() || sample.status == Status::Skipped;
    }
    let built = |planned: &Planned| settled.contains_key(&(&planned.case, Metric::BuildWall));
    let nothing_counts = samples.iter().all(|sample| sample.valid().is_none());
    nothing_counts
        || settled.values().any(|had| !had)
        || plan.iter().any(|planned| planned.measured && !built(planned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Builder, Case, Phase};

    #[test]
    fn what_counts_in_no_round_is_a_gap_and_what_is_skipped_is_none() {
        let case = Case {
            scenario: "s".to_owned(),
            variant: "v".to_owned(),
            builder: Builder::Buildkit,
            phase: Phase::Cold,
        };
        let plan = [Planned { case: case.clone(), round: 1, measured: true }];
        let row = |round, metric, status| Sample {
            case: case.clone(),
            round,
            metric,
            value: (status == Status::Valid).then_some(1),
            status,
            reason: String::new(),
            started: None,
            node: String::new(),
            link: String::new(),
        };
        let gap = |rows: &[(u32, Metric, Status)]| {
            let rows: Vec<Sample> =
                rows.iter().map(|(round, metric, status)| row(*round, *metric, *status)).collect();
            has_gap(&plan, &rows)
        };
        let (wall, pull) = (Metric::BuildWall, Metric::PullColdBytes);
        let built = (1, wall, Status::Valid);
        assert!(gap(&[]), "a build that was not begun");
        assert!(!gap(&[built]));
        assert!(gap(&[(1, wall, Status::Failed)]) && gap(&[(1, wall, Status::Invalid)]));
        assert!(!gap(&[built, (2, wall, Status::Failed)]));
        assert!(gap(&[(1, wall, Status::Skipped)]), "nothing counts");
        assert!(!gap(&[(1, wall, Status::Skipped), (1, Metric::Layers, Status::Valid)]));
        assert!(gap(&[built, (1, pull, Status::Failed)]), "a pull that never came about");
        assert!(!gap(&[built, (1, pull, Status::Failed), (2, pull, Status::Valid)]));
        assert!(!gap(&[built, (1, pull, Status::Skipped)]));
        assert!(!gap(&[built, (1, Metric::BuildCache, Status::Invalid)]), "somebody else built meanwhile");
    }
}
