//! Whose a record is, told by its command, its connections and its time.

use super::*;

/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;

fn record(id: &str, parent: &str, description: &str, created: u64) -> CacheRecord {
    CacheRecord {
        id: id.into(),
        parents: if parent.is_empty() { vec![] } else { vec![parent.into()] },
        description: description.into(),
        created: SECOND * created,
        ..CacheRecord::default()
    }
}

fn run(id: &str, parent: &str, command: &str, created: u64) -> CacheRecord {
    record(id, parent, &format!("mount / from exec /bin/sh -c {command}"), created)
}

fn source(id: &str, created: u64) -> CacheRecord {
    record(id, "", "local source for context", created)
}

fn files(id: &str, parent: &str, created: u64) -> CacheRecord {
    record(id, parent, "fileop target", created)
}

fn ids(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn step(makes: Option<Makes>, from: u64, to: u64) -> Ran {
    Ran { makes, from: SECOND * from, to: SECOND * to }
}

/// A build of `make` that was asked for at 10 and in which a source was read from 11 to 12, files were put from 13 to 14,
/// and the command ran from 15 to 20.
fn evidence(present: &[&str], ended: bool) -> Evidence {
    let steps = [
        step(Some(Makes::Source), 11, 12),
        step(Some(Makes::Files), 13, 14),
        step(Some(Makes::Stage), 15, 20),
    ];
    let mut evidence = Evidence::default();
    evidence.ask(10 * SECOND, ids(&["/bin/sh -c make"]), ids(present));
    if ended {
        evidence.end(steps.to_vec());
    } else {
        steps.iter().for_each(|step| evidence.hear(step.makes, step.from));
    }
    evidence
}

#[track_caller]
fn assert_sorted(evidence: &Evidence, records: &[CacheRecord], ours: &[&str], others: &[&str]) {
    let sorted = evidence.sort(records);
    let found: Vec<_> = sorted.others.iter().map(|r| r.id.as_str()).collect();
    assert_eq!((sorted.ours, found), (ids(ours), others.to_vec()));
}

#[test]
fn a_builds_records_are_ours_by_command_connection_and_step() {
    let records = [
        record("old", "", "pulled from x", 1),
        source("source", 11),
        files("copy", "old", 13),
        run("run", "copy", "make", 15),
        record("mount", "", "cached mount /root/.cache from exec /bin/sh -c make", 16),
        run("theirs", "old", "evil", 16),
        run("later", "", "make", 30),
    ];
    let ours = ["source", "copy", "run", "mount"];
    assert_sorted(&evidence(&["old"], true), &records, &ours, &["theirs", "later"]);
    assert_sorted(&evidence(&["old"], false), &records[..6], &ours, &["theirs"]);
}

#[test]
fn a_build_without_a_command_that_somebody_else_ran_is_not_ours() {
    let evidence = evidence(&[], true);
    let at_another_time = [source("theirs", 16), files("theirs-too", "", 17)];
    assert_sorted(&evidence, &at_another_time, &[], &["theirs", "theirs-too"]);
    // At the same time as a step of ours nobody can tell which is which.
    let both = [files("a", "", 13), files("b", "", 14), source("source", 12)];
    assert_sorted(&evidence, &both, &["source"], &["a", "b"]);
    // A command of ours tells, and takes its step.
    let told = [files("copy", "", 13), run("run", "copy", "make", 15), files("b", "", 14)];
    assert_sorted(&evidence, &told, &["copy", "run"], &["b"]);
}

#[test]
fn the_same_command_of_somebody_elses_build_is_not_ours() {
    // They came while the command of ours ran, and one of them is of it.
    let both = [run("a", "", "make", 15), run("b", "", "make", 16)];
    assert_sorted(&evidence(&[], true), &both, &[], &["a", "b"]);
    assert_sorted(&evidence(&[], true), &[run("a", "", "make", 11)], &[], &["a"]);
    // Of a build that was killed the last step may not have been heard of: on a record of ours it is ours.
    let mut evidence = Evidence::default();
    evidence.ask(10 * SECOND, ids(&["/bin/sh -c make"]), ids(&[]));
    evidence.hear(Some(Makes::Files), 13 * SECOND);
    let records = [files("copy", "", 13), run("run", "copy", "make", 20), run("theirs", "", "make", 24)];
    assert_sorted(&evidence, &records, &["copy", "run"], &["theirs"]);
}

#[test]
fn what_was_fetched_is_ours_if_a_step_of_ours_fetched_it() {
    let mut evidence = Evidence::default();
    evidence.ask(10 * SECOND, ids(&[]), ids(&[]));
    evidence.end(vec![step(Some(Makes::Download), 11, 12), step(None, 10, 20)]);
    let url = |id, created| record(id, "", "http url https://example.com/file", created);
    assert_sorted(&evidence, &[url("ours", 11), url("theirs", 15)], &["ours"], &["theirs"]);
}

#[test]
fn what_a_base_brought_is_ours_while_a_build_that_has_ended_ran() {
    for words in ["pulled from x", "from local "] {
        let records = [record("base", "", words, 11), record("other", "", words, 30)];
        assert_sorted(&evidence(&[], true), &records, &["base"], &["other"]);
        assert_sorted(&evidence(&[], false), &records, &[], &["base", "other"]);
    }
}

#[test]
fn what_an_engine_says_nothing_of_is_ours_while_a_base_was_resolved() {
    let mut evidence = Evidence::default();
    evidence.ask(10 * SECOND, ids(&[]), ids(&[]));
    evidence.end(vec![step(None, 11, 12), step(Some(Makes::Files), 13, 20)]);
    let records = [record("base", "", "", 11), record("theirs", "", "", 15)];
    assert_sorted(&evidence, &records, &["base"], &["theirs"]);
}

#[test]
fn what_a_killed_build_put_on_a_record_of_an_earlier_one_is_ours_while_it_may_have_run() {
    let mut evidence = evidence(&["theirs"], false);
    evidence.note(ids(&["base"]));
    let records = [
        files("base", "", 1),
        files("first", "base", 11),
        files("last", "base", 75),
        files("before", "base", 9),
        files("after", "base", 76),
        files("elsewhere", "theirs", 12),
    ];
    assert_sorted(&evidence, &records, &["base", "first", "last"], &["before", "after", "elsewhere"]);
}

#[test]
fn a_build_of_which_nothing_was_heard_has_nothing_that_is_certain() {
    let mut evidence = Evidence::default();
    evidence.ask(10 * SECOND, ids(&["/bin/sh -c make"]), ids(&[]));
    let records = [source("source", 11), run("run", "", "make", 12), run("late", "", "make", 71)];
    assert_sorted(&evidence, &records, &[], &["source", "run", "late"]);
    let shown: Vec<_> = records.iter().map(|r| evidence.came_at_last(r)).collect();
    assert_eq!(shown, [true, true, false]);
}

#[test]
fn a_context_that_is_shown_by_another_id_is_still_ours() {
    let mut watch = Watch { evidence: evidence(&["old"], true), told: BTreeSet::new() };
    assert_eq!(watch.look(&[source("in-use", 12)]), New { ours: ids(&["in-use"]), foreign: false });
    assert_eq!(watch.look(&[source("idle", 11)]), New { ours: ids(&["idle"]), foreign: false });
    assert_eq!(watch.look(&[source("idle", 11)]), New::default());
}

#[test]
fn somebody_elses_build_is_told_of_once() {
    let mut watch = Watch::default();
    let mut records = vec![source("old", 1), run("old-too", "", "other", 1)];
    assert_eq!(watch.look(&records), New::default(), "what was there before is nobody's news");
    records.push(run("theirs", "", "other", 9));
    assert_eq!(watch.look(&records), New { ours: ids(&[]), foreign: true });
    assert_eq!(watch.look(&records), New::default());
    watch.evidence = evidence(&["old", "old-too", "theirs"], true);
    records.push(source("older", 2));
    assert_eq!(watch.look(&records), New::default(), "it is of a build before ours");
    records.push(CacheRecord { in_use: true, ..files("copied", "", 18) });
    assert_eq!(watch.look(&records), New::default(), "it may yet get another id");
    records.last_mut().unwrap().in_use = false;
    assert_eq!(watch.look(&records), New { ours: ids(&[]), foreign: true });
    assert_eq!(watch.look(&records), New::default());
}

#[test]
fn nothing_that_comes_after_the_judgement_is_ours() {
    let mut evidence = evidence(&[], true);
    evidence.close(ids(&["left"]));
    assert_sorted(&evidence, &[files("left", "", 13), files("new", "", 13)], &["left"], &[]);
    evidence.forget("left");
    assert_sorted(&evidence, &[files("left", "", 13)], &[], &[]);
}

#[test]
fn the_steps_that_ran_are_those_of_the_trace() {
    let mut trace = crate::engine::Trace::default();
    let steps = [
        ("context", "[internal] load build context", Some(20), false),
        ("copy", "[stage-1 2/4] COPY . .", None, false),
        ("run", "[stage-1 3/4] RUN make", Some(40), false),
        ("work", "[stage-1 4/4] WORKDIR /x", Some(50), true),
        ("added", "https://example.com/file", Some(60), false),
    ];
    for (from, (id, name, completed, cached)) in (10..).step_by(10).zip(steps) {
        let (id, name, started) = (id.to_owned(), name.to_owned(), Some(from));
        let update =
            crate::engine::VertexUpdate { id, name, started, completed, cached, ..Default::default() };
        trace.push(&update);
        let makes = Ran::all(&trace).last().and_then(|ran| ran.makes);
        assert!(cached || Makes::of_name(&update.name) == makes, "{update:?}");
    }
    let ran =
        [(Makes::Source, 10, 20), (Makes::Files, 20, 60), (Makes::Stage, 30, 40), (Makes::Download, 50, 60)];
    let ran = ran.map(|(makes, from, to)| (Some(makes), from, to));
    assert_eq!(Ran::all(&trace), ran.map(|(makes, from, to)| Ran { makes, from, to }));
}

#[test]
fn a_command_is_found_in_every_engines_words() {
    for (description, expected) in [
        ("mount / from exec /bin/sh -c make", Some("/bin/sh -c make")),
        ("cached mount /c from exec /bin/sh -c make", Some("/bin/sh -c make")),
        (r#"cached mount /c from exec /bin/sh -c make with id "0123//c""#, Some("/bin/sh -c make")),
        (r#"mount / from exec /bin/sh -c grep with id "x""#, Some(r#"/bin/sh -c grep with id "x""#)),
        ("local source for context", None),
    ] {
        assert_eq!(command(&record("a", "", description, 0)), expected, "{description}");
    }
}

#[test]
fn commands_are_compared_on_one_line() {
    assert_eq!(one_line("/bin/sh -c a  &&\n\tb"), "/bin/sh -c a && b");
}

#[test]
fn files_that_were_put_are_found_in_every_engines_words() {
    for (description, expected) in [
        ("fileop target", true),
        ("[2/6] WORKDIR /app", true),
        ("[builder 5/6] COPY . .", true),
        ("[2/2] RUN make", false),
        ("[1/2] FROM docker.io/library/a:1", false),
        ("mount / from exec /bin/sh -c make", false),
        ("local source for context", false),
    ] {
        assert_eq!(Makes::Files.describes(&record("a", "", description, 0)), expected, "{description}");
    }
}
