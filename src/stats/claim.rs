//! Owns the outcome of a claim: what a run confirms, refutes or leaves open, and why.
//! Leaves the grammar of claims to `results`, and their words in a report to `report`.

use super::{Asked, Cases, DECIDING_ROUNDS, interval, reduction};
use crate::results::{Claim, ClaimRecord, Metric, Op, Quantity, ScenarioRecord, Unit};
use serde::Serialize;

/// What a run says to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Confirmed,
    /// It does not hold.
    Refuted,
    /// The run cannot decide it.
    Open,
}

impl Outcome {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::Open => "open",
        }
    }
}

/// What was observed of the thing that a claim speaks of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Observed {
    /// The median, in the metric's base unit.
    Value(Metric, u64),
    /// By how many percent the median is below the baseline's.
    Reduction(f64),
}

/// The outcome of a claim, with the figure it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// The figure, if there is one.
    pub observed: Option<Observed>,
    /// Why it is open; empty if it is not.
    pub reason: String,
}

impl Verdict {
    fn open(observed: Option<Observed>, reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Open, observed, reason: reason.into() }
    }

    fn decided(holds: bool, observed: Observed) -> Self {
        let outcome = if holds { Outcome::Confirmed } else { Outcome::Refuted };
        Self { outcome, observed: Some(observed), reason: String::new() }
    }
}

/// Decides a claim. On stand-ins an absolute figure says nothing about the official images, so it stays open.
pub fn judge(
    record: &ClaimRecord,
    scenario: &ScenarioRecord,
    asked: Asked<'_>,
    cases: &Cases<'_>,
    stand_ins: bool,
) -> Verdict {
    let claim = match Claim::parse(&record.text) {
        Ok(claim) => claim,
        Err((_, wrong)) => return Verdict::open(None, wrong),
    };
    let spread = |variant: &str| cases.spread(&scenario.name, variant, claim.phase, claim.metric);
    match scenario.agree {
        Some(true) => {}
        Some(false) => {
            return Verdict::open(None, "the images were not all proven to give the expected answer");
        }
        None => return Verdict::open(None, asked.unproven(&claim, scenario, cases)),
    }
    let lacking = |variant: &str| Verdict::open(None, asked.why(&claim, variant, scenario, cases));
    let Some(own) = spread(&claim.variant) else { return lacking(&claim.variant) };
    match claim.bound {
        Quantity::Absolute(bound) => {
            let observed = Observed::Value(claim.metric, own.median);
            if stand_ins {
                return Verdict::open(Some(observed), "an absolute figure, measured on stand-ins");
            }
            let values = || valid(cases, scenario, &claim).map(|value| value as f64).collect();
            decide(&claim, observed, own.median as f64, bound, values)
        }
        Quantity::Reduction(bound) => {
            let Some(baseline) = scenario.baseline() else {
                return Verdict::open(None, "the baseline was left out of this run");
            };
            for variant in [&claim.variant, &baseline.name] {
                if let Some(failed) = cases.failed(&scenario.name, variant, claim.phase, claim.metric) {
                    let what = if failed == Metric::BuildWall { claim.phase.name() } else { failed.name() };
                    return Verdict::open(None, format!("{variant} {what} failed"));
                }
            }
            let below = spread(&baseline.name).and_then(|base| reduction(own.median, base.median));
            let Some(figure) = below else { return lacking(&baseline.name) };
            let values = || paired(cases, scenario, &baseline.name, &claim);
            decide(&claim, Observed::Reduction(figure), figure, bound, values)
        }
    }
}

/// Sizes and counts are decided by their median; a time only if the whole interval is on one side of the bound.
fn decide(
    claim: &Claim,
    observed: Observed,
    figure: f64,
    bound: f64,
    values: impl Fn() -> Vec<f64>,
) -> Verdict {
    if claim.metric.unit() != Unit::Ns {
        return Verdict::decided(claim.op.holds(figure, bound), observed);
    }
    let values = values();
    let Some((low, high)) = interval(&values) else {
        let reason = match values.len() {
            1 => format!("a time is decided from {DECIDING_ROUNDS} rounds on, this is one"),
            many => format!("a time is decided from {DECIDING_ROUNDS} rounds on, these are {many}"),
        };
        return Verdict::open(Some(observed), reason);
    };
    let (at_low, at_high) = (claim.op.holds(low, bound), claim.op.holds(high, bound));
    let spans = claim.op == Op::Equal && low <= bound && bound <= high;
    if at_low != at_high || (spans && !at_low) {
        return Verdict::open(
            Some(observed),
            "the interval of the rounds reaches to both sides of the bound",
        );
    }
    Verdict::decided(at_low, observed)
}

fn valid<'a>(
    cases: &'a Cases<'_>,
    scenario: &ScenarioRecord,
    claim: &Claim,
) -> impl Iterator<Item = u64> + use<'a> {
    let samples = cases.samples(&scenario.name, &claim.variant, claim.phase, claim.metric);
    samples.iter().filter_map(|sample| sample.valid())
}

/// The reductions of the rounds in which both the variant and the baseline count.
fn paired(cases: &Cases<'_>, scenario: &ScenarioRecord, baseline: &str, claim: &Claim) -> Vec<f64> {
    let ratios = cases.ratios(&scenario.name, &claim.variant, baseline, claim.phase, claim.metric);
    ratios.into_iter().map(|ratio| (1.0 - ratio) * 100.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Builder, Case, Measure, Phase, Sample, Status, VariantRecord};

    fn scenario(agree: Option<bool>) -> ScenarioRecord {
        let variant = |name: &str| VariantRecord {
            name: name.into(),
            baseline: name == "single",
            dockerfile: format!("{name}.Dockerfile"),
            notes: vec![],
            bases: std::collections::BTreeMap::new(),
        };
        ScenarioRecord {
            name: "s".into(),
            title: "t".into(),
            language: "Go".into(),
            pattern: None,
            hash: "0".into(),
            variants: vec![variant("single"), variant("multi")],
            claims: vec![],
            notes: vec![],
            bases: vec![],
            agree,
            disagreement: String::new(),
            spoiled: std::collections::BTreeMap::new(),
            finished: std::collections::BTreeSet::new(),
            repeats: std::collections::BTreeMap::new(),
            phases: vec![],
        }
    }

    fn samples(metric: Metric, variant: &str, values: &[u64]) -> Vec<Sample> {
        let sample = |(at, value): (usize, &u64)| Sample {
            case: Case {
                scenario: "s".into(),
                variant: variant.into(),
                builder: Builder::Buildkit,
                phase: Phase::Cold,
            },
            round: at as u32 + 1,
            metric,
            value: Some(*value),
            status: Status::Valid,
            reason: String::new(),
            started: None,
            node: String::new(),
            link: String::new(),
        };
        values.iter().enumerate().map(sample).collect()
    }

    const ALL: Asked<'static> = Asked { phases: &Phase::ALL, measure: &Measure::ALL, whole: true };

    fn judged(text: &str, agree: Option<bool>, stand_ins: bool, samples: &[Sample]) -> Verdict {
        judged_of(ALL, text, agree, stand_ins, samples)
    }

    fn judged_of(
        asked: Asked<'_>,
        text: &str,
        agree: Option<bool>,
        stand_ins: bool,
        samples: &[Sample],
    ) -> Verdict {
        let record = ClaimRecord { text: text.into(), says: String::new() };
        judge(&record, &scenario(agree), asked, &Cases::new(Builder::Buildkit, samples), stand_ins)
    }

    fn sizes() -> Vec<Sample> {
        let size = Metric::UnpackedSize;
        [samples(size, "single", &[200, 200]), samples(size, "multi", &[10, 20])].concat()
    }

    #[test]
    fn a_relative_claim_is_decided_also_on_stand_ins() {
        // 15 of 200 is 92.5 % below.
        let verdict = judged("multi unpacked-size reduction >= 90 %", Some(true), true, &sizes());
        assert_eq!(verdict, Verdict::decided(true, Observed::Reduction(92.5)));
        let verdict = judged("multi unpacked-size reduction >= 93 %", Some(true), true, &sizes());
        assert_eq!(verdict.outcome, Outcome::Refuted);
    }

    #[test]
    fn an_absolute_claim_is_open_on_stand_ins_with_its_figure() {
        let text = "multi unpacked-size <= 15 B";
        let verdict = judged(text, Some(true), true, &sizes());
        assert_eq!(verdict.outcome, Outcome::Open);
        assert_eq!(verdict.observed, Some(Observed::Value(Metric::UnpackedSize, 15)));
        assert_eq!(verdict.reason, "an absolute figure, measured on stand-ins");
        assert_eq!(judged(text, Some(true), false, &sizes()).outcome, Outcome::Confirmed);
    }

    #[test]
    fn nothing_is_decided_without_agreement_or_samples() {
        let text = "multi unpacked-size reduction >= 90 %";
        for agree in [None, Some(false)] {
            let verdict = judged(text, agree, false, &sizes());
            assert_eq!((verdict.outcome, verdict.observed), (Outcome::Open, None));
            assert_eq!(verdict.reason, "the images were not all proven to give the expected answer");
        }
        let mut skipped = samples(Metric::BuildWall, "multi", &[1]);
        skipped[0].status = Status::Skipped;
        skipped[0].reason = "it needs BuildKit".to_owned();
        assert_eq!(judged(text, None, false, &skipped).reason, "multi cold is skipped: it needs BuildKit");
        let mut some = sizes();
        for sample in &mut some {
            if sample.case.variant == "single" {
                sample.status = Status::Invalid;
            }
        }
        assert_eq!(judged(text, Some(true), false, &some).reason, "single unpacked-size has no valid sample");
        let none = judged(text, Some(true), false, &[]).reason;
        assert_eq!(none, "multi unpacked-size in cold was not measured in this run");
        some[0].status = Status::Failed;
        assert_eq!(judged(text, Some(true), false, &some).reason, "single unpacked-size failed");
    }

    #[test]
    fn what_was_not_asked_for_is_said_with_the_flag_that_asks_for_it() {
        let walls = samples(Metric::BuildWall, "multi", &[5]);
        let said = |asked: Asked<'_>, text: &str| judged_of(asked, text, Some(true), false, &walls).reason;
        let built = Asked { measure: &[Measure::Build, Measure::Size], ..ALL };
        assert_eq!(
            said(built, "multi pull-cold-bytes reduction >= 1 %"),
            "pull-cold-bytes was not measured in this run: `--measure transfer` measures it"
        );
        assert_eq!(
            said(built, "multi pull-ready < 1 s"),
            "pull-ready was not measured in this run: `--measure transfer,start` measures it"
        );
        let cold = Asked { phases: &[Phase::Cold], ..ALL };
        let of_edit = "multi build-wall in source-edit reduction >= 1 %";
        assert_eq!(
            said(cold, of_edit),
            "source-edit was not measured in this run: `--phase source-edit` measures it"
        );
        assert_eq!(
            said(ALL, "tuned build-wall < 1 s"),
            "tuned was not built in this run: name it with `--variant`, or leave that out"
        );
        let cut = Asked { whole: false, ..ALL };
        assert_eq!(said(cut, of_edit), "the run has not come to multi source-edit");
        let reason = judged_of(cut, of_edit, None, false, &[]).reason;
        assert_eq!(reason, "the run has not proven an image of it");
    }

    #[test]
    fn what_is_skipped_is_open_for_its_reason() {
        let mut some = samples(Metric::BuildWall, "multi", &[5]);
        (some[0].status, some[0].value) = (Status::Skipped, None);
        some[0].reason = "`RUN --mount` needs BuildKit".to_owned();
        let reason = judged("multi build-wall < 1 s", Some(true), false, &some).reason;
        assert_eq!(reason, "multi cold was skipped: `RUN --mount` needs BuildKit");
        let reason = judged("multi unpacked-size < 1 B", Some(true), false, &some).reason;
        assert_eq!(reason, "multi cold is skipped: `RUN --mount` needs BuildKit");
    }

    #[test]
    fn a_pull_that_failed_says_nothing_against_a_size_and_something_against_its_own_bytes() {
        let mut some = [sizes(), samples(Metric::PullColdBytes, "single", &[100, 100])].concat();
        some.extend(samples(Metric::PullColdBytes, "multi", &[5, 5]));
        some.last_mut().unwrap().status = Status::Failed;
        let size = judged("multi unpacked-size reduction >= 90 %", Some(true), false, &some);
        assert_ne!(size.outcome, Outcome::Open, "{}", size.reason);
        for metric in ["pull-cold-bytes", "pull-cold-wall"] {
            let mut all = some.clone();
            all.extend(samples(Metric::PullColdWall, "single", &[9, 9]));
            all.extend(samples(Metric::PullColdWall, "multi", &[9, 9]));
            let verdict = judged(&format!("multi {metric} reduction >= 90 %"), Some(true), false, &all);
            assert_eq!(verdict.reason, "multi pull-cold-bytes failed");
        }
    }

    #[test]
    fn a_time_needs_six_rounds_and_its_whole_interval_on_one_side() {
        let text = "multi build-wall reduction >= 50 %";
        let wall = |multi: &[u64]| {
            let single = vec![100; multi.len()];
            [samples(Metric::BuildWall, "single", &single), samples(Metric::BuildWall, "multi", multi)]
                .concat()
        };
        let few = judged(text, Some(true), true, &wall(&[10, 10, 10]));
        assert_eq!(few.outcome, Outcome::Open);
        assert_eq!(few.observed, Some(Observed::Reduction(90.0)));
        assert_eq!(few.reason, "a time is decided from 6 rounds on, these are 3");
        let outcome = |multi: &[u64]| judged(text, Some(true), true, &wall(multi)).outcome;
        assert_eq!(outcome(&[10, 20, 30, 40, 45, 50]), Outcome::Confirmed);
        assert_eq!(outcome(&[60, 70, 80, 90, 95, 51]), Outcome::Refuted);
        let torn = judged(text, Some(true), true, &wall(&[10, 20, 30, 40, 45, 51]));
        assert_eq!(torn.reason, "the interval of the rounds reaches to both sides of the bound");
    }
}
