//! What is ours of an engine's records, what holds the rest, and what is left alone.

use super::super::journal::Unfinished;
use super::*;

fn record(id: &str, parent: &str, description: &str) -> CacheRecord {
    CacheRecord {
        id: id.into(),
        parents: if parent.is_empty() { vec![] } else { vec![parent.into()] },
        description: description.into(),
        created: 100,
        ..CacheRecord::default()
    }
}

/// A build that began at 90 and was heard of last at 110.
fn unfinished(present: &[&str]) -> Unfinished {
    let present = present.iter().map(|id| (*id).to_owned()).collect();
    Unfinished { seen: (90, 110), present, ..Unfinished::default() }
}

#[test]
fn a_killed_builds_records_are_ours_by_command_or_connection() {
    let records = [
        record("old", "", "pulled from x"),
        record("copy", "old", "fileop target"),
        record("run", "copy", "mount / from exec /bin/sh -c make"),
        record("after", "run", "fileop target"),
        record("mount", "", "cached mount /root/.cache from exec /bin/sh -c make"),
        record("theirs", "old", "mount / from exec /bin/sh -c evil"),
        record("loose", "old", "fileop target"),
    ];
    let ledger = Ledger {
        commands: BTreeSet::from(["/bin/sh -c make".to_owned()]),
        unfinished: Some(unfinished(&["old"])),
        ..Ledger::default()
    };
    let sorted = sort_new(&records, &ledger);
    let ours: Vec<_> = sorted.ours.iter().map(String::as_str).collect();
    assert_eq!(ours, ["after", "copy", "mount", "run"]);
    let later = [CacheRecord { created: 171, ..records[2].clone() }];
    assert_eq!(sort_new(&later, &ledger).doubtful, [&later[0]], "the user built the same Dockerfile later");
    let doubtful: Vec<_> = sorted.doubtful.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(doubtful, ["theirs", "loose"]);
}

#[test]
fn what_a_killed_build_put_on_a_record_of_an_earlier_one_is_ours_while_it_ran() {
    let mut records =
        ["first", "last", "before", "after", "elsewhere"].map(|id| record(id, "base", "fileop target"));
    for (record, created) in records.iter_mut().zip([90, 170, 89, 171, 100]) {
        record.created = created;
    }
    records[4].parents = vec!["theirs".into()];
    let ledger = Ledger {
        records: BTreeSet::from(["base".to_owned()]),
        unfinished: Some(unfinished(&["base", "theirs"])),
        ..Ledger::default()
    };
    let sorted = sort_new(&records, &ledger);
    assert_eq!(sorted.ours, ["first".to_owned(), "last".to_owned()].into());
    let doubtful: Vec<_> = sorted.doubtful.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(doubtful, ["before", "after", "elsewhere"]);
}

#[test]
fn a_finished_builds_records_are_ours_by_id_while_they_are_there() {
    let records = [record("a", "", "fileop target")];
    let ledger = Ledger { records: ["a".to_owned(), "gone".to_owned()].into(), ..Ledger::default() };
    assert_eq!(sort_new(&records, &ledger).ours, ["a".to_owned()].into());
}

#[test]
fn a_record_that_stays_names_what_holds_it_and_what_to_do() {
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
                "build cache {id}: another build's records stand on it: theirs (evil); \
                 `docker builder prune --filter id=theirs`, then `dbench clean` removes it"
            )
        );
    }
    records[1].in_use = true;
    assert_eq!(
        held("mid", &records[..2], &ours),
        "build cache mid: the engine says that a build uses it; wait for the end of that build, \
         then `dbench clean` removes it"
    );
    records[1].in_use = false;
    assert!(held("mid", &records[..2], &ours).contains("does not tell why; start the engine anew, then"));
}

#[test]
fn a_name_in_a_registry_is_known_by_what_follows_it() {
    assert_eq!(without_registry("127.0.0.1:5000/dbench/run/x:1"), "dbench/run/x:1");
    assert_eq!(without_registry("dbench/run/x:1"), "dbench/run/x:1");
}

#[tokio::test]
async fn only_journalled_networks_of_ours_are_removed() {
    let engine = crate::engine::fake::FakeEngine::default();
    let networks = ["bridge", "dbench-0123"].map(str::to_owned).into();
    let ledger = Ledger { networks, ..Ledger::default() };
    let mut cleaned = Cleaned::default();
    assert!(remove_networks(&engine, &ledger, &mut cleaned).await.unwrap());
    assert_eq!(cleaned.networks, ["dbench-0123"]);
    assert_eq!(*engine.calls.borrow(), ["remove network dbench-0123"]);
}
