//! The builds to come, in their order.

use super::order::{order, order_of_builders};
use crate::error::{Error, Result};
use crate::meant::meant;
use crate::results::{Builder, Case, Metric, Phase, Sample};
use crate::scenario::Scenario;
use std::collections::BTreeMap;
use std::time::Duration;

/// One build to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What it belongs to. A priming build belongs to `cold`, whose state it makes, and is not measured.
    pub case: Case,
    /// The round, from 1.
    pub round: u32,
    /// Whether it is measured, or only makes the state for those after it.
    pub measured: bool,
}

/// What of all there is should be run.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Passes over all variants and phases.
    pub rounds: u32,
    /// The phases, in the order of a round.
    pub phases: Vec<Phase>,
    /// The seed of the order of variants and builders.
    pub seed: u64,
    /// The builders; that of the claims first.
    pub builders: Vec<Builder>,
}

impl Selection {
    /// The builds of one variant in one round: the opening one, then those on top of it.
    pub fn builds(&self, scenario: &Scenario, variant: usize, builder: Builder, round: u32) -> Vec<Planned> {
        let planned = |phase, measured| Planned {
            case: Case {
                scenario: scenario.name.clone(),
                variant: scenario.variants[variant].name.clone(),
                builder,
                phase,
            },
            round,
            measured,
        };
        let opening = planned(Phase::Cold, self.phases.contains(&Phase::Cold));
        let others = scenario.phases().into_iter().filter(|p| *p != Phase::Cold && self.phases.contains(p));
        std::iter::once(opening).chain(others.map(|phase| planned(phase, true))).collect()
    }

    /// The order of the variants of a scenario in a round.
    pub fn order(&self, scenario: &Scenario, round: u32) -> Vec<usize> {
        order(self.seed, &scenario.name, scenario.variants.len(), round)
    }

    /// The builders in the order of a round: all variants with one, then all with the next.
    pub fn order_of_builders(&self, scenario: &Scenario, round: u32) -> Vec<Builder> {
        let order = order_of_builders(self.seed, &scenario.name, self.builders.len(), round);
        order.into_iter().filter_map(|at| self.builders.get(at).copied()).collect()
    }

    /// The passes of a round, in their order: a builder and a variant.
    pub fn passes(&self, scenario: &Scenario, round: u32) -> Vec<(Builder, usize)> {
        let variants = self.order(scenario, round);
        let builders = self.order_of_builders(scenario, round).into_iter();
        builders.flat_map(|builder| variants.iter().map(move |variant| (builder, *variant))).collect()
    }

    /// Every build of a run.
    pub fn all(&self, scenarios: &[Scenario]) -> Vec<Planned> {
        let rounds = scenarios.iter().flat_map(|s| (1..=self.rounds).map(move |round| (s, round)));
        rounds
            .flat_map(|(s, round)| self.passes(s, round).into_iter().map(move |pass| (s, pass, round)))
            .flat_map(|(s, (builder, variant), round)| self.builds(s, variant, builder, round))
            .collect()
    }
}

/// Keeps the named scenarios and variants; no name keeps all.
///
/// # Errors
/// If a name is not there, or the baseline of a scenario would be left out without a word.
pub fn select(all: Vec<Scenario>, scenarios: &[String], variants: &[String]) -> Result<Vec<Scenario>> {
    if let Some(unknown) = scenarios.iter().find(|name| all.iter().all(|s| s.name != **name)) {
        let known: Vec<_> = all.iter().map(|s| s.name.as_str()).collect();
        return Err(Error::input(format!("there is no scenario `{unknown}`")).hint(format!(
            "{}`dbench list` shows what there is: {}",
            meant(unknown, &known),
            known.join(", ")
        )));
    }
    let mut kept: Vec<_> =
        all.into_iter().filter(|s| scenarios.is_empty() || scenarios.contains(&s.name)).collect();
    if let Some(unknown) =
        variants.iter().find(|v| kept.iter().all(|s| s.variants.iter().all(|x| x.name != **v)))
    {
        let known: std::collections::BTreeSet<&str> =
            kept.iter().flat_map(|s| &s.variants).map(|v| v.name.as_str()).collect();
        let known: Vec<&str> = known.into_iter().collect();
        return Err(Error::input(format!("no chosen scenario has a variant `{unknown}`")).hint(format!(
            "{}there is {}",
            meant(unknown, &known),
            known.join(", ")
        )));
    }
    if !variants.is_empty() {
        for scenario in &mut kept {
            scenario.variants.retain(|v| variants.contains(&v.name));
        }
        kept.retain(|s| !s.variants.is_empty());
    }
    Ok(kept)
}

/// Leaves out the scenarios that define none of the edits of the named phases; gives what is left out, in words.
///
/// # Errors
/// If no scenario defines the edit of a named phase.
pub fn with_edits(kept: &mut Vec<Scenario>, phases: &[Phase]) -> Result<Vec<String>> {
    let has = |s: &Scenario, phase: Phase| s.phases().contains(&phase);
    let mut said = Vec::new();
    for phase in phases.iter().copied() {
        let lacking: Vec<&str> = kept.iter().filter(|s| !has(s, phase)).map(|s| s.name.as_str()).collect();
        if lacking.is_empty() {
            continue;
        }
        let table = if phase == Phase::SourceEdit { "[edits.source]" } else { "[edits.deps]" };
        let names = lacking.join(", ");
        if lacking.len() == kept.len() {
            return Err(Error::input(format!(
                "phase {phase} needs a table {table}, and there is none in {names}"
            ))
            .hint(format!("add {table} to scenario.toml, or leave {phase} out of --phase")));
        }
        said.push(format!("no table {table} in {names}: phase {phase} is skipped there"));
    }
    kept.retain(|s| phases.is_empty() || phases.iter().any(|phase| has(s, *phase)));
    Ok(said)
}

/// How long some builds, or what is pushed and pulled of them, took in an earlier run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// The sum of what is known.
    pub time: Duration,
    /// Of how many it is known.
    pub known: usize,
}

impl Estimate {
    fn of(times: impl Iterator<Item = Option<u64>>) -> Self {
        times.flatten().fold(Self::default(), |sum, time| Self {
            time: sum.time + Duration::from_nanos(time),
            known: sum.known + 1,
        })
    }
}

/// How long the builds will take, by the median of each case in an earlier run.
pub fn estimate(plan: &[Planned], earlier: &[Sample]) -> Estimate {
    let wall = |planned: &Planned| {
        let own = |s: &&Sample| s.metric == Metric::BuildWall && s.case == planned.case;
        median(earlier.iter().filter(own))
    };
    Estimate::of(plan.iter().map(wall))
}

/// How long the pushes and pulls will take, by the medians of each variant in an earlier run.
pub fn estimate_transfers(plan: &[Planned], earlier: &[Sample]) -> Estimate {
    let walls = |opening: &Planned| {
        let mut walls = BTreeMap::<(Metric, Phase), Vec<&Sample>>::new();
        for sample in earlier.iter().filter(|s| s.case.is_of_one_variant_with(&opening.case)) {
            let metric = sample.metric;
            if metric != Metric::BuildWall && metric.name().ends_with("-wall") {
                walls.entry((metric, sample.case.phase)).or_default().push(sample);
            }
        }
        walls.into_values().filter_map(|samples| median(samples.into_iter())).reduce(|a, b| a + b)
    };
    Estimate::of(plan.iter().filter(|planned| planned.case.phase == Phase::Cold).map(walls))
}

fn median<'a>(samples: impl Iterator<Item = &'a Sample>) -> Option<u64> {
    let mut values: Vec<u64> = samples.filter_map(Sample::valid).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Status;

    #[test]
    fn what_an_earlier_run_does_not_know_is_not_made_up() {
        let case = |variant: &str, phase| Case {
            scenario: "s".to_owned(),
            variant: variant.to_owned(),
            builder: Builder::Buildkit,
            phase,
        };
        let row = |case: Case, metric, value| Sample {
            case,
            round: 1,
            metric,
            value: Some(value),
            status: Status::Valid,
            reason: String::new(),
            started: None,
            node: String::new(),
            link: String::new(),
        };
        let planned = |case, round| Planned { case, round, measured: true };
        let plan: Vec<Planned> = ["single", "multi"]
            .into_iter()
            .flat_map(|variant| {
                [Phase::Cold, Phase::SourceEdit].map(|phase| planned(case(variant, phase), 1))
            })
            .collect();
        let none = Estimate::default();
        assert_eq!((estimate(&plan, &[]), estimate_transfers(&plan, &[])), (none, none));
        let cold = || case("multi", Phase::Cold);
        let earlier = [
            row(cold(), Metric::BuildWall, 30),
            row(cold(), Metric::BuildWall, 10),
            row(cold(), Metric::BuildWall, 20),
            row(cold(), Metric::PushWall, 4),
            row(cold(), Metric::PullColdWall, 5),
            row(case("multi", Phase::SourceEdit), Metric::PullSourceEditWall, 1),
            row(case("other", Phase::Cold), Metric::BuildWall, 1000),
        ];
        let (builds, transfers) = (estimate(&plan, &earlier), estimate_transfers(&plan, &earlier));
        assert_eq!(builds, Estimate { time: Duration::from_nanos(20), known: 1 });
        assert_eq!(transfers, Estimate { time: Duration::from_nanos(10), known: 1 });
    }
}
