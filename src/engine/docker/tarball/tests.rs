//! What stands in the archive of a context.

#![expect(clippy::disallowed_methods, reason = "a test's own files; the plain error is enough")]

use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

struct Place {
    folder: tempfile::TempDir,
}

/// Path, kind, mode, owner and group, time, content or target.
type Row = (String, EntryType, u32, (u64, u64), u64, String);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("app")).unwrap();
        fs::write(folder.path().join("x.Dockerfile"), "FROM scratch\n").unwrap();
        Self { folder }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join("app").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        fs::File::open(&path).unwrap().set_modified(then).unwrap();
    }

    fn archive(&self) -> Result<Vec<Row>> {
        let (mut bytes, sent) = (Vec::new(), AtomicU64::new(0));
        let (context, dockerfile) = (self.folder.path().join("app"), self.folder.path().join("x.Dockerfile"));
        write(&context, &dockerfile, &mut bytes, &sent)?;
        let mut rows = Vec::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            if let Some(target) = entry.link_name_bytes() {
                content = String::from_utf8(target.into_owned()).unwrap();
            }
            let header = entry.header();
            rows.push((
                String::from_utf8(entry.path_bytes().into_owned()).unwrap(),
                header.entry_type(),
                header.mode().unwrap(),
                (header.uid().unwrap(), header.gid().unwrap()),
                header.mtime().unwrap(),
                content,
            ));
        }
        Ok(rows)
    }

    fn paths(&self) -> Vec<String> {
        self.archive().unwrap().into_iter().map(|row| row.0).collect()
    }
}

#[test]
fn files_are_sorted_keep_mode_and_time_and_belong_to_root() {
    let place = Place::new();
    place.write("b/tool", "run\n");
    place.write("a", "one\n");
    let tool = place.folder.path().join("app/b/tool");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    symlink("./../a", place.folder.path().join("app/b/link")).unwrap();
    let rows = place.archive().unwrap();
    let paths: Vec<_> = rows.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(paths, [DOCKERFILE, ".dockerignore", "a", "b/", "b/link", "b/tool"]);
    assert!(rows.iter().all(|row| row.3 == (0, 0)), "{rows:#?}");
    assert_eq!(rows[0].5, "FROM scratch\n");
    assert_eq!((rows[2].2 & 0o777, rows[2].4, rows[2].5.as_str()), (0o644, 1_000_000, "one\n"));
    assert_eq!((rows[4].1, rows[4].5.as_str()), (EntryType::Symlink, "./../a"));
    assert_eq!((rows[5].2, rows[5].4), (0o755, 1_000_000));
}

#[test]
fn dockerfile_and_ignore_file_are_sent_and_hide_themselves() {
    let place = Place::new();
    place.write("a", "");
    assert_eq!(place.archive().unwrap()[1].5, format!(".dockerignore\n{DOCKERFILE}\n"));
    // One of the context stays in it, unless it names itself.
    place.write(".dockerignore", "*.log\nkept\n!kept/x");
    place.write("x.log", "");
    place.write("kept/x", "");
    place.write("kept/y", "");
    assert_eq!(place.paths(), [DOCKERFILE, ".dockerignore", "a", "kept/", "kept/x"]);
    let ignore = place.archive().unwrap().swap_remove(1);
    assert_eq!((ignore.4, ignore.5), (1_000_000, format!("*.log\nkept\n!kept/x\n{DOCKERFILE}\n")));
    place.write(".dockerignore", "*\n");
    assert_eq!(place.paths(), [DOCKERFILE, ".dockerignore"]);
}

#[test]
fn names_and_targets_of_any_length_arrive() {
    let place = Place::new();
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(120));
    place.write(&long, "deep\n");
    symlink(&long, place.folder.path().join("app/link")).unwrap();
    let rows = place.archive().unwrap();
    assert_eq!((rows[3].0.as_str(), rows[3].5.as_str()), (long.as_str(), "deep\n"));
    assert_eq!((rows[4].0.as_str(), rows[4].5.as_str()), ("link", long.as_str()));
}

#[test]
fn a_pipe_is_sent_as_one_and_not_opened() {
    use rustix::fs::{CWD, Mode, mkfifoat};
    let place = Place::new();
    mkfifoat(CWD, place.folder.path().join("app/pipe"), Mode::from_raw_mode(0o640)).unwrap();
    let rows = place.archive().unwrap();
    assert_eq!(
        (rows[2].0.as_str(), rows[2].1, rows[2].2, rows[2].3),
        ("pipe", EntryType::Fifo, 0o640, (0, 0))
    );
}

#[test]
fn an_ignore_file_that_is_wrong_is_said() {
    let place = Place::new();
    place.write(".dockerignore", "a[\n");
    let error = place.archive().unwrap_err();
    assert!(error.to_string().contains("line 1 of the ignore patterns, `a[`, is not a pattern"), "{error}");
}

#[test]
fn a_file_that_became_shorter_ends_the_archive_with_an_error() {
    let place = Place::new();
    place.write("a", "short");
    let file = fs::File::open(place.folder.path().join("app/a")).unwrap();
    let sent = AtomicU64::new(0);
    let mut content = Content { file, left: 9, sent: &sent };
    let error = content.read_to_string(&mut String::new()).unwrap_err();
    assert_eq!(error.to_string(), "it became shorter while it was sent");
    assert_eq!(sent.into_inner(), 5);
}

#[tokio::test]
async fn what_goes_wrong_reaches_the_reader_and_is_kept() {
    use futures_util::StreamExt;
    let place = Place::new();
    place.write(".dockerignore", "a[\n");
    let (mut stream, progress) =
        stream(&place.folder.path().join("app"), &place.folder.path().join("x.Dockerfile"));
    let mut last = None;
    while let Some(piece) = stream.next().await {
        last = Some(piece);
    }
    assert!(last.unwrap().is_err(), "an archive that just ends would pass for whole");
    assert!(progress.error().is_some_and(|error| error.contains("is not a pattern")));
}
