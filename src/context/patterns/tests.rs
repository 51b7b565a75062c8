//! Ignore patterns case by case. The expected values are what moby/patternmatcher answers; sixty thousand random ignore
//! files were compared with it as well.

use super::*;
use proptest::prelude::*;

#[test]
fn paths_are_left_out_as_the_docker_cli_does() {
    for (number, (ignore, path, excluded)) in [
        // Names are anchored at the context.
        ("a", "a", true),
        ("a", "b/a", false),
        ("a", "ab", false),
        ("a/b", "a/b", true),
        ("a/b", "a", false),
        // A folder takes what is in it along.
        ("a", "a/b/c", true),
        ("a/", "a/b", true),
        ("a/b", "a/b/c", true),
        // How a path is written does not matter.
        ("/a", "a", true),
        ("./a", "a", true),
        ("a//b/./c", "a/b/c", true),
        ("a/../b", "b", true),
        ("../a", "a", false),
        ("/", "a", false),
        (".", "a", false),
        ("  a  ", "a", true),
        ("a b", "a b", true),
        ("\u{feff}a", "a", true),
        ("a\r\nb\r\n", "a", true),
        // Comments and blank lines.
        ("#a", "#a", false),
        (" #a", "#a", true),
        ("\\#a", "#a", true),
        ("\n\n\na\n", "a", true),
        // `*` and `?` stay within one part.
        ("*", "a", true),
        ("*", "a/b", true),
        ("*.go", "main.go", true),
        ("*.go", "cmd/main.go", false),
        ("*.go", ".go", true),
        ("*/b", "a/b", true),
        ("*/b", "a/a/b", false),
        ("a?", "ab", true),
        ("a?", "a", false),
        ("a?b", "a/b", false),
        ("a*b", "a/b", false),
        ("é?", "éü", true),
        // `**` crosses folders, or stands for none.
        ("**", "a/b", true),
        ("**/b", "b", true),
        ("**/b", "a/a/b", true),
        ("**/b", "a/ab", false),
        ("**b", "ab", true),
        ("**/*.go", "main.go", true),
        ("**/*.go", "a/b/main.go", true),
        ("**/*.go", "a/b/main.got", false),
        ("a/**", "a", false),
        ("a/**", "a/b/c", true),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a/**/b", "a/xb", false),
        ("a**", "abc/d", true),
        ("**/a/**", "x/a/y", true),
        ("**/a/**", "a/y", true),
        ("**/node_modules", "web/node_modules/x/y", true),
        ("***", "a/b", true),
        // Classes.
        ("[ab].txt", "a.txt", true),
        ("[ab].txt", "c.txt", false),
        ("[a-c]x", "bx", true),
        ("[^a-c]x", "bx", false),
        ("[^a-c]x", "dx", true),
        ("a[\\]\\-]", "a-", true),
        ("[!a]", "!", true),
        // What is no wildcard is itself.
        ("a.c", "abc", false),
        ("a+b", "a+b", true),
        ("*.(x)", "a.(x)", true),
        ("*{a,b}", "a", false),
        ("*$", "a", false),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("a\\?*", "a?b", true),
        // The last match wins, and an exception brings back what is below as well.
        ("*\n!a", "a", false),
        ("*\n!a", "b", true),
        ("*\n!a", "a/b", false),
        ("!a\n*", "a", true),
        ("*\n!a\na", "a", true),
        ("*.md\n!README.md", "README.md", false),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true),
        ("a\n!a/b", "a/b", false),
        ("a\n!a/b", "a/c", true),
        ("a\n!a/b\na/b/c", "a/b/c", true),
        ("a\n! a/b", "a/b", false),
        ("a\n!/a/b/", "a/b", false),
        ("a\n!**/*.go", "a/x/main.go", false),
        ("!a", "a", false),
        ("", "a", false),
    ]
    .into_iter()
    .enumerate()
    {
        let patterns = Patterns::parse(ignore).unwrap();
        assert_eq!(patterns.excludes(path), excluded, "case {number}: {path:?} under {ignore:?}");
    }
}

#[test]
fn a_wrong_pattern_is_named_with_its_line() {
    for (ignore, said) in [
        ("a\n!", "line 2 of the ignore patterns, `!`, is not a pattern: nothing follows the `!`"),
        (
            "# x\n\n[a",
            "line 3 of the ignore patterns, `[a`, is not a pattern: a character class is not closed by `]`",
        ),
        (
            "[]",
            "line 1 of the ignore patterns, `[]`, is not a pattern: `]` and `-` in a character class need a backslash",
        ),
        (
            "[b-a]",
            "line 1 of the ignore patterns, `[b-a]`, is not a pattern: a range in a character class runs backwards",
        ),
        (
            "a\\",
            "line 1 of the ignore patterns, `a\\`, is not a pattern: a backslash at the end escapes nothing",
        ),
    ] {
        let error = Patterns::parse(ignore).unwrap_err();
        assert_eq!(error.exit().code(), 2);
        assert_eq!(error.reason(), said);
        assert!(error.to_string().contains("\n  hint: "), "{error}");
    }
}

#[test]
fn a_folder_is_entered_only_if_something_in_it_may_come_back() {
    for (ignore, dir, may) in [
        ("a", "a", false),
        ("a\n!a/b", "a", true),
        ("a\n!a/b/c", "a/b", true),
        ("a\n!a/b", "a/c", false),
        ("a\n!b", "a", false),
        ("a\n!ab", "a", false),
        ("*\n!docs/*.md", "docs", true),
        ("*\n!docs/*.md", "docs/deep", true),
        ("*\n!docs/*.md", "node_modules", false),
        ("*\n!*/x", "a", true),
        ("*\n!**/x", "a/b", true),
        ("*\n!a/**", "a/b", true),
    ] {
        assert_eq!(Patterns::parse(ignore).unwrap().may_hold_included(dir), may, "{dir} under {ignore:?}");
    }
}

#[test]
fn the_dockerfiles_own_ignore_file_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let dockerfile = root.join("multi.Dockerfile");
    assert_eq!(ignore_file(&dockerfile, root), None);
    crate::error::files::write(&root.join(".dockerignore"), "a").unwrap();
    assert_eq!(ignore_file(&dockerfile, root), Some(root.join(".dockerignore")));
    crate::error::files::write(&root.join("multi.Dockerfile.dockerignore"), "a").unwrap();
    assert_eq!(ignore_file(&dockerfile, root), Some(root.join("multi.Dockerfile.dockerignore")));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(ignore in ".*(\n.*){0,3}", path in "[^/\0]{1,5}(/[^/\0]{1,5}){0,3}") {
        if let Ok(patterns) = Patterns::parse(&ignore) {
            patterns.excludes(&path);
            patterns.may_hold_included(&path);
        }
    }

    #[test]
    fn wildcards_in_any_order_are_read_or_refused(ignore in r"[ab*?\[\]^\\!/.#\n -]{0,20}", path in "[ab/!-]{0,12}") {
        if let Ok(patterns) = Patterns::parse(&ignore) {
            patterns.excludes(&path);
            patterns.may_hold_included(&path);
        }
    }

    /// Otherwise a walk would not reach what is to be sent.
    #[test]
    fn every_folder_above_what_is_sent_is_entered(
        ignore in prop::collection::vec("!?(a|b|\\*|\\*\\*|a\\*|\\?)(/(a|b|\\*|\\*\\*|ab)){0,2}", 1..5),
        path in "(a|b|ab)(/(a|b|ab)){1,3}",
    ) {
        let patterns = Patterns::parse(&ignore.join("\n")).unwrap();
        if !patterns.excludes(&path) {
            for (at, _) in path.match_indices('/') {
                let above = &path[..at];
                prop_assert!(!patterns.excludes(above) || patterns.may_hold_included(above), "{above}");
            }
        }
    }

    /// Lines that were read before, as an engine sends them, mean the same.
    #[test]
    fn reading_once_more_changes_nothing(
        lines in prop::collection::vec("!?[ab*]{1,3}(/[ab*]{1,2}){0,2}", 0..4), path in "[ab]{1,2}(/[ab]{1,2}){0,3}",
    ) {
        let parsed = Patterns::parse(&lines.join("\n")).unwrap();
        prop_assert_eq!(parsed.excludes(&path), Patterns::new(&lines).unwrap().excludes(&path));
    }
}
