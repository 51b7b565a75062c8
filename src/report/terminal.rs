//! Owns the report as a terminal shows it: three tables a scenario, never wrapped, the sentence that matters last.
//! Leaves facts to `document`; knows a width and whether colour is wanted, and nothing else of the terminal.

use super::document::{Claim, Document, Figure, Row, Section};
use super::format;
use super::images::{self, Image, Shown, images_head};
use super::problem::{self, DISAGREE};
use super::table::{Cell, Column, fit, lay, wrap};
use super::transfers;
use crate::results::Phase;
use crate::stats::Outcome;
use anstyle::{AnsiColor, Style};

const WIDEST: usize = 100;
const NARROWEST: usize = 20;
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

impl Document {
    /// Which run it is, when and by what it was made, and where its charts are, if it has some: a folder is named whole,
    /// however long.
    pub fn heading(&self, charts: Option<&str>, width: usize) -> String {
        let state = if self.complete { "" } else { ", not complete" };
        let day = self.started.split(['T', ' ']).next().unwrap_or_default();
        let said = format!(
            "run {} of {day}, {}{state}, by {}",
            self.id,
            format::count(self.rounds as usize, "round"),
            self.maker(str::to_owned)
        );
        let lines = wrap(&said, width.clamp(NARROWEST, WIDEST));
        let charts = charts.map(|charts| format!("charts: {charts}\n")).unwrap_or_default();
        format!("{}\n{charts}\n", lines.join("\n"))
    }

    /// The report in at most `width` columns, and never more than 100.
    pub fn terminal(&self, width: usize, colour: bool) -> String {
        let mut page = Page { text: String::new(), width: width.clamp(NARROWEST, WIDEST), colour };
        if !self.is_empty {
            self.sections.iter().for_each(|section| page.section(section, self.rounds));
        }
        for warning in &self.warnings {
            page.paragraph(AnsiColor::Yellow.on_default(), &format!("warning: {warning}"));
        }
        if self.is_empty {
            page.paragraph(BOLD, "nothing was measured");
            return page.text;
        }
        if self.sections.len() > 1 {
            if !self.warnings.is_empty() {
                page.blank();
            }
            for section in &self.sections {
                page.paragraph(Style::new(), &section.finding);
            }
            page.blank();
        } else if let Some(only) = self.sections.first() {
            let whole = Some(&self.broken_off).filter(|said| !said.is_empty());
            let said = whole.map_or_else(|| only.finding.clone(), |said| format!("{said}; {}", only.finding));
            page.paragraph(BOLD, &said);
            return page.text;
        }
        page.paragraph(BOLD, &self.finding);
        page.text
    }
}

struct Page {
    text: String,
    width: usize,
    colour: bool,
}

impl Page {
    fn line(&mut self, style: Style, text: &str) {
        let text = fit(text, self.width);
        if self.colour && style != Style::new() && !text.is_empty() {
            self.text.push_str(&format!("{style}{text}{style:#}\n"));
        } else {
            self.text.push_str(&text);
            self.text.push('\n');
        }
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Text of any length, broken between words.
    fn paragraph(&mut self, style: Style, text: &str) {
        for line in wrap(text, self.width) {
            self.line(style, &line);
        }
    }

    /// Text of any length behind two spaces.
    fn item(&mut self, style: Style, text: &str) {
        for (at, line) in wrap(text, self.width - 4).into_iter().enumerate() {
            self.line(style, &format!("{}{line}", if at == 0 { "  " } else { "    " }));
        }
    }

    fn section(&mut self, section: &Section, rounds: u32) {
        self.line(BOLD, &format!("{}  {}", section.label, section.title));
        self.blank();
        let compared = section.compared(Row::walls);
        let against = compared.map(|b| format!(" · × against {}", b.name)).unwrap_or_default();
        let of = if rounds > 1 { " · median, range below".to_owned() } else { " · one round".to_owned() };
        self.table(section, &[&format!("builds{of}{against}")], builds(section));
        let columns = images(section);
        // The names alone say nothing: no figure of an image was to be measured.
        if columns.len() > 1 {
            let compared = section.compared(Row::images);
            let against = compared.map(|b| format!("% and × against {}", b.name)).unwrap_or_default();
            let head = [&images_head(section, rounds), against.as_str(), section.pulled.as_str()];
            self.table(section, &head, columns);
        }
        if let Some(columns) = transfers(section) {
            let compared = section.compared(transfers::figures);
            let against = compared.map(|b| format!(" · × against {}", b.name)).unwrap_or_default();
            self.table(section, &[&format!("transfers{of}{against}"), section.pulled.as_str()], columns);
        }
        for told in problem::told(&section.problems) {
            let style = if told.status == "skipped" { DIM } else { AnsiColor::Red.on_default() };
            self.item(style, &told.sentence());
        }
        if section.images_agree == Some(false) {
            self.item(AnsiColor::Red.on_default(), &format!("no ratios: {DISAGREE}"));
        }
        if !section.problems.is_empty() || section.images_agree == Some(false) {
            self.blank();
        }
        for claim in &section.claims {
            let style = match claim.outcome {
                Outcome::Confirmed => AnsiColor::Green.on_default(),
                Outcome::Refuted => AnsiColor::Red.on_default(),
                Outcome::Open => DIM,
            };
            self.item(style, &claim.sentence(section));
        }
        if !section.claims.is_empty() {
            self.blank();
        }
        let notes = section.all_notes();
        notes.iter().for_each(|note| self.item(DIM, note));
        if !notes.is_empty() {
            self.blank();
        }
    }

    fn table(&mut self, section: &Section, head: &[&str], columns: Vec<Column>) {
        let bases = section.rests_on(self.width);
        for line in joined(head.iter().copied().chain([bases.as_str()]), self.width) {
            self.line(DIM, &line);
        }
        let (tables, too_wide) = lay(columns, self.width);
        for laid in tables {
            self.line(BOLD, &laid.head);
            for (first, line) in &laid.lines {
                self.line(if *first { Style::new() } else { DIM }, line);
            }
        }
        if !too_wide.is_empty() {
            self.item(DIM, &format!("no room for {}", format::list(&too_wide)));
        }
        self.blank();
    }
}

/// The parts of a head, as many on a line as have room there.
fn joined<'a>(parts: impl Iterator<Item = &'a str>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts.filter(|part| !part.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + part.chars().count() <= width => {
                line.push_str(&format!(" · {part}"));
            }
            _ => lines.push(part.to_owned()),
        }
    }
    lines
}

impl Claim {
    fn sentence(&self, section: &Section) -> String {
        let on = section.caveat(self, str::to_owned);
        let figure = if self.figure.is_empty() { String::new() } else { format!(", {}", self.figure) };
        let reason = if self.reason.is_empty() { String::new() } else { format!(" ({})", self.reason) };
        format!("{}: {}{on}{figure}{reason}", self.text, self.outcome.name())
    }
}

fn names(section: &Section) -> Column {
    let cells = section.variants.iter().map(|v| Cell::line(fit(&v.name, 16))).collect();
    Column { head: String::new(), cells, drop: 0 }
}

fn builds(section: &Section) -> Vec<Column> {
    let phases = section.variants.first().map(|v| v.builds.iter().map(|b| b.phase).collect::<Vec<_>>());
    let mut columns = vec![names(section)];
    for phase in phases.unwrap_or_default() {
        let drop = match phase {
            Phase::Unchanged => 4,
            Phase::DepsEdit => 3,
            Phase::SourceEdit => 2,
            Phase::Cold => 1,
        };
        // Values and ratios each keep their own right edge within the column.
        let values: Vec<Option<&Figure>> = section.variants.iter().map(|v| v.wall(phase)).collect();
        let shown = |f: &Figure| f.ratio.map(format::ratio).unwrap_or_default();
        let wide = values.iter().flatten().map(|f| shown(f).chars().count()).max().unwrap_or(0);
        let cells = section.variants.iter().zip(&values).map(|(row, figure)| match figure {
            None => Cell::line(row.lacking(phase)),
            Some(figure) => Cell(vec![
                format!("{} {:>wide$}", format::time(figure.median()), shown(figure)),
                if figure.spread.n > 1 {
                    format::time_range(figure.spread.min, figure.spread.max)
                } else {
                    String::new()
                },
            ]),
        });
        columns.push(Column { head: phase.to_string(), cells: cells.collect(), drop });
    }
    columns
}

impl Row {
    /// What stands where a case has no valid sample.
    pub(super) fn lacking(&self, phase: Phase) -> String {
        let build = self.builds.iter().find(|b| b.phase == phase);
        let has = |status: &str| build.is_some_and(|b| b.samples.iter().any(|s| s.status == status));
        let word = ["failed", "invalid", "skipped"].into_iter().find(|status| has(status));
        word.unwrap_or("–").to_owned()
    }
}

fn images(section: &Section) -> Vec<Column> {
    let shown = images::columns(section).map(|column| column.lay(section));
    std::iter::once(names(section)).chain(shown).collect()
}

impl Image {
    fn lay(&self, section: &Section) -> Column {
        let shown = section.variants.iter().map(|row| ((self.of)(row), "–")).collect();
        Column { head: self.head.to_owned(), cells: aligned(shown), drop: self.drop }
    }
}

/// Cells whose values and changes each keep their own right edge, with a word for where there is no figure.
fn aligned(shown: Vec<(Option<Shown>, &str)>) -> Vec<Cell> {
    let changes = shown.iter().filter_map(|(shown, _)| Some(shown.as_ref()?.change.chars().count()));
    let wide = changes.max().unwrap_or(0);
    let cell = |(shown, none): (Option<Shown>, &str)| match shown {
        None => Cell::line(none),
        Some(Shown { value, range, .. }) if wide == 0 => Cell(vec![value, range]),
        Some(Shown { value, range, change }) => Cell(vec![format!("{value} {change:>wide$}"), range]),
    };
    shown.into_iter().map(cell).collect()
}

/// The table of transfers: the variants below each situation; `None` where nothing moved.
fn transfers(section: &Section) -> Option<Vec<Column>> {
    let situations = transfers::situations(section);
    if situations.is_empty() {
        return None;
    }
    let names = situations.iter().flat_map(|situation| {
        let variants = section.variants.iter().map(|row| format!("  {}", fit(&row.name, 14)));
        std::iter::once(situation.head.to_owned()).chain(variants).map(Cell::line)
    });
    let mut columns = vec![Column { head: String::new(), cells: names.collect(), drop: 0 }];
    for at in transfers::columns(section) {
        let Some(column) = transfers::COLUMNS.get(at) else { continue };
        let shown = situations.iter().flat_map(|situation| {
            let rows = section.variants.iter();
            let rows = rows.map(move |row| (situation.shown(at, row), situation.lacking(at, row)));
            std::iter::once((None, "")).chain(rows)
        });
        let cells = aligned(shown.collect());
        columns.push(Column { head: column.head.to_owned(), cells, drop: column.drop });
    }
    Some(columns)
}
