//! Owns the timeline of one build: a row a step, grouped by stage, the critical path strong, cached outlined, the
//! engine's own steps in a tone of their own.

use super::canvas::{Align, Canvas, MARGIN, WIDTH, Words, cut, foot, picture, step, width};
use super::theme::Theme;
use crate::error::Result;
use crate::report::document::{Document, Section};
use crate::report::timeline::{Step, Timeline};
use crate::report::{finding, format};
use plotters::style::RGBColor;

const ROW: i32 = 22;
const STAGE: i32 = 26;
const AXIS: i32 = 22;
const NAMES: i32 = 300;
const LABEL: i32 = 13;

/// Draws it.
pub(super) fn draw(document: &Document, timeline: &Timeline, theme: &Theme) -> Result<String> {
    let steps: usize = timeline.stages.iter().map(|(_, steps)| steps.len()).sum();
    let height = STAGE * timeline.stages.len() as i32 + ROW * steps as i32 + AXIS;
    let section = document.sections.iter().find(|s| s.label == timeline.scenario);
    let mut bases = section.map(Section::bases).unwrap_or_default();
    bases.retain(|base| timeline.bases.contains(&base.name));
    let words = Words {
        title: finding::timeline(timeline),
        subtitle: format!(
            "round {}{}{}; a row is a step; strong: the critical path of the stages, pale: beside it, outlined: cached, grey: \
             the engine's own, from 0.01\u{202f}s on",
            timeline.round,
            timeline.why,
            whole(timeline)
        ),
        describe: describe(timeline),
        problems: timeline.problem.iter().cloned().collect(),
        foot: foot(document, &bases, &document.built_by(&[timeline.builder]), "one build"),
    };
    picture(theme, &words, height, |canvas, top| rows(canvas, timeline, top, top + height - AXIS))
}

/// What the title counts in: the wall time of the build, in which its steps need not fill the end.
fn whole(timeline: &Timeline) -> String {
    let end = format::time(timeline.end);
    match timeline.wall {
        Some(wall) => format!("; the build took {}, its last step ended after {end}", format::time(wall)),
        None => format!("; the wall time of the build is not known, its last step ended after {end}"),
    }
}

fn rows(canvas: &Canvas<'_>, timeline: &Timeline, top: i32, bottom: i32) -> Result<()> {
    let theme = canvas.theme;
    let steps = || timeline.stages.iter().flat_map(|(_, steps)| steps);
    let (mut names, mut labels) = (0, 0);
    for step in steps() {
        names = names.max(width(&step.name, LABEL, false)?.min(NAMES));
        labels = labels.max(width(&format::time(step.length()), LABEL, false)?);
    }
    let (x0, x1) = (MARGIN + 12 + names + 12, WIDTH - MARGIN - labels - 10);
    let x = |ns: u64| x0 + (f64::from(x1 - x0) * ns as f64 / timeline.end.max(1) as f64).round() as i32;
    axis(canvas, timeline.end, &x, (top, bottom))?;
    let colour = theme.variant(timeline.colour);
    let mut y = top;
    for (stage, steps) in &timeline.stages {
        let stage = if stage.is_empty() { "engine" } else { stage };
        let stage = cut(stage, LABEL + 1, true, names)?;
        canvas.text(&stage, (MARGIN, y + STAGE / 2 + 2), LABEL + 1, theme.ink, Align::Left, true)?;
        y += STAGE;
        for step in steps {
            let middle = y + ROW / 2;
            let name = cut(&step.name, LABEL, false, names)?;
            canvas.text(&name, (MARGIN + 12, middle), LABEL, theme.soft, Align::Left, false)?;
            let (from, to) = (x(step.started), x(step.completed).max(x(step.started) + 2));
            let high = (middle - 7, middle + 7);
            if step.cached {
                canvas.outline((from, to.max(from + 4)), high, colour)?;
            } else {
                let (colour, strength) = tone(theme, step, colour);
                canvas.bar((from, to), high, colour, strength)?;
            }
            let end = if step.cached { to.max(from + 4) } else { to };
            let said = if step.cached { "cached".to_owned() } else { format::time(step.length()) };
            let ink = if step.critical && !step.engine { theme.ink } else { theme.soft };
            let room = WIDTH - MARGIN - width(&said, LABEL, false)?;
            canvas.text(&said, ((end + 6).min(room), middle), LABEL, ink, Align::Left, false)?;
            y += ROW;
        }
    }
    Ok(())
}

/// Steps of the engine are on no path between stages, so they are neither on the critical one nor beside it.
fn tone(theme: &Theme, step: &Step, colour: RGBColor) -> (RGBColor, f64) {
    match step {
        Step { engine: true, .. } => (theme.soft, 0.7),
        Step { critical: true, .. } => (colour, 1.0),
        _ => (colour, 0.4),
    }
}

fn axis(canvas: &Canvas<'_>, end: u64, x: &dyn Fn(u64) -> i32, (top, bottom): (i32, i32)) -> Result<()> {
    let seconds = end as f64 / 1e9;
    let size = step(seconds, 6.0);
    let digits = if size < 0.1 { 2 } else { usize::from(size < 1.0) };
    for tick in 0..=(seconds / size).floor() as u64 {
        let value = size * tick as f64;
        let at = x((value * 1e9).round() as u64);
        canvas.bar((at, at + 1), (top + 4, bottom), canvas.theme.rule, 1.0)?;
        let said = format!("{value:.digits$}{}s", format::THIN);
        canvas.text(&said, (at, bottom + AXIS / 2), LABEL - 1, canvas.theme.soft, Align::Centre, false)?;
    }
    Ok(())
}

fn describe(timeline: &Timeline) -> String {
    let of_step = |step: &Step| {
        let critical = if step.critical && !step.engine { ", critical" } else { "" };
        let length = if step.cached { "cached".to_owned() } else { format::time(step.length()) };
        format!("{} {length}{critical}", step.name)
    };
    let of_stage = |(stage, steps): &(String, Vec<Step>)| {
        let stage = if stage.is_empty() { "engine" } else { stage };
        format!("{stage}: {}.", steps.iter().map(of_step).collect::<Vec<_>>().join("; "))
    };
    timeline.stages.iter().map(of_stage).collect::<Vec<_>>().join(" ")
}
