//! Owns which samples belong to which case: values that count, ratios of paired rounds, and what does not count.
//! Leaves what they mean to `spread` and `claim`.

use super::{Spread, ratio};
use crate::results::{Builder, Metric, Phase, Sample, Status};
use std::collections::BTreeMap;

type ByMetric<'a> = BTreeMap<(Phase, Metric), Vec<&'a Sample>>;

/// The samples of one builder by scenario, variant, phase and metric; builders are never mixed.
#[derive(Debug)]
pub struct Cases<'a> {
    by_scenario: BTreeMap<&'a str, BTreeMap<&'a str, ByMetric<'a>>>,
}

/// Rounds of one case that do not count, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variant.
    pub variant: String,
    /// The phase.
    pub phase: Phase,
    /// The one metric that is meant where the build itself counts; `None` where nothing of it does.
    pub metric: Option<Metric>,
    /// Invalid, failed or skipped.
    pub status: Status,
    /// Why.
    pub reason: String,
    /// The rounds, in order.
    pub rounds: Vec<u32>,
}

impl<'a> Cases<'a> {
    /// Sorts the samples that a builder made.
    pub fn new(builder: Builder, samples: &'a [Sample]) -> Self {
        let mut by_scenario: BTreeMap<&'a str, BTreeMap<&'a str, ByMetric<'a>>> = BTreeMap::new();
        for sample in samples.iter().filter(|s| s.case.builder == builder) {
            let case = &sample.case;
            let of_scenario = by_scenario.entry(case.scenario.as_str()).or_default();
            let of_variant = of_scenario.entry(case.variant.as_str()).or_default();
            of_variant.entry((case.phase, sample.metric)).or_default().push(sample);
        }
        Self { by_scenario }
    }

    /// Every sample of one metric of one case, in the order in which they were taken.
    pub fn samples(&self, scenario: &str, variant: &str, phase: Phase, metric: Metric) -> &[&'a Sample] {
        let of_variant = self.by_scenario.get(scenario).and_then(|variants| variants.get(variant));
        of_variant.and_then(|metrics| metrics.get(&(phase, metric))).map_or(&[], Vec::as_slice)
    }

    /// The spread of the samples that count.
    pub fn spread(&self, scenario: &str, variant: &str, phase: Phase, metric: Metric) -> Option<Spread> {
        Spread::of(self.samples(scenario, variant, phase, metric).iter().filter_map(|s| s.valid()))
    }

    /// The ratios of the rounds in which both the variant and the baseline count.
    pub fn ratios(
        &self,
        scenario: &str,
        variant: &str,
        baseline: &str,
        phase: Phase,
        metric: Metric,
    ) -> Vec<f64> {
        let of = |name: &str| self.samples(scenario, name, phase, metric).iter();
        of(variant)
            .filter_map(|own| {
                let base = of(baseline).find(|base| base.round == own.round)?;
                ratio(own.valid()?, base.valid()?)
            })
            .collect()
    }

    /// What failed of a case, in any round, so that the metric does not count there: its build or probe, which spoils
    /// everything, or what the metric is measured with. A pull that failed says nothing against a size.
    pub fn failed(&self, scenario: &str, variant: &str, phase: Phase, metric: Metric) -> Option<Metric> {
        let failed = self.of_case(scenario, variant, phase).filter(|s| s.status == Status::Failed);
        let mut failed = failed.map(|s| s.metric);
        failed.find(|failed| *failed == Metric::BuildWall || failed.is_measured_with(metric))
    }

    /// What does not count of one case, by reason, in the order in which it came up.
    pub fn problems(&self, scenario: &str, variant: &str, phase: Phase) -> Vec<Problem> {
        let walls = self.samples(scenario, variant, phase, Metric::BuildWall);
        let mut found: Vec<Problem> = Vec::new();
        for sample in self.of_case(scenario, variant, phase).filter(|s| s.status != Status::Valid) {
            // A phase without builds of its own has what was measured of those that opened the round.
            let built =
                walls.is_empty() || walls.iter().any(|w| w.round == sample.round && w.valid().is_some());
            let metric = built.then_some(sample.metric);
            let same = |p: &&mut Problem| {
                p.metric == metric && p.status == sample.status && p.reason == sample.reason
            };
            let same = found.iter_mut().find(same);
            match same {
                Some(problem) => problem.rounds.push(sample.round),
                None => found.push(Problem {
                    variant: variant.to_owned(),
                    phase,
                    metric,
                    status: sample.status,
                    reason: sample.reason.clone(),
                    rounds: vec![sample.round],
                }),
            }
        }
        for problem in &mut found {
            problem.rounds.sort_unstable();
            problem.rounds.dedup();
        }
        found
    }

    fn of_case<'b>(
        &'b self,
        scenario: &'b str,
        variant: &'b str,
        phase: Phase,
    ) -> impl Iterator<Item = &'a Sample> + use<'a, 'b> {
        Metric::ALL.iter().flat_map(move |m| self.samples(scenario, variant, phase, *m)).copied()
    }
}

/// The round in the middle of those that count: of an even number the lower of the two there, of equal ones the earlier.
pub fn median_round<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Option<u32> {
    let counted = samples.into_iter().filter_map(|s| Some((s.valid()?, s.round)));
    let mut counted: Vec<(u64, u32)> = counted.collect();
    counted.sort_unstable();
    counted.get(counted.len().checked_sub(1)? / 2).map(|(_, round)| *round)
}
