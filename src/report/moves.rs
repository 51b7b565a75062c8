//! Owns what moves of an image, and what a node waits for: the layers of a cold pull and of the pull after a source edit,
//! and the parts of the way from an empty store to the first right answer.
//! Leaves drawing to `chart`.

use super::document::Figure;
use crate::results::{Builder, Metric, NodeRecord, Phase, ScenarioRecord, TransferRow, VariantRecord};
use crate::stats::{Cases, Spread};
use serde::Serialize;

/// What an image costs to move and to start, as medians.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Moves {
    pub(super) packed_size: Option<Figure>,
    pub(super) packed_unique: Option<Figure>,
    pub(super) push_wall: Option<Figure>,
    pub(super) pull_cold_bytes: Option<Figure>,
    pub(super) pull_cold_wall: Option<Figure>,
    pub(super) pull_base_warm_bytes: Option<Figure>,
    pub(super) pull_source_edit_bytes: Option<Figure>,
    pub(super) pull_source_edit_wall: Option<Figure>,
    pub(super) pull_deps_edit_bytes: Option<Figure>,
    pub(super) start_ready: Option<Figure>,
    pub(super) pull_ready: Option<Figure>,
    /// The layers that moved.
    pub(super) layers: Option<Layers>,
    /// What a node waits for.
    pub(super) ready: Option<Ready>,
}

/// The layers of one cold pull and of the pull after a source edit in the same round.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Layers {
    pub(super) round: u32,
    pub(super) cold: Vec<Segment>,
    pub(super) edit: Option<Vec<Segment>>,
}

/// What crossed the wire of one layer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Segment {
    /// Its place in the image, from 1; `None` for the configuration.
    pub(super) layer: Option<u32>,
    pub(super) bytes: u64,
}

/// The parts of the median pull to ready: those of the round in the middle, or the means of the two there.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Ready {
    pub(super) rounds: Vec<u32>,
    pub(super) download_ns: u64,
    pub(super) unpack_ns: u64,
    pub(super) start_ns: u64,
}

impl Moves {
    /// What was measured of one variant; `figure` gives the median of a metric in its own phase.
    pub(super) fn of(
        scenario: &ScenarioRecord,
        variant: &VariantRecord,
        cases: &Cases<'_>,
        builder: Builder,
        transfers: &[TransferRow],
        figure: impl Fn(Metric) -> Option<Figure>,
    ) -> Self {
        let of_case = |row: &&TransferRow| {
            row.case.scenario == scenario.name
                && row.case.variant == variant.name
                && row.case.builder == builder
        };
        let rows: Vec<&TransferRow> = transfers.iter().filter(of_case).collect();
        Self {
            packed_size: figure(Metric::PackedSize),
            packed_unique: figure(Metric::PackedUnique),
            push_wall: figure(Metric::PushWall),
            pull_cold_bytes: figure(Metric::PullColdBytes),
            pull_cold_wall: figure(Metric::PullColdWall),
            pull_base_warm_bytes: figure(Metric::PullBaseWarmBytes),
            pull_source_edit_bytes: figure(Metric::PullSourceEditBytes),
            pull_source_edit_wall: figure(Metric::PullSourceEditWall),
            pull_deps_edit_bytes: figure(Metric::PullDepsEditBytes),
            start_ready: figure(Metric::StartReady),
            pull_ready: figure(Metric::PullReady),
            layers: Layers::of(scenario, variant, cases, &rows),
            ready: Ready::of(scenario, variant, cases),
        }
    }
}

impl Layers {
    /// Those of the first round whose cold pull counts.
    fn of(
        scenario: &ScenarioRecord,
        variant: &VariantRecord,
        cases: &Cases<'_>,
        rows: &[&TransferRow],
    ) -> Option<Self> {
        let valid = |phase: Phase, metric: Metric| {
            let samples = cases.samples(&scenario.name, &variant.name, phase, metric);
            samples.iter().filter(|s| s.valid().is_some()).map(|s| s.round).collect::<Vec<_>>()
        };
        let round = valid(Phase::Cold, Metric::PullColdBytes).into_iter().min()?;
        let edited = valid(Phase::SourceEdit, Metric::PullSourceEditBytes).contains(&round);
        let moved = |transfer: &str| {
            let rows =
                rows.iter().filter(|row| row.round == round && row.transfer == transfer && row.wire > 0);
            rows.map(|row| Segment { layer: row.layer, bytes: row.wire }).collect::<Vec<_>>()
        };
        Some(Self { round, cold: moved("pull-cold"), edit: edited.then(|| moved("pull-source-edit")) })
    }
}

impl Ready {
    fn of(scenario: &ScenarioRecord, variant: &VariantRecord, cases: &Cases<'_>) -> Option<Self> {
        let samples = |metric: Metric| cases.samples(&scenario.name, &variant.name, Phase::Cold, metric);
        let mut whole: Vec<(u64, u32)> =
            samples(Metric::PullReady).iter().filter_map(|s| Some((s.valid()?, s.round))).collect();
        whole.sort_unstable();
        let middle = whole.get(whole.len().checked_sub(1)? / 2..=whole.len() / 2)?;
        let ready = Spread::of(middle.iter().map(|(ready, _)| *ready))?.median;
        let mut rounds: Vec<u32> = middle.iter().map(|(_, round)| *round).collect();
        rounds.sort_unstable();
        let part = |metric: Metric| {
            let of = |round: &u32| samples(metric).iter().find(|s| s.round == *round).and_then(|s| s.valid());
            Some(Spread::of(rounds.iter().map(of).collect::<Option<Vec<_>>>()?)?.median)
        };
        let (download_ns, unpack_ns) = (part(Metric::PullColdDownload)?, part(Metric::PullColdUnpack)?);
        let start_ns = ready.saturating_sub(download_ns + unpack_ns);
        Some(Self { rounds, download_ns, unpack_ns, start_ns })
    }

    pub(super) fn whole_ns(&self) -> u64 {
        self.download_ns + self.unpack_ns + self.start_ns
    }
}

/// What pulled, in the words of tables and charts.
pub(super) fn puller(node: &NodeRecord) -> String {
    let Some(engine) = &node.engine else {
        return "pulled by dbench itself, nothing unpacked".to_owned();
    };
    let relayed = node.relayed.then(|| "relayed".to_owned());
    let parts = [Some(format!("Engine {engine}")), node.store.clone(), node.file_system.clone(), relayed];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    format!("pulled by a {} node ({})", node.kind.name(), parts.join(", "))
}
