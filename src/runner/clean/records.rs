//! Removes records of the build cache that are ours, leaves before parents, and says what holds those that stay.

use super::{Cleaned, LETTING_GO, PAUSE};
use crate::engine::{CacheRecord, Engine};
use crate::error::Result;
use crate::runner::cache::Evidence;
use crate::runner::journal::Ledger;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// How many of the records that hold another are named.
const NAMED: usize = 3;
/// What to do once nothing holds a thing any more.
const AGAIN: &str = "then `dbench clean` removes what is left";

/// Removes the records of a ledger, lists those that could as well be another's, and gives those of
/// ours that had to stay.
pub(super) async fn remove(
    engine: &impl Engine,
    ledger: &Ledger,
    cleaned: &mut Cleaned,
) -> Result<BTreeSet<String>> {
    let (gone, left) = prune(engine, &ledger.evidence).await?;
    cleaned.records += gone.len();
    let now = engine.cache().await?;
    let others = ledger.evidence.sort(&now).others.into_iter();
    let doubtful: Vec<&CacheRecord> = others.filter(|record| ledger.evidence.is_doubtful(record)).collect();
    if !doubtful.is_empty() {
        let named: Vec<String> = doubtful.iter().map(|r| format!("{} ({})", r.id, r.description)).collect();
        cleaned.left.push(format!(
            "build cache {}: another build could have made it; `docker builder prune --all --filter id=ID` removes one",
            named.join(", ")
        ));
    }
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for id in &left {
        reasons.entry(held(id, &now, &left)).or_default().push(id);
    }
    let said = reasons.into_iter().map(|(why, ids)| format!("build cache {}: {why}", ids.join(", ")));
    cleaned.left.extend(said);
    Ok(left)
}

/// Prunes what is ours until no more goes: a record can go once nothing stands on it, and once a cancelled build has let
/// go of it. What is ours is found anew each time: an engine shows a context by one id while it is in use, and by another
/// afterwards. Gives what is gone and what is left.
pub(in super::super) async fn prune(
    engine: &impl Engine,
    evidence: &Evidence,
) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let give_up = Instant::now() + LETTING_GO;
    let (mut gone, mut records) = (BTreeSet::new(), engine.cache().await?);
    loop {
        let ours = evidence.sort(&records).ours;
        let parents: BTreeSet<&str> =
            records.iter().flat_map(|r| r.parents.iter().map(String::as_str)).collect();
        let leaves: Vec<&String> = ours.iter().filter(|id| !parents.contains(id.as_str())).collect();
        for id in &leaves {
            engine.prune(id).await?;
        }
        let after = engine.cache().await?;
        let still: BTreeSet<&str> = after.iter().map(|r| r.id.as_str()).collect();
        let went: Vec<String> = ours.iter().filter(|id| !still.contains(id.as_str())).cloned().collect();
        let (progress, left) = (!went.is_empty(), evidence.sort(&after).ours);
        gone.extend(went);
        let in_use = after.iter().any(|r| r.in_use && left.contains(&r.id));
        if left.is_empty() || !progress && (!in_use || Instant::now() >= give_up) {
            return Ok((gone, left));
        }
        records = if progress {
            after
        } else {
            tokio::time::sleep(PAUSE).await;
            engine.cache().await?
        };
    }
}

/// What holds a record of ours that stays, and what the user can do. A chain of ours is held by what stands on its end.
fn held(id: &str, now: &[CacheRecord], ours: &BTreeSet<String>) -> String {
    let (mut below, mut holders) = (BTreeSet::from([id]), BTreeSet::new());
    while let Some(at) = below.pop_first() {
        for above in now.iter().filter(|r| r.parents.iter().any(|parent| parent == at)) {
            if ours.contains(&above.id) {
                below.insert(&above.id)
            } else {
                holders.insert(&above.id)
            };
        }
    }
    if !holders.is_empty() {
        let said = |id: &&String| {
            let what = now.iter().find(|r| r.id == **id).map_or("", |r| r.description.as_str());
            format!("{id} ({what})")
        };
        let named: Vec<String> = holders.iter().take(NAMED).map(said).collect();
        let more = holders.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let filters: Vec<String> = holders
            .iter()
            .take(NAMED)
            .map(|id| format!("`docker builder prune --all --filter id={id}`"))
            .collect();
        let (named, filters) = (named.join(", "), filters.join(", "));
        return format!("another build's records stand on it: {named}{more}; {filters}, {AGAIN}");
    }
    let in_use = now.iter().any(|r| r.in_use && (r.id == id || r.parents.iter().any(|parent| parent == id)));
    let what = if in_use {
        "the engine says that a build uses it"
    } else {
        "the engine kept it and does not tell why"
    };
    let cure = if in_use { "wait for the end of that build" } else { "start the engine anew" };
    format!("{what}; {cure}, {AGAIN}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_stays_names_what_holds_it_and_what_to_do() {
        let record = |id: &str, parent: &str, description: &str| CacheRecord {
            id: id.into(),
            parents: if parent.is_empty() { vec![] } else { vec![parent.into()] },
            description: description.into(),
            ..CacheRecord::default()
        };
        let mut records = [
            record("base", "", "fileop target"),
            record("mid", "base", "fileop target"),
            record("theirs", "mid", "evil"),
        ];
        let ours = BTreeSet::from(["base".to_owned(), "mid".to_owned()]);
        for id in ["base", "mid"] {
            assert_eq!(
                held(id, &records, &ours),
                format!(
                    "another build's records stand on it: theirs (evil); \
                     `docker builder prune --all --filter id=theirs`, then `dbench clean` removes what is left"
                )
            );
        }
        records[1].in_use = true;
        assert_eq!(
            held("mid", &records[..2], &ours),
            "the engine says that a build uses it; wait for the end of that build, \
             then `dbench clean` removes what is left"
        );
        records[1].in_use = false;
        assert!(held("mid", &records[..2], &ours).contains("does not tell why; start the engine anew, then"));
    }
}
