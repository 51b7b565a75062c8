//! Owns the names of what is measured, the unit that each is counted in, and the phases and parts of a run that it is of.
//! Leaves how values are taken to `runner`, and how they are printed to `report`.

use super::{Measure, Phase};
use std::fmt;
use std::time::Duration;

/// The base unit that a metric is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// Nanoseconds.
    Ns,
    /// Bytes.
    Bytes,
    /// A plain number of things.
    Count,
}

impl Unit {
    /// The unit as `samples.csv` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ns => "ns",
            Self::Bytes => "bytes",
            Self::Count => "count",
        }
    }
}

/// A time in its base unit.
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Which way a metric gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Less is better.
    Lower,
    /// It describes and has no better.
    Neutral,
}

const EACH: &[Phase] = &Phase::ALL;
const COLD: &[Phase] = &[Phase::Cold];
const EDITS: &[Phase] = &[Phase::SourceEdit, Phase::DepsEdit];
const SOURCE_EDIT: &[Phase] = &[Phase::SourceEdit];
const DEPS_EDIT: &[Phase] = &[Phase::DepsEdit];

const BUILD: &[Measure] = &[Measure::Build];
const SIZE: &[Measure] = &[Measure::Size];
const TRANSFER: &[Measure] = &[Measure::Transfer];
const START: &[Measure] = &[Measure::Start];
const BOTH: &[Measure] = &[Measure::Transfer, Measure::Start];

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $unit:ident, $direction:ident, $phases:ident, $parts:ident;)+) => {
        /// A named quantity with its unit and which direction is better.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Metric { $($(#[doc = $doc])+ $name,)+ }

        impl Metric {
            /// Every metric, in the order in which rows of one sample are written.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name in files, claims and tables.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What it is, in one sentence.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii_start(),)+ }
            }

            /// The base unit of its values.
            pub fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit,)+ }
            }

            /// The phases that it is measured in; the first is meant where none is named.
            pub fn phases(self) -> &'static [Phase] {
                match self { $(Self::$name => $phases,)+ }
            }

            /// The parts of a run that have to be measured for it.
            pub fn parts(self) -> &'static [Measure] {
                match self { $(Self::$name => $parts,)+ }
            }

            /// Which direction is better.
            pub fn direction(self) -> Direction {
                match self { $(Self::$name => Direction::$direction,)+ }
            }
        }
    };
}

metrics! {
    /// Wall time of a build, from the request to the engine's last event.
    BuildWall = "build-wall", Ns, Lower, EACH, BUILD;
    /// Union of the intervals in which the context and the Dockerfile were read and sent.
    BuildContext = "build-context", Ns, Lower, EACH, BUILD;
    /// Union of the intervals in which base images were resolved.
    BuildResolve = "build-resolve", Ns, Lower, EACH, BUILD;
    /// Union of the intervals in which Dockerfile steps ran or were looked up in the cache.
    BuildExec = "build-exec", Ns, Lower, EACH, BUILD;
    /// Union of the intervals in which the image was exported.
    BuildExport = "build-export", Ns, Lower, EACH, BUILD;
    /// The wall less the union of all intervals.
    BuildUnattributed = "build-unattributed", Ns, Neutral, EACH, BUILD;
    /// Sum of the times of all Dockerfile steps.
    StepSum = "step-sum", Ns, Lower, EACH, BUILD;
    /// The longest chain of Dockerfile steps that wait for each other.
    CriticalPath = "critical-path", Ns, Lower, EACH, BUILD;
    /// Bytes that the build added to the engine's build cache.
    BuildCache = "build-cache", Bytes, Lower, EACH, BUILD;
    /// Content bytes of regular files over all layers, a hard link once a layer.
    UnpackedSize = "unpacked-size", Bytes, Lower, COLD, SIZE;
    /// The part of the unpacked size that the base of the final stage does not bring.
    UnpackedUnique = "unpacked-unique", Bytes, Lower, COLD, SIZE;
    /// Number of layers of the image.
    Layers = "layers", Count, Neutral, COLD, SIZE;
    /// Config and layers as a registry holds them.
    PackedSize = "packed-size", Bytes, Lower, COLD, TRANSFER;
    /// The part of the packed size that the base of the final stage does not bring.
    PackedUnique = "packed-unique", Bytes, Lower, COLD, TRANSFER;
    /// Bytes of blobs that a push to an empty registry carried.
    PushBytes = "push-bytes", Bytes, Lower, COLD, TRANSFER;
    /// Wall time of a push to an empty registry.
    PushWall = "push-wall", Ns, Lower, COLD, TRANSFER;
    /// The part of that push in which bytes were on the wire; in the rest the engine compressed.
    PushWire = "push-wire", Ns, Lower, COLD, TRANSFER;
    /// Bytes of blobs that a push after an edit carried, to a registry that holds the image before it.
    UpdatePushBytes = "update-push-bytes", Bytes, Lower, EDITS, TRANSFER;
    /// Wall time of a push after an edit.
    UpdatePushWall = "update-push-wall", Ns, Lower, EDITS, TRANSFER;
    /// The part of a push after an edit in which bytes were on the wire.
    UpdatePushWire = "update-push-wire", Ns, Lower, EDITS, TRANSFER;
    /// Bytes of blobs that a pull into an empty store carried.
    PullColdBytes = "pull-cold-bytes", Bytes, Lower, COLD, TRANSFER;
    /// Wall time of a pull into an empty store.
    PullColdWall = "pull-cold-wall", Ns, Lower, COLD, TRANSFER;
    /// From the start of a pull into an empty store to its last blob byte.
    PullColdDownload = "pull-cold-download", Ns, Lower, COLD, TRANSFER;
    /// What a pull into an empty store takes after its last blob byte.
    PullColdUnpack = "pull-cold-unpack", Ns, Lower, COLD, TRANSFER;
    /// Connections that a pull into an empty store opened.
    PullColdConnections = "pull-cold-connections", Count, Neutral, COLD, TRANSFER;
    /// Bytes of blobs that a pull into a store that has only the base carried.
    PullBaseWarmBytes = "pull-base-warm-bytes", Bytes, Lower, COLD, TRANSFER;
    /// Wall time of a pull into a store that has only the base.
    PullBaseWarmWall = "pull-base-warm-wall", Ns, Lower, COLD, TRANSFER;
    /// From the start of a pull into a store that has only the base to its last blob byte.
    PullBaseWarmDownload = "pull-base-warm-download", Ns, Lower, COLD, TRANSFER;
    /// What a pull into a store that has only the base takes after its last blob byte.
    PullBaseWarmUnpack = "pull-base-warm-unpack", Ns, Lower, COLD, TRANSFER;
    /// Connections that a pull into a store that has only the base opened.
    PullBaseWarmConnections = "pull-base-warm-connections", Count, Neutral, COLD, TRANSFER;
    /// Bytes of blobs that a pull after a source edit into a store that has the image before it carried.
    PullSourceEditBytes = "pull-source-edit-bytes", Bytes, Lower, SOURCE_EDIT, TRANSFER;
    /// Wall time of a pull after a source edit into a store that has the image before it.
    PullSourceEditWall = "pull-source-edit-wall", Ns, Lower, SOURCE_EDIT, TRANSFER;
    /// From the start of a pull after a source edit into a store that has the image before it to its last blob byte.
    PullSourceEditDownload = "pull-source-edit-download", Ns, Lower, SOURCE_EDIT, TRANSFER;
    /// What a pull after a source edit into a store that has the image before it takes after its last blob byte.
    PullSourceEditUnpack = "pull-source-edit-unpack", Ns, Lower, SOURCE_EDIT, TRANSFER;
    /// Connections that a pull after a source edit into a store that has the image before it opened.
    PullSourceEditConnections = "pull-source-edit-connections", Count, Neutral, SOURCE_EDIT, TRANSFER;
    /// Bytes of blobs that a pull after a dependency edit into a store that has the image before it carried.
    PullDepsEditBytes = "pull-deps-edit-bytes", Bytes, Lower, DEPS_EDIT, TRANSFER;
    /// Wall time of a pull after a dependency edit into a store that has the image before it.
    PullDepsEditWall = "pull-deps-edit-wall", Ns, Lower, DEPS_EDIT, TRANSFER;
    /// From the start of a pull after a dependency edit into a store that has the image before it to its last blob byte.
    PullDepsEditDownload = "pull-deps-edit-download", Ns, Lower, DEPS_EDIT, TRANSFER;
    /// What a pull after a dependency edit into a store that has the image before it takes after its last blob byte.
    PullDepsEditUnpack = "pull-deps-edit-unpack", Ns, Lower, DEPS_EDIT, TRANSFER;
    /// Connections that a pull after a dependency edit into a store that has the image before it opened.
    PullDepsEditConnections = "pull-deps-edit-connections", Count, Neutral, DEPS_EDIT, TRANSFER;
    /// Bytes of blobs that a pull of the base alone into an empty store carried.
    BasePullBytes = "base-pull-bytes", Bytes, Lower, COLD, TRANSFER;
    /// Wall time of a pull of the base alone into an empty store.
    BasePullWall = "base-pull-wall", Ns, Lower, COLD, TRANSFER;
    /// From the start of a pull of the base alone into an empty store to its last blob byte.
    BasePullDownload = "base-pull-download", Ns, Lower, COLD, TRANSFER;
    /// What a pull of the base alone into an empty store takes after its last blob byte.
    BasePullUnpack = "base-pull-unpack", Ns, Lower, COLD, TRANSFER;
    /// Connections that a pull of the base alone into an empty store opened.
    BasePullConnections = "base-pull-connections", Count, Neutral, COLD, TRANSFER;
    /// From the creation of a container to the first right answer of the probe, the image being present.
    StartReady = "start-ready", Ns, Lower, COLD, START;
    /// From an empty store to the first right answer of the probe.
    PullReady = "pull-ready", Ns, Lower, COLD, BOTH;
}

impl Metric {
    /// The metric of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|m| m.name() == name)
    }

    /// The one phase that it belongs to; `None` if more than one have it.
    pub fn home(self) -> Option<Phase> {
        if let [only] = self.phases() { Some(*only) } else { None }
    }

    /// The phases that it is measured in, as a sentence names them.
    pub(super) fn phases_in_words(self) -> String {
        self.phases().iter().map(|phase| phase.name()).collect::<Vec<_>>().join(" and ")
    }

    /// Whether a node pulled for it.
    pub fn is_of_a_node(self) -> bool {
        self.name().starts_with("pull-") || self.name().starts_with("base-pull-")
    }

    /// Whether it went over a link.
    pub fn is_over_a_link(self) -> bool {
        let goes = |kind: &str| self.name().starts_with(kind);
        self.is_of_a_node() || self == Self::StartReady || goes("push-") || goes("update-push-")
    }

    /// Whether one measurement gives both, as `pull-cold-bytes` and `pull-cold-wall`: a build and the parts of its time,
    /// one push, one pull. Then the one fails with the other.
    pub fn is_measured_with(self, other: Self) -> bool {
        let measurement = |metric: Self| match metric.name().rsplit_once('-') {
            Some((measurement, _quantity)) => measurement,
            None => metric.name(),
        };
        measurement(self) == measurement(other)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_metric_and_no_two_share_one() {
        for metric in Metric::ALL {
            assert_eq!(Metric::parse(metric.name()), Some(*metric));
        }
        assert_eq!(Metric::parse("size"), None);
    }

    #[test]
    fn every_metric_has_the_part_that_measures_it() {
        let of = |part: Measure| {
            let own = Metric::ALL.iter().filter(|metric| metric.parts().contains(&part));
            own.map(|metric| metric.name()).collect::<Vec<_>>()
        };
        assert_eq!(
            of(Measure::Build).join(" "),
            "build-wall build-context build-resolve build-exec build-export build-unattributed step-sum critical-path \
             build-cache"
        );
        assert_eq!(of(Measure::Size), ["unpacked-size", "unpacked-unique", "layers"]);
        assert_eq!(of(Measure::Start), ["start-ready", "pull-ready"]);
        let moved = ["packed-", "push-", "update-push-", "pull-", "base-pull-"];
        for name in of(Measure::Transfer) {
            assert!(moved.iter().any(|start| name.starts_with(start)), "{name}");
        }
        assert!(Metric::ALL.iter().all(|metric| !metric.parts().is_empty() && !metric.phases().is_empty()));
    }
}
