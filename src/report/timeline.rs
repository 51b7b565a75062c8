//! Owns the steps of one build, grouped by stage, as its timeline shows them, and which build stands for a scenario or a case.
//! Leaves drawing to `chart`.

use super::format;
use crate::results::{Builder, Case, Metric, Phase, Sample, ScenarioRecord, StepRow};
use crate::stats::{Cases, median_round};
use std::collections::BTreeSet;

/// Steps of the engine itself that are shorter are not shown, in nanoseconds: of many there is nothing to be seen.
const ENGINE_LEAST: u64 = 10_000_000;

/// The steps of one build.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    pub(super) scenario: String,
    /// What its chart is called.
    pub(super) name: String,
    pub(super) variant: String,
    pub(super) phase: Phase,
    /// Where the variant stands among those beside the baseline, which gives its colour; `None` for the baseline.
    pub(super) colour: Option<usize>,
    pub(super) builder: Builder,
    pub(super) round: u32,
    /// Why this round, in a few words; empty where nothing is to be said.
    pub(super) why: String,
    /// Why the build does not count.
    pub(super) problem: Option<String>,
    /// The wall time of the build; `None` where no sample tells it.
    pub(super) wall: Option<u64>,
    /// When its last step ended.
    pub(super) end: u64,
    /// The bases that the build uses.
    pub(super) bases: BTreeSet<String>,
    /// The stages in the order in which the build began them; the engine's own steps come last, without a name.
    pub(super) stages: Vec<(String, Vec<Step>)>,
}

/// One step that began.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) started: u64,
    pub(super) completed: u64,
    pub(super) cached: bool,
    pub(super) critical: bool,
    /// Whether it is a step of the engine itself, and of no stage.
    pub(super) engine: bool,
}

impl Step {
    pub(super) fn length(&self) -> u64 {
        self.completed.saturating_sub(self.started)
    }
}

impl Timeline {
    /// The median cold build of `multi`, or of the first variant beside the baseline, among those that count and have steps.
    pub(super) fn of(
        scenario: &ScenarioRecord,
        builder: Builder,
        cases: &Cases<'_>,
        steps: &[StepRow],
    ) -> Option<Self> {
        let others = || scenario.variants.iter().filter(|v| !v.baseline);
        let variant = others().find(|v| v.name == "multi").or_else(|| others().next())?;
        let walls = cases.samples(&scenario.name, &variant.name, Phase::Cold, Metric::BuildWall);
        let case = Case {
            scenario: scenario.name.clone(),
            variant: variant.name.clone(),
            builder,
            phase: Phase::Cold,
        };
        let stepped = |wall: &&&Sample| steps.iter().any(|s| s.case == case && s.round == wall.round);
        let stepped: Vec<&Sample> = walls.iter().filter(stepped).copied().collect();
        let (round, why) = median(&stepped)?;
        Some(Self { why, ..Self::of_build(scenario, &case, round, steps, &stepped)? })
    }

    /// One build; `None` if no step of it is known.
    pub(super) fn of_build(
        scenario: &ScenarioRecord,
        case: &Case,
        round: u32,
        steps: &[StepRow],
        walls: &[&Sample],
    ) -> Option<Self> {
        let mut others = scenario.variants.iter().filter(|v| !v.baseline);
        let colour = others.position(|v| v.name == case.variant);
        let rows: Vec<&StepRow> = steps.iter().filter(|s| s.case == *case && s.round == round).collect();
        let end = rows.iter().filter_map(|r| r.completed_ns).max().filter(|end| *end > 0)?;
        let variant = scenario.variants.iter().filter(|v| v.name == case.variant);
        let bases = scenario.bases_of(case.builder, variant).into_iter().map(str::to_owned).collect();
        let mut stages: Vec<(String, Vec<Step>)> = Vec::new();
        for row in rows {
            let (Some(started), Some(completed)) = (row.started_ns, row.completed_ns) else { continue };
            let step = Step {
                name: without_mounts(&format::clean(&row.name)),
                started,
                completed: completed.max(started),
                cached: row.cached,
                critical: row.critical,
                engine: row.step.is_none(),
            };
            if row.stage.is_empty() && row.step.is_none() && step.length() < ENGINE_LEAST {
                continue;
            }
            match stages.iter_mut().find(|(stage, _)| *stage == format::clean(&row.stage)) {
                Some((_, steps)) => steps.push(step),
                None => stages.push((format::clean(&row.stage), vec![step])),
            }
        }
        for (_, steps) in &mut stages {
            steps.sort_by_key(|s| (s.started, s.completed));
        }
        stages.sort_by_key(|(stage, steps)| (stage.is_empty(), steps.first().map(|s| s.started)));
        let timeline = Self {
            scenario: case.scenario.clone(),
            name: case.scenario.clone(),
            variant: case.variant.clone(),
            phase: case.phase,
            colour,
            builder: case.builder,
            round,
            why: String::new(),
            problem: None,
            wall: walls.iter().find(|wall| wall.round == round).and_then(|wall| wall.value),
            end,
            bases,
            stages,
        };
        (!timeline.stages.is_empty()).then_some(timeline)
    }

    /// How long the build took: by its wall time where that is known, else until its last step ended.
    pub(super) fn took(&self) -> u64 {
        self.wall.unwrap_or(self.end)
    }

    /// The longest step.
    pub(super) fn longest(&self) -> Option<&Step> {
        let steps = self.stages.iter().flat_map(|(_, steps)| steps);
        steps.reduce(|best, step| if step.length() > best.length() { step } else { best })
    }
}

/// A step without the mounts between RUN and its command, whose room they would take.
fn without_mounts(name: &str) -> String {
    let Some(mut command) = name.strip_prefix("RUN ") else { return name.to_owned() };
    while let Some((_, rest)) = command.strip_prefix("--mount=").and_then(|mount| mount.split_once(' ')) {
        command = rest;
    }
    format!("RUN {command}")
}

/// The median round of those that count, and how it came to be chosen.
pub(super) fn median(walls: &[&Sample]) -> Option<(u32, String)> {
    let round = median_round(walls.iter().copied())?;
    let why = match walls.iter().filter(|s| s.valid().is_some()).count() {
        1 => String::new(),
        many => format!(", the median of {many}"),
    };
    Some((round, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Status;

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
    fn a_step_is_called_by_its_command() {
        assert_eq!(without_mounts("RUN --mount=type=cache,target=/a --mount=target=/b make"), "RUN make");
        for name in ["RUN make --mount=x y", "COPY --from=a b c", "RUN --mount=target=/a"] {
            assert_eq!(without_mounts(name), name);
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
