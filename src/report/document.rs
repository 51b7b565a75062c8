//! Owns the facts of a report; every renderer reads them and computes nothing.
//! Leaves how they are computed to `gather`, the sentences to `finding`, the layout to the renderers.

use super::bases;
use super::images;
use super::moves::{self, Moves};
use super::problem::Problem;
use super::timeline::Timeline;
use crate::results::{BaseRecord, Builder, EngineRecord, Host, Metric, NodeRecord, Phase, Revision, Sample};
use crate::stats::{Observed, Outcome, Spread};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many digits of a revision are shown.
const REVISION: usize = 12;

/// The version of the shape as JSON.
pub(super) const SCHEMA: u32 = 1;

/// What a run says, ready to be written down.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Document {
    /// The version of this shape, [`SCHEMA`].
    pub(super) schema: u32,
    pub(super) id: String,
    pub(super) dbench: String,
    pub(super) revision: Option<Revision>,
    pub(super) command: String,
    pub(super) started: String,
    pub(super) complete: bool,
    pub(super) rounds: u32,
    pub(super) phases: Vec<Phase>,
    pub(super) builder: Builder,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) builders: Vec<Builder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<String>,
    pub(super) engine: EngineRecord,
    pub(super) host: Host,
    pub(super) bases: Vec<BaseRecord>,
    pub(super) node: Option<NodeRecord>,
    pub(super) finding: String,
    /// What a sentence about a run that was broken off begins with; empty if it was not.
    #[serde(skip)]
    pub(super) broken_off: String,
    /// Whether the run has no sample at all.
    #[serde(skip)]
    pub(super) is_empty: bool,
    pub(super) warnings: Vec<String>,
    /// The base unit of each metric.
    pub(super) units: BTreeMap<&'static str, &'static str>,
    pub(super) sections: Vec<Section>,
    #[serde(skip)]
    pub(super) timelines: Vec<Timeline>,
}

/// One scenario with one builder.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Section {
    pub(super) name: String,
    /// The builder, where it is not BuildKit alone that built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) builder: Option<Builder>,
    /// The scenario and, where it is not BuildKit, the builder: what sentences, tables and charts call it.
    #[serde(skip)]
    pub(super) label: String,
    pub(super) title: String,
    pub(super) language: String,
    pub(super) pattern: Option<String>,
    pub(super) hash: String,
    pub(super) stand_ins: Vec<String>,
    pub(super) mirrored: Vec<String>,
    /// What pulled, in a few words; empty if nothing did.
    pub(super) pulled: String,
    pub(super) official: Vec<String>,
    #[serde(skip)]
    pub(super) bases: Vec<BaseRecord>,
    pub(super) images_agree: Option<bool>,
    pub(super) disagreement: String,
    pub(super) finding: String,
    pub(super) variants: Vec<Row>,
    /// The phase whose images the sizes are of: cold, if it was measured.
    pub(super) image_phase: Option<Phase>,
    /// Whether sizes were to be measured.
    #[serde(skip)]
    pub(super) sized: bool,
    /// Whether a pull after a source edit was to be measured.
    #[serde(skip)]
    pub(super) updated: bool,
    pub(super) problems: Vec<Problem>,
    pub(super) claims: Vec<Claim>,
    pub(super) notes: Vec<String>,
}

/// One variant of a scenario.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) baseline: bool,
    pub(super) dockerfile: String,
    pub(super) notes: Vec<String>,
    pub(super) builds: Vec<Build>,
    pub(super) unpacked_size: Option<Figure>,
    pub(super) unpacked_unique: Option<Figure>,
    pub(super) layers: Option<Figure>,
    pub(super) build_cache: Option<Figure>,
    /// Unpacked size by packed size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compression: Option<f64>,
    /// Everything that was measured and counts, by phase and by the name of its metric.
    pub(super) figures: BTreeMap<Phase, BTreeMap<&'static str, Figure>>,
    pub(super) moves: Moves,
}

/// The builds of one variant in one phase.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Build {
    pub(super) phase: Phase,
    pub(super) wall: Option<Figure>,
    pub(super) samples: Vec<Dot>,
}

/// One sample of a time.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Dot {
    pub(super) round: u32,
    pub(super) status: &'static str,
    pub(super) value: Option<u64>,
}

/// A median in base units, and against the baseline where that may be said.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Figure {
    pub(super) spread: Spread,
    pub(super) ratio: Option<f64>,
    /// Of a time: the interval of the rounds' ratios, from as many rounds on as decide it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) interval: Option<(f64, f64)>,
}

impl Dot {
    pub(super) fn of(sample: &Sample) -> Self {
        Self { round: sample.round, status: sample.status.name(), value: sample.value }
    }
}

impl Figure {
    pub(super) fn median(&self) -> u64 {
        self.spread.median
    }

    pub(super) fn reduction(&self) -> Option<f64> {
        self.ratio.map(|ratio| (1.0 - ratio) * 100.0)
    }
}

/// A claim and what the run says to it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Claim {
    pub(super) text: String,
    pub(super) says: String,
    pub(super) outcome: Outcome,
    /// The figure that it rests on, as people read it.
    #[serde(skip)]
    pub(super) figure: String,
    pub(super) observed: Option<Seen>,
    pub(super) reason: String,
}

/// The figure that a claim rests on, for programs.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Seen {
    /// The median, in its base unit.
    Value { value: u64, unit: &'static str },
    /// By how many percent the median is below the baseline's.
    Reduction {
        #[serde(rename = "reduction-percent")]
        percent: f64,
    },
}

impl Seen {
    pub(super) fn of(observed: Observed) -> Self {
        match observed {
            Observed::Value(metric, value) => Self::Value { value, unit: metric.unit().name() },
            Observed::Reduction(percent) => Self::Reduction { percent },
        }
    }
}

impl Document {
    /// The claims that the run refutes, each with its scenario and its figure.
    pub fn refuted(&self) -> Vec<String> {
        let claims = self.sections.iter().flat_map(|s| s.claims.iter().map(move |c| (s, c)));
        let refuted = claims.filter(|(_, claim)| claim.outcome == Outcome::Refuted);
        refuted
            .map(|(section, claim)| format!("{}: {} ({})", section.label, claim.text, claim.figure))
            .collect()
    }

    /// The same facts as JSON, in base units; same run, same bytes.
    pub fn json(&self) -> String {
        // Plain structs with text keys always serialize.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// What made it: the version, and the revision where it is known.
    pub(super) fn maker(&self, quoted: fn(&str) -> String) -> String {
        let Some(Revision { commit, clean }) = &self.revision else {
            return format!("dbench {}", self.dbench);
        };
        let changed = if *clean { "" } else { " with changes" };
        let short: String = commit.chars().take(REVISION).collect();
        format!("dbench {}, revision {}{changed}", self.dbench, quoted(&short))
    }

    /// What pulled, in a few words; empty if nothing did.
    pub(super) fn puller(&self) -> String {
        self.node.as_ref().map(moves::puller).unwrap_or_default()
    }

    /// The builders as people write them.
    pub(super) fn builder(&self) -> String {
        let one = std::slice::from_ref(&self.builder);
        self.built_by(if self.builders.is_empty() { one } else { &self.builders })
    }

    /// Some of the builders as people write them, and what was built for.
    pub(super) fn built_by(&self, builders: &[Builder]) -> String {
        let all: Vec<&str> = builders.iter().map(|builder| builder.title()).collect();
        let platform = self.platform.as_ref().map(|platform| format!(", for {platform}")).unwrap_or_default();
        format!("{}{platform}", all.join(" and "))
    }

    /// The sections of the builder that claims are decided on, which stand first.
    pub(super) fn leading(&self) -> &[Section] {
        let count =
            self.sections.iter().take_while(|s| s.builder.is_none_or(|by| by == self.builder)).count();
        &self.sections[..count]
    }

    /// The bases that the sections rest on.
    pub(super) fn bases(&self) -> Vec<&BaseRecord> {
        let used =
            |base: &&BaseRecord| self.sections.iter().any(|s| s.bases.iter().any(|b| b.name == base.name));
        self.bases.iter().filter(used).collect()
    }
}

impl Section {
    /// What is to be known of the scenario, and of its variants with their names.
    pub(super) fn all_notes(&self) -> Vec<String> {
        let of = |variant: &Row| -> Vec<String> {
            variant.notes.iter().map(|note| format!("{}: {note}", variant.name)).collect()
        };
        let all = self.notes.iter().cloned().chain(self.variants.iter().flat_map(of));
        all.map(|note| super::format::clean(&note)).collect()
    }

    /// The bases that its numbers rest on.
    pub(super) fn bases(&self) -> Vec<&BaseRecord> {
        self.bases.iter().collect()
    }

    /// What its numbers rest on, in at most `width` characters.
    pub(super) fn rests_on(&self, width: usize) -> String {
        led(&bases::fitting(&self.bases(), |said| led(said).chars().count() <= width))
    }

    /// What its numbers rest on, with everything that was used instead.
    pub(super) fn rests_wholly_on(&self, quoted: fn(&str) -> String) -> String {
        led(&bases::whole(&self.bases(), quoted))
    }

    /// What follows the outcome of a claim.
    pub(super) fn caveat(&self, claim: &Claim, quoted: fn(&str) -> String) -> String {
        if claim.outcome == Outcome::Open { String::new() } else { bases::caveat(&self.bases(), quoted) }
    }

    /// What the timeline of it is called.
    pub(super) fn timeline(&self) -> String {
        match self.builder.filter(|builder| *builder != Builder::Buildkit) {
            Some(builder) => format!("{}-{builder}", self.name),
            None => self.name.clone(),
        }
    }

    pub(super) fn baseline(&self) -> Option<&Row> {
        self.variants.iter().find(|v| v.baseline)
    }

    /// The baseline, if any of these figures stands against it.
    pub(super) fn compared(&self, figures: fn(&Row) -> Vec<&Figure>) -> Option<&Row> {
        let any = self.variants.iter().flat_map(figures).any(|f| f.ratio.is_some());
        self.baseline().filter(|_| any)
    }
}

fn led(bases: &str) -> String {
    if bases.starts_with("stand-ins") { format!("on {bases}") } else { format!("bases: {bases}") }
}

impl Row {
    pub(super) fn wall(&self, phase: Phase) -> Option<&Figure> {
        self.builds.iter().find(|b| b.phase == phase).and_then(|b| b.wall.as_ref())
    }

    pub(super) fn walls(&self) -> Vec<&Figure> {
        self.builds.iter().filter_map(|b| b.wall.as_ref()).collect()
    }

    /// What stands against the baseline in the table of images.
    pub(super) fn images(&self) -> Vec<&Figure> {
        images::COMPARED.iter().filter_map(|metric| self.figure(*metric)).chain(&self.unpacked_size).collect()
    }

    /// Whether no layer of the image is one of a base.
    pub(super) fn stands_on_nothing(&self) -> bool {
        let median = |metric| self.figure(metric).map(Figure::median);
        median(Metric::PackedUnique).is_some_and(|unique| Some(unique) == median(Metric::PackedSize))
    }

    /// Whether the median of one of these lies between two rounds.
    pub(super) fn lies_between_two(&self, metrics: &[Metric]) -> bool {
        metrics.iter().filter_map(|metric| self.figure(*metric)).any(|f| f.spread.n.is_multiple_of(2))
    }

    /// The figure of a metric that belongs to one phase.
    pub(super) fn figure(&self, metric: Metric) -> Option<&Figure> {
        self.figure_in(metric.home()?, metric)
    }

    /// The figure of a metric in a phase.
    pub(super) fn figure_in(&self, phase: Phase, metric: Metric) -> Option<&Figure> {
        self.figures.get(&phase)?.get(metric.name())
    }
}
