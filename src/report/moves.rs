//! Owns what moves of an image, and what a node waits for: the layers of a cold pull and of the pull after a source edit,
//! and the parts of the way from an empty store to the first right answer.
//! Leaves drawing to `chart`.

use super::document::Dot;
use crate::results::{Metric, NodeRecord, Phase, Sample, ScenarioRecord, TransferRow, VariantRecord};
use crate::stats::{Cases, Spread, median_round};
use serde::Serialize;
use std::collections::BTreeSet;

/// How an image moves and how long a node waits for it, beside the figures.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Moves {
    /// The layers that moved.
    pub(super) layers: Layers,
    /// What a node waits for.
    pub(super) ready: Option<Ready>,
    /// Every wait, and every round that has none because something before it does not count.
    pub(super) waits: Vec<Dot>,
}

/// The layers of the median cold pull and of the median pull after a source edit.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Layers {
    pub(super) cold: Option<Move>,
    pub(super) edit: Option<Move>,
}

/// What one pull moved, by its layers where these are known.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Move {
    pub(super) round: u32,
    /// Bytes of all of it, as the sample counts them.
    pub(super) bytes: u64,
    /// Its layers; none if their sum is not what the sample counts.
    pub(super) segments: Vec<Segment>,
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

/// One variant whose samples are looked up.
struct Of<'a> {
    scenario: &'a str,
    variant: &'a str,
    cases: &'a Cases<'a>,
}

impl Of<'_> {
    fn samples(&self, phase: Phase, metric: Metric) -> &[&Sample] {
        self.cases.samples(self.scenario, self.variant, phase, metric)
    }
}

impl Moves {
    /// What was measured of one variant; `transfers` are the rows of the builder whose cases these are.
    pub(super) fn of(
        scenario: &ScenarioRecord,
        variant: &VariantRecord,
        cases: &Cases<'_>,
        transfers: &[&TransferRow],
    ) -> Self {
        let of = Of { scenario: &scenario.name, variant: &variant.name, cases };
        let of_case =
            |row: &&&TransferRow| row.case.scenario == scenario.name && row.case.variant == variant.name;
        let rows: Vec<&TransferRow> = transfers.iter().filter(of_case).copied().collect();
        let median = |phase, metric, transfer| Move::median(&of, &rows, (phase, metric), transfer);
        Self {
            layers: Layers {
                cold: median(Phase::Cold, Metric::PullColdBytes, "pull-cold"),
                edit: median(Phase::SourceEdit, Metric::PullSourceEditBytes, "pull-source-edit"),
            },
            ready: Ready::of(&of),
            waits: waits(&of),
        }
    }
}

impl Move {
    /// The layers of the median round by bytes, of those that count.
    fn median(
        of: &Of<'_>,
        rows: &[&TransferRow],
        (phase, metric): (Phase, Metric),
        transfer: &str,
    ) -> Option<Self> {
        let samples = of.samples(phase, metric);
        let round = median_round(samples.iter().copied())?;
        let bytes = samples.iter().find(|sample| sample.round == round).and_then(|sample| sample.valid())?;
        let moved = rows.iter().filter(|row| row.round == round && row.transfer == transfer && row.wire > 0);
        // Layers of one digest are one blob, which moves once.
        let mut blobs = BTreeSet::new();
        let moved = moved.filter(|row| blobs.insert(&row.digest));
        let mut segments: Vec<Segment> =
            moved.map(|row| Segment { layer: row.layer, bytes: row.wire }).collect();
        let sum = segments.iter().try_fold(0u64, |sum, segment| sum.checked_add(segment.bytes));
        if sum != Some(bytes) {
            segments.clear();
        }
        Some(Self { round, bytes, segments })
    }

    /// Whether it moved something of which no layer is known.
    pub(super) fn lacks_layers(&self) -> bool {
        self.bytes > 0 && self.segments.is_empty()
    }
}

/// What became of the wait in each round: a pull, a push or a build that does not count leaves none.
fn waits(of: &Of<'_>) -> Vec<Dot> {
    let samples = |metric: Metric| of.samples(Phase::Cold, metric).iter().copied();
    let before = [Metric::PullColdBytes, Metric::PushBytes, Metric::BuildWall];
    let mut dots: Vec<Dot> = samples(Metric::PullReady).map(Dot::of).collect();
    for sample in before.into_iter().flat_map(samples).filter(|s| s.valid().is_none()) {
        if dots.iter().all(|dot| dot.round != sample.round) {
            dots.push(Dot { value: None, ..Dot::of(sample) });
        }
    }
    dots.sort_by_key(|dot| dot.round);
    dots
}

impl Ready {
    fn of(of: &Of<'_>) -> Option<Self> {
        let samples = |metric: Metric| of.samples(Phase::Cold, metric);
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
