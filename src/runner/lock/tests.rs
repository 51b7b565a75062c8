//! Who is refused an engine, and what is said of the one that has it.

use super::*;

const HINT: &str = "\n  hint: wait for it or end it; two runs at once would measure each other";

/// The id of an engine that no other test, of this process or another, speaks of.
fn engine(of: &str) -> String {
    format!("{of}:{}", std::process::id())
}

#[tokio::test]
async fn a_second_run_is_refused_until_the_first_ends() {
    let (state, engine) = (tempfile::tempdir().unwrap(), engine("AB:CD"));
    let first = Lock::take(state.path(), &engine).unwrap();
    let error = Lock::take(state.path(), &engine).unwrap_err().to_string();
    let process = format!("another dbench uses this engine: process {}", std::process::id());
    assert_eq!(error, format!("{process}{HINT}"));
    Lock::take(state.path(), &format!("other {engine}")).unwrap();
    first.of_run(Path::new("results/a-much-longer-name"));
    first.of_run(Path::new("results/r"));
    let error = Lock::take(state.path(), &engine).unwrap_err().to_string();
    assert_eq!(error, format!("{process}, run results/r{HINT}"));
    let measuring = |folder: &str| measuring(state.path(), &state.path().join(folder));
    files::create_dir_all(&state.path().join("r")).unwrap();
    first.of_run(&state.path().join("r"));
    for spelt in ["r", "r/", "r/../r"] {
        let holder = measuring(spelt).unwrap_or_default();
        assert!(holder.starts_with(&format!("process {}, run ", std::process::id())), "{spelt}: {holder}");
    }
    assert_eq!(measuring("a-much-longer-name"), None);
    let refused = in_use(state.path(), &engine).map(|error| error.to_string());
    assert!(refused.is_some_and(|said| said.starts_with(&process) && said.ends_with(HINT)));
    drop(first);
    assert!(in_use(state.path(), &engine).is_none());
    assert_eq!(measuring("r"), None, "what it noted is there, and it is not");
    Lock::take(state.path(), &engine).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_run_of_another_user_has_the_engine_for_the_whole_machine() {
    let (mine, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = engine(&"long ".repeat(30));
    let first = Lock::take(theirs.path(), &engine).unwrap();
    let said = format!("another dbench uses this engine: process {}{HINT}", std::process::id());
    for _ in 0..2 {
        assert_eq!(Lock::take(mine.path(), &engine).unwrap_err().to_string(), said);
    }
    drop(first);
    let second = Lock::take(mine.path(), &engine).unwrap();
    assert_eq!(Lock::take(theirs.path(), &engine).unwrap_err().to_string(), said);
    drop(second);
}

#[test]
fn a_lock_file_that_says_nothing_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    for (text, said) in [("", ""), ("x\n", ""), ("7\n\n", "process 7"), ("7\n/r\n", "process 7, run /r")] {
        files::write(&path, text).unwrap();
        assert_eq!(noted(&path), said);
    }
}
