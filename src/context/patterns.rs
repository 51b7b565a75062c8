//! Owns `.dockerignore`: reading it and deciding, by the rules of the docker CLI (moby's `patternmatcher`), which paths
//! are left out. Its rules are not git's: every pattern is anchored at the context, and a path goes with its parents.
//! Not followed are accidents of its translation to regular expressions: `^` outside of a class, and a backslash before
//! a letter, mean the character itself here; and a pattern that is wrong is refused even if no path would reach it.

use super::glob::{Dialect, Glob};
use super::{clean, is_within};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// No path is longer, so neither is a pattern; and every path is held against every pattern.
const LONGEST: usize = 4096;
const MOST: usize = 10_000;

/// The patterns of one ignore file, in order; the last that matches decides.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug)]
struct Pattern {
    /// `!`: takes back in what earlier patterns left out.
    includes: bool,
    kind: Kind,
    /// The text before the first wildcard, cut back to whole parts, and whether that is the whole pattern.
    head: String,
    literal: bool,
}

/// What patternmatcher distinguishes before it falls back to a regular expression; `**name` and `name/**` get their
/// meaning from here.
#[derive(Clone, Debug)]
enum Kind {
    Exact(String),
    /// `folder/**`: everything that starts with this.
    Prefix(String),
    /// `**end`: everything that ends with this, also when it begins with a slash that stands for no folder at all.
    Suffix(String),
    Glob(Glob),
}

impl Patterns {
    /// Reads an ignore file.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (at, line) in text.lines().enumerate() {
            // Only a `#` in the first column begins a comment.
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            let (mark, pattern) = match line.strip_prefix('!') {
                Some(rest) => ("!", rest.trim()),
                None => ("", line),
            };
            let pattern = if pattern.is_empty() { String::new() } else { clean(pattern) };
            let rooted = pattern.strip_prefix('/').filter(|rest| !rest.is_empty());
            patterns.extend(Pattern::new(&format!("{mark}{}", rooted.unwrap_or(&pattern)), at + 1)?);
        }
        Ok(Self(patterns))
    }

    /// Patterns that were read from an ignore file already, as an engine sends them.
    pub fn new(lines: &[String]) -> Result<Self> {
        let mut patterns = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            patterns.extend(Pattern::new(line, at + 1)?);
        }
        Ok(Self(patterns))
    }

    /// Whether the path (relative to the context, with slashes) is left out.
    pub fn excludes(&self, path: &str) -> bool {
        let mut excluded = false;
        for pattern in &self.0 {
            // A pattern that could only say what is known already is not asked.
            if pattern.includes == excluded && pattern.matches_or_parent(path) {
                excluded = !pattern.includes;
            }
        }
        excluded
    }

    /// Whether something below this folder, itself left out, may be taken back in: if not, it need not be entered.
    pub fn may_hold_included(&self, dir: &str) -> bool {
        self.0.iter().filter(|pattern| pattern.includes).any(|pattern| {
            is_within(&pattern.head, dir)
                || (!pattern.literal && (pattern.head.is_empty() || is_within(dir, &pattern.head)))
        })
    }
}

impl Pattern {
    /// `None` for a blank line.
    fn new(line: &str, number: usize) -> Result<Option<Self>> {
        let bad = |why: &str| {
            Error::input(format!("line {number} of the ignore patterns, `{line}`, is not a pattern: {why}"))
        };
        let line = line.trim();
        if line.is_empty() {
            return Ok(None);
        }
        if number > MOST || line.len() > LONGEST {
            let what = format!(
                "line {number} of the ignore patterns: more than {MOST} lines or {LONGEST} bytes in one"
            );
            return Err(Error::input(what).hint("leave out folders instead of each of their files"));
        }
        let line = clean(line);
        let (includes, pattern) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line.as_str()),
        };
        if pattern.is_empty() {
            return Err(bad("nothing follows the `!`").hint("write the path to take back in after the `!`"));
        }
        let glob = Glob::parse(pattern, Dialect::Ignore).map_err(|why| {
            bad(why).hint("correct the pattern, or put a backslash before a wildcard that is meant as itself")
        })?;
        let wild = |text: &str| text.contains(['*', '?', '[', ']', '\\']);
        let kind = match (pattern.strip_suffix("**"), pattern.strip_prefix("**")) {
            _ if !wild(pattern) => Kind::Exact(pattern.to_owned()),
            (_, Some(end)) if !wild(end) => Kind::Suffix(end.to_owned()),
            (Some(start), _) if !wild(start) => Kind::Prefix(start.to_owned()),
            _ => Kind::Glob(glob),
        };
        let literal = !wild(pattern);
        let head = if literal { pattern } else { literal_head(pattern) }.to_owned();
        Ok(Some(Self { includes, kind, head, literal }))
    }

    fn matches_or_parent(&self, path: &str) -> bool {
        if let Kind::Glob(glob) = &self.kind {
            return glob.matches_or_parent(path);
        }
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        self.matches(path) || parents.into_iter().any(|parent| self.matches(parent))
    }

    fn matches(&self, path: &str) -> bool {
        match &self.kind {
            Kind::Exact(exact) => path == exact,
            Kind::Prefix(start) => path.starts_with(start.as_str()),
            Kind::Suffix(end) => path.ends_with(end.as_str()) || end.strip_prefix('/') == Some(path),
            Kind::Glob(glob) => glob.matches(path),
        }
    }
}

/// The whole parts of a pattern that stand before its first wildcard.
fn literal_head(pattern: &str) -> &str {
    let before = pattern.find(['*', '?', '[', ']', '\\']).map_or(pattern, |at| &pattern[..at]);
    before.rfind('/').map_or("", |at| &before[..at])
}

/// The ignore file of a build: `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` of the context.
pub fn ignore_file(dockerfile: &Path, context: &Path) -> Option<PathBuf> {
    let mut own = dockerfile.as_os_str().to_owned();
    own.push(".dockerignore");
    [PathBuf::from(own), context.join(".dockerignore")].into_iter().find(|path| path.is_file())
}

/// The ignore file of a build by the classic builder, which knows only that of the context.
pub fn classic_ignore_file(context: &Path) -> Option<PathBuf> {
    Some(context.join(".dockerignore")).filter(|path| path.is_file())
}

#[cfg(test)]
mod tests;
