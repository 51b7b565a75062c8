//! Copies of contexts: what an edit changes, and that a reset leaves no trace.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

const ZEROS: &str = Nonce::UNEDITED;

/// A scenario with files, a tool, a symlink and a read-only file, all of them old; and an overlay.
fn scenario() -> (TempDir, Scenario) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let app = root.join("app");
    for (path, text) in [
        ("app/main.go", format!("package main\n\n\tconst edition = \"{ZEROS}\"  \r\n// {ZEROS}\n")),
        ("app/deep/er/data", "data".to_owned()),
        ("app/tool", "#!/bin/sh\n".to_owned()),
        ("app/fixed", "fixed".to_owned()),
        ("edits/deps/go.mod", format!("module app\n// edition {ZEROS}\n")),
        ("edits/deps/deep/er/data", "data".to_owned()),
        ("edits/deps/new/lib.go", "package new\n".to_owned()),
        ("edits/deps/tool", "#!/bin/sh\nexit\n".to_owned()),
    ] {
        files::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        files::write(&root.join(path), text).unwrap();
    }
    let mode =
        |path: &str, mode| fs::set_permissions(app.join(path), fs::Permissions::from_mode(mode)).unwrap();
    mode("tool", 0o750);
    mode("fixed", 0o444);
    symlink("deep/er", app.join("link")).unwrap();
    symlink("/etc/hostname", app.join("outside")).unwrap();
    for (days, path) in ["main.go", "deep/er/data", "tool", "fixed", "deep/er", "deep", ""].iter().enumerate()
    {
        let time = SystemTime::UNIX_EPOCH + Duration::new(86_400 * (10_000 + days as u64), 123_456_789);
        files::open(&app.join(path)).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    }
    let edit = |overlay: Option<&str>, lines: &[(&str, &str)]| Edit {
        overlay: overlay.map(|overlay| root.join(overlay)),
        lines: lines
            .iter()
            .map(|(file, line)| EditLine { file: file.into(), line: (*line).to_owned() })
            .collect(),
    };
    let edition = ("main.go", r#"const edition = "{nonce}""#);
    let scenario = Scenario {
        name: "s".into(),
        dir: root.to_owned(),
        title: String::new(),
        language: String::new(),
        pattern: None,
        context: app,
        variants: Vec::new(),
        source: Some(edit(None, &[edition])),
        deps: Some(edit(Some("edits/deps"), &[edition, ("go.mod", "// edition {nonce}")])),
        claims: Vec::new(),
        notes: Vec::new(),
        hash: String::new(),
    };
    (folder, scenario)
}

fn nonce() -> Nonce {
    Nonce::for_case("run", "s", "v", crate::results::Phase::SourceEdit, 1)
}

/// Everything that can be seen of a folder: path, mode, time (but a symlink's), content.
fn picture(root: &Path) -> Vec<(String, u32, Option<SystemTime>, String)> {
    let mut seen = Vec::new();
    let selection = crate::context::Selection::default();
    crate::context::walk(root, &selection, &mut |entry| {
        let (path, metadata) = (&entry.full, &entry.metadata);
        let content = match () {
            () if metadata.is_file() => files::read_to_string(path).unwrap(),
            () if metadata.is_symlink() => path.read_link().unwrap().display().to_string(),
            () => String::new(),
        };
        let time = (!metadata.is_symlink()).then(|| metadata.modified().unwrap());
        seen.push((entry.path, metadata.mode(), time, content));
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    let root = root.metadata().unwrap();
    seen.push((String::new(), root.mode(), Some(root.modified().unwrap()), String::new()));
    seen
}

#[test]
fn a_copy_is_the_original_with_modes_and_times() {
    let (_folder, scenario) = scenario();
    let copy = Copy::of(&scenario, None, &std::env::temp_dir()).unwrap();
    assert_eq!(picture(copy.path()), picture(&scenario.context));
    let path = copy.path().to_owned();
    drop(copy);
    assert!(!path.exists());
}

#[test]
fn a_source_edit_changes_one_line_and_nothing_else() {
    let (_folder, scenario) = scenario();
    let copy = Copy::of(&scenario, None, &std::env::temp_dir()).unwrap();
    let before = picture(copy.path());
    let changed = copy.apply(scenario.source.as_ref().unwrap(), &nonce()).unwrap();
    assert_eq!(changed, BTreeSet::from(["main.go".to_owned()]));

    let text = files::read_to_string(&copy.path().join("main.go")).unwrap();
    let nonce = nonce().as_str().to_owned();
    assert_eq!(text, format!("package main\n\n\tconst edition = \"{nonce}\"  \r\n// {ZEROS}\n"));
    let after = picture(copy.path());
    let differs: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).collect();
    assert_eq!(differs.len(), 1, "{differs:?}");
    let edited = differs[0].1.2.unwrap();
    assert!(
        edited.elapsed().unwrap_or_default() < Duration::from_secs(3600),
        "an edit is recent: {edited:?}"
    );
}

#[test]
fn a_deps_edit_lays_its_overlay_and_a_reset_leaves_no_trace() {
    let (_folder, scenario) = scenario();
    let copy = Copy::of(&scenario, None, &std::env::temp_dir()).unwrap();
    for _ in 0..2 {
        let changed = copy.apply(scenario.deps.as_ref().unwrap(), &nonce()).unwrap();
        // `deep/er/data` is equal in the overlay and stays as it is.
        let expected = ["go.mod", "main.go", "new", "new/lib.go", "tool"].map(str::to_owned);
        assert_eq!(changed, BTreeSet::from(expected));
        let manifest = files::read_to_string(&copy.path().join("go.mod")).unwrap();
        assert_eq!(manifest, format!("module app\n// edition {}\n", nonce().as_str()));
        copy.reset(&scenario).unwrap();
        assert_eq!(picture(copy.path()), picture(&scenario.context));
    }
}

#[test]
fn a_reset_brings_back_what_was_removed_or_became_something_else() {
    let (_folder, scenario) = scenario();
    let copy = Copy::of(&scenario, None, &std::env::temp_dir()).unwrap();
    let at = |path: &str| copy.path().join(path);
    files::remove_dir_all(&at("deep")).unwrap();
    files::write(&at("deep"), "a file now").unwrap();
    files::remove(&at("link")).unwrap();
    symlink("elsewhere", at("link")).unwrap();
    files::remove(&at("tool")).unwrap();
    files::create_dir_all(&at("tool/in")).unwrap();
    files::remove(&at("fixed")).unwrap();
    fs::set_permissions(at("main.go"), fs::Permissions::from_mode(0o600)).unwrap();
    copy.reset(&scenario).unwrap();
    assert_eq!(picture(copy.path()), picture(&scenario.context));
}

#[test]
fn the_unedited_nonce_changes_nothing() {
    let (_folder, scenario) = scenario();
    let copy = Copy::of(&scenario, None, &std::env::temp_dir()).unwrap();
    let changed = copy.apply(scenario.source.as_ref().unwrap(), &Nonce::unedited()).unwrap();
    assert_eq!(changed, BTreeSet::new());
    assert_eq!(picture(copy.path()), picture(&scenario.context));
}

#[test]
fn an_edit_that_does_not_fit_says_which_file_and_what_to_do() {
    let (_folder, scenario) = scenario();
    let copy = Copy::of(&scenario, None, &std::env::temp_dir()).unwrap();
    let said = |file: &str, line: &str| {
        let edit = Edit { overlay: None, lines: vec![EditLine { file: file.into(), line: line.to_owned() }] };
        let error = copy.apply(&edit, &nonce()).unwrap_err();
        assert_eq!(error.exit().code(), 2, "{error}");
        error.to_string()
    };
    let missing = said("main.go", "edition {nonce}");
    let start = format!(
        "main.go: the line `edition {ZEROS}` stands 0 times in the unedited file, not once\n  hint: "
    );
    assert!(missing.starts_with(&start), "{missing}");
    let nowhere = said("nowhere.go", "{nonce}");
    assert!(nowhere.starts_with("cannot edit nowhere.go in the copy of the context\n  cause: "), "{nowhere}");
    let outside = said("outside", "{nonce}");
    assert!(outside.starts_with("outside leads out of the context, to /etc/hostname\n  hint: "), "{outside}");
}

#[test]
fn an_overlay_replaces_a_symlink_and_does_not_write_through_it() {
    let (folder, scenario) = scenario();
    files::create_dir_all(&folder.path().join("over/link")).unwrap();
    files::write(&folder.path().join("over/outside"), "ours").unwrap();
    files::write(&folder.path().join("over/link/data"), "new").unwrap();
    let copy = Copy::of(&scenario, None, &std::env::temp_dir()).unwrap();
    let edit = Edit { overlay: Some(folder.path().join("over")), lines: Vec::new() };
    let changed = copy.apply(&edit, &nonce()).unwrap();
    assert_eq!(changed, BTreeSet::from(["link", "link/data", "outside"].map(str::to_owned)));
    assert_eq!(files::read_to_string(&copy.path().join("deep/er/data")).unwrap(), "data");
    assert!(!copy.path().join("outside").is_symlink());
    copy.reset(&scenario).unwrap();
    assert_eq!(picture(copy.path()), picture(&scenario.context));
}

#[test]
fn what_a_build_cannot_take_in_is_refused_or_left_out() {
    let (folder, scenario) = scenario();
    let socket = scenario.context.join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = Copy::of(&scenario, None, &std::env::temp_dir()).unwrap_err();
    let said = format!("{}: a socket stands in the context", socket.display());
    assert!(error.to_string().starts_with(&said), "{error}");
    assert_eq!(error.exit().code(), 2);
    let ignored = Patterns::parse("socket\nover").unwrap();
    let copy = Copy::of(&scenario, Some(&ignored), &std::env::temp_dir()).unwrap();
    assert!(!copy.path().join("socket").exists() && copy.path().join("deep/er/data").exists());
    let over = folder.path().join("over");
    files::create_dir_all(&over).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(over.join("socket")).unwrap();
    let edit = Edit { overlay: Some(over), lines: Vec::new() };
    assert_eq!(copy.apply(&edit, &nonce()).unwrap(), BTreeSet::new());
}

#[test]
fn what_is_ignored_and_can_be_read_is_copied_all_the_same() {
    let (_folder, scenario) = scenario();
    let ignored = Patterns::parse("*").unwrap();
    let copy = Copy::of(&scenario, Some(&ignored), &std::env::temp_dir()).unwrap();
    assert_eq!(picture(copy.path()), picture(&scenario.context));
}

#[test]
fn a_pipe_is_copied_with_its_mode_and_time_and_never_opened() {
    use rustix::fs::{CWD, Mode, mkfifoat};
    let (folder, scenario) = scenario();
    let make = |path: &Path| mkfifoat(CWD, path, Mode::from_raw_mode(0o640)).unwrap();
    make(&scenario.context.join("pipe"));
    let copy = Copy::of(&scenario, None, &std::env::temp_dir()).unwrap();
    let face = |of: &Path| {
        let metadata = of.join("pipe").symlink_metadata().unwrap();
        (metadata.file_type().is_fifo(), metadata.mode(), metadata.modified().unwrap(), metadata.ino())
    };
    let (original, copied) = (face(&scenario.context), face(copy.path()));
    assert_eq!((copied.0, copied.1, copied.2), (true, original.1, original.2));
    copy.reset(&scenario).unwrap();
    assert_eq!(face(copy.path()), copied, "a reset makes it anew");
    let over = folder.path().join("over");
    files::create_dir_all(&over).unwrap();
    make(&over.join("pipe"));
    let edit = Edit { overlay: Some(over), lines: Vec::new() };
    assert_eq!(copy.apply(&edit, &nonce()).unwrap(), BTreeSet::new());
}

#[test]
fn content_is_compared_to_its_last_piece_and_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
        let mut content = vec![7; length];
        files::write(&one, &content).unwrap();
        files::write(&other, &content).unwrap();
        assert!(same_content(&one, &other).unwrap(), "{length}");
        content.push(8);
        files::write(&other, &content).unwrap();
        assert!(!same_content(&one, &other).unwrap(), "{length} and one more");
        content.pop();
        if let Some(last) = content.last_mut() {
            *last = 8;
            files::write(&other, &content).unwrap();
            assert!(!same_content(&one, &other).unwrap(), "the last of {length}");
        }
    }
    let mut pieces = Pieces::of(&one).unwrap();
    assert_eq!(pieces.next().unwrap().len(), PIECE);
    assert!(pieces.buffer.capacity() <= 2 * PIECE);
}
