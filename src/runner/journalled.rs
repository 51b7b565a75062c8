//! One build with what is written down before, while and after it, so that `clean` finds what it made after any end.
//! Leaves the proof of its state and its rows to `round`.

use super::cache::{Makes, New, Ran};
use super::clock::Clocks;
use super::journal::Entry;
use super::pass::Pass;
use super::plan::Planned;
use super::{Observer, Runner, naming, steps};
use crate::engine::{BuildRequest, Built, CacheRecord, Engine, Heard};
use crate::error::Result;
use crate::results::{Builder, Phase};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long after the end of a build its engine may still hold what the build read, and how often it is asked.
const LETTING_GO: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// Writes down what is about to be made, builds, and writes down what was made. The second value is the bytes
/// that the build added to the build cache.
pub(super) async fn build_journalled<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    pass: &Pass<'_>,
    planned: &Planned,
) -> Result<(Built, Option<u64>)> {
    let of = format!("{}, round {}", planned.case, planned.round);
    let (before, _) = look(runner, &format!("before {of}")).await?;
    let tag = naming::image(&runner.run.id, &planned.case, planned.round);
    runner.journal.write(&Entry::Tag { tag: tag.clone() })?;
    let present = announce(runner, pass, &before).await?;
    let request = BuildRequest {
        builder: pass.builder,
        platform: runner.settings.platform.as_deref(),
        context: pass.copy.path(),
        dockerfile_dir: pass.dockerfile_dir.path(),
        dockerfile: &pass.dockerfile,
        target: pass.variant.target.as_deref(),
        args: &pass.variant.args,
        secrets: &pass.given.secrets,
        agent: pass.given.agent.as_deref(),
        tag: &tag,
        labels: &naming::labels(&runner.run.id),
        no_cache: planned.case.phase == Phase::Cold && planned.measured,
        namespace: &pass.namespace,
        shared_key: &pass.namespace,
        deadline: runner.settings.deadlines.build,
        silence: runner.settings.deadlines.silence,
    };
    let buildkit = pass.builder == Builder::Buildkit;
    let (observer, journal, mut noted) = (&mut *runner.observer, &mut runner.journal, Ok(()));
    let mut heed = |entry| {
        if noted.is_ok() {
            noted = journal.note(&entry);
        }
    };
    let clocks = Clocks::now();
    let mut built = runner
        .engine
        .build(&request, &mut |heard| match heard {
            Heard::Running { name, since } => {
                if buildkit {
                    heed(Entry::Step { makes: Makes::of_name(name), from: since });
                }
                observer.step(name);
            }
            Heard::Made(id) => heed(Entry::Made { at: seconds(), id: id.to_owned() }),
        })
        .await?;
    noted?;
    let began = built.trace.origin().unwrap_or_default();
    if buildkit {
        let steps = Ran::all(&built.trace);
        runner.journal.write(&Entry::Built { steps: steps.clone() })?;
        runner.cache.evidence.end(steps);
    }
    if let Some(jump) = clocks.jumped(&Clocks::now()) {
        built.trace.distrust(jump);
    }
    let during = format!("during {of}");
    let after = match at_rest(runner.engine, &before).await {
        // An engine that is gone must not take the reason of its last build with it: what is asked next will tell.
        Err(_gone) if built.outcome.is_err() => return Ok((built, None)),
        looked => looked?,
    };
    let new = note(runner, &after, &during)?;
    if !buildkit {
        note_step_images(runner, &present, &built, &during).await?;
    }
    // Not every record of ours is told from the others', so their bytes are not known.
    let bytes = (!new.foreign).then(|| added_bytes(&before, &after, &new.ours, began));
    if let Ok(id) = &built.outcome {
        runner.journal.write(&Entry::Image { id: id.clone() })?;
    }
    Ok((built, bytes))
}

/// Writes down that a build begins, and what is there before it: records of the build cache, or images where those are
/// what the builder keeps. Gives the ids of the images.
async fn announce<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    pass: &Pass<'_>,
    records: &[CacheRecord],
) -> Result<BTreeSet<String>> {
    let commands = pass.commands.clone();
    if pass.builder == Builder::Classic {
        let present: BTreeSet<String> = runner.engine.stored().await?.into_keys().collect();
        runner.journal.write(&Entry::ClassicBuild { at: seconds(), commands, present: present.clone() })?;
        return Ok(present);
    }
    let present: BTreeSet<String> = records.iter().map(|r| r.id.clone()).collect();
    let at = u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or_default();
    runner.cache.evidence.ask(at, commands.clone(), present.clone());
    runner.journal.write(&Entry::Build { at, commands, present })?;
    Ok(BTreeSet::new())
}

/// Writes down the images that the steps of a build made. Others that came meanwhile are of somebody else's build.
async fn note_step_images<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    present: &BTreeSet<String>,
    built: &Built,
    when: &str,
) -> Result<()> {
    let now = runner.engine.stored().await?;
    let ids = steps::made(present, &now, &built.made);
    let foreign = now.iter().any(|(id, image)| {
        !image.parent.is_empty() && !image.named && !present.contains(id) && !ids.contains(id)
    });
    runner.journal.write(&Entry::StepImages { ids })?;
    if foreign { runner.warn(foreign_build(when)) } else { Ok(()) }
}

fn seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn foreign_build(when: &str) -> String {
    format!("somebody else's build ran on this engine {when}; times may be too long")
}

/// Looks at the build cache and writes down which new records are ours. `when` says in the warning at what point of
/// the run somebody else's build was seen.
pub(super) async fn look<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    when: &str,
) -> Result<(Vec<CacheRecord>, New)> {
    let now = runner.engine.cache().await?;
    let new = note(runner, &now, when)?;
    Ok((now, new))
}

/// Writes down which records are new and ours.
fn note<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    now: &[CacheRecord],
    when: &str,
) -> Result<New> {
    let new = runner.cache.look(now);
    runner.journal.write(&Entry::Records { ids: new.ours.clone() })?;
    if new.foreign {
        runner.warn(foreign_build(when))?;
    }
    Ok(new)
}

/// The build cache after a build. An engine lets go of what a build read from its client a moment after its end, and shows it
/// by another id until then: it would be counted as new.
async fn at_rest(engine: &impl Engine, before: &[CacheRecord]) -> Result<Vec<CacheRecord>> {
    let give_up = Instant::now() + LETTING_GO;
    loop {
        let now = engine.cache().await?;
        let is_new = |record: &CacheRecord| before.iter().all(|known| known.id != record.id);
        let held =
            now.iter().any(|record| record.in_use && Makes::Source.describes(record) && is_new(record));
        if !held || Instant::now() >= give_up {
            return Ok(now);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What a build that began then added. A record of ours that was made before and has only now come is one that engines show
/// by another id while a build uses it: its bytes were counted by that.
fn added_bytes(before: &[CacheRecord], after: &[CacheRecord], own: &BTreeSet<String>, began: u64) -> u64 {
    let size_before = |id: &str| before.iter().find(|r| r.id == id).map(|r| r.size);
    after
        .iter()
        .map(|r| match size_before(&r.id) {
            Some(size) => r.size.saturating_sub(size),
            None if own.contains(&r.id) && r.created >= began => r.size,
            None => 0,
        })
        .sum()
}
