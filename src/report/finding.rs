//! Owns the sentences that a report computes from its data: plain, and as plain when the news is bad.
//! Leaves where they are printed to the renderers and charts.

use super::document::{Document, Figure, Row, Section};
use super::format::{bytes, count, list, percent, time};
use super::moved;
use super::pace::{self, Pace};
use super::problem::DISAGREE;
use super::table::fit;
use super::timeline::Timeline;
use crate::results::{Builder, Phase};
use crate::stats::Outcome;

/// Longer names of steps are cut in a title.
const STEP_NAME: usize = 40;

/// The sentence of one scenario.
pub(super) fn section(section: &Section) -> String {
    if section.images_agree == Some(false) {
        return format!("{}: no comparison: {DISAGREE}: {}", section.label, section.disagreement);
    }
    let Some(baseline) = section.baseline() else {
        return format!("{}: nothing to compare with, the baseline was left out", section.label);
    };
    let mut told = Told::default();
    let subject = chosen(section).and_then(|row| Some((row, size(row, baseline)?)));
    if let Some((row, said)) = &subject {
        let cold = Pace::of(row, baseline, Phase::Cold).map(|pace| format!(" and {}", told.pace(&pace)));
        told.parts.push(format!("{} is {said}{}", row.name, cold.unwrap_or_default()));
    }
    let subject = subject.map(|(row, _)| row.name.as_str());
    let slowest = extreme(section, baseline, Phase::Cold, f64::max)
        .filter(|(row, pace)| subject != Some(row.name.as_str()) && pace.ratio > 1.0 && pace.is_notable());
    if let Some((row, pace)) = slowest {
        told.tell(row, &pace);
    }
    told.parts.extend(chosen(section).and_then(|row| moved::of(row, baseline)));
    if let Some((row, pace)) = extreme(section, baseline, Phase::SourceEdit, f64::min) {
        let said = told.pace(&pace);
        told.parts.push(format!("after a source edit {} {said}", row.name));
    }
    if told.parts.is_empty()
        && let Some((row, pace)) = extreme(section, baseline, Phase::Cold, f64::max)
    {
        told.tell(row, &pace);
    }
    if told.parts.is_empty() {
        return format!("{}: nothing to compare, see the cases that do not count", section.label);
    }
    let basis = told.basis().map(|basis| format!("; {basis}")).unwrap_or_default();
    format!("{}: {}{basis}", section.label, told.parts.join("; "))
}

/// What is told so far, and the rounds of what is told without a verdict.
#[derive(Default)]
struct Told {
    parts: Vec<String>,
    few: Vec<usize>,
    lost: bool,
}

impl Told {
    fn tell(&mut self, row: &Row, pace: &Pace<'_>) {
        let said = self.pace(pace);
        self.parts.push(format!("{} {said}", row.name));
    }

    fn pace(&mut self, pace: &Pace<'_>) -> String {
        self.count(pace);
        pace.said()
    }

    fn count(&mut self, pace: &Pace<'_>) {
        self.few.extend(pace.few());
        self.lost |= pace.has_lost();
    }

    fn basis(&self) -> Option<String> {
        pace::basis(&self.few, self.lost)
    }

    fn title(&self) -> String {
        let basis = self.basis().map(|basis| format!(" ({basis})")).unwrap_or_default();
        format!("{}{basis}", self.parts.join("; "))
    }
}

/// The sentence of the run: the span of the reductions and how the claims stand, each builder's apart; before all else that it
/// was broken off, if it was.
pub(super) fn run(sections: &[Section], builders: &[Builder], broken_off: &str) -> String {
    let said = |builder: &Builder| {
        let own: Vec<&Section> =
            sections.iter().filter(|s| s.builder.is_none_or(|of| of == *builder)).collect();
        Some(of_one(&own)).filter(|said| !said.is_empty()).map(|said| match builders {
            [Builder::Buildkit] => said,
            _ => format!("with {}: {said}", builder.title()),
        })
    };
    let begin = Some(broken_off.to_owned()).filter(|said| !said.is_empty());
    begin.into_iter().chain(builders.iter().filter_map(said)).collect::<Vec<_>>().join("; ")
}

fn of_one(sections: &[&Section]) -> String {
    let mut parts = Vec::new();
    let missing = sections.iter().filter(|s| s.sized && chosen(s).and_then(reduction).is_none()).count();
    if let Some(span) = span(sections.iter().copied()) {
        parts.push(span);
    }
    parts.extend(moved::again(sections.iter().copied()));
    if missing > 0 {
        let of = count(sections.len(), "scenario");
        parts.push(match (missing, sections.len()) {
            (1, 1) => "there is no comparison of sizes".to_owned(),
            (1, _) => format!("1 of {of} has no comparison of sizes"),
            _ => format!("{missing} of {of} have no comparison of sizes"),
        });
    }
    let outcomes: Vec<Outcome> = sections.iter().flat_map(|s| &s.claims).map(|claim| claim.outcome).collect();
    if !outcomes.is_empty() {
        let number = |outcome: Outcome| {
            format!("{} {}", outcomes.iter().filter(|o| **o == outcome).count(), outcome.name())
        };
        parts.push(format!(
            "claims: {}, {}, {}",
            number(Outcome::Confirmed),
            number(Outcome::Refuted),
            number(Outcome::Open)
        ));
    }
    parts.join("; ")
}

/// The title of the chart of sizes.
pub(super) fn sizes(document: &Document) -> String {
    span(document.leading()).unwrap_or_else(|| incomparable(document, "sizes"))
}

/// The title of a chart that compares nothing, with the reason where it is a choice and no failure.
pub(super) fn incomparable(document: &Document, what: &str) -> String {
    let left_out = document.leading().iter().all(|section| section.baseline().is_none());
    let reason = if left_out { ": the baseline was left out" } else { "" };
    format!("No {what} that can be compared{reason}")
}

/// The title of the chart of times: the best and the worst that happened.
pub(super) fn times_title(document: &Document) -> String {
    let all = paces(document);
    let notable = || all.iter().filter(|(_, pace)| pace.is_notable());
    let lower = |a: &&(&str, Pace<'_>), b: &&(&str, Pace<'_>)| a.1.ratio.total_cmp(&b.1.ratio);
    let best = notable().filter(|(_, pace)| pace.ratio < 1.0).min_by(lower);
    let worst = notable().filter(|(_, pace)| pace.ratio > 1.0).max_by(lower);
    let mut told = Told::default();
    for (section, pace) in best.into_iter().chain(worst) {
        told.count(pace);
        told.parts.push(format!("{section} {}", pace.titled()));
    }
    if !told.parts.is_empty() {
        return told.title();
    }
    if all.is_empty() {
        return incomparable(document, "build times");
    }
    all.iter().for_each(|(_, pace)| told.count(pace));
    let said = if told.few.is_empty() {
        "No build time stands clear of its baseline's"
    } else {
        "Build times lie within 5 % of their baselines'"
    };
    told.parts.push(said.to_owned());
    told.title()
}

/// Every build time that is compared and of which something new is made.
fn paces(document: &Document) -> Vec<(&str, Pace<'_>)> {
    let mut all = Vec::new();
    for section in document.leading() {
        let Some(baseline) = section.baseline() else { continue };
        for row in &section.variants {
            let phases = row.builds.iter().map(|build| build.phase).filter(|p| *p != Phase::Unchanged);
            let of_row = phases.filter_map(|phase| Pace::of(row, baseline, phase));
            all.extend(of_row.map(|pace| (section.label.as_str(), pace)));
        }
    }
    all
}

/// The title of a timeline: the step that takes the most.
pub(super) fn timeline(timeline: &Timeline) -> String {
    let what = format!("{} {}, {}", timeline.scenario, timeline.variant, timeline.phase);
    match timeline.longest() {
        Some(step) => format!(
            "{what}: {} takes {} of {} ({})",
            fit(&step.name, STEP_NAME),
            time(step.length()),
            time(timeline.took()),
            percent(100.0 * step.length() as f64 / timeline.took().max(1) as f64)
        ),
        None => format!("{what}: no step ran"),
    }
}

/// The variant that a scenario is summed up with: `multi` if there is one, else the first beside the baseline.
pub(super) fn chosen(section: &Section) -> Option<&Row> {
    let mut others = section.variants.iter().filter(|v| !v.baseline);
    others.clone().find(|v| v.name == "multi").or_else(|| others.next())
}

fn reduction(row: &Row) -> Option<f64> {
    row.unpacked_size.as_ref().and_then(Figure::reduction)
}

fn size(row: &Row, baseline: &Row) -> Option<String> {
    let reduction = reduction(row)?;
    Some(if reduction.abs() < 0.05 {
        format!("as large as {}", baseline.name)
    } else {
        let word = if reduction > 0.0 { "smaller" } else { "larger" };
        format!("{} {word} than {}", percent(reduction), baseline.name)
    })
}

/// The variant whose ratio in a phase is the smallest or largest.
fn extreme<'a>(
    section: &'a Section,
    baseline: &'a Row,
    phase: Phase,
    pick: fn(f64, f64) -> f64,
) -> Option<(&'a Row, Pace<'a>)> {
    let paces = section.variants.iter().filter_map(|row| Some((row, Pace::of(row, baseline, phase)?)));
    paces.reduce(|found, next| {
        let (best, ratio) = (found.1.ratio, next.1.ratio);
        if ratio != best && pick(ratio, best) == ratio { next } else { found }
    })
}

/// `Images of multi are 0 to 96.9 % smaller than single`, or the one figure where there is one scenario.
fn span<'a>(sections: impl IntoIterator<Item = &'a Section>) -> Option<String> {
    let found: Vec<(&Section, &Row, f64)> = sections
        .into_iter()
        .filter_map(|s| chosen(s).and_then(|row| Some((s, row, reduction(row)?))))
        .collect();
    let (first, row, _) = found.first()?;
    let baseline = first.baseline()?;
    if let [(section, row, _)] = found.as_slice() {
        let figure = row.unpacked_size.as_ref()?;
        let whole = section.baseline()?.unpacked_size.as_ref()?;
        let said = size(row, baseline)?;
        let (own, base) = (bytes(figure.median()), bytes(whole.median()));
        return Some(format!("{} {} is {said} ({own} instead of {base})", section.label, row.name));
    }
    let by = |pick: fn(f64, f64) -> f64| found.iter().map(|(_, _, r)| *r).reduce(pick);
    let (low, high) = (by(f64::min)?, by(f64::max)?);
    let mut named: Vec<&str> = found.iter().map(|(_, row, _)| row.name.as_str()).collect();
    named.dedup();
    let who =
        if named.len() == 1 { format!("Images of {}", row.name) } else { "Multi-stage images".to_owned() };
    if low < -0.05 {
        let larger: Vec<_> = found.iter().filter(|f| f.2 < -0.05).map(|f| f.0.name.as_str()).collect();
        return Some(format!(
            "{who}: from {} larger ({}) to {} smaller",
            percent(low),
            list(&larger),
            percent(high)
        ));
    }
    Some(format!("{who} are {} than {}", smaller(low, high), baseline.name))
}

/// A span of reductions, or the one value where both ends look alike.
fn smaller(low: f64, high: f64) -> String {
    if high.abs() < 0.05 {
        return "not smaller".to_owned();
    }
    let shown = if low.abs() < 0.05 { "0".to_owned() } else { format!("{low:.1}") };
    if percent(low) == percent(high) {
        format!("{} smaller", percent(high))
    } else {
        format!("{shown} to {} smaller", percent(high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_whose_ends_look_alike_is_one_value() {
        let said = |low, high| smaller(low, high).replace(super::super::format::THIN, " ");
        assert_eq!(said(4.31, 4.33), "4.3 % smaller");
        assert_eq!(said(4.2, 4.33), "4.2 to 4.3 % smaller");
        assert_eq!(said(0.0, 96.9), "0 to 96.9 % smaller");
        assert_eq!(said(0.0, 0.01), "not smaller");
    }
}
