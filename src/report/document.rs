//! Owns the facts of a report, computed once from a run; every renderer reads them and computes nothing.
//! Leaves the sentences to `finding` and the layout to the renderers.

use super::timeline::Timeline;
use super::{finding, format};
use crate::results::{
    self, BaseRecord, Builder, EngineRecord, Host, Loaded, Metric, Phase, Quantity, Revision, Run, Sample,
    ScenarioRecord, Status, Unit, VariantRecord,
};
use crate::stats::{self, Cases, Observed, Outcome, Spread};
use serde::Serialize;

/// What a run says, ready to be written down.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Document {
    pub(super) id: String,
    pub(super) dbench: String,
    pub(super) revision: Option<Revision>,
    pub(super) command: String,
    pub(super) started: String,
    pub(super) complete: bool,
    pub(super) rounds: u32,
    pub(super) phases: Vec<Phase>,
    pub(super) builder: Builder,
    pub(super) engine: EngineRecord,
    pub(super) host: Host,
    pub(super) bases: Vec<BaseRecord>,
    pub(super) finding: String,
    pub(super) warnings: Vec<String>,
    pub(super) sections: Vec<Section>,
    #[serde(skip)]
    pub(super) timelines: Vec<Timeline>,
}

/// One scenario.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) language: String,
    pub(super) pattern: Option<String>,
    pub(super) hash: String,
    pub(super) stand_ins: Vec<String>,
    pub(super) official: Vec<String>,
    pub(super) images_agree: Option<bool>,
    pub(super) disagreement: String,
    pub(super) finding: String,
    pub(super) variants: Vec<Row>,
    /// The phase whose images the sizes are of: cold, if it was measured.
    pub(super) image_phase: Option<Phase>,
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
}

/// The builds of one variant in one phase.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Build {
    pub(super) phase: Phase,
    pub(super) wall: Option<Figure>,
    pub(super) samples: Vec<Dot>,
}

/// One sample of the wall time.
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
}

impl Figure {
    pub(super) fn median(&self) -> u64 {
        self.spread.median
    }

    pub(super) fn reduction(&self) -> Option<f64> {
        self.ratio.map(|ratio| (1.0 - ratio) * 100.0)
    }
}

/// What does not count.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Problem {
    pub(super) variant: String,
    pub(super) phase: Phase,
    /// The one metric that is meant where the build itself counts.
    pub(super) metric: Option<&'static str>,
    pub(super) status: &'static str,
    pub(super) rounds: Vec<u32>,
    pub(super) reason: String,
}

/// A claim and what the run says to it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Claim {
    pub(super) text: String,
    pub(super) says: String,
    pub(super) outcome: Outcome,
    pub(super) figure: String,
    pub(super) reason: String,
}

impl Document {
    /// The claims that the run refutes, each with its scenario and its figure.
    pub fn refuted(&self) -> Vec<String> {
        let claims = self.sections.iter().flat_map(|s| s.claims.iter().map(move |c| (s, c)));
        let refuted = claims.filter(|(_, claim)| claim.outcome == Outcome::Refuted);
        refuted
            .map(|(section, claim)| format!("{}: {} ({})", section.name, claim.text, claim.figure))
            .collect()
    }

    /// Computes everything that a report says of a run.
    pub fn new(loaded: &Loaded) -> Self {
        let run = &loaded.run;
        let cases = Cases::new(run, &loaded.samples);
        let mut sections: Vec<Section> =
            run.scenarios.iter().map(|scenario| section(run, scenario, &cases)).collect();
        for section in &mut sections {
            section.finding = finding::section(section);
        }
        let timelines = run
            .scenarios
            .iter()
            .filter_map(|scenario| Timeline::of(scenario, run.builder, &cases, &loaded.steps))
            .collect();
        let mut warnings: Vec<String> =
            run.warnings.iter().chain(&loaded.warnings).map(|w| format::clean(w)).collect();
        if run.interrupted {
            warnings.push("The run was interrupted; what was measured until then is shown.".to_owned());
        }
        let command = std::iter::once("dbench")
            .chain(run.command.iter().map(String::as_str).skip(usize::from(names_program(run))))
            .map(quoted)
            .collect::<Vec<_>>()
            .join(" ");
        Self {
            id: run.id.clone(),
            dbench: run.dbench.clone(),
            revision: run.revision.clone(),
            command,
            started: run.started.to_string(),
            complete: run.ended.is_some() && !run.interrupted,
            rounds: run.rounds,
            phases: run.phases.clone(),
            builder: run.builder,
            engine: run.engine.clone(),
            host: run.host.clone(),
            bases: run.bases.clone(),
            finding: finding::run(&sections),
            warnings,
            sections,
            timelines,
        }
    }

    /// The same facts as JSON, in base units; same run, same bytes.
    pub fn json(&self) -> String {
        // Plain structs with text keys always serialize.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The builder as people write it.
    pub(super) fn builder(&self) -> &'static str {
        match self.builder {
            Builder::Buildkit => "BuildKit",
        }
    }

    /// The bases of all sections in a few words: what every chart says at its foot.
    pub(super) fn bases_in_short(&self) -> &'static str {
        let on_stand_ins = |s: &&Section| !s.stand_ins.is_empty();
        match self.sections.iter().filter(on_stand_ins).count() {
            0 => "official",
            n if n == self.sections.len() => "stand-ins",
            _ => "stand-ins in part",
        }
    }
}

impl Section {
    /// What its numbers rest on, at most `width` characters long.
    pub(super) fn bases(&self, width: usize) -> String {
        if self.stand_ins.is_empty() {
            let none = self.official.is_empty();
            return if none { "bases: none".to_owned() } else { "bases: official".to_owned() };
        }
        let whole = format!("on stand-ins for {}", self.stand_ins.join(", "));
        if whole.chars().count() <= width {
            return whole;
        }
        format!("on stand-ins for {} bases", self.stand_ins.len())
    }

    pub(super) fn baseline(&self) -> Option<&Row> {
        self.variants.iter().find(|v| v.baseline)
    }
}

impl Row {
    pub(super) fn wall(&self, phase: Phase) -> Option<&Figure> {
        self.builds.iter().find(|b| b.phase == phase).and_then(|b| b.wall.as_ref())
    }
}

/// `run.json` keeps the command without the program's path, which leaves its bare name or nothing.
fn names_program(run: &Run) -> bool {
    run.command.first().is_some_and(|first| first == "dbench")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn section(run: &Run, scenario: &ScenarioRecord, cases: &Cases<'_>) -> Section {
    let used = || run.bases.iter().filter(|b| scenario.bases.contains(&b.name));
    let stand_ins: Vec<String> = used().filter(|b| b.stand_in).map(|b| b.name.clone()).collect();
    let measured = |phase: &Phase| {
        let has =
            |v: &VariantRecord| cases.spread(&scenario.name, &v.name, *phase, Metric::UnpackedSize).is_some();
        scenario.variants.iter().any(has)
    };
    let image_phase = Phase::ALL.into_iter().find(measured);
    let claims = scenario.claims.iter().map(|record| {
        let verdict = stats::judge(record, scenario, cases, !stand_ins.is_empty());
        Claim {
            text: record.text.clone(),
            says: record.says.clone(),
            outcome: verdict.outcome,
            figure: verdict.observed.map(|o| observed(o, &record.text)).unwrap_or_default(),
            reason: verdict.reason,
        }
    });
    Section {
        name: scenario.name.clone(),
        title: format::clean(&scenario.title),
        language: scenario.language.clone(),
        pattern: scenario.pattern.clone(),
        hash: scenario.hash.clone(),
        official: used().filter(|b| !b.stand_in).map(|b| b.name.clone()).collect(),
        images_agree: scenario.agree,
        disagreement: format::clean(&scenario.disagreement),
        finding: String::new(),
        variants: scenario.variants.iter().map(|v| row(run, scenario, v, image_phase, cases)).collect(),
        image_phase,
        problems: scenario.variants.iter().flat_map(|v| problems(run, scenario, v, cases)).collect(),
        claims: claims.collect(),
        notes: scenario.notes.clone(),
        stand_ins,
    }
}

fn row(
    run: &Run,
    scenario: &ScenarioRecord,
    variant: &VariantRecord,
    image_phase: Option<Phase>,
    cases: &Cases<'_>,
) -> Row {
    let figure = |phase: Phase, metric: Metric| {
        let spread = cases.spread(&scenario.name, &variant.name, phase, metric)?;
        Some(Figure { spread, ratio: ratio(scenario, variant, phase, metric, spread, cases) })
    };
    let of_image = |metric: Metric| image_phase.and_then(|phase| figure(phase, metric));
    let builds = run.phases.iter().map(|phase| Build {
        phase: *phase,
        wall: figure(*phase, Metric::BuildWall),
        samples: dots(cases.samples(&scenario.name, &variant.name, *phase, Metric::BuildWall)),
    });
    Row {
        name: variant.name.clone(),
        baseline: variant.baseline,
        dockerfile: variant.dockerfile.clone(),
        notes: variant.notes.clone(),
        builds: builds.collect(),
        unpacked_size: of_image(Metric::UnpackedSize),
        unpacked_unique: of_image(Metric::UnpackedUnique),
        layers: of_image(Metric::Layers),
        build_cache: of_image(Metric::BuildCache),
    }
}

/// No ratio for the baseline itself, for images that were not proven to be equal, or where a side failed.
fn ratio(
    scenario: &ScenarioRecord,
    variant: &VariantRecord,
    phase: Phase,
    metric: Metric,
    own: Spread,
    cases: &Cases<'_>,
) -> Option<f64> {
    let baseline = scenario.baseline().filter(|b| b.name != variant.name)?;
    let failed = |name: &str| cases.failed(&scenario.name, name, phase);
    if scenario.agree != Some(true) || failed(&variant.name) || failed(&baseline.name) {
        return None;
    }
    let base = cases.spread(&scenario.name, &baseline.name, phase, metric)?;
    stats::ratio(own.median, base.median)
}

fn dots(samples: &[&Sample]) -> Vec<Dot> {
    samples.iter().map(|s| Dot { round: s.round, status: s.status.name(), value: s.value }).collect()
}

fn problems(
    run: &Run,
    scenario: &ScenarioRecord,
    variant: &VariantRecord,
    cases: &Cases<'_>,
) -> Vec<Problem> {
    let whole = run.ended.is_some() && !run.interrupted;
    let lacking = if whole { "not measured" } else { "the run ended before it" };
    let mut found = Vec::new();
    for phase in &run.phases {
        let of_case = cases.problems(&scenario.name, &variant.name, *phase);
        let walls = cases.samples(&scenario.name, &variant.name, *phase, Metric::BuildWall);
        if walls.is_empty() && of_case.is_empty() {
            found.push(Problem {
                variant: variant.name.clone(),
                phase: *phase,
                metric: None,
                status: Status::Skipped.name(),
                rounds: Vec::new(),
                reason: lacking.to_owned(),
            });
        }
        found.extend(of_case.into_iter().map(|p| Problem {
            variant: p.variant,
            phase: p.phase,
            metric: p.metric.map(Metric::name),
            status: p.status.name(),
            rounds: p.rounds,
            reason: format::clean(&p.reason),
        }));
    }
    found
}

/// The figure of a claim; near its bound with the digits that tell the two apart.
fn observed(observed: Observed, claim: &str) -> String {
    match observed {
        Observed::Reduction(percent) => match results::Claim::parse(claim).map(|c| c.bound) {
            Ok(Quantity::Reduction(bound)) => format::change_against(percent, bound),
            _ => format::change(percent),
        },
        Observed::Value(metric, value) => match metric.unit() {
            Unit::Ns => format::time(value),
            Unit::Bytes => format::bytes(value),
            Unit::Count => value.to_string(),
        },
    }
}
