//! The images that steps of the classic builder leave: its cache is the engine's image store. They have no name and mostly
//! no label, so a run knows them by what the builder said of them, and by what was there before.

use super::clean::{Cleaned, LETTING_GO, ONCE_FREE, PAUSE};
use super::journal::Ledger;
use crate::engine::{Engine, Removal, Stored};
use crate::error::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Digits of the short form of an id.
const SHORT: usize = 12;
/// What the history of an image begins with that an instruction other than RUN made.
const NO_COMMAND: &str = "/bin/sh -c #(nop)";

/// The full ids of what a build made: new since it began, and named by it.
pub(super) fn made(
    present: &BTreeSet<String>,
    now: &BTreeMap<String, Stored>,
    short: &BTreeSet<String>,
) -> BTreeSet<String> {
    now.keys().filter(|id| !present.contains(*id) && short.contains(shortened(id))).cloned().collect()
}

fn shortened(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..SHORT).unwrap_or(digits)
}

/// The images that came with a build of which no end is known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sorted {
    /// What is certainly of that build.
    pub ours: BTreeSet<String>,
    /// What another build could have made as well.
    pub doubtful: BTreeSet<String>,
}

/// Removes the images of steps of a ledger, those that others stand on last, and gives those that had to stay. One that
/// got a name is the user's.
pub(super) async fn remove(
    engine: &impl Engine,
    ledger: &Ledger,
    cleaned: &mut Cleaned,
) -> Result<BTreeSet<String>> {
    let mut ours = ledger.step_images.clone();
    if ours.is_empty() && ledger.unfinished_classic.is_none() {
        return Ok(ours);
    }
    let stored = engine.stored().await?;
    let found = sort_unfinished(engine, ledger, &stored).await?;
    cleaned.left.extend(found.doubtful.iter().map(|id| said_of_doubtful(id)));
    ours.extend(found.ours);
    ours.retain(|id| stored.contains_key(id));
    let give_up = Instant::now() + LETTING_GO;
    loop {
        let refused = remove_once(engine, &mut ours, &stored, cleaned).await?;
        // The container of a step that was running takes a while to go.
        if !refused.is_empty() && ledger.unfinished_classic.is_some() && Instant::now() < give_up {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        cleaned.left.extend(refused.into_iter().map(|(id, why)| format!("image {id}: {why}; {ONCE_FREE}")));
        return Ok(ours);
    }
}

/// Tries every image once, and gives the reasons of those that the engine refuses to remove.
async fn remove_once(
    engine: &impl Engine,
    ours: &mut BTreeSet<String>,
    stored: &BTreeMap<String, Stored>,
    cleaned: &mut Cleaned,
) -> Result<BTreeMap<String, String>> {
    let mut refused = BTreeMap::new();
    for id in children_first(ours, stored) {
        if stored.get(&id).is_some_and(|image| image.named) {
            let cure = format!("`docker rmi {id}` removes it");
            cleaned.left.push(format!("image {id}: it has a name and is yours; {cure}"));
            ours.remove(&id);
            continue;
        }
        match engine.remove_image(&id).await? {
            Removal::Removed => {
                cleaned.images.push(id.clone());
                ours.remove(&id);
            }
            Removal::Absent => _ = ours.remove(&id),
            Removal::Refused(why) => _ = refused.insert(id, why),
        }
    }
    Ok(refused)
}

fn said_of_doubtful(id: &str) -> String {
    format!(
        "image {id}: it came while a build was ended, and another build could have made it; `docker rmi {id}` removes it"
    )
}

/// The images of steps of a ledger that are there, those of a build that has not ended among them.
pub(super) async fn owned(engine: &impl Engine, ledger: &Ledger) -> Result<BTreeSet<String>> {
    let stored = engine.stored().await?;
    let unfinished = sort_unfinished(engine, ledger, &stored).await?.ours;
    Ok(ledger.step_images.union(&unfinished).filter(|id| stored.contains_key(*id)).cloned().collect())
}

/// What the build said that it made, and what its last step made when nobody listened any more: that stands on what it
/// or a build of ours before it made, came at once, and was made by an instruction that is no RUN, or by a RUN of ours.
/// The first step of a stage stands on the base, as anybody's could.
async fn sort_unfinished(
    engine: &impl Engine,
    ledger: &Ledger,
    stored: &BTreeMap<String, Stored>,
) -> Result<Sorted> {
    let Some(build) = &ledger.unfinished_classic else { return Ok(Sorted::default()) };
    let mut found = Sorted { ours: made(&build.present, stored, &build.made), ..Sorted::default() };
    let late = stored.iter().filter(|(id, image)| {
        let new =
            !build.present.contains(*id) && !found.ours.contains(*id) && !ledger.step_images.contains(*id);
        new && !image.named && !image.parent.is_empty() && build.ran_at(image.created)
    });
    let late: Vec<(String, String)> = late.map(|(id, image)| (id.clone(), image.parent.clone())).collect();
    for (id, parent) in late {
        if found.ours.contains(&parent) || ledger.step_images.contains(&parent) {
            let by = engine.made_by(&id).await?.unwrap_or_default();
            let of_ours = ledger.commands.iter().any(|command| by.ends_with(command.as_str()));
            let sorted =
                if by.starts_with(NO_COMMAND) || of_ours { &mut found.ours } else { &mut found.doubtful };
            sorted.insert(id);
        } else if build.present.contains(&parent) {
            found.doubtful.insert(id);
        }
    }
    Ok(found)
}

/// An image can go once none stands on it.
fn children_first(ids: &BTreeSet<String>, stored: &BTreeMap<String, Stored>) -> Vec<String> {
    let depth = |id: &String| {
        let mut depth = 0_usize;
        let mut at = stored.get(id);
        // No chain of images is longer than there are images.
        while let Some(image) = at.filter(|_| depth < stored.len()) {
            depth += 1;
            at = stored.get(&image.parent);
        }
        depth
    };
    let mut sorted: Vec<String> = ids.iter().cloned().collect();
    sorted.sort_by_key(|id| std::cmp::Reverse(depth(id)));
    sorted
}

#[cfg(test)]
mod tests {
    use super::super::journal::Unfinished;
    use super::*;

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn stored(images: &[(&str, &str)]) -> BTreeMap<String, Stored> {
        let image = |(id, parent): &(&str, &str)| {
            ((*id).to_owned(), Stored { parent: (*parent).to_owned(), named: false, created: 100 })
        };
        images.iter().map(image).collect()
    }

    #[test]
    fn only_what_is_new_and_was_named_is_made() {
        let now = stored(&[
            ("sha256:aaaaaaaaaaaa1", ""),
            ("sha256:bbbbbbbbbbbb2", ""),
            ("sha256:cccccccccccc3", ""),
        ]);
        let said = ids(&["aaaaaaaaaaaa", "bbbbbbbbbbbb"]);
        let found = made(&ids(&["sha256:aaaaaaaaaaaa1"]), &now, &said);
        assert_eq!(found, ids(&["sha256:bbbbbbbbbbbb2"]));
    }

    #[test]
    fn what_stands_on_others_goes_first() {
        let now = stored(&[("a", "base"), ("c", "b"), ("b", "a"), ("base", ""), ("x", "base")]);
        assert_eq!(children_first(&ids(&["a", "b", "c", "x"]), &now), ["c", "b", "a", "x"]);
    }

    #[tokio::test]
    async fn a_build_that_was_ended_made_what_it_said_and_what_came_at_once_on_top() {
        let engine = crate::engine::fake::FakeEngine::default();
        let mut now = stored(&[
            ("sha256:base", ""),
            ("sha256:aaaaaaaaaaaa1", "sha256:base"),
            ("sha256:late", "sha256:aaaaaaaaaaaa1"),
            ("sha256:later", "sha256:aaaaaaaaaaaa1"),
            ("sha256:named", "sha256:aaaaaaaaaaaa1"),
            ("sha256:first", "sha256:base"),
            ("sha256:onto", "sha256:earlier"),
            ("sha256:theirs", "sha256:elsewhere"),
        ]);
        for (id, named, created) in [("sha256:later", false, 171), ("sha256:named", true, 100)] {
            let parent = "sha256:aaaaaaaaaaaa1".to_owned();
            now.insert(id.to_owned(), Stored { parent, named, created });
        }
        let (present, made) = (ids(&["sha256:base"]), ids(&["aaaaaaaaaaaa"]));
        let build = Unfinished { seen: (90, 110), present, made };
        let ledger = Ledger {
            unfinished_classic: Some(build),
            commands: ids(&["/bin/sh -c make"]),
            step_images: ids(&["sha256:earlier"]),
            ..Ledger::default()
        };
        // Whatever is asked for, the fake engine says that a RUN of ours made it.
        let found = sort_unfinished(&engine, &ledger, &now).await.unwrap();
        assert_eq!(found.ours, ids(&["sha256:aaaaaaaaaaaa1", "sha256:late", "sha256:onto"]));
        assert_eq!(found.doubtful, ids(&["sha256:first"]));
    }
}
