//! Turns what a build came to into rows.

use crate::engine::{Built, Trace};
use crate::image::Layer;
use crate::results::{Builder, Case, Metric, NodeKind, Sample, Status, StepRow, nanoseconds};
use jiff::Timestamp;

/// How many characters of a reason a row holds.
const REASON: usize = 400;

/// Why rows do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They count.
    Valid,
    /// The state was not as claimed.
    Invalid(String),
    /// The build or the probe failed.
    Failed(String),
    /// They were not to be had here.
    Skipped(String),
}

impl Verdict {
    pub(super) fn counts(&self) -> Result<(), &str> {
        match self {
            Self::Valid => Ok(()),
            Self::Invalid(reason) | Self::Failed(reason) | Self::Skipped(reason) => Err(reason),
        }
    }

    fn status(&self) -> Status {
        match self {
            Self::Valid => Status::Valid,
            Self::Invalid(_) => Status::Invalid,
            Self::Failed(_) => Status::Failed,
            Self::Skipped(_) => Status::Skipped,
        }
    }

    fn reason(&self) -> String {
        let reason = self.counts().err().unwrap_or_default();
        elided(&reason.split_whitespace().collect::<Vec<_>>().join(" "), REASON)
    }
}

/// Text of at most so many characters: what is too much goes from its middle, as the end of a message says what came of
/// what its beginning names.
pub(super) fn elided(text: &str, most: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= most {
        return text.to_owned();
    }
    let half = (most - 1) / 2;
    let (start, end) = (&characters[..half], &characters[characters.len() - half..]);
    start.iter().chain(['…'].iter()).chain(end).collect()
}

/// What all rows of one build share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<'a> {
    pub case: &'a Case,
    pub round: u32,
    pub started: Option<Timestamp>,
    pub verdict: &'a Verdict,
    /// What pulled; empty where nothing did.
    pub node: &'static str,
    /// What the transfer went over; empty for the machine's own loopback or veth.
    pub link: &'static str,
}

impl<'a> Of<'a> {
    pub(super) fn new(case: &'a Case, round: u32, started: Option<Timestamp>, verdict: &'a Verdict) -> Self {
        Self { case, round, started, verdict, node: "", link: "" }
    }

    pub(super) fn on(self, node: NodeKind) -> Self {
        Self { node: node.name(), ..self }
    }

    pub(super) fn over(self, link: &'static str) -> Self {
        Self { link, ..self }
    }

    pub(super) fn sample(&self, metric: Metric, value: Option<u64>) -> Sample {
        Sample {
            case: self.case.clone(),
            round: self.round,
            metric,
            value,
            status: self.verdict.status(),
            reason: self.verdict.reason(),
            started: self.started,
            node: self.node.to_owned(),
            link: self.link.to_owned(),
        }
    }

    /// The rows of a build's times. One that has no image has no times, only the reason.
    pub(super) fn build(&self, built: &Built, cache_bytes: Option<u64>) -> Vec<Sample> {
        if built.outcome.is_err() {
            return vec![self.untimed()];
        }
        let wall = nanoseconds(built.wall);
        let parts = built.trace.parts();
        let told = [
            (Metric::BuildContext, parts.context),
            (Metric::BuildResolve, parts.resolve),
            (Metric::BuildExec, parts.exec),
            (Metric::BuildExport, parts.export),
            (Metric::BuildUnattributed, wall.saturating_sub(parts.attributed)),
            (Metric::StepSum, built.trace.step_sum()),
            (Metric::CriticalPath, built.trace.critical_path().0),
        ];
        let told = told.map(|(metric, value)| self.by_the_engines_clock(metric, value, &built.trace));
        let wall = self.sample(Metric::BuildWall, Some(wall));
        [wall].into_iter().chain(told).chain(self.build_cache(cache_bytes)).collect()
    }

    /// A row of what the engine's events tell, by a clock that may have jumped.
    fn by_the_engines_clock(&self, metric: Metric, value: u64, trace: &Trace) -> Sample {
        let mut row = self.sample(metric, Some(value));
        if let Some(why) = trace.distrusted().filter(|_| row.status == Status::Valid) {
            (row.status, row.reason) = (Status::Invalid, why.to_owned());
        }
        row
    }

    /// The row of what a build added to the build cache, which is not known if somebody else built meanwhile. The classic
    /// builder adds nothing there, so it has no such row.
    fn build_cache(&self, bytes: Option<u64>) -> Option<Sample> {
        if self.case.builder == Builder::Classic {
            return None;
        }
        let mut row = self.sample(Metric::BuildCache, bytes);
        if bytes.is_none() && row.status == Status::Valid {
            (row.status, row.reason) =
                (Status::Invalid, "somebody else's build ran on this engine at the same time".to_owned());
        }
        Some(row)
    }

    /// The row of a build that has no image, or was not even begun.
    pub(super) fn untimed(&self) -> Sample {
        self.sample(Metric::BuildWall, None)
    }

    /// The rows of an image's sizes. `base` holds the digests of the base's layers, or is `None` if it is not known.
    pub(super) fn sizes(&self, layers: Option<&[Layer]>, base: Option<&[String]>) -> Vec<Sample> {
        let total = layers.map(|layers| layers.iter().map(|l| l.content).sum());
        let unique = layers.zip(base).and_then(|(layers, base)| unique(layers, base));
        let count = layers.map(|layers| layers.len() as u64);
        let mut rows = vec![self.sample(Metric::UnpackedSize, total)];
        if layers.is_some() {
            rows.extend([self.unique(Metric::UnpackedUnique, unique), self.sample(Metric::Layers, count)]);
        }
        rows
    }

    /// The row of a unique size, which an image has only if it stands on its base.
    pub(super) fn unique(&self, metric: Metric, value: Option<u64>) -> Sample {
        let mut row = self.sample(metric, value);
        if value.is_none() && row.status == Status::Valid {
            (row.status, row.reason) =
                (Status::Skipped, "the image does not stand on the layers of its base".to_owned());
        }
        row
    }

    /// The rows of a build's steps.
    pub(super) fn steps(&self, trace: &Trace) -> Vec<StepRow> {
        let origin = trace.origin().unwrap_or(0);
        let (_, critical) = trace.critical_path();
        let trusted = trace.distrusted().is_none();
        let since = |time: u64| time.saturating_sub(origin);
        let rows = trace.steps().iter().enumerate().map(|(at, step)| StepRow {
            case: self.case.clone(),
            round: self.round,
            stage: step.stage.clone(),
            step: step.number,
            name: step.name.clone(),
            started_ns: step.span().filter(|_| trusted).map(|(start, _)| since(start)),
            // A clock may be set back by less than what is distrusted.
            completed_ns: step
                .span()
                .filter(|_| trusted)
                .and_then(|(start, end)| Some(since(end?.max(start)))),
            cached: step.cached(),
            critical: critical.contains(&at),
            error: step.error.split_whitespace().collect::<Vec<_>>().join(" "),
        });
        rows.collect()
    }
}

/// Content of the layers above the base's; `None` if the base's are not the lowest layers.
fn unique(layers: &[Layer], base: &[String]) -> Option<u64> {
    let on_base =
        base.len() <= layers.len() && layers.iter().zip(base).all(|(layer, id)| layer.diff_id == *id);
    on_base.then(|| layers[base.len()..].iter().map(|l| l.content).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::VertexUpdate;
    use crate::results::{Builder, Phase};
    use std::time::Duration;

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        assert_eq!(elided("abcdefgh", 8), "abcdefgh");
        assert_eq!(elided("äbcdefghi", 7), "äbc…ghi");
        assert_eq!(elided("äbcdefghi", 8), "äbc…ghi");
    }

    #[test]
    fn a_clock_that_jumped_costs_what_the_engine_tells_and_nothing_else() {
        let mut trace = Trace::default();
        let (started, completed) = (Some(10), Some(3_600_000_000_000));
        let step = VertexUpdate {
            id: "a".into(),
            name: "[1/1] RUN x".into(),
            started,
            completed,
            ..VertexUpdate::default()
        };
        trace.push(&step);
        trace.distrust("the clock jumped".into());
        let outcome = Ok("image".to_owned());
        let (started, wall) = (Timestamp::UNIX_EPOCH, Duration::from_nanos(100));
        let built = Built { outcome, started, wall, trace, sent: 0, log: vec![], made: Default::default() };
        let (scenario, variant) = ("s".to_owned(), "v".to_owned());
        let case = Case { scenario, variant, builder: Builder::Buildkit, phase: Phase::Cold };
        let of = Of::new(&case, 1, Some(started), &Verdict::Valid);
        for row in of.build(&built, Some(7)) {
            match row.metric {
                Metric::BuildWall => assert_eq!(row.valid(), Some(100)),
                Metric::BuildCache => assert_eq!(row.valid(), Some(7)),
                _ => assert_eq!(
                    (row.status, row.reason.as_str()),
                    (Status::Invalid, "the clock jumped"),
                    "{}",
                    row.metric
                ),
            }
        }
        let steps = of.steps(&built.trace);
        assert_eq!((steps[0].started_ns, steps[0].completed_ns), (None, None));
    }

    #[test]
    fn unique_is_what_stands_above_the_base() {
        let layer = |id: &str, content| Layer { diff_id: id.into(), content };
        let layers = [layer("a", 10), layer("b", 5), layer("c", 1)];
        assert_eq!(unique(&layers, &["a".into(), "b".into()]), Some(1));
        assert_eq!(unique(&layers, &[]), Some(16));
        assert_eq!(unique(&layers, &["b".into()]), None);
        assert_eq!(unique(&layers[..1], &["a".into(), "b".into()]), None);
    }
}
