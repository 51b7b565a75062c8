//! Owns how the facts of a report are computed from a run: every ratio, problem and figure, once.
//! Leaves their shape to `document`, their words to `finding`.

use super::document::{Build, Claim, Document, Dot, Figure, Row, SCHEMA, Section, Seen};
use super::moves::{self, Moves};
use super::problem::Problem;
use super::timeline::Timeline;
use super::{finding, format};
use crate::results::{
    self, BaseRecord, Builder, Loaded, Measure, Metric, Phase, Quantity, Run, Sample, ScenarioRecord, Status,
    TransferRow, Unit, VariantRecord,
};
use crate::stats::{self, Asked, Cases, Observed, Spread};
use std::collections::BTreeMap;

impl Document {
    /// Computes everything that a report says of a run.
    pub fn new(loaded: &Loaded) -> Self {
        let run = &loaded.run;
        let builders = run.all_builders();
        let of_builder = |builder: &Builder| (*builder, Cases::new(*builder, &loaded.samples));
        let cases: Vec<(Builder, Cases<'_>)> = builders.iter().map(of_builder).collect();
        let each = || cases.iter().flat_map(|of| run.scenarios.iter().map(move |scenario| (of, scenario)));
        let mut sections: Vec<Section> =
            each().map(|((builder, cases), scenario)| section(loaded, scenario, *builder, cases)).collect();
        let shown = |phase: &Phase| each().any(|((_, cases), s)| has_phase(run, s, *phase, cases));
        for section in &mut sections {
            section.finding = finding::section(section);
        }
        let timelines = each()
            .zip(&sections)
            .filter_map(|(((builder, cases), scenario), section)| {
                let timeline = Timeline::of(scenario, *builder, cases, &loaded.steps)?;
                Some(Timeline { scenario: section.label.clone(), name: section.timeline(), ..timeline })
            })
            .collect();
        let mut warnings = folded(run.warnings.iter().chain(&loaded.warnings).map(|w| format::clean(w)));
        let lack = lack(run, &cases);
        let broken_off = broken_off(run, &lack);
        if run.interrupted {
            warnings.push(format!("The run was interrupted{lack}. What was measured until then is shown."));
        }
        if let Some(error) = &run.failure {
            let error = format::clean(error);
            warnings.push(format!("An error ended the run: {error}. What was measured until then is shown."));
        }
        if run.ended.is_none() {
            warnings.push(format!(
                "The run has no end: it goes on, or was killed{lack}. What was measured until then is shown; one that was \
                 killed goes on with `dbench run --resume {}`.",
                run.id
            ));
        }
        if !run.resumed.is_empty() {
            let times = match run.resumed.len() {
                1 => "once".to_owned(),
                times => format!("{times} times"),
            };
            warnings
                .push(format!("The run was taken up again {times}; rounds that it repeats do not count."));
        }
        let command = std::iter::once("dbench")
            .chain(run.command.iter().map(String::as_str).skip(usize::from(names_program(run))))
            .map(quoted)
            .collect::<Vec<_>>()
            .join(" ");
        Self {
            schema: SCHEMA,
            id: run.id.clone(),
            dbench: run.dbench.clone(),
            revision: run.revision.clone(),
            command,
            started: run.started.to_string(),
            complete: run.is_whole(),
            rounds: run.rounds,
            phases: run.phases.iter().copied().filter(|p| shown(p)).collect(),
            builder: run.builder,
            builders: run.builders.clone(),
            platform: run.platform.clone(),
            engine: run.engine.clone(),
            host: run.host.clone(),
            bases: run.bases.clone(),
            node: run.node.clone(),
            finding: finding::run(&sections, &builders, &broken_off),
            broken_off,
            is_empty: loaded.samples.is_empty(),
            warnings,
            units: Metric::ALL.iter().map(|metric| (metric.name(), metric.unit().name())).collect(),
            sections,
            timelines,
        }
    }
}

/// Whether a scenario has that phase. A run that does not say it tells by its rows, once a round of the scenario is whole.
fn has_phase(run: &Run, scenario: &ScenarioRecord, phase: Phase, cases: &Cases<'_>) -> bool {
    let built =
        |v: &VariantRecord| !cases.samples(&scenario.name, &v.name, phase, Metric::BuildWall).is_empty();
    let edit = matches!(phase, Phase::SourceEdit | Phase::DepsEdit);
    let told = match scenario.phases.as_slice() {
        [] => !edit || (!run.is_whole() && scenario.finished.is_empty()),
        phases => phases.contains(&phase),
    };
    told || scenario.variants.iter().any(built)
}

/// How much of a run that is not whole is missing, as an addition to a sentence; empty if nothing is.
fn lack(run: &Run, cases: &[(Builder, Cases<'_>)]) -> String {
    let (mut all, mut missing) = (0, 0);
    for ((_, cases), scenario) in cases.iter().flat_map(|of| run.scenarios.iter().map(move |s| (of, s))) {
        for phase in run.phases.iter().filter(|phase| has_phase(run, scenario, **phase, cases)) {
            for variant in &scenario.variants {
                let rows = cases.samples(&scenario.name, &variant.name, *phase, Metric::BuildWall);
                let has = |place: &u32| rows.iter().any(|row| row.round == scenario.standing_for(*place));
                all += run.rounds as usize;
                missing += (1..=run.rounds).filter(|place| !has(place)).count();
            }
        }
    }
    if missing == 0 {
        String::new()
    } else {
        format!(" with {missing} of {} missing", format::count(all, "build"))
    }
}

/// What a finding of a run that is not whole begins with.
fn broken_off(run: &Run, lack: &str) -> String {
    if run.interrupted {
        format!("interrupted{lack}")
    } else if run.failure.is_some() {
        format!("ended by an error{lack}")
    } else if run.ended.is_none() {
        format!("not ended{lack}")
    } else {
        String::new()
    }
}

/// Warnings of one kind, of which a busy engine makes many, are said once with their number.
fn folded(warnings: impl Iterator<Item = String>) -> Vec<String> {
    const KIND: &str = "somebody else's build ran on this engine ";
    let (same, mut others): (Vec<String>, Vec<String>) = warnings.partition(|text| text.starts_with(KIND));
    others.extend(match same.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        [first, ..] => {
            let first = first.strip_prefix(KIND).and_then(|rest| rest.split(';').next()).unwrap_or_default();
            Some(format!("{KIND}{} times, first {first}; times may be too long", same.len()))
        }
    });
    others
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

fn section(loaded: &Loaded, scenario: &ScenarioRecord, builder: Builder, cases: &Cases<'_>) -> Section {
    let run = &loaded.run;
    let names = scenario.bases_of(builder, scenario.variants.iter());
    let used = || run.bases.iter().filter(|b| names.contains(b.name.as_str()));
    let named = |kind: fn(&BaseRecord) -> bool| {
        used().filter(|b| kind(b)).map(|b| b.name.clone()).collect::<Vec<_>>()
    };
    let stand_ins = named(|b| b.stand_in);
    let measured = |phase: &Phase| {
        let has =
            |v: &VariantRecord| cases.spread(&scenario.name, &v.name, *phase, Metric::UnpackedSize).is_some();
        scenario.variants.iter().any(has)
    };
    let has_pulled = || {
        let own = |s: &&Sample| s.case.scenario == scenario.name && s.case.builder == builder;
        loaded.samples.iter().filter(own).any(|s| s.metric.is_of_a_node() && s.valid().is_some())
    };
    let image_phase = Phase::ALL.into_iter().find(measured);
    let claims = scenario.claims.iter().filter(|_| builder == run.builder).map(|record| {
        let verdict = stats::judge(record, scenario, Asked::of(run), cases, !stand_ins.is_empty());
        Claim {
            text: record.text.clone(),
            says: record.says.clone(),
            outcome: verdict.outcome,
            figure: verdict.observed.map(|o| observed(o, &record.text)).unwrap_or_default(),
            observed: verdict.observed.map(Seen::of),
            reason: verdict.reason,
        }
    });
    Section {
        name: scenario.name.clone(),
        builder: (run.all_builders() != [Builder::Buildkit]).then_some(builder),
        label: match builder {
            Builder::Buildkit => scenario.name.clone(),
            Builder::Classic => format!("{} ({builder})", scenario.name),
        },
        title: format::clean(&scenario.title),
        language: scenario.language.clone(),
        pattern: scenario.pattern.clone(),
        hash: scenario.hash.clone(),
        mirrored: named(|b| !b.stand_in && b.mapped.is_some()),
        official: named(|b| !b.stand_in && b.mapped.is_none()),
        bases: used().cloned().collect(),
        pulled: run.node.as_ref().filter(|_| has_pulled()).map(moves::puller).unwrap_or_default(),
        images_agree: scenario.agree,
        disagreement: format::clean(&scenario.disagreement),
        finding: String::new(),
        variants: scenario
            .variants
            .iter()
            .map(|v| row(loaded, scenario, v, builder, image_phase, cases))
            .collect(),
        image_phase,
        sized: run.measure.contains(&Measure::Size),
        updated: run.measure.contains(&Measure::Transfer)
            && run.node.is_some()
            && has_phase(run, scenario, Phase::SourceEdit, cases),
        problems: scenario.variants.iter().flat_map(|v| problems(run, scenario, v, cases)).collect(),
        claims: claims.collect(),
        notes: scenario.notes.clone(),
        stand_ins,
    }
}

fn row(
    loaded: &Loaded,
    scenario: &ScenarioRecord,
    variant: &VariantRecord,
    builder: Builder,
    image_phase: Option<Phase>,
    cases: &Cases<'_>,
) -> Row {
    let figure = |phase: Phase, metric: Metric| {
        let spread = cases.spread(&scenario.name, &variant.name, phase, metric)?;
        let ratio = ratio(scenario, variant, phase, metric, spread, cases);
        let timed = ratio.is_some() && metric.unit() == Unit::Ns;
        let baseline = scenario.baseline().filter(|_| timed);
        let of_rounds = baseline.and_then(|base| {
            stats::interval(&cases.ratios(&scenario.name, &variant.name, &base.name, phase, metric))
        });
        Some(Figure { spread, ratio, interval: of_rounds })
    };
    let run = &loaded.run;
    let of_image = |metric: Metric| image_phase.and_then(|phase| figure(phase, metric));
    let phases = run.phases.iter().filter(|phase| has_phase(run, scenario, **phase, cases));
    let builds = phases.map(|phase| Build {
        phase: *phase,
        wall: figure(*phase, Metric::BuildWall),
        samples: dots(cases.samples(&scenario.name, &variant.name, *phase, Metric::BuildWall)),
    });
    let unpacked_size = of_image(Metric::UnpackedSize);
    let packed_size = figure(Phase::Cold, Metric::PackedSize);
    let compression = unpacked_size
        .zip(packed_size)
        .and_then(|(unpacked, packed)| stats::ratio(unpacked.median(), packed.median()));
    let counted = |phase: Phase| {
        let of_phase = Metric::ALL.iter().filter_map(|m| Some((m.name(), figure(phase, *m)?)));
        (phase, of_phase.collect::<BTreeMap<_, _>>())
    };
    let figures = Phase::ALL.into_iter().map(counted).filter(|(_, of_phase)| !of_phase.is_empty()).collect();
    let of_builder = |row: &&TransferRow| row.case.builder == builder;
    let transfers: Vec<&TransferRow> = loaded.transfers.iter().filter(of_builder).collect();
    Row {
        name: variant.name.clone(),
        baseline: variant.baseline,
        dockerfile: variant.dockerfile.clone(),
        notes: variant.notes.clone(),
        builds: builds.collect(),
        unpacked_size,
        compression,
        unpacked_unique: of_image(Metric::UnpackedUnique),
        layers: of_image(Metric::Layers),
        build_cache: of_image(Metric::BuildCache),
        moves: Moves::of(scenario, variant, cases, &transfers),
        figures,
    }
}

/// No ratio for the baseline itself, for images that were not proven to be equal, or where the build or the measurement of
/// a side failed.
fn ratio(
    scenario: &ScenarioRecord,
    variant: &VariantRecord,
    phase: Phase,
    metric: Metric,
    own: Spread,
    cases: &Cases<'_>,
) -> Option<f64> {
    let baseline = scenario.baseline().filter(|b| b.name != variant.name)?;
    let failed = |name: &str| cases.failed(&scenario.name, name, phase, metric).is_some();
    if scenario.agree != Some(true) || failed(&variant.name) || failed(&baseline.name) {
        return None;
    }
    let base = cases.spread(&scenario.name, &baseline.name, phase, metric)?;
    stats::ratio(own.median, base.median)
}

fn dots(samples: &[&Sample]) -> Vec<Dot> {
    samples.iter().map(|s| Dot::of(s)).collect()
}

fn problems(
    run: &Run,
    scenario: &ScenarioRecord,
    variant: &VariantRecord,
    cases: &Cases<'_>,
) -> Vec<Problem> {
    let lacking = |phase: Phase| match phase {
        _ if run.is_whole() => "not measured",
        Phase::SourceEdit | Phase::DepsEdit if scenario.phases.is_empty() => {
            "the run has not come to it, or the scenario has no such edit"
        }
        _ => "the run has not come to it",
    };
    let asked = |phase: &Phase| run.phases.contains(phase) && has_phase(run, scenario, *phase, cases);
    let mut found = Vec::new();
    for phase in Phase::ALL {
        let of_case = cases.problems(&scenario.name, &variant.name, phase);
        let walls = cases.samples(&scenario.name, &variant.name, phase, Metric::BuildWall);
        if asked(&phase) && walls.is_empty() && of_case.is_empty() {
            found.push(Problem {
                variant: variant.name.clone(),
                phase,
                metric: None,
                status: Status::Skipped.name(),
                rounds: Vec::new(),
                reason: lacking(phase).to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_of_one_kind_are_said_once() {
        let ran =
            |when: &str| format!("somebody else's build ran on this engine {when}; times may be too long");
        let one = [ran("before a"), "other".to_owned()];
        assert_eq!(folded(one.into_iter()), ["other".to_owned(), ran("before a")]);
        let many = [ran("before a"), ran("during b"), ran("during c")];
        assert_eq!(folded(many.into_iter()), [ran("3 times, first before a")]);
    }
}
