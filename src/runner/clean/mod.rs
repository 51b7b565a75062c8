//! Removes from an engine what dbench made, and nothing else: by journal for containers, images and build cache,
//! by label and prefix for images. What somebody else uses or could have made is left and listed.

mod records;

pub(super) use records::prune;

use super::journal::{Entry, Journal, Ledger};
use super::naming::{self, CONTAINER_PREFIX, IMAGE_PREFIX, work_folder};
use super::steps;
use crate::engine::{CacheRecord, Engine, RUN_LABEL, Removal, STAND_IN_LABEL, STAND_INS, node};
use crate::error::{Result, files};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a cancelled build may hold on to its records and images, also on a disk that is busy.
pub(super) const LETTING_GO: Duration = Duration::from_secs(30);
/// How long to wait between two looks at what is in use.
pub(super) const PAUSE: Duration = Duration::from_millis(200);
/// How long nothing may change in the build cache before an ended build counts as ended in the engine too.
const SETTLING: Duration = Duration::from_secs(1);
/// How long to wait for that: the builds of somebody else may never let it settle.
const SETTLED_BY: Duration = Duration::from_secs(10);

/// What to do with what the engine says is in use.
pub(super) const ONCE_FREE: &str = "once nothing uses it, `dbench clean` removes it";

/// What a clean-up removed and what it left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Names of containers that are gone.
    pub containers: Vec<String>,
    /// Names of networks that are gone.
    pub networks: Vec<String>,
    /// Names and ids of images that are gone.
    pub images: Vec<String>,
    /// Tokens of nodes of which something was left, and is gone.
    pub nodes: Vec<String>,
    /// Number of records of the build cache that are gone.
    pub records: usize,
    /// What is left, with the reason.
    pub left: Vec<String>,
}

/// Removes what the journals of an engine name, then the journals; one with images or records that are still
/// in use stays.
pub async fn clean(engine: &impl Engine, id: &str, state: &Path, stand_ins: bool) -> Result<Cleaned> {
    let mut cleaned = Cleaned::default();
    for (path, ledger) in Ledger::all(state, id)? {
        clean_by(engine, state, &path, &ledger, false, &mut cleaned).await?;
    }
    cleaned.nodes = node::sweep(&naming::nodes_folder(state))?;
    if stand_ins {
        remove_stand_ins(engine, &mut cleaned).await?;
    }
    Ok(cleaned)
}

/// Removes what one run left in an engine, as `clean` does; its images stay if asked for.
pub async fn clean_run(
    engine: &impl Engine,
    id: &str,
    state: &Path,
    run: &str,
    keep: bool,
) -> Result<Cleaned> {
    let mut cleaned = Cleaned::default();
    for (path, ledger) in Ledger::all(state, id)?.into_iter().filter(|(_, ledger)| ledger.run == run) {
        clean_by(engine, state, &path, &ledger, keep, &mut cleaned).await?;
    }
    cleaned.nodes = node::sweep(&naming::nodes_folder(state))?;
    Ok(cleaned)
}

/// Removes what a journal names, then the journal, unless something stays. What is ours is judged now, once: what comes
/// later is nothing of ours. Images stay if asked for, and with them what the classic builder stands them on.
pub(super) async fn clean_by(
    engine: &impl Engine,
    state: &Path,
    path: &Path,
    ledger: &Ledger,
    keep: bool,
    cleaned: &mut Cleaned,
) -> Result<()> {
    settle(engine, ledger).await?;
    remove_containers(engine, ledger, cleaned).await?;
    let mut all = remove_networks(engine, ledger, cleaned).await? && !keep;
    let step_images = if keep {
        steps::owned(engine, ledger).await?
    } else {
        all &= remove_images(engine, ledger, cleaned).await?;
        steps::remove(engine, ledger, cleaned).await?
    };
    let records = records::remove(engine, ledger, cleaned).await?;
    remove_work(state, &ledger.run)?;
    if all && records.is_empty() && step_images.is_empty() {
        return files::remove(path);
    }
    let mut journal = Journal::reopen(path)?;
    journal.write(&Entry::Judged { ids: records })?;
    journal.write(&Entry::StepImages { ids: step_images })
}

/// Waits, if the end of a build is not known, until no more records come and none that came with it is in use: an engine
/// ends a build some time after its client let go of it, and what its last steps made is listed only then. Somebody
/// else's builds may keep it from settling, so there is an end to it. What was there before tells nothing: engines may
/// hold a context for as long as they live whose build was cut off.
async fn settle(engine: &impl Engine, ledger: &Ledger) -> Result<()> {
    if !ledger.evidence.is_open() && ledger.unfinished_classic.is_none() {
        return Ok(());
    }
    let give_up = Instant::now() + SETTLED_BY;
    let (mut before, mut images) = (engine.cache().await?, engine.stored().await?);
    loop {
        tokio::time::sleep(SETTLING).await;
        let (now, stored) = (engine.cache().await?, engine.stored().await?);
        let settled = ids(&now) == ids(&before)
            && !now.iter().any(|r| r.in_use && ledger.evidence.came_at_last(r))
            && stored == images;
        if settled || Instant::now() >= give_up {
            return Ok(());
        }
        (before, images) = (now, stored);
    }
}

fn ids(records: &[CacheRecord]) -> BTreeSet<&str> {
    records.iter().map(|record| record.id.as_str()).collect()
}

/// Removes the containers of a ledger: those whose name holds a journalled token.
async fn remove_containers(engine: &impl Engine, ledger: &Ledger, cleaned: &mut Cleaned) -> Result<()> {
    for name in engine.containers(CONTAINER_PREFIX).await? {
        if ledger.containers.contains(&name) && engine.remove_container(&name).await? == Removal::Removed {
            cleaned.containers.push(name);
        }
    }
    Ok(())
}

/// Removes the networks of a ledger, once their containers are gone: journalled names under our prefix. Whether none
/// stays because it is in use.
async fn remove_networks(engine: &impl Engine, ledger: &Ledger, cleaned: &mut Cleaned) -> Result<bool> {
    let mut all = true;
    for name in ledger.networks.iter().filter(|name| name.starts_with(CONTAINER_PREFIX)) {
        match engine.remove_network(name).await? {
            Removal::Removed => cleaned.networks.push(name.clone()),
            Removal::Absent => {}
            Removal::Refused(why) => {
                cleaned.left.push(format!("network {name}: {why}; {ONCE_FREE}"));
                all = false;
            }
        }
    }
    Ok(all)
}

/// Removes the images of a ledger: journalled names under our prefix, then journalled ids that carry our label and
/// no name. Whether none stays because it is in use; one that the user gave a name is the user's.
pub(super) async fn remove_images(
    engine: &impl Engine,
    ledger: &Ledger,
    cleaned: &mut Cleaned,
) -> Result<bool> {
    let mut all = true;
    for tag in ledger.tags.iter().filter(|tag| without_registry(tag).starts_with(IMAGE_PREFIX)) {
        all &= note(engine.remove_image(tag).await?, tag, cleaned);
    }
    let labelled = engine.images(&format!("{RUN_LABEL}={}", ledger.run)).await?;
    for image in labelled.iter().filter(|image| ledger.images.contains(&image.id)) {
        let mut names = image.tags.iter().filter(|tag| *tag != "<none>:<none>").peekable();
        if names.peek().is_none() {
            all &= note(engine.remove_image(&image.id).await?, &image.id, cleaned);
        } else if !names.all(|tag| ledger.tags.contains(tag)) {
            let names = image.tags.join(", ");
            let cure = format!("`docker rmi {}` removes it", image.tags.join(" "));
            cleaned.left.push(format!("image {}: it has the name {names} and is yours; {cure}", image.id));
        }
    }
    Ok(all)
}

/// A name of an image without the registry that it is to be pushed to.
fn without_registry(tag: &str) -> &str {
    match tag.split_once('/') {
        Some((host, rest)) if host.contains([':', '.']) => rest,
        _ => tag,
    }
}

/// Removes the copies of contexts that a run kept on this machine.
fn remove_work(state: &Path, run: &str) -> Result<()> {
    let folder = work_folder(state, run);
    if folder.is_dir() { files::remove_dir_all(&folder) } else { Ok(()) }
}

/// Whether the image is gone.
fn note(removal: Removal, image: &str, cleaned: &mut Cleaned) -> bool {
    match removal {
        Removal::Removed => cleaned.images.push(image.to_owned()),
        Removal::Absent => {}
        Removal::Refused(why) => {
            cleaned.left.push(format!("image {image}: {why}; {ONCE_FREE}"));
            return false;
        }
    }
    true
}

async fn remove_stand_ins(engine: &impl Engine, cleaned: &mut Cleaned) -> Result<()> {
    for image in engine.images(STAND_IN_LABEL).await? {
        for tag in image.tags.iter().filter(|tag| tag.starts_with(STAND_INS)) {
            note(engine.remove_image(tag).await?, tag, cleaned);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
