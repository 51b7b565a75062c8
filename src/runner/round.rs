//! One variant in one round: an opening build, then each phase on top of it, each proven and probed.

use super::clean::{Cleaned, prune};
use super::journal::{Entry, Ledger};
use super::journalled::{build_journalled, look};
use super::pass::Pass;
use super::plan::Planned;
use super::probe::{Started, Subject, Wrong, probe};
use super::proof::{Claimed, prove, reaches};
use super::record::{Of, Verdict, elided};
use super::transfer::{self, Image, Images};
use super::{Observer, Runner, clean, naming, steps, tail};
use crate::engine::{Built, Engine};
use crate::error::{Error, Exit, Result, files};
use crate::results::{Builder, Case, Measure, Metric, Phase, nanoseconds};
use crate::scenario::Nonce;
use std::collections::BTreeSet;
use std::path::Path;

/// What goes on after the last step of a build.
const PROBING: &str = "probing";
const READING: &str = "reading the layers";
/// How many characters of a step, or of a container's last line, stand in a reason.
const PART: usize = 100;

/// Builds, proves and probes one variant in one round, and removes what that made.
pub(super) async fn variant<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    scenario: usize,
    variant: usize,
    builder: Builder,
    round: u32,
) -> Result<()> {
    let scenario = &runner.scenarios[scenario];
    let of_variant = &scenario.variants[variant];
    let builds = runner.settings.selection.builds(scenario, variant, builder, round);
    if let Some(why) = of_variant.lacking(builder)? {
        let file = of_variant.path.file_name().unwrap_or_default().to_string_lossy();
        return unbuilt(runner, &builds, &Verdict::Skipped(format!("{file}, {why}")));
    }
    let pass = match Pass::prepare(runner, scenario, of_variant, builder, round) {
        Err(error) if changed(&error) => return no_longer(runner, &builds, &error),
        prepared => prepared?,
    };
    let mut stopped: Option<String> = None;
    let mut images = Images::new();
    for planned in builds {
        if let Some(why) = &stopped {
            unbuilt(runner, &[planned], &Verdict::Failed(why.clone()))?;
            continue;
        }
        match build(runner, &pass, &planned).await? {
            Ok(image) => {
                images.insert(planned.case.phase, image);
            }
            Err(reason) if planned.case.phase == Phase::Cold => {
                stopped = Some(nothing_to_build_on(planned.measured, &reason));
            }
            Err(_told_in_its_row) => {}
        }
    }
    transfer::measure(runner, &pass, &images, round).await?;
    close(runner).await
}

/// Why nothing more is built in a round whose first build failed, or made an image that does not work: one that never answers
/// would cost its deadline in every phase, and no number of it would count. One that is measured has its reason in its row.
fn nothing_to_build_on(measured: bool, reason: &str) -> String {
    match measured {
        true => "the first build of the round failed, so nothing is built on it".to_owned(),
        false => format!("the first build of the round failed: {reason}"),
    }
}

/// Whether the files of a scenario are no longer what they were when they were checked: that costs a variant its round.
fn changed(error: &Error) -> bool {
    error.exit() == Exit::Input
}

/// Says why builds are not begun, and writes it into their rows.
fn no_longer<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    builds: &[Planned],
    error: &Error,
) -> Result<()> {
    if let Some(Planned { case, round, .. }) = builds.first() {
        let whose = format!("{}/{}, round {round}", case.scenario, case.variant);
        runner.observer.warning(&format!("{whose}: {}", error.reason()));
    }
    unbuilt(runner, builds, &Verdict::Failed(error.reason()))
}

/// The rows of builds that are not begun: one a phase, with the reason.
fn unbuilt<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    builds: &[Planned],
    verdict: &Verdict,
) -> Result<()> {
    for planned in builds {
        if planned.measured {
            runner.writer.sample(&Of::new(&planned.case, planned.round, None, verdict).untimed())?;
        }
        runner.done += 1;
        if let Err(reason) = verdict.counts() {
            runner.observer.unbuilt(planned, runner.done, reason);
        }
    }
    Ok(())
}

/// One build with its proof, its probe and its rows: its image, if that works, or else the reason.
async fn build<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    pass: &Pass<'_>,
    planned: &Planned,
) -> Result<Result<Image, String>> {
    let (nonce, edited) = match pass.edit(&runner.run.id, planned) {
        Err(error) if changed(&error) => {
            no_longer(runner, std::slice::from_ref(planned), &error)?;
            return Ok(Err(error.reason()));
        }
        edited => edited?,
    };
    runner.observer.begin(planned, runner.done);
    let (built, new_bytes) = build_journalled(runner, pass, planned).await?;
    runner.done += 1;
    let log = runner.writer.folder().log(&planned.case, planned.round);
    files::write(&log, &built.log)?;
    let (verdict, start) = match &built.outcome {
        Err(failure) => {
            let step = failure.step.as_ref().map(|s| format!("step `{}`: ", elided(s, PART)));
            let message = elided(&failure.message, 2 * PART);
            let shown = tail::of_step(&built.log, failure.step.as_deref());
            let logged = show_log(runner, planned, &log, &shown);
            (Verdict::Failed(format!("{}{message} {logged}", step.unwrap_or_default())), None)
        }
        Ok(image) => judge(runner, pass, planned, &built, &nonce, &edited, image).await?,
    };
    runner.observer.end(planned, built.wall, verdict.counts());
    write_rows(runner, pass, planned, &built, new_bytes, &verdict).await?;
    if let Some(start) =
        start.filter(|_| planned.case.phase == Phase::Cold && runner.settings.measures(Measure::Start))
    {
        let of = Of::new(&planned.case, planned.round, Some(built.started), &Verdict::Valid).over(start.link);
        runner.writer.sample(&of.sample(Metric::StartReady, Some(nanoseconds(start.after))))?;
    }
    let unproven = match verdict {
        Verdict::Failed(reason) => return Ok(Err(reason)),
        Verdict::Invalid(reason) => Some(reason),
        Verdict::Valid | Verdict::Skipped(_) => None,
    };
    Ok(built.outcome.map(|id| Image { id, unproven }).map_err(|failure| failure.message))
}

/// The probe before the proof, because an image that does not work makes every number meaningless. An edit that the
/// builder cannot see comes before both: its image cannot give the edit back, and that is not the image's fault.
async fn judge<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    pass: &Pass<'_>,
    planned: &Planned,
    built: &Built,
    nonce: &Nonce,
    edited: &BTreeSet<String>,
    image: &str,
) -> Result<(Verdict, Option<Started>)> {
    let visible: BTreeSet<String> = edited
        .iter()
        .filter(|path| !pass.ignored.as_ref().is_some_and(|p| p.excludes(path)))
        .cloned()
        .collect();
    let claimed = Claimed {
        builder: pass.builder,
        phase: planned.case.phase,
        dockerfile: &pass.variant.dockerfile,
        target: pass.target,
        hidden: visible.is_empty() && !edited.is_empty(),
        edited: &visible,
    };
    if planned.measured
        && let Err(reason) = reaches(&claimed)
    {
        return Ok((Verdict::Invalid(reason), None));
    }
    runner.observer.step(PROBING);
    let subject = Subject {
        image,
        container: &naming::container(&runner.run.id, &planned.case, planned.round),
        labels: &naming::labels(&runner.run.id),
        probe: &pass.variant.probe,
        nonce,
        deadline: runner.settings.deadlines.probe,
        redactor: &pass.redactor,
    };
    let answer = probe(runner.engine, &mut runner.journal, &subject).await?;
    note_agreement(runner, planned, &answer)?;
    let start = match answer {
        Ok(start) => {
            warn_of_visits(runner, start)?;
            start
        }
        Err(wrong) => return Ok((Verdict::Failed(wrong_answer(runner, planned, &wrong)?), None)),
    };
    let proven = if planned.measured { prove(&claimed, &built.trace) } else { Ok(()) };
    Ok((proven.map_or_else(Verdict::Invalid, |()| Verdict::Valid), Some(start)))
}

/// Says once that start times hold the way to the engine.
fn warn_of_visits<E: Engine, O: Observer>(runner: &mut Runner<'_, E, O>, start: Started) -> Result<()> {
    if start.link.is_empty() || std::mem::replace(&mut runner.visits_said, true) {
        return Ok(());
    }
    runner.warn(
        "containers are asked through the engine's own connection, because their ports are not reached from here: times \
         from the start on are marked `relayed` and hold the start of a second container"
            .to_owned(),
    )
}

/// The reason of an image that does not work; what its container wrote is kept and shown.
fn wrong_answer<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    planned: &Planned,
    wrong: &Wrong,
) -> Result<String> {
    let Some(written) = &wrong.log else { return Ok(format!("probe: {}", wrong.what)) };
    let lines = tail::last(written.as_bytes());
    let Some(last) = lines.lines().rev().map(str::trim).find(|line| !line.is_empty()) else {
        return Ok(format!("probe: {}; its container wrote nothing", wrong.what));
    };
    let log = runner.writer.folder().container_log(&planned.case, planned.round);
    files::write(&log, written)?;
    let logged = show_log(runner, planned, &log, &lines);
    Ok(format!("probe: {}; its container wrote last `{}` {logged}", wrong.what, elided(last, PART)))
}

/// Shows the end of the log of what failed, and gives the words that name the log in a reason.
fn show_log<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    planned: &Planned,
    log: &Path,
    lines: &str,
) -> String {
    runner.observer.failure(planned, lines, &crate::error::shown(log));
    let name = log.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    format!("(log: logs/{name})")
}

fn note_agreement<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    planned: &Planned,
    answer: &Result<Started, Wrong>,
) -> Result<()> {
    let record = runner.run.scenarios.iter_mut().find(|s| s.name == planned.case.scenario);
    if let Some(record) = record {
        match answer {
            Ok(_) if record.agree.is_none() => record.agree = Some(true),
            Err(wrong) if record.agree != Some(false) => {
                record.agree = Some(false);
                let Case { variant, phase, .. } = &planned.case;
                record.disagreement = format!("{variant} {phase}: {}", wrong.what);
            }
            _ => return Ok(()),
        }
    }
    runner.writer.run(&runner.run)
}

async fn write_rows<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    pass: &Pass<'_>,
    planned: &Planned,
    built: &Built,
    cache_bytes: Option<u64>,
    verdict: &Verdict,
) -> Result<()> {
    let of = Of::new(&planned.case, planned.round, Some(built.started), verdict);
    if planned.measured {
        of.build(built, cache_bytes).iter().try_for_each(|sample| runner.writer.sample(sample))?;
        of.steps(&built.trace).iter().try_for_each(|step| runner.writer.step(step))?;
    }
    // A transfer needs the contents of the layers as well, to say how many bytes they are unpacked.
    let read = [Measure::Size, Measure::Transfer].into_iter().any(|part| runner.settings.measures(part));
    if planned.case.phase == Phase::Cold && read {
        let rows = sizes(runner, pass, planned, built, verdict).await;
        if runner.settings.measures(Measure::Size) {
            rows.iter().try_for_each(|sample| runner.writer.sample(sample))?;
        }
    }
    Ok(())
}

/// Sizes belong to the image and not to the state of the cache: an opening build that was not cold after all has
/// the same layers, so only a failure makes them not count.
async fn sizes<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    pass: &Pass<'_>,
    planned: &Planned,
    built: &Built,
    verdict: &Verdict,
) -> Vec<crate::results::Sample> {
    let mut verdict = if matches!(verdict, Verdict::Failed(_)) { verdict.clone() } else { Verdict::Valid };
    let mut layers = None;
    if let Ok(image) = &built.outcome {
        runner.observer.step(READING);
        match runner.engine.layers(image).await {
            Ok(read) => {
                runner.contents.extend(read.iter().map(|layer| (layer.diff_id.clone(), layer.content)));
                layers = Some(read);
            }
            Err(error) => verdict = Verdict::Failed(error.reason()),
        }
    }
    let base = match pass.base() {
        None => Some([].as_slice()),
        Some(name) => runner.bases.get(name).map(|base| base.diff_ids.as_slice()),
    };
    let of = Of::new(&planned.case, planned.round, Some(built.started), &verdict);
    of.sizes(layers.as_deref(), base)
}

/// Removes the images and the build cache of the round, outside of every clock.
async fn close<E: Engine, O: Observer>(runner: &mut Runner<'_, E, O>) -> Result<()> {
    look(runner, "while a round was probed").await?;
    let ledger = Ledger::read(runner.journal.path())?;
    if !runner.settings.keep {
        clean::remove_images(runner.engine, &ledger, &mut Cleaned::default()).await?;
        steps::remove(runner.engine, &ledger, &mut Cleaned::default()).await?;
    }
    let (gone, _left) = prune(runner.engine, &ledger.evidence).await?;
    for id in gone {
        runner.journal.write(&Entry::Pruned { id })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
