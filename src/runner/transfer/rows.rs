//! Turns a push or a pull into rows.

use super::super::record::{Of, Verdict};
use super::carried::Carried;
use super::proof::Packed;
use super::site::{Pulled, Pushed};
use crate::image::Digest;
use crate::results::{Metric, NodeKind, Phase, Sample, TransferRow, nanoseconds};
use std::collections::BTreeMap;

/// The pulls that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// Into an empty store.
    Cold,
    /// Of the base alone, into an empty store.
    Base,
    /// Into a store that has the base.
    BaseWarm,
    /// After a source edit, into a store that has the image before it.
    SourceEdit,
    /// After a dependency edit, into a store that has the image before it.
    DepsEdit,
}

impl Pull {
    /// Bytes, wall, download, unpack, connections.
    fn metrics(self) -> [Metric; 5] {
        use Metric::*;
        match self {
            Self::Cold => {
                [PullColdBytes, PullColdWall, PullColdDownload, PullColdUnpack, PullColdConnections]
            }
            Self::Base => {
                [BasePullBytes, BasePullWall, BasePullDownload, BasePullUnpack, BasePullConnections]
            }
            Self::BaseWarm => [
                PullBaseWarmBytes,
                PullBaseWarmWall,
                PullBaseWarmDownload,
                PullBaseWarmUnpack,
                PullBaseWarmConnections,
            ],
            Self::SourceEdit => [
                PullSourceEditBytes,
                PullSourceEditWall,
                PullSourceEditDownload,
                PullSourceEditUnpack,
                PullSourceEditConnections,
            ],
            Self::DepsEdit => [
                PullDepsEditBytes,
                PullDepsEditWall,
                PullDepsEditDownload,
                PullDepsEditUnpack,
                PullDepsEditConnections,
            ],
        }
    }

    /// The name in `transfers.csv`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "pull-cold",
            Self::Base => "base-pull",
            Self::BaseWarm => "pull-base-warm",
            Self::SourceEdit => "pull-source-edit",
            Self::DepsEdit => "pull-deps-edit",
        }
    }
}

/// The metrics of a push: bytes, wall, wire.
pub const PUSH: [Metric; 3] = [Metric::PushBytes, Metric::PushWall, Metric::PushWire];
/// The metrics of a push after an edit.
pub const UPDATE_PUSH: [Metric; 3] =
    [Metric::UpdatePushBytes, Metric::UpdatePushWall, Metric::UpdatePushWire];

/// What is told of transfers that were skipped: the figure that each is known by.
pub const SKIPPED: [(Phase, &[Metric]); 3] = [
    (
        Phase::Cold,
        &[
            Metric::PushBytes,
            Metric::PackedSize,
            Metric::PullColdBytes,
            Metric::PullBaseWarmBytes,
            Metric::PullReady,
        ],
    ),
    (Phase::SourceEdit, &[Metric::UpdatePushBytes, Metric::PullSourceEditBytes]),
    (Phase::DepsEdit, &[Metric::UpdatePushBytes, Metric::PullDepsEditBytes]),
];

impl Of<'_> {
    /// The rows of a push. One that failed has no figures, only the reason.
    pub fn push(&self, pushed: &Pushed, [bytes, wall, wire]: [Metric; 3]) -> Vec<Sample> {
        if pushed.packed.is_none() {
            return vec![self.sample(bytes, None)];
        }
        vec![
            self.sample(bytes, Some(pushed.carried.bytes())),
            self.sample(wall, Some(nanoseconds(pushed.wall))),
            self.sample(wire, Some(pushed.carried.incoming_ns)),
        ]
    }

    /// The rows of the packed size; `base` is how many of the layers are the base's, `None` if it is not below the image.
    pub fn packed(&self, packed: &Packed, base: Option<usize>) -> Vec<Sample> {
        let total = self.sample(Metric::PackedSize, Some(packed.bytes()));
        vec![total, self.unique(Metric::PackedUnique, base.map(|base| packed.unique(base)))]
    }

    /// The rows of a pull.
    pub fn pull(&self, pulled: &Pulled, kind: Pull) -> Vec<Sample> {
        let [bytes, wall, download, unpack, connections] = kind.metrics();
        if matches!(self.verdict, Verdict::Failed(_)) {
            return vec![self.sample(bytes, None)];
        }
        // Where dbench pulls itself, it keeps nothing and opens what connections it likes: only what came, and when, tells of
        // the image.
        let by_an_engine = self.node != NodeKind::None.name();
        let told = [
            (bytes, Some(pulled.carried.bytes())),
            (wall, by_an_engine.then(|| nanoseconds(pulled.wall))),
            (download, Some(nanoseconds(pulled.download()))),
            (unpack, pulled.unpack().filter(|_| by_an_engine).map(nanoseconds)),
            (connections, by_an_engine.then_some(pulled.carried.connections)),
        ];
        told.into_iter()
            .filter(|(_, value)| value.is_some())
            .map(|(metric, value)| self.sample(metric, value))
            .collect()
    }

    /// The row of a pull that did not come about.
    pub fn no_pull(&self, kind: Pull) -> Sample {
        self.sample(kind.metrics()[0], None)
    }

    /// What moved of each layer, and of the configuration last. `contents` knows the content of unpacked layers.
    pub fn layers(
        &self,
        transfer: &str,
        packed: &Packed,
        (carried, origin_ns): (&Carried, u64),
        contents: &BTreeMap<String, u64>,
    ) -> Vec<TransferRow> {
        let row = |layer: Option<u32>, (digest, size): &(Digest, u64), unpacked| {
            let moved = carried.blobs.get(digest);
            TransferRow {
                case: self.case.clone(),
                round: self.round,
                node: self.node.to_owned(),
                link: self.link.to_owned(),
                transfer: transfer.to_owned(),
                layer,
                digest: digest.to_string(),
                packed: *size,
                unpacked,
                wire: moved.map_or(0, |moved| moved.bytes),
                started_ns: moved.map(|moved| moved.first_ns.saturating_sub(origin_ns)),
                completed_ns: moved.map(|moved| moved.last_ns.saturating_sub(origin_ns)),
            }
        };
        let content = |at: usize| packed.diff_ids.get(at).and_then(|id| contents.get(id)).copied();
        let layers = packed.layers.iter().enumerate();
        let mut rows: Vec<_> =
            layers.map(|(at, blob)| row(u32::try_from(at + 1).ok(), blob, content(at))).collect();
        rows.push(row(None, &packed.config, None));
        rows
    }
}
