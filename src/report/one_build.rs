//! Owns the timeline of any build of a run that is asked for, and the choice of the round where none is named.
//! Leaves the steps to `timeline`, drawing to `chart`, and names that the run does not have to its caller.

use super::chart::{self, Chart};
use super::document::Document;
use super::timeline::{Timeline, median};
use crate::error::{Error, Result};
use crate::results::{Case, Loaded, Metric, Sample};
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
    let timeline = scenario.and_then(|s| Timeline::of_build(s, case, chosen, &loaded.steps, &walls));
    let timeline = timeline.ok_or_else(|| {
        Error::input(format!("no step of {case}, round {chosen}, is known"))
            .hint(known(loaded, case).unwrap_or_else(|| "no build of it ran; name another".to_owned()))
    })?;
    let bad = walls.iter().find(|s| s.round == chosen && s.valid().is_none());
    let problem = bad.map(|s| format!("this build does not count: {}: {}", s.status.name(), s.reason));
    let said = format!("round {chosen}{why}");
    let timeline = Timeline { why, problem: problem.map(|text| super::format::clean(&text)), ..timeline };
    let mut name = format!("timeline-{}_{}_{}", case.scenario, case.variant, case.phase);
    if case.builder != loaded.run.builder {
        name.push_str(&format!("_{}", case.builder.name()));
    }
    if let Some(round) = round {
        name.push_str(&format!("_{round}"));
    }
    Ok((chart::timeline(&Document::new(loaded), &timeline, &name)?, said))
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
