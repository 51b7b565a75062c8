//! The builds to come, in their order.

use super::order::{order, order_of_builders};
use crate::error::{Error, Result};
use crate::meant::meant;
use crate::results::{Builder, Case, Metric, Phase, Sample};
use crate::scenario::Scenario;
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

/// How long the builds will take, from the medians of an earlier run; `None` if it has none of these cases.
pub fn estimate(plan: &[Planned], earlier: &[Sample]) -> Option<Duration> {
    let walls = plan.iter().map(|planned| {
        let mut walls: Vec<u64> = earlier
            .iter()
            .filter(|s| s.metric == Metric::BuildWall && s.case == planned.case)
            .filter_map(Sample::valid)
            .collect();
        walls.sort_unstable();
        walls.get(walls.len() / 2).copied()
    });
    let known: Vec<u64> = walls.flatten().collect();
    let average = known.iter().sum::<u64>().checked_div(known.len() as u64)?;
    let unknown = (plan.len() - known.len()) as u64;
    Some(Duration::from_nanos(known.iter().sum::<u64>() + average * unknown))
}

/// How long the pushes and pulls will take, from the medians of an earlier run; `None` unless it has some of every
/// variant of the plan.
pub fn estimate_transfers(plan: &[Planned], earlier: &[Sample]) -> Option<Duration> {
    let mut sum = 0;
    for opening in plan.iter().filter(|planned| planned.case.phase == Phase::Cold) {
        let case = &opening.case;
        let mut walls = std::collections::BTreeMap::<(&str, Phase), Vec<u64>>::new();
        for sample in earlier.iter().filter(|s| {
            s.case.scenario == case.scenario
                && s.case.variant == case.variant
                && s.case.builder == case.builder
                && s.metric != Metric::BuildWall
        }) {
            let name = sample.metric.name();
            if let Some(wall) = sample.valid().filter(|_| name.ends_with("-wall")) {
                walls.entry((name, sample.case.phase)).or_default().push(wall);
            }
        }
        let median = |mut walls: Vec<u64>| {
            walls.sort_unstable();
            walls.get(walls.len() / 2).copied()
        };
        let medians: Vec<u64> = walls.into_values().filter_map(median).collect();
        if medians.is_empty() {
            return None;
        }
        sum += medians.iter().sum::<u64>();
    }
    Some(Duration::from_nanos(sum))
}
