//! Owns the build context: which of its files a build sees, in which order they are sent, and the copy that a run edits.
//! Leaves to the engine how files travel, and to the scenario what an edit is.

mod copy;
mod glob;
mod obstacle;
mod patterns;
mod takes;
mod walk;

pub use copy::Copy;
pub use obstacle::{Ignored, check};
pub use patterns::{Patterns, classic_ignore_file, ignore_file};
pub use takes::takes;
pub use walk::{Entry, Selection, walk};

/// A path as Go's `filepath.Clean` writes it: no empty or `.` parts, `..` resolved as far as the text allows.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// `path` itself, if it is `folder` or stands below it.
fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_does() {
        for (given, cleaned) in [
            ("", "."),
            (".", "."),
            ("/", "/"),
            ("//a//b/", "/a/b"),
            ("a/./b/../c", "a/c"),
            ("../a", "../a"),
            ("a/../../b", "../b"),
            ("/../a", "/a"),
            ("a/..", "."),
        ] {
            assert_eq!(clean(given), cleaned, "{given:?}");
        }
    }

    #[test]
    fn a_folder_holds_itself_and_what_is_below_but_no_neighbour() {
        assert!(is_within("a", "a") && is_within("a/b", "a"));
        assert!(!is_within("ab", "a") && !is_within("a", "a/b"));
    }
}
