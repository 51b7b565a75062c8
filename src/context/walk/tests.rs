//! Walks over small trees: what is handed out, and in which order.

use super::*;
use std::os::unix::fs::symlink;

fn tree(paths: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in paths {
        let full = folder.path().join(path);
        match path.split_once(" -> ") {
            Some((link, target)) => symlink(target, folder.path().join(link)).unwrap(),
            None if path.ends_with('/') => files::create_dir_all(&full).unwrap(),
            None => {
                files::create_dir_all(full.parent().unwrap()).unwrap();
                files::write(&full, "x").unwrap();
            }
        }
    }
    folder
}

fn walked(folder: &tempfile::TempDir, ignore: &str, follow: &[&str]) -> Vec<String> {
    let patterns = (!ignore.is_empty()).then(|| Patterns::parse(ignore).unwrap());
    let selection = Selection { patterns, follow: follow.iter().map(|path| (*path).to_owned()).collect() };
    let mut seen = Vec::new();
    walk(folder.path(), &selection, &mut |entry| {
        assert_eq!(folder.path().join(&entry.path), entry.full);
        seen.push(entry.path);
        ControlFlow::Continue(())
    })
    .unwrap();
    seen
}

#[test]
fn the_order_is_by_name_within_each_folder() {
    // As plain text, `a-b` and `a.b` would come between `a` and `a/x`.
    let folder = tree(&["a/x", "a-b", "a.b", "a0", "B", "é", "a/y/z", "empty/"]);
    let expected = ["B", "a", "a/x", "a/y", "a/y/z", "a-b", "a.b", "a0", "empty", "é"];
    assert_eq!(walked(&folder, "", &[]), expected);
}

#[test]
fn a_folder_left_out_is_handed_out_only_before_something_in_it() {
    let folder = tree(&["a/b/in", "a/b/out", "a/c/out", "d/out", "e"]);
    assert_eq!(walked(&folder, "*\n!a/b/in", &[]), ["a", "a/b", "a/b/in"]);
    assert_eq!(walked(&folder, "*\n!**/in", &[]), ["a", "a/b", "a/b/in"]);
    assert_eq!(walked(&folder, "a\nd", &[]), ["e"]);
    assert_eq!(walked(&folder, "**/out", &[]), ["a", "a/b", "a/b/in", "a/c", "d", "e"]);
}

#[test]
fn only_what_is_asked_for_and_the_way_to_it() {
    let folder = tree(&["a/b/c", "a/d", "ab", "x.go", "y.go", "z"]);
    assert_eq!(walked(&folder, "", &["a/b"]), ["a", "a/b", "a/b/c"]);
    assert_eq!(walked(&folder, "", &["/a/./b/c", "z"]), ["a", "a/b", "a/b/c", "z"]);
    assert_eq!(walked(&folder, "", &["*.go"]), ["x.go", "y.go"]);
    assert_eq!(walked(&folder, "", &["a/missing", "z/below"]), Vec::<String>::new());
    assert_eq!(walked(&folder, "", &["z", "."]).len(), 8);
    assert_eq!(walked(&folder, "a/b", &["a"]), ["a", "a/d"]);
    assert_eq!(walked(&folder, "a\n!a/d", &["a"]), ["a", "a/d"]);
}

#[test]
fn symlinks_are_handed_out_themselves_with_what_they_point_to_if_asked_for() {
    let folder = tree(&[
        "real/deep/file",
        "link -> real/deep",
        "loop -> loop",
        "up/",
        "up/back -> ../real",
        "abs -> /real",
    ]);
    assert_eq!(walked(&folder, "", &["link/file"]), ["link", "real", "real/deep", "real/deep/file"]);
    assert_eq!(walked(&folder, "", &["lin?"]), ["link", "real", "real/deep", "real/deep/file"]);
    assert_eq!(
        walked(&folder, "", &["up/back/deep"]),
        ["real", "real/deep", "real/deep/file", "up", "up/back"]
    );
    assert_eq!(walked(&folder, "", &["abs"]), ["abs", "real", "real/deep", "real/deep/file"]);
    assert_eq!(walked(&folder, "", &["loop/x"]), ["loop"]);
    let all = ["abs", "link", "loop", "real", "real/deep", "real/deep/file", "up", "up/back"];
    assert_eq!(walked(&folder, "", &[]), all);
}

#[test]
fn a_walk_can_be_broken_off_and_names_what_it_cannot_read() {
    let folder = tree(&["a/b", "c"]);
    let mut count = 0;
    let selection = Selection::default();
    walk(folder.path(), &selection, &mut |_| {
        count += 1;
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!(count, 1);

    let gone = folder.path().join("gone");
    let said = walk(&gone, &selection, &mut |_| ControlFlow::Continue(())).unwrap_err().to_string();
    assert!(said.starts_with(&format!("cannot list the folder {}", gone.display())), "{said}");

    let odd = std::os::unix::ffi::OsStrExt::from_bytes(b"odd\xff");
    files::write(&folder.path().join::<&std::ffi::OsStr>(odd), "x").unwrap();
    let said = walk(folder.path(), &selection, &mut |_| ControlFlow::Continue(())).unwrap_err().to_string();
    assert!(said.contains("has a name that is not UTF-8\n  hint: "), "{said}");
}
