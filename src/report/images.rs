//! Owns which figures of an image stand in its tables, in which order, under which name.
//! Leaves how a table is laid to the renderers.

use super::document::{Figure, Row, Section};
use super::format;
use crate::results::{Metric, Phase, Unit};

/// A column of the table of images, and how early it goes into a table below where there is no room.
pub(super) struct Image {
    /// The name in a terminal's table.
    pub(super) head: &'static str,
    /// The name where there is room.
    pub(super) title: &'static str,
    /// What stands there of a variant.
    pub(super) of: fn(&Row) -> Option<Shown>,
    pub(super) drop: u8,
}

/// A figure in words.
pub(super) struct Shown {
    pub(super) value: String,
    /// Empty where all rounds look alike.
    pub(super) range: String,
    /// The change against the baseline; empty where none is told.
    pub(super) change: String,
}

/// What stands against the baseline here, beside the unpacked size.
pub(super) const COMPARED: [Metric; 4] =
    [Metric::PackedSize, Metric::PullColdWall, Metric::PullSourceEditBytes, Metric::StartReady];

const IMAGES: [Image; 9] = [
    Image {
        head: "unpacked",
        title: "unpacked size",
        of: |r| against(r.unpacked_size.as_ref(), Unit::Bytes),
        drop: 1,
    },
    Image { head: "packed", title: "packed size", of: |r| measured(r, Metric::PackedSize), drop: 2 },
    Image { head: "compression", title: "compression", of: compression, drop: 9 },
    Image { head: "cold pull", title: "cold pull", of: |r| measured(r, Metric::PullColdWall), drop: 4 },
    Image {
        head: "update delta",
        title: "update delta (source edit)",
        of: |r| measured(r, Metric::PullSourceEditBytes),
        drop: 3,
    },
    Image { head: "start", title: "start to ready", of: |r| measured(r, Metric::StartReady), drop: 5 },
    Image { head: "layers", title: "layers", of: |r| plain(r.layers.as_ref(), Unit::Count), drop: 7 },
    Image {
        head: "beyond base",
        title: "unpacked, beyond its base",
        of: |r| plain(r.unpacked_unique.as_ref(), Unit::Bytes),
        drop: 8,
    },
    Image {
        head: "build cache",
        title: "build cache",
        of: |r| plain(r.build_cache.as_ref(), Unit::Bytes),
        drop: 6,
    },
];

/// The median and its range.
pub(super) fn plain(figure: Option<&Figure>, unit: Unit) -> Option<Shown> {
    let figure = figure?;
    let value = format::value(figure.median(), unit);
    let range = format::range(figure.spread.min, figure.spread.max, unit);
    Some(Shown { range: if range == value { String::new() } else { range }, value, change: String::new() })
}

/// Bytes with their change in percent, times as a multiple of the baseline's.
fn against(figure: Option<&Figure>, unit: Unit) -> Option<Shown> {
    let change = match unit {
        Unit::Ns => figure?.ratio.map(format::ratio),
        _ => figure?.reduction().map(format::change),
    };
    Some(Shown { change: change.unwrap_or_default(), ..plain(figure, unit)? })
}

fn measured(row: &Row, metric: Metric) -> Option<Shown> {
    against(row.figure(metric), metric.unit())
}

fn compression(row: &Row) -> Option<Shown> {
    let value = format::compression(row.compression?);
    Some(Shown { value, range: String::new(), change: String::new() })
}

/// The columns that some variant has a figure for; what was not measured has none.
pub(super) fn columns(section: &Section) -> impl Iterator<Item = &'static Image> {
    IMAGES.iter().filter(|column| {
        column.drop == 1 && section.sized || section.variants.iter().any(|row| (column.of)(row).is_some())
    })
}

pub(super) fn images_head(section: &Section, rounds: u32) -> String {
    let of = if rounds > 1 { "median" } else { "one round" };
    match section.image_phase {
        None | Some(Phase::Cold) => format!("images · {of}"),
        Some(phase) => format!("images of {phase} · {of}"),
    }
}
