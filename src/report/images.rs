//! Owns which figures of an image stand in its tables, in which order, under which name.
//! Leaves how a table is laid to the renderers.

use super::document::{Figure, Row, Section};
use super::format;
use crate::results::{Phase, Unit};

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

const IMAGES: [Image; 10] = [
    Image {
        head: "unpacked",
        title: "unpacked size",
        of: |r| against(r.unpacked_size.as_ref(), Unit::Bytes),
        drop: 1,
    },
    Image {
        head: "packed",
        title: "packed size",
        of: |r| against(r.moves.packed_size.as_ref(), Unit::Bytes),
        drop: 2,
    },
    Image { head: "compression", title: "compression", of: compression, drop: 10 },
    Image { head: "push", title: "push", of: |r| plain(r.moves.push_wall.as_ref(), Unit::Ns), drop: 6 },
    Image {
        head: "cold pull",
        title: "cold pull",
        of: |r| plain(r.moves.pull_cold_wall.as_ref(), Unit::Ns),
        drop: 4,
    },
    Image {
        head: "update delta",
        title: "update delta (source edit)",
        of: |r| plain(r.moves.pull_source_edit_bytes.as_ref(), Unit::Bytes),
        drop: 3,
    },
    Image {
        head: "start",
        title: "start to ready",
        of: |r| plain(r.moves.start_ready.as_ref(), Unit::Ns),
        drop: 5,
    },
    Image { head: "layers", title: "layers", of: |r| plain(r.layers.as_ref(), Unit::Count), drop: 8 },
    Image {
        head: "beyond base",
        title: "unpacked, beyond its base",
        of: |r| plain(r.unpacked_unique.as_ref(), Unit::Bytes),
        drop: 9,
    },
    Image {
        head: "build cache",
        title: "build cache",
        of: |r| plain(r.build_cache.as_ref(), Unit::Bytes),
        drop: 7,
    },
];

fn plain(figure: Option<&Figure>, unit: Unit) -> Option<Shown> {
    let figure = figure?;
    let value = format::value(figure.median(), unit);
    let range = format::range(figure.spread.min, figure.spread.max, unit);
    Some(Shown { range: if range == value { String::new() } else { range }, value, change: String::new() })
}

fn against(figure: Option<&Figure>, unit: Unit) -> Option<Shown> {
    let change = figure?.reduction().map(format::change).unwrap_or_default();
    Some(Shown { change, ..plain(figure, unit)? })
}

fn compression(row: &Row) -> Option<Shown> {
    let value = format::compression(row.compression?);
    Some(Shown { value, range: String::new(), change: String::new() })
}

/// The columns that some variant has a figure for; what was not measured has none.
pub(super) fn measured(section: &Section) -> impl Iterator<Item = &'static Image> {
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
