//! Owns the report as Markdown: tables that GitHub draws, charts light and dark, and what the numbers rest on.
//! Same run, same bytes: no clock, no host path, no width.

use super::bases;
use super::document::{Document, Row, Section};
use super::format;
use super::images::{self, Image, Shown, images_head};
use super::problem::{self, DISAGREE};
use super::transfers;
use crate::report::chart;
use crate::results::Host;

impl Document {
    /// The report as Markdown. `folder` is the run's folder as seen from the file that will hold the text; the
    /// charts are looked for in `charts/` below it.
    pub fn markdown(&self, folder: &str) -> String {
        let mut text = format!("**{}**\n\n", escaped(&self.finding));
        text.push_str(&format!("```console\n$ {}\n```\n\n", self.command));
        self.facts(&mut text);
        for warning in &self.warnings {
            text.push_str(&format!("> [!WARNING]\n> {}\n\n", escaped(warning)));
        }
        for (name, alt) in chart::names(self) {
            if !name.starts_with(chart::TIMELINE) {
                text.push_str(&picture(folder, &name, &alt));
            }
        }
        for section in &self.sections {
            self.section(section, folder, &mut text);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    fn facts(&self, text: &mut String) {
        let engine = &self.engine;
        let state = if self.complete { "" } else { ", not complete" };
        let mut rows = vec![
            ("Run", format!("`{}`, {}{state}", self.id, format::count(self.rounds as usize, "round"))),
            ("Made by", self.maker(code)),
            (
                "Engine",
                format!(
                    "{} (API {}, {}, {} store), {}, {}",
                    engine.version,
                    engine.api,
                    engine.driver,
                    engine.store,
                    self.builder(),
                    engine.system
                ),
            ),
            ("Host", host(&self.host)),
        ];
        rows.push(("Bases", bases::whole(&self.bases(), code)));
        text.push_str("| | |\n|---|---|\n");
        for (name, value) in rows {
            text.push_str(&format!("| {name} | {} |\n", cell(&value)));
        }
        text.push('\n');
    }

    fn section(&self, section: &Section, folder: &str, text: &mut String) {
        text.push_str(&format!("### {}: {}\n\n", section.label, escaped(&section.title)));
        text.push_str(&format!("{}\n\n", escaped(&section.finding)));
        let bases = section.rests_wholly_on(code);
        let against = |what: &str, compared: Option<&Row>| {
            compared.map(|b| format!("{what} {}", escaped(&b.name))).unwrap_or_default()
        };
        let ratio = against(" and ratio to", section.compared(Row::walls));
        let of = if self.rounds > 1 { "median (range)" } else { "one round" };
        text.push_str(&format!("Builds: wall time, {of}{ratio}; {bases}.\n\n"));
        builds(section, text);
        let head = images_head(section, self.rounds);
        let head = head.strip_prefix("images").unwrap_or_default().replace(" · ", ", ");
        let change = against("; change or ratio against", section.compared(Row::images));
        let pulled = if section.pulled.is_empty() { String::new() } else { format!("; {}", section.pulled) };
        if images::columns(section).next().is_some() {
            text.push_str(&format!("Images{head}{change}{pulled}; {bases}.\n\n"));
            images(section, text);
        }
        if !transfers::situations(section).is_empty() {
            let ratio = against(" and ratio to", section.compared(transfers::figures));
            text.push_str(&format!("Transfers: {of}{ratio}{pulled}; {bases}.\n\n"));
            moved(section, text);
        }
        problems(section, text);
        claims(section, text);
        for (name, alt) in chart::names(self) {
            if name == chart::timeline_name(&section.timeline()) {
                text.push_str(&picture(folder, &name, &alt));
            }
        }
        notes(section, text);
    }
}

fn builds(section: &Section, text: &mut String) {
    let phases: Vec<_> =
        section.variants.first().map_or(Vec::new(), |v| v.builds.iter().map(|b| b.phase).collect());
    text.push_str("| variant |");
    for phase in &phases {
        text.push_str(&format!(" {phase} |"));
    }
    text.push_str(&format!("\n|---|{}\n", "---:|".repeat(phases.len())));
    for row in &section.variants {
        text.push_str(&format!("| {} |", cell(&row.name)));
        for phase in &phases {
            let shown = match row.wall(*phase) {
                None => row.lacking(*phase),
                Some(figure) => {
                    let spread = figure.spread;
                    let range = format::time_range(spread.min, spread.max);
                    let range = if spread.n > 1 { format!(" ({range})") } else { String::new() };
                    let ratio = figure.ratio.map(|r| format!(" {}", format::ratio(r))).unwrap_or_default();
                    format!("{}{range}{ratio}", format::time(figure.median()))
                }
            };
            text.push_str(&format!(" {shown} |"));
        }
        text.push('\n');
    }
    text.push('\n');
}

fn images(section: &Section, text: &mut String) {
    let columns: Vec<&Image> = images::columns(section).collect();
    text.push_str("| variant |");
    for column in &columns {
        text.push_str(&format!(" {} |", column.title));
    }
    text.push_str(&format!("\n|---|{}\n", "---:|".repeat(columns.len())));
    for row in &section.variants {
        text.push_str(&format!("| {} |", cell(&row.name)));
        for column in &columns {
            text.push_str(&format!(" {} |", (column.of)(row).map_or_else(|| "–".to_owned(), image)));
        }
        text.push('\n');
    }
    text.push('\n');
}

fn moved(section: &Section, text: &mut String) {
    let columns = transfers::columns(section);
    text.push_str("| registry and node before | variant |");
    for column in columns.iter().filter_map(|at| transfers::COLUMNS.get(*at)) {
        text.push_str(&format!(" {} |", column.title));
    }
    text.push_str(&format!("\n|---|---|{}\n", "---:|".repeat(columns.len())));
    for situation in transfers::situations(section) {
        for row in &section.variants {
            text.push_str(&format!("| {} | {} |", situation.title, cell(&row.name)));
            for at in &columns {
                let none = || situation.lacking(*at, row).to_owned();
                let shown = situation.shown(*at, row).map_or_else(none, image);
                text.push_str(&format!(" {shown} |"));
            }
            text.push('\n');
        }
    }
    text.push('\n');
}

fn image(shown: Shown) -> String {
    let Shown { value, range, change } = shown;
    let range = if range.is_empty() { range } else { format!(" ({range})") };
    let change = if change.is_empty() { change } else { format!(" {change}") };
    format!("{value}{range}{change}")
}

fn problems(section: &Section, text: &mut String) {
    if section.images_agree == Some(false) {
        text.push_str(&format!("No ratios: {DISAGREE}.\n\n"));
    }
    if section.problems.is_empty() {
        return;
    }
    text.push_str("What does not count:\n\n");
    for told in problem::told(&section.problems) {
        text.push_str(&format!("- {}\n", escaped(&told.sentence())));
    }
    text.push('\n');
}

fn claims(section: &Section, text: &mut String) {
    if section.claims.is_empty() {
        return;
    }
    text.push_str("| claim | in its own words | figure | outcome |\n|---|---|---:|---|\n");
    for claim in &section.claims {
        let figure = if claim.figure.is_empty() { "–" } else { claim.figure.as_str() };
        let mut outcome = claim.outcome.name().to_owned();
        outcome.push_str(&section.caveat(claim, code));
        if !claim.reason.is_empty() {
            outcome.push_str(&format!(": {}", claim.reason));
        }
        text.push_str(&format!(
            "| `{}` | {} | {figure} | {} |\n",
            claim.text.replace('|', r"\|"),
            cell(&claim.says),
            cell(&outcome)
        ));
    }
    text.push('\n');
}

fn notes(section: &Section, text: &mut String) {
    let notes = section.all_notes();
    for note in &notes {
        text.push_str(&format!("- {}\n", noted(note)));
    }
    if !notes.is_empty() {
        text.push('\n');
    }
}

fn picture(folder: &str, name: &str, alt: &str) -> String {
    let folder = folder.trim_end_matches('/');
    let at =
        if folder.is_empty() || folder == "." { "charts".to_owned() } else { format!("{folder}/charts") };
    let (at, alt) = (attribute(&at), attribute(alt));
    format!(
        "<picture>\n  <source media=\"(prefers-color-scheme: dark)\" srcset=\"{at}/{name}-dark.svg\">\n  \
         <img src=\"{at}/{name}.svg\" alt=\"{alt}\">\n</picture>\n\n"
    )
}

fn host(host: &Host) -> String {
    let mut parts = vec![host.platform.clone()];
    parts.extend(host.cpu.clone());
    parts.extend(host.cores.map(|n| format::count(n as usize, "core")));
    parts.extend(host.memory.map(format::bytes));
    parts.extend(host.kernel.as_ref().map(|k| format!("kernel {k}")));
    parts.join(", ")
}

/// Text that must not be read as markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '\\' | '*' | '_' | '`' | '[' | ']' => out.extend(['\\', c]),
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Notes are written by people as Markdown; only line ends and tags are kept out.
fn noted(note: &str) -> String {
    note.split_whitespace().collect::<Vec<_>>().join(" ").replace('<', "&lt;")
}

/// Text in a cell of a table, which may hold code marks.
fn cell(text: &str) -> String {
    noted(text).replace('|', r"\|")
}

/// A name that is written as it is typed.
fn code(name: &str) -> String {
    format!("`{name}`")
}

fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
