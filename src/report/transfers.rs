//! Owns what stands in the table of transfers: what registry and node held before, and what was pushed and pulled then.
//! Leaves the start alone to the table of images.
//! Leaves how a table is laid to the renderers.

use super::document::{Figure, Row, Section};
use super::format;
use super::images::{Shown, plain};
use crate::results::{Metric, Phase};

/// A column of the table of transfers, and how early it is dropped where there is no room.
pub(super) struct Column {
    /// The name in a terminal's table.
    pub(super) head: &'static str,
    /// The name where there is room.
    pub(super) title: &'static str,
    pub(super) drop: u8,
}

/// The columns in their order.
pub(super) const COLUMNS: [Column; 6] = [
    Column { head: "pushed", title: "pushed", drop: 6 },
    Column { head: "push", title: "push", drop: 5 },
    Column { head: "pulled", title: "pulled", drop: 2 },
    Column { head: "pull", title: "pull", drop: 1 },
    Column { head: "download", title: "download", drop: 1 },
    Column { head: "pull to ready", title: "pull to ready", drop: 3 },
];

/// What registry and node held before, and the metric of each column then.
pub(super) struct Situation {
    /// The name in a terminal's table.
    pub(super) head: &'static str,
    /// The name where there is room.
    pub(super) title: &'static str,
    phase: Phase,
    metrics: [Option<Metric>; COLUMNS.len()],
}

const SITUATIONS: [Situation; 4] = [
    Situation {
        head: "cold",
        title: "cold",
        phase: Phase::Cold,
        metrics: [
            Some(Metric::PushBytes),
            Some(Metric::PushWall),
            Some(Metric::PullColdBytes),
            Some(Metric::PullColdWall),
            Some(Metric::PullColdDownload),
            Some(Metric::PullReady),
        ],
    },
    Situation {
        head: "base-warm",
        title: "the node has the base",
        phase: Phase::Cold,
        metrics: [
            None,
            None,
            Some(Metric::PullBaseWarmBytes),
            Some(Metric::PullBaseWarmWall),
            Some(Metric::PullBaseWarmDownload),
            None,
        ],
    },
    Situation {
        head: "source-edit",
        title: "update after a source edit",
        phase: Phase::SourceEdit,
        metrics: [
            Some(Metric::UpdatePushBytes),
            Some(Metric::UpdatePushWall),
            Some(Metric::PullSourceEditBytes),
            Some(Metric::PullSourceEditWall),
            Some(Metric::PullSourceEditDownload),
            None,
        ],
    },
    Situation {
        head: "deps-edit",
        title: "update after a dependency edit",
        phase: Phase::DepsEdit,
        metrics: [
            Some(Metric::UpdatePushBytes),
            Some(Metric::UpdatePushWall),
            Some(Metric::PullDepsEditBytes),
            Some(Metric::PullDepsEditWall),
            Some(Metric::PullDepsEditDownload),
            None,
        ],
    },
];

impl Situation {
    fn figures<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = Option<&'a Figure>> {
        self.metrics.iter().map(|metric| row.figure_in(self.phase, (*metric)?))
    }

    /// What stands in a column of a variant; `None` where nothing counts.
    pub(super) fn shown(&self, column: usize, row: &Row) -> Option<Shown> {
        let metric = self.metrics.get(column).copied().flatten()?;
        let figure = row.figure_in(self.phase, metric)?;
        let change = figure.ratio.map(format::ratio).unwrap_or_default();
        Some(Shown { change, ..plain(Some(figure), metric.unit())? })
    }

    /// What stands in a column of a variant of which nothing counts: nothing where nothing is to be measured.
    pub(super) fn lacking(&self, column: usize, row: &Row) -> &'static str {
        match self.metrics.get(column).copied().flatten() {
            None => "",
            Some(Metric::PullBaseWarmBytes) if row.stands_on_nothing() => "no base",
            Some(Metric::PullBaseWarmWall | Metric::PullBaseWarmDownload) if row.stands_on_nothing() => "",
            Some(_) => "–",
        }
    }
}

/// The situations that some variant has a figure of.
pub(super) fn situations(section: &Section) -> Vec<&'static Situation> {
    let moved = |situation: &Situation, row: &Row| situation.figures(row).any(|f| f.is_some());
    let any = |situation: &&Situation| section.variants.iter().any(|row| moved(situation, row));
    SITUATIONS.iter().filter(any).collect()
}

/// The columns that some variant has a figure in. The download alone stands there where no engine pulled.
pub(super) fn columns(section: &Section) -> Vec<usize> {
    let rows = || section.variants.iter();
    let any = |at: &usize| SITUATIONS.iter().any(|s| rows().any(|row| s.shown(*at, row).is_some()));
    let (pull, download) = (place("pull"), place("download"));
    let stands = |at: &usize| Some(*at) != download || !pull.is_some_and(|pull| any(&pull));
    (0..COLUMNS.len()).filter(stands).filter(any).collect()
}

fn place(head: &str) -> Option<usize> {
    COLUMNS.iter().position(|column| column.head == head)
}

/// What stands against the baseline in the table.
pub(super) fn figures(row: &Row) -> Vec<&Figure> {
    SITUATIONS.iter().flat_map(|situation| situation.figures(row)).flatten().collect()
}
