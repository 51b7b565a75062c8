//! Owns the question whether a `COPY` or `ADD` instruction takes in a path of the context.

use super::clean;
use super::glob::{Dialect, Glob};

/// Whether a source of a `COPY` or `ADD` (wildcards as in Go's `filepath.Match`, part by part) takes in a path of the
/// context; a folder takes all that is below it. Symlinks are not resolved, and a source that is no pattern, which a
/// builder refuses, takes nothing.
pub fn takes(pattern: &str, path: &str) -> bool {
    // The context is the root: a builder lets no `..` lead out of it.
    let pattern = clean(&format!("/{pattern}"));
    let pattern = pattern.trim_start_matches('/');
    if pattern.is_empty() {
        return true;
    }
    let mut names = path.split('/');
    pattern.split('/').all(|part| {
        let glob = Glob::parse(part, Dialect::Part);
        names.next().is_some_and(|name| glob.is_ok_and(|glob| glob.matches(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_take_files_and_all_below_folders() {
        for (pattern, path, taken) in [
            (".", "main.go", true),
            ("./", "a/b", true),
            ("/", "a/b", true),
            ("", "a", true),
            ("main.go", "main.go", true),
            ("./main.go", "main.go", true),
            ("/main.go", "main.go", true),
            ("main.go", "cmd/main.go", false),
            ("main.go", "main.got", false),
            ("src", "src/a/b.rs", true),
            ("src/", "src/a/b.rs", true),
            ("src", "src", true),
            ("src/a", "src", false),
            ("src", "srcs/a", false),
            ("*", "a/b/c", true),
            ("*.go", "main.go", true),
            ("*.go", "cmd/main.go", false),
            ("package*.json", "package.json", true),
            ("package*.json", "package-lock.json", true),
            ("package*.json", "packages/package.json", false),
            ("go.?um", "go.sum", true),
            ("go.[ms]*", "go.sum", true),
            ("go.[^ms]*", "go.sum", false),
            ("*/pom.xml", "core/pom.xml", true),
            ("*/pom.xml", "pom.xml", false),
            ("**/pom.xml", "a/b/pom.xml", false),
            ("../a", "a", true),
            ("b/../a", "a", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "aab", false),
            ("[", "[", false),
        ] {
            assert_eq!(takes(pattern, path), taken, "{pattern:?} and {path:?}");
        }
    }
}
