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

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $unit:ident, $direction:ident;)+) => {
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

            /// The base unit of its values.
            pub fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit,)+ }
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
    BuildWall = "build-wall", Ns, Lower;
    /// Union of the intervals in which the context and the Dockerfile were read and sent.
    BuildContext = "build-context", Ns, Lower;
    /// Union of the intervals in which base images were resolved.
    BuildResolve = "build-resolve", Ns, Lower;
    /// Union of the intervals in which Dockerfile steps ran or were looked up in the cache.
    BuildExec = "build-exec", Ns, Lower;
    /// Union of the intervals in which the image was exported.
    BuildExport = "build-export", Ns, Lower;
    /// The wall less the union of all intervals.
    BuildUnattributed = "build-unattributed", Ns, Neutral;
    /// Sum of the times of all Dockerfile steps.
    StepSum = "step-sum", Ns, Lower;
    /// The longest chain of Dockerfile steps that wait for each other.
    CriticalPath = "critical-path", Ns, Lower;
    /// Bytes that the build added to the engine's build cache.
    BuildCache = "build-cache", Bytes, Lower;
    /// Content bytes of regular files over all layers, a hard link once a layer.
    UnpackedSize = "unpacked-size", Bytes, Lower;
    /// The part of the unpacked size that the base of the final stage does not bring.
    UnpackedUnique = "unpacked-unique", Bytes, Lower;
    /// Number of layers of the image.
    Layers = "layers", Count, Neutral;
}

impl Metric {
    /// The metric of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|m| m.name() == name)
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
}
