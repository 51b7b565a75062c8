//! Owns what a report says of what does not count: which case, which rounds, and why; alike things in one sentence.
//! Leaves what does not count to `gather`.

use super::format;
use crate::results::{Metric, Phase};
use serde::Serialize;

/// Why images are not compared of which one is not proven.
pub(super) const DISAGREE: &str = "not every image gave the expected answer";

/// What does not count.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Problem {
    pub(super) variant: String,
    pub(super) phase: Phase,
    /// The one metric that is meant where the build itself counts.
    pub(super) metric: Option<&'static str>,
    pub(super) status: &'static str,
    pub(super) rounds: Vec<u32>,
    pub(super) reason: String,
}

impl Problem {
    /// Whether it is of the build itself, or of one of these metrics.
    pub(super) fn concerns(&self, metrics: &[Metric]) -> bool {
        self.metric.is_none_or(|name| metrics.iter().any(|metric| metric.name() == name))
    }
}

/// What does not count for one reason in the same rounds of one phase: the same metrics of some variants.
pub(super) struct Told<'a> {
    pub(super) status: &'static str,
    variants: Vec<&'a str>,
    phase: Phase,
    metrics: Vec<&'static str>,
    rounds: &'a [u32],
    reason: &'a str,
}

impl Told<'_> {
    /// The variants, the phase, the rounds, the metrics and the reason.
    pub(super) fn sentence(&self) -> String {
        let metrics = match self.metrics.as_slice() {
            [] => String::new(),
            some => format!("{} ", format::list(some)),
        };
        let rounds: Vec<String> = self.rounds.iter().map(u32::to_string).collect();
        let rounds = match rounds.as_slice() {
            [] => String::new(),
            [one] => format!(", round {one}"),
            many => format!(", rounds {}", format::list(many)),
        };
        let variants = format::list(&self.variants);
        format!("{variants} {}{rounds}: {metrics}{}: {}", self.phase, self.status, self.reason)
    }
}

/// What is to be told of these: metrics that do not count for one reason are named together, and so are variants of which
/// the very same is to be said. In the order in which they come.
pub(super) fn told<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> Vec<Told<'a>> {
    let mut of_cases: Vec<Told<'a>> = Vec::new();
    for problem in problems {
        let of = Told {
            status: problem.status,
            variants: vec![&problem.variant],
            phase: problem.phase,
            metrics: problem.metric.into_iter().collect(),
            rounds: &problem.rounds,
            reason: &problem.reason,
        };
        let same = |other: &&mut Told<'a>| {
            other.variants == of.variants
                && other.is_for_what(&of)
                && other.metrics.is_empty() == of.metrics.is_empty()
        };
        match of_cases.iter_mut().find(same) {
            Some(other) => other.metrics.extend(of.metrics),
            None => of_cases.push(of),
        }
    }
    let mut all: Vec<Told<'a>> = Vec::new();
    for of in of_cases {
        match all.iter_mut().find(|other| other.is_for_what(&of) && other.metrics == of.metrics) {
            Some(other) => other.variants.extend(of.variants),
            None => all.push(of),
        }
    }
    all
}

impl Told<'_> {
    fn is_for_what(&self, other: &Self) -> bool {
        (self.phase, self.status, self.rounds, unlogged(self.reason))
            == (other.phase, other.status, other.rounds, unlogged(other.reason))
    }
}

/// A reason without the name of the log, of which each build has its own.
fn unlogged(reason: &str) -> &str {
    reason.split(" (log: ").next().unwrap_or(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_things_are_told_once() {
        let problem = |variant: &str, phase, metric, rounds: &[u32]| Problem {
            variant: variant.to_owned(),
            phase,
            metric,
            status: "skipped",
            rounds: rounds.to_vec(),
            reason: "no registry".to_owned(),
        };
        let (push, pull) = (Some("push-bytes"), Some("pull-cold-bytes"));
        let all = [
            problem("single", Phase::Cold, push, &[1, 2]),
            problem("single", Phase::Cold, pull, &[1, 2]),
            problem("single", Phase::SourceEdit, push, &[1]),
            problem("multi", Phase::Cold, push, &[1, 2]),
            problem("multi", Phase::Cold, pull, &[1, 2]),
            problem("tuned", Phase::Cold, push, &[1, 2]),
            problem("tuned", Phase::Cold, None, &[1, 2]),
        ];
        let said: Vec<String> = told(&all).iter().map(Told::sentence).collect();
        assert_eq!(
            said,
            [
                "single and multi cold, rounds 1 and 2: push-bytes and pull-cold-bytes skipped: no registry",
                "single source-edit, round 1: push-bytes skipped: no registry",
                "tuned cold, rounds 1 and 2: push-bytes skipped: no registry",
                "tuned cold, rounds 1 and 2: skipped: no registry",
            ]
        );
    }
}
