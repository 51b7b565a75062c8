//! Decides from the engine's own step events whether the state of a build was what its phase claims.

use crate::context;
use crate::engine::Trace;
use crate::results::{Builder, Phase};
use crate::scenario::{Dockerfile, Origin, Stage, Step, StepKind};
use std::collections::BTreeSet;

/// What a build is proven against.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    /// The builder, which decides which stages are built.
    pub builder: Builder,
    /// The phase.
    pub phase: Phase,
    /// The Dockerfile that was built.
    pub dockerfile: &'a Dockerfile,
    /// The stage that was built.
    pub target: usize,
    /// Paths of the context that the edit changed and the ignore file lets through.
    pub edited: &'a BTreeSet<String>,
    /// Whether the edit changed paths that the ignore file hides.
    pub hidden: bool,
}

/// How far the edit reaches at a place of a stage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Nothing before has seen the edit: steps must be cached.
    Untouched,
    /// A copy out of a touched stage came before: builders compare contents, so steps may be either.
    Either,
    /// A step that takes in an edited file came before: every RUN must have run.
    Touched,
}

/// `Ok` if the events show the claimed state, else the reason why not.
pub fn prove(claimed: &Claimed<'_>, trace: &Trace) -> Result<(), String> {
    same_steps(claimed, trace)?;
    match claimed.phase {
        // A WORKDIR may come from the cache, and may be told of under another build's name, even when cold.
        Phase::Cold => every_step(
            claimed,
            trace,
            |step| !matches!(step.kind, StepKind::Workdir | StepKind::Root),
            |seen| {
                if seen.ran() { Ok(()) } else { Err("was answered by the cache, so the build was not cold") }
            },
        ),
        Phase::Unchanged => every_step(
            claimed,
            trace,
            |_| true,
            |seen| {
                if seen.cached() { Ok(()) } else { Err("ran, though nothing had changed") }
            },
        ),
        Phase::SourceEdit | Phase::DepsEdit => prove_edit(claimed, trace),
    }
}

/// The engine must count the steps as we do, or a step would be proven by another one.
fn same_steps(claimed: &Claimed<'_>, trace: &Trace) -> Result<(), String> {
    for (stage, step, number) in numbered(claimed) {
        let Some(seen) = reported(claimed, stage, number, trace) else { continue };
        // Steps that copy are one to an engine, whatever they are called.
        let runs = seen.name.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("RUN"));
        if runs != (step.kind == StepKind::Run) {
            let name = short(&seen.name);
            return Err(format!("{}: the engine reports `{name}` in its place", said(stage, step)));
        }
    }
    Ok(())
}

fn every_step(
    claimed: &Claimed<'_>,
    trace: &Trace,
    tells: impl Fn(&Step) -> bool,
    check: impl Fn(&crate::engine::Step) -> Result<(), &'static str>,
) -> Result<(), String> {
    for (stage, step, number) in numbered(claimed).filter(|(_, step, _)| tells(step)) {
        let seen = find(claimed, stage, number, trace)
            .ok_or_else(|| format!("{}: the engine reported nothing of it", said(stage, step)))?;
        check(seen).map_err(|why| format!("{} {why}", said(stage, step)))?;
    }
    Ok(())
}

/// `Ok` if the builder can see the edit at all, else the reason why not. It needs no build: an edit that no step takes
/// in cannot come back from the image either, so it is to be asked before the image is.
pub(super) fn reaches(claimed: &Claimed<'_>) -> Result<(), String> {
    let reason = if !matches!(claimed.phase, Phase::SourceEdit | Phase::DepsEdit) {
        return Ok(());
    } else if claimed.edited.is_empty() && claimed.hidden {
        "the edit is hidden by the ignore file, so the builder never saw it"
    } else if claimed.edited.is_empty() {
        "the edit changed nothing in the context"
    } else if !numbered(claimed).any(|(_, step, _)| takes_edited(step, claimed.edited)) {
        "no step takes in an edited file, so the edit is outside of what is built"
    } else {
        return Ok(());
    };
    Err(reason.to_owned())
}

fn prove_edit(claimed: &Claimed<'_>, trace: &Trace) -> Result<(), String> {
    reaches(claimed)?;
    let needed = claimed.dockerfile.built(claimed.target, claimed.builder);
    let mut ends = vec![Reach::Untouched; claimed.dockerfile.stages.len()];
    for stage in claimed.dockerfile.stages.iter().filter(|s| needed.contains(&s.index)) {
        let mut reach = match stage.from {
            Origin::Stage(parent) => ends[parent],
            Origin::Scratch | Origin::Image(_) => Reach::Untouched,
        };
        for (step, number) in numbers(stage, claimed.builder) {
            let takes = takes_edited(step, claimed.edited);
            let must_run = takes || reach == Reach::Touched && step.kind == StepKind::Run;
            let copies_touched = step.takes.stages.iter().any(|s| ends[*s] != Reach::Untouched);
            let must_be_cached = !must_run && reach == Reach::Untouched && !copies_touched;
            let seen = find(claimed, stage, number, trace);
            if must_run
                && !seen.is_some_and(crate::engine::Step::ran)
                && !ran_alike(claimed, stage, number, trace)
            {
                let why = if takes {
                    "it takes in an edited file"
                } else {
                    "a step before it takes in an edited file"
                };
                return Err(format!("{} did not run, though {why}", said(stage, step)));
            }
            if must_be_cached && seen.is_some_and(crate::engine::Step::ran) {
                return Err(format!("{} ran, though the edit does not reach it", said(stage, step)));
            }
            reach = match reach {
                _ if takes => Reach::Touched,
                Reach::Untouched if copies_touched => Reach::Either,
                reach => reach,
            };
        }
        ends[stage.index] = reach;
    }
    Ok(())
}

fn takes_edited(step: &Step, edited: &BTreeSet<String>) -> bool {
    step.takes.context.iter().any(|pattern| edited.iter().any(|path| context::takes(pattern, path)))
}

/// The steps of all needed stages with their numbers.
fn numbered<'a>(claimed: &Claimed<'a>) -> impl Iterator<Item = (&'a Stage, &'a Step, u32)> {
    let needed = claimed.dockerfile.built(claimed.target, claimed.builder);
    let builder = claimed.builder;
    let stages = claimed.dockerfile.stages.iter().filter(move |s| needed.contains(&s.index));
    stages.flat_map(move |stage| numbers(stage, builder).map(move |(step, number)| (stage, step, number)))
}

/// Engines count the steps of a stage from 1; a `FROM` of an image is the first, one of a stage or of scratch none.
fn numbers(stage: &Stage, builder: Builder) -> impl Iterator<Item = (&Step, u32)> {
    let first = if matches!(stage.from, Origin::Image(_)) { 2 } else { 1 };
    let counted = move |step: &&Step| step.kind != StepKind::Root || builder == Builder::Classic;
    stage.steps.iter().filter(counted).zip(first..)
}

/// The step as the engine reported it. Steps that are alike down to the base are one step for the engine, which
/// names it after one of their stages.
fn find<'a>(
    claimed: &Claimed<'_>,
    stage: &Stage,
    number: u32,
    trace: &'a Trace,
) -> Option<&'a crate::engine::Step> {
    std::iter::once(stage)
        .chain(alike(claimed, stage, number))
        .find_map(|stage| reported(claimed, stage, number, trace))
}

/// The stages that are the same as that one down to a step of it.
fn alike<'a>(claimed: &Claimed<'a>, stage: &Stage, number: u32) -> impl Iterator<Item = &'a Stage> {
    let builder = claimed.builder;
    let texts = move |stage: &Stage| {
        let down_to = numbers(stage, builder).take_while(|(_, n)| *n <= number);
        down_to.map(|(step, _)| (step.text.clone(), step.documents.clone())).collect::<Vec<_>>()
    };
    let (own, from) = (texts(stage), stage.from.clone());
    claimed.dockerfile.stages.iter().filter(move |other| other.from == from && texts(other) == own)
}

/// The classic builder runs the stages one after the other, so a step may be answered by one that is alike and ran in
/// the same build.
fn ran_alike(claimed: &Claimed<'_>, stage: &Stage, number: u32, trace: &Trace) -> bool {
    let ran = |other: &Stage| {
        other.index < stage.index
            && reported(claimed, other, number, trace).is_some_and(crate::engine::Step::ran)
    };
    claimed.builder == Builder::Classic && alike(claimed, stage, number).any(ran)
}

/// Engines call an unnamed stage `stage-N`; the only stage of a Dockerfile has no name in some of them, even if the
/// Dockerfile gives it one.
fn reported<'a>(
    claimed: &Claimed<'_>,
    stage: &Stage,
    number: u32,
    trace: &'a Trace,
) -> Option<&'a crate::engine::Step> {
    let name = stage.name.clone().unwrap_or_else(|| format!("stage-{}", stage.index));
    let only = claimed.dockerfile.stages.len() == 1;
    trace.find(&name, number).or_else(|| if only { trace.find("", number) } else { None })
}

fn said(stage: &Stage, step: &Step) -> String {
    let name = stage.name.clone().unwrap_or_else(|| format!("stage {}", stage.index));
    format!("line {} ({name}: {})", step.line, short(&step.text))
}

fn short(text: &str) -> String {
    if text.chars().count() <= 60 {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(59).collect::<String>())
    }
}

#[cfg(test)]
mod tests;
