//! Owns which figures of an image stand in its tables, in which order, under which name.
//! Leaves how a table is laid to the renderers.

use super::document::{Figure, Row, Section};
use crate::results::{Phase, Unit};

/// A column of the table of images: what stands there, whether with the change against the baseline, and how early it
/// is dropped where there is no room.
pub(super) struct Image {
    /// The name in a terminal's table.
    pub(super) head: &'static str,
    /// The name where there is room.
    pub(super) title: &'static str,
    pub(super) of: fn(&Row) -> Option<&Figure>,
    pub(super) unit: Unit,
    pub(super) change: bool,
    pub(super) drop: u8,
}

const IMAGES: [Image; 8] = [
    Image {
        head: "unpacked",
        title: "unpacked size",
        of: |r| r.unpacked_size.as_ref(),
        unit: Unit::Bytes,
        change: true,
        drop: 1,
    },
    Image {
        head: "packed",
        title: "packed size",
        of: |r| r.moves.packed_size.as_ref(),
        unit: Unit::Bytes,
        change: true,
        drop: 2,
    },
    Image {
        head: "cold pull",
        title: "cold pull",
        of: |r| r.moves.pull_cold_wall.as_ref(),
        unit: Unit::Ns,
        change: false,
        drop: 4,
    },
    Image {
        head: "update pull",
        title: "pull after a source edit",
        of: |r| r.moves.pull_source_edit_bytes.as_ref(),
        unit: Unit::Bytes,
        change: false,
        drop: 3,
    },
    Image {
        head: "start",
        title: "start to ready",
        of: |r| r.moves.start_ready.as_ref(),
        unit: Unit::Ns,
        change: false,
        drop: 5,
    },
    Image {
        head: "layers",
        title: "layers",
        of: |r| r.layers.as_ref(),
        unit: Unit::Count,
        change: false,
        drop: 7,
    },
    Image {
        head: "beyond base",
        title: "unpacked, beyond its base",
        of: |r| r.unpacked_unique.as_ref(),
        unit: Unit::Bytes,
        change: false,
        drop: 8,
    },
    Image {
        head: "build cache",
        title: "build cache",
        of: |r| r.build_cache.as_ref(),
        unit: Unit::Bytes,
        change: false,
        drop: 6,
    },
];

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
