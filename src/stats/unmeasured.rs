//! Owns why a run has no figure that a claim asks for: it was not asked for, the run has not come to it, or no sample counts.
//! Leaves what a figure means to `claim`.

use super::Cases;
use crate::results::{Claim, Measure, Metric, Phase, Run, Sample, ScenarioRecord, Status};

/// What a run was asked to measure, and whether it came to its end.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The phases.
    pub phases: &'a [Phase],
    /// The parts.
    pub measure: &'a [Measure],
    /// Whether the run did all that it was to do.
    pub whole: bool,
}

impl<'a> Asked<'a> {
    /// What `run.json` says of it.
    pub fn of(run: &'a Run) -> Self {
        Self { phases: &run.phases, measure: &run.measure, whole: run.is_whole() }
    }

    /// Why nothing is known of the images, where not one was probed.
    pub(super) fn unproven(&self, claim: &Claim, scenario: &ScenarioRecord, cases: &Cases<'_>) -> String {
        let Claim { variant, phase, .. } = claim;
        let builds = cases.samples(&scenario.name, variant, *phase, Metric::BuildWall);
        if !self.whole {
            return "the run has not proven an image of it".to_owned();
        }
        let none = || "the images were not all proven to give the expected answer".to_owned();
        uncounted(builds, variant, *phase).unwrap_or_else(none)
    }

    /// Why a variant has no valid sample of what a claim speaks of.
    pub(super) fn why(
        &self,
        claim: &Claim,
        variant: &str,
        scenario: &ScenarioRecord,
        cases: &Cases<'_>,
    ) -> String {
        let Claim { metric, phase, .. } = *claim;
        if !scenario.variants.iter().any(|known| known.name == variant) {
            return format!(
                "{variant} was not built in this run: name it with `--variant`, or leave that out"
            );
        }
        let samples = cases.samples(&scenario.name, variant, phase, metric);
        if let Some(first) = samples.first() {
            let all_skipped = samples.iter().all(|sample| sample.status == Status::Skipped);
            return match (all_skipped, metric) {
                (true, Metric::BuildWall) => format!("{variant} {phase} was skipped: {}", first.reason),
                (true, _) => format!("{variant} {metric} was skipped: {}", first.reason),
                (false, Metric::BuildWall) => format!("{variant} {phase} has no valid sample"),
                (false, _) => format!("{variant} {metric} has no valid sample"),
            };
        }
        // Sizes and transfers of the cold image are measured whatever the phases are.
        let of_cold_image = phase == Phase::Cold && metric.parts() != [Measure::Build];
        if !self.phases.contains(&phase) && !of_cold_image {
            return format!("{phase} was not measured in this run: `--phase {phase}` measures it");
        }
        if let Some(reason) = unpushed(metric, phase, &scenario.name, variant, cases) {
            return format!(
                "{variant} {metric} was not measured, for the push of the image failed: {reason}"
            );
        }
        let parts = metric.parts();
        if !parts.iter().all(|part| self.measure.contains(part)) {
            let names: Vec<&str> = parts.iter().map(|part| part.name()).collect();
            return format!(
                "{metric} was not measured in this run: `--measure {}` measures it",
                names.join(",")
            );
        }
        let builds = cases.samples(&scenario.name, variant, phase, Metric::BuildWall);
        if builds.is_empty() && !self.whole {
            return format!("the run has not come to {variant} {phase}");
        }
        let none = || format!("{variant} {metric} in {phase} was not measured in this run");
        uncounted(builds, variant, phase).unwrap_or_else(none)
    }
}

/// The first of the builds of a variant that does not count, and why.
fn uncounted(builds: &[&Sample], variant: &str, phase: Phase) -> Option<String> {
    let build = builds.iter().find(|build| build.valid().is_none())?;
    Some(format!("{variant} {phase} is {}: {}", build.status.name(), build.reason))
}

/// Why the image that a node was to pull was not pushed.
fn unpushed<'a>(
    metric: Metric,
    phase: Phase,
    scenario: &str,
    variant: &str,
    cases: &Cases<'a>,
) -> Option<&'a str> {
    if !metric.is_of_a_node() {
        return None;
    }
    let push = if phase == Phase::Cold { Metric::PushBytes } else { Metric::UpdatePushBytes };
    let pushes = cases.samples(scenario, variant, phase, push).iter();
    let mut failed = pushes.filter(|sample| sample.status == Status::Failed);
    failed.next().map(|sample| sample.reason.as_str())
}
