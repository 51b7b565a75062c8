use super::{Cases, DECIDING_ROUNDS, Spread, interval, reduction};
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
pub fn judge(record: &ClaimRecord, scenario: &ScenarioRecord, cases: &Cases<'_>, stand_ins: bool) -> Verdict {
    let claim = match Claim::parse(&record.text) {
        Ok(claim) => claim,
        Err((_, wrong)) => return Verdict::open(None, wrong),
    };
    let spread = |variant: &str| cases.spread(&scenario.name, variant, claim.phase, claim.metric);
    if scenario.agree != Some(true) {
        return Verdict::open(None, "the images were not all proven to give the expected answer");
    }
    let Some(own) = spread(&claim.variant) else {
        return Verdict::open(None, format!("{} {} has no valid sample", claim.variant, claim.phase));
    };
    match claim.bound {
        Quantity::Absolute(bound) => {
            let observed = Observed::Value(claim.metric, own.median);
            if stand_ins {
                return Verdict::open(Some(observed), "an absolute figure, measured on stand-ins");
            }
            let values = || valid(cases, scenario, &claim.variant, &claim).map(|(_, v)| v as f64).collect();
            decide(&claim, own, observed, own.median as f64, bound, values)
        }
        Quantity::Reduction(bound) => {
            let Some(baseline) = scenario.baseline() else {
                return Verdict::open(None, "the scenario has no baseline");
            };
            for variant in [&claim.variant, &baseline.name] {
                if cases.failed(&scenario.name, variant, claim.phase) {
                    return Verdict::open(None, format!("{variant} {} failed", claim.phase));
                }
            }
            let below = spread(&baseline.name).and_then(|base| reduction(own.median, base.median));
            let Some(figure) = below else {
                return Verdict::open(None, format!("{} {} has no valid sample", baseline.name, claim.phase));
            };
            let values = || paired(cases, scenario, &baseline.name, &claim);
            decide(&claim, own, Observed::Reduction(figure), figure, bound, values)
        }
    }
}

/// Sizes and counts are decided by their median; a time only if the whole interval is on one side of the bound.
fn decide(
    claim: &Claim,
    own: Spread,
    observed: Observed,
    figure: f64,
    bound: f64,
    values: impl Fn() -> Vec<f64>,
) -> Verdict {
    if claim.metric.unit() != Unit::Ns {
        return Verdict::decided(claim.op.holds(figure, bound), observed);
    }
    let Some((low, high)) = interval(&values()) else {
        let reason = format!("a time is decided from {DECIDING_ROUNDS} rounds on, these are {}", own.n);
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
    variant: &str,
    claim: &Claim,
) -> impl Iterator<Item = (u32, u64)> + use<'a> {
    let samples = cases.samples(&scenario.name, variant, claim.phase, claim.metric);
    samples.iter().filter_map(|s| Some((s.round, s.valid()?)))
}

/// The reductions of the rounds in which both the variant and the baseline count.
fn paired(cases: &Cases<'_>, scenario: &ScenarioRecord, baseline: &str, claim: &Claim) -> Vec<f64> {
    valid(cases, scenario, &claim.variant, claim)
        .filter_map(|(round, own)| {
            let (_, base) = valid(cases, scenario, baseline, claim).find(|(r, _)| *r == round)?;
            reduction(own, base)
        })
        .collect()
}
