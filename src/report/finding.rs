//! Owns the sentences that a report computes from its data: plain, and as plain when the news is bad.
//! Leaves where they are printed to the renderers and charts.

use super::document::{Document, Figure, Row, Section};
use super::format::{bytes, count, list, percent, time, times};
use super::table::fit;
use super::timeline::Timeline;
use crate::results::Phase;
use crate::stats::Outcome;

/// From this difference of the medians on, with ranges that do not meet, one time is called longer than another.
const NOTEWORTHY: f64 = 0.05;
/// From this ratio on a difference is told as a multiple, and one round is enough to tell it.
const MANIFOLD: f64 = 1.5;
/// Longer names of steps are cut in a title.
const STEP_NAME: usize = 40;

/// The sentence of one scenario.
pub(super) fn section(section: &Section) -> String {
    if section.images_agree == Some(false) {
        return format!("{}: no comparison, the images disagree: {}", section.name, section.disagreement);
    }
    let Some(baseline) = section.baseline() else { return String::new() };
    let mut parts = Vec::new();
    let subject = chosen(section).and_then(|row| Some((row, size(row, baseline)?)));
    if let Some((row, said)) = &subject {
        let cold = against(row, baseline, Phase::Cold).map(|said| format!(" and builds cold {said}"));
        parts.push(format!("{} is {said}{}", row.name, cold.unwrap_or_default()));
    }
    let slowest = extreme(section, baseline, Phase::Cold, f64::max)
        .filter(|(row, figure)| {
            subject.as_ref().is_none_or(|(s, _)| s.name != row.name)
                && apart(figure, row, baseline, Phase::Cold)
        })
        .filter(|(_, figure)| figure.ratio.is_some_and(|r| r > 1.0));
    if let Some((row, _)) = slowest
        && let Some(said) = against(row, baseline, Phase::Cold)
    {
        parts.push(format!("{} builds cold {said}", row.name));
    }
    if let Some((row, _)) = extreme(section, baseline, Phase::SourceEdit, f64::min)
        && let Some(said) = against(row, baseline, Phase::SourceEdit)
    {
        parts.push(format!("after a source edit {} is back {said}", row.name));
    }
    if parts.is_empty() {
        return format!("{}: nothing to compare, see the cases that do not count", section.name);
    }
    format!("{}: {}", section.name, parts.join("; "))
}

/// The sentence of the run: the span of the reductions and how the claims stand.
pub(super) fn run(sections: &[Section]) -> String {
    let mut parts = Vec::new();
    let missing = sections.iter().filter(|s| chosen(s).and_then(reduction).is_none()).count();
    if let Some(span) = span(sections) {
        parts.push(span);
    }
    if missing > 0 {
        parts.push(format!("{} of {} have no comparison", missing, count(sections.len(), "scenario")));
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
    span(&document.sections).unwrap_or_else(|| "No sizes that can be compared".to_owned())
}

/// The title of the chart of times: the best and the worst that happened.
pub(super) fn times_title(document: &Document) -> String {
    let mut compared = false;
    let mut best: Option<(f64, String)> = None;
    let mut worst: Option<(f64, String)> = None;
    for section in &document.sections {
        let Some(baseline) = section.baseline() else { continue };
        for row in section.variants.iter().filter(|row| !row.baseline) {
            for build in &row.builds {
                let Some((figure, ratio)) = build.wall.as_ref().and_then(|f| Some((f, f.ratio?))) else {
                    continue;
                };
                compared = true;
                if build.phase == Phase::Unchanged || !apart(figure, row, baseline, build.phase) {
                    continue;
                }
                let cold = build.phase == Phase::Cold;
                let does =
                    if cold { "builds cold".to_owned() } else { format!("is back {}", after(build.phase)) };
                let what = format!("{} {} {does}", section.name, row.name);
                if ratio < 1.0 && best.as_ref().is_none_or(|(r, _)| ratio < *r) {
                    best = Some((ratio, format!("{what} {}", faster(ratio))));
                }
                if ratio > 1.0 && worst.as_ref().is_none_or(|(r, _)| ratio > *r) {
                    worst = Some((ratio, format!("{what} {}", slower(ratio))));
                }
            }
        }
    }
    match (best, worst) {
        (Some((_, best)), Some((_, worst))) => format!("{best}; {worst}"),
        (Some((_, one)), None) | (None, Some((_, one))) => one,
        (None, None) if compared => "No build time stands clear of its baseline's".to_owned(),
        (None, None) => "No build times that can be compared".to_owned(),
    }
}

/// The title of a timeline: the step that takes the most.
pub(super) fn timeline(timeline: &Timeline) -> String {
    let what = format!("{} {}, cold", timeline.scenario, timeline.variant);
    match timeline.longest() {
        Some(step) => format!(
            "{what}: {} takes {} of {} ({})",
            fit(&step.name, STEP_NAME),
            time(step.length()),
            time(timeline.end),
            percent(100.0 * step.length() as f64 / timeline.end.max(1) as f64)
        ),
        None => format!("{what}: no step ran"),
    }
}

/// The variant that a scenario is summed up with: `multi` if there is one, else the first beside the baseline.
fn chosen(section: &Section) -> Option<&Row> {
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

/// How long `row` takes against the baseline; nothing is called equal or different that the ranges do not show.
fn against(row: &Row, baseline: &Row, phase: Phase) -> Option<String> {
    let (own, base) = (row.wall(phase)?, baseline.wall(phase)?);
    let ratio = own.ratio?;
    let (a, b) = (time(own.median()), time(base.median()));
    Some(if apart(own, row, baseline, phase) {
        let word = if ratio < 1.0 { faster(ratio) } else { slower(ratio) };
        format!("{word} ({a} instead of {b})")
    } else if own.spread.n.min(base.spread.n) < 2 {
        format!("in {a} ({} {b}, one round)", baseline.name)
    } else if (ratio - 1.0).abs() < NOTEWORTHY {
        format!("in about the same time ({a} and {b})")
    } else {
        format!("in {a} ({} {b}, the ranges overlap)", baseline.name)
    })
}

/// Whether the ranges of the two stay clear of each other; one round has no range, so it must differ by much.
fn apart(own: &Figure, row: &Row, baseline: &Row, phase: Phase) -> bool {
    let (Some(base), Some(ratio)) = (baseline.wall(phase), own.ratio) else { return false };
    let single = own.spread.n.min(base.spread.n) < 2;
    let clear =
        if single { !(1.0 / MANIFOLD..MANIFOLD).contains(&ratio) } else { (ratio - 1.0).abs() >= NOTEWORTHY };
    !row.baseline && clear && !own.spread.overlaps(&base.spread)
}

fn faster(ratio: f64) -> String {
    if ratio <= 1.0 / MANIFOLD {
        format!("{} sooner", times(1.0 / ratio))
    } else {
        format!("{} sooner", percent(100.0 * (1.0 - ratio)))
    }
}

fn slower(ratio: f64) -> String {
    if ratio >= MANIFOLD {
        format!("in {} the time", times(ratio))
    } else {
        format!("{} slower", percent(100.0 * (ratio - 1.0)))
    }
}

fn after(phase: Phase) -> &'static str {
    match phase {
        Phase::Cold => "cold",
        Phase::Unchanged => "with nothing changed",
        Phase::SourceEdit => "after a source edit",
        Phase::DepsEdit => "after a dependency edit",
    }
}

/// The variant whose ratio in a phase is the smallest or largest.
fn extreme<'a>(
    section: &'a Section,
    baseline: &Row,
    phase: Phase,
    pick: fn(f64, f64) -> f64,
) -> Option<(&'a Row, &'a Figure)> {
    let mut found: Option<(&Row, &Figure, f64)> = None;
    for row in section.variants.iter().filter(|v| v.name != baseline.name) {
        let Some((figure, ratio)) = row.wall(phase).and_then(|f| Some((f, f.ratio?))) else { continue };
        if found.is_none_or(|(_, _, best)| ratio != best && pick(ratio, best) == ratio) {
            found = Some((row, figure, ratio));
        }
    }
    found.map(|(row, figure, _)| (row, figure))
}

/// `Images of multi are 0 to 96.9 % smaller than single`, or the one figure where there is one scenario.
fn span(sections: &[Section]) -> Option<String> {
    let found: Vec<(&Section, &Row, f64)> =
        sections.iter().filter_map(|s| chosen(s).and_then(|row| Some((s, row, reduction(row)?)))).collect();
    let (first, row, _) = found.first()?;
    let baseline = first.baseline()?;
    if let [(section, row, _)] = found.as_slice() {
        let figure = row.unpacked_size.as_ref()?;
        let whole = section.baseline()?.unpacked_size.as_ref()?;
        let said = size(row, baseline)?;
        let (own, base) = (bytes(figure.median()), bytes(whole.median()));
        return Some(format!("{} {} is {said} ({own} instead of {base})", section.name, row.name));
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
    let low = if low.abs() < 0.05 { "0".to_owned() } else { format!("{low:.1}") };
    Some(format!("{who} are {low} to {} smaller than {}", percent(high), baseline.name))
}
