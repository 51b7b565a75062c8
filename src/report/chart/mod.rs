//! Owns the pictures of a report as SVG, light and dark, one file a chart; and of each as PNG;
//! plotters and resvg are named here and nowhere else.
//! Leaves every figure and every title to the Document.

mod canvas;
mod png;
mod ready;
mod segments;
mod signs;
mod size;
mod theme;
mod time;
mod timeline;
mod transfer;

pub use png::png;

use super::document::Document;
use super::timeline::Timeline;
use super::{finding, moved};
use crate::error::Result;
use crate::results::Loaded;

pub(super) const TIMELINE: &str = "timeline-";

pub(super) fn timeline_name(scenario: &str) -> String {
    format!("{TIMELINE}{scenario}")
}

/// The charts that a run has, with the finding that each shows.
pub(super) fn names(document: &Document) -> Vec<(String, String)> {
    let rows = || document.sections.iter().flat_map(|s| &s.variants);
    let mut names = Vec::new();
    if rows().any(|row| row.unpacked_size.is_some()) {
        names.push(("size".to_owned(), finding::sizes(document)));
    }
    if rows().any(|row| row.builds.iter().any(|b| !b.samples.is_empty())) {
        names.push(("time".to_owned(), finding::times_title(document)));
    }
    if rows().any(transfer::has) {
        names.push(("transfer".to_owned(), moved::title(document)));
    }
    if rows().any(ready::has) {
        names.push(("ready".to_owned(), moved::wait(document)));
    }
    names.extend(document.timelines.iter().map(|t| (timeline_name(&t.name), finding::timeline(t))));
    names
}

/// The timeline of one build, light and dark.
pub(super) fn timeline(document: &Document, timeline: &Timeline, name: &str) -> Result<Vec<Chart>> {
    let mut charts = Vec::new();
    for (theme, suffix) in [(&theme::LIGHT, ""), (&theme::DARK, "-dark")] {
        let svg = timeline::draw(document, timeline, theme)?;
        charts.push(Chart { name: format!("{name}{suffix}.svg"), svg });
    }
    Ok(charts)
}

/// One picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// The name of its file: `NAME.svg`, and `NAME-dark.svg` for a dark page.
    pub name: String,
    /// The picture.
    pub svg: String,
}

/// Every chart of a run, light and dark.
pub fn charts(loaded: &Loaded) -> Result<Vec<Chart>> {
    let document = Document::new(loaded);
    let mut charts = Vec::new();
    for (name, _) in names(&document) {
        for (theme, suffix) in [(&theme::LIGHT, ""), (&theme::DARK, "-dark")] {
            let timeline = document.timelines.iter().find(|t| timeline_name(&t.name) == name);
            let svg = match (timeline, name.as_str()) {
                (Some(timeline), _) => timeline::draw(&document, timeline, theme)?,
                (None, "size") => size::draw(&document, theme)?,
                (None, "transfer") => transfer::draw(&document, theme)?,
                (None, "ready") => ready::draw(&document, theme)?,
                (None, _) => time::draw(&document, theme)?,
            };
            charts.push(Chart { name: format!("{name}{suffix}.svg"), svg });
        }
    }
    Ok(charts)
}
