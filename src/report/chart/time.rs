//! Owns the chart of build times: a column a phase with a scale of its own, the median as a bar, every sample as
//! a dot, and what does not count at the margin.

use super::canvas::{Align, Canvas, MARGIN, WIDTH, Words, colours, cut, foot, picture, rounds, width};
use super::signs;
use super::theme::Theme;
use crate::error::Result;
use crate::report::document::{Build, Document, Row, Section};
use crate::report::{finding, format};
use crate::results::Phase;
use plotters::style::RGBColor;

const ROW: i32 = 19;
const GROUP_GAP: i32 = 14;
const HEAD: i32 = 24;
const NAME: i32 = 15;
const LABEL: i32 = 12;
const COLUMN_GAP: i32 = 12;

/// Draws it.
pub(super) fn draw(document: &Document, theme: &Theme) -> Result<String> {
    let sections = &document.sections;
    let rows: usize = sections.iter().map(|s| s.variants.len()).sum();
    let height = HEAD + ROW * rows as i32 + GROUP_GAP * (sections.len() as i32 - 1).max(0);
    let builds = sections.iter().flat_map(|s| &s.variants).flat_map(|row| &row.builds);
    let words = Words {
        title: finding::times_title(document),
        subtitle: format!(
            "wall time of one build: dots are samples, bars medians from zero, each phase to its own scale{}",
            signs::explained(builds.map(|build| build.samples.as_slice()))
        ),
        describe: describe(sections),
        problems: signs::named(&sections.iter().collect::<Vec<_>>(), |_, problem| problem.metric.is_none()),
        foot: foot(document, &document.bases(), &document.builder(), &rounds(document)),
    };
    picture(theme, &words, height, |canvas, top| columns(canvas, document, top))
}

fn columns(canvas: &Canvas<'_>, document: &Document, top: i32) -> Result<()> {
    let theme = canvas.theme;
    let sections = &document.sections;
    let (mut names, mut variants) = (0, 0);
    for section in sections {
        names = names.max(width(&section.label, NAME, true)?.min(140));
        for row in &section.variants {
            variants = variants.max(width(&row.name, LABEL, false)?.min(80));
        }
    }
    let x0 = MARGIN + names + 12 + variants + 10;
    let mut y = top + HEAD;
    for section in sections {
        let name = cut(&section.label, NAME, true, names)?;
        let middle = y + ROW * section.variants.len() as i32 / 2;
        canvas.text(&name, (MARGIN, middle), NAME, theme.ink, Align::Left, true)?;
        for row in &section.variants {
            let name = cut(&row.name, LABEL, false, variants)?;
            canvas.text(&name, (x0 - 10, y + ROW / 2), LABEL, theme.soft, Align::Right, false)?;
            y += ROW;
        }
        y += GROUP_GAP;
    }
    let count = (document.phases.len() as i32).max(1);
    let wide = (WIDTH - MARGIN - x0) / count;
    for (at, phase) in document.phases.iter().enumerate() {
        let left = x0 + wide * at as i32;
        let column = Column { phase: *phase, left, right: left + wide - COLUMN_GAP };
        column.draw(canvas, sections, top)?;
    }
    Ok(())
}

/// One phase.
struct Column {
    phase: Phase,
    left: i32,
    right: i32,
}

impl Column {
    fn build<'a>(&self, row: &'a Row) -> Option<&'a Build> {
        row.builds.iter().find(|b| b.phase == self.phase)
    }

    fn draw(&self, canvas: &Canvas<'_>, sections: &[Section], top: i32) -> Result<()> {
        let theme = canvas.theme;
        canvas.text(
            self.phase.name(),
            (self.left, top + HEAD / 2 - 4),
            NAME,
            theme.ink,
            Align::Left,
            true,
        )?;
        let builds = || sections.iter().flat_map(|s| &s.variants).filter_map(|row| self.build(row));
        let mut room = 0;
        for build in builds() {
            let said = build.wall.as_ref().map(|f| format::time(f.median())).unwrap_or_default();
            let mut wide = width(&said, LABEL, false)? + 6;
            wide += signs::margin(&build.samples)?;
            room = room.max(wide);
        }
        let most = builds().flat_map(|build| signs::valid(&build.samples)).max().unwrap_or(1).max(1);
        let end = (self.right - room - 8).max(self.left + 20);
        let x =
            |value: u64| self.left + (f64::from(end - self.left) * value as f64 / most as f64).round() as i32;
        let mut y = top + HEAD;
        for section in sections {
            let bottom = y + ROW * section.variants.len() as i32;
            canvas.bar((self.left - 1, self.left), (y, bottom), theme.rule, 1.0)?;
            for (row, colour) in section.variants.iter().zip(colours(theme, &section.variants)) {
                if let Some(build) = self.build(row) {
                    cell(canvas, build, colour, (self.left, y), &x)?;
                }
                y += ROW;
            }
            y += GROUP_GAP;
        }
        Ok(())
    }
}

fn cell(
    canvas: &Canvas<'_>,
    build: &Build,
    colour: RGBColor,
    (left, y): (i32, i32),
    x: &dyn Fn(u64) -> i32,
) -> Result<()> {
    let middle = y + ROW / 2;
    let mut end = left;
    if let Some(wall) = &build.wall {
        end = x(wall.median());
        canvas.bar((left, end), (y + 3, y + ROW - 4), colour, 0.45)?;
        canvas.bar((end - 1, end + 1), (y + 2, y + ROW - 3), colour, 1.0)?;
    }
    for value in signs::valid(&build.samples) {
        canvas.dot((x(value), middle), colour)?;
        end = end.max(x(value) + 4);
    }
    let mut at = end + 6;
    if let Some(wall) = &build.wall {
        let said = format::time(wall.median());
        canvas.text(&said, (at, middle), LABEL, canvas.theme.ink, Align::Left, false)?;
        at += width(&said, LABEL, false)? + 6;
    }
    signs::draw(canvas, &build.samples, (at, middle))
}

fn describe(sections: &[Section]) -> String {
    let mut said = Vec::new();
    for section in sections {
        for row in &section.variants {
            let of_build = |build: &Build| match &build.wall {
                Some(figure) => format!("{} {}", build.phase, format::time(figure.median())),
                None => format!("{} without a valid sample", build.phase),
            };
            let builds: Vec<_> = row.builds.iter().map(of_build).collect();
            said.push(format!("{} {}: {}.", section.label, row.name, builds.join(", ")));
        }
    }
    said.join(" ")
}
