//! Owns the timeline of any build of a run that is asked for, and the choice of the round where none is named.
//! Leaves the steps to `timeline`, drawing to `chart`, and names that the run does not have to its caller.

use super::chart::{self, Chart};
use super::document::Document;
use super::timeline::Timeline;
use crate::error::{Error, Result};
use crate::results::{Case, Loaded, Metric, Sample};
use crate::stats::median_round;
use std::collections::BTreeSet;

/// Draws the timeline of one build of a case, light and dark: that of a named round, whether it counts or not, or else the
/// median one of the rounds that count. With an even number of them it is the faster of the two in the middle, since a
/// timeline is of a build that was, and no mean of two. Gives the charts, and which round it is, in words.
///
/// # Errors
/// If the case has no such build, or no step of it is known.
pub fn one_build(loaded: &Loaded, case: &Case, round: Option<u32>) -> Result<(Vec<Chart>, String)> {
    let walls: Vec<&Sample> =
        loaded.samples.iter().filter(|s| s.metric == Metric::BuildWall && s.case == *case).collect();
    let (chosen, why) = match round {
        Some(round) => (round, String::new()),
        None => median(&walls).ok_or_else(|| none_counts(loaded, case, &walls))?,
    };
    let scenario = loaded.run.scenarios.iter().find(|s| s.name == case.scenario);
    let timeline = scenario.and_then(|s| Timeline::of_build(s, case, chosen, &loaded.steps));
    let timeline = timeline.ok_or_else(|| {
        Error::input(format!("no step of {case}, round {chosen}, is known"))
            .hint(known(loaded, case).unwrap_or_else(|| "no build of it ran; name another".to_owned()))
    })?;
    let bad = walls.iter().find(|s| s.round == chosen && s.valid().is_none());
    let problem = bad.map(|s| format!("this build does not count: {}: {}", s.status.name(), s.reason));
    let said = format!("round {chosen}{why}");
    let timeline = Timeline { why, problem: problem.map(|text| super::format::clean(&text)), ..timeline };
    let mut name = format!("timeline-{}_{}_{}", case.scenario, case.variant, case.phase);
    if let Some(round) = round {
        name.push_str(&format!("_{round}"));
    }
    Ok((chart::timeline(&Document::new(loaded), &timeline, &name)?, said))
}

/// The median round of those that count, and how it came to be chosen.
fn median(walls: &[&Sample]) -> Option<(u32, String)> {
    let round = median_round(walls.iter().copied())?;
    let why = match walls.iter().filter(|s| s.valid().is_some()).count() {
        1 => String::new(),
        many => format!(", the median of {many}"),
    };
    Some((round, why))
}

fn none_counts(loaded: &Loaded, case: &Case, walls: &[&Sample]) -> Error {
    let reason = walls.first().map(|s| format!(": {}: {}", s.status.name(), s.reason)).unwrap_or_default();
    let error = Error::input(format!("no build of {case} counts{reason}"));
    match known(loaded, case) {
        Some(known) => error.hint(format!("name a round to see one that does not count; {known}")),
        None => error.hint("no build of it ran; name another"),
    }
}

/// The rounds of a case that have steps.
fn known(loaded: &Loaded, case: &Case) -> Option<String> {
    let rounds: BTreeSet<u32> = loaded.steps.iter().filter(|s| s.case == *case).map(|s| s.round).collect();
    let rounds: Vec<String> = rounds.iter().map(u32::to_string).collect();
    (!rounds.is_empty()).then(|| format!("steps are known of the rounds {}", rounds.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Builder, Phase, Status};

    fn wall(round: u32, value: Option<u64>) -> Sample {
        let case = Case {
            scenario: "a".to_owned(),
            variant: "b".to_owned(),
            builder: Builder::Buildkit,
            phase: Phase::Cold,
        };
        let status = if value.is_some() { Status::Valid } else { Status::Failed };
        let (metric, reason) = (Metric::BuildWall, String::new());
        Sample {
            case,
            round,
            metric,
            value,
            status,
            reason,
            started: None,
            node: String::new(),
            link: String::new(),
        }
    }

    #[test]
    fn the_median_round_is_one_that_was_and_of_two_the_faster() {
        let chosen = |samples: &[Sample]| median(&samples.iter().collect::<Vec<_>>());
        let three = [wall(1, Some(30)), wall(2, Some(10)), wall(3, Some(20))];
        assert_eq!(chosen(&three), Some((3, ", the median of 3".to_owned())));
        assert_eq!(chosen(&three[..2]), Some((2, ", the median of 2".to_owned())));
        assert_eq!(chosen(&[wall(1, None), wall(4, Some(30))]), Some((4, String::new())));
        assert_eq!(chosen(&[wall(1, None)]), None);
    }
}
