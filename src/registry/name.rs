//! Names that come in with a request. What parses can be part of a path: nothing absolute, no `.` or `..`, no empty part.

use crate::image::{Digest, is_component, is_tag};
use std::fmt;
use std::path::PathBuf;

/// The longest name of a repository; its parts become folders.
const NAME_LIMIT: usize = 255;

/// The name of a repository, such as `team/app`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let good = text.len() <= NAME_LIMIT && text.split('/').all(is_component);
        good.then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder of the repository below that of all.
    pub(super) fn folder(&self) -> PathBuf {
        self.0.split('/').collect()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tag: a name for a manifest that can be moved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tag(String);

impl Tag {
    pub(super) fn parse(text: &str) -> Option<Self> {
        is_tag(text).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Tag(Tag),
    Digest(Digest),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag.as_str()),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::proptest;
    use std::path::Component;

    #[test]
    fn names_are_those_of_the_specification() {
        for name in ["a", "a/b/c", "a.b_c__d-e---f/0", "library/node"] {
            assert_eq!(Name::parse(name).unwrap().as_str(), name);
        }
        let long = "a".repeat(256);
        for name in [
            "", "/", "a/", "/a", "a//b", "..", "a/../b", ".a", "a.", "a..b", "a___b", "_a", "A", "a b",
            "a\\b", &long,
        ] {
            assert_eq!(Name::parse(name), None, "{name}");
        }
    }

    #[test]
    fn tags_are_those_of_the_specification() {
        for tag in ["latest", "1.0_x-Y", "_"] {
            assert_eq!(Tag::parse(tag).unwrap().as_str(), tag);
        }
        for tag in ["", ".", "..", ".a", "-a", "a/b", "a:b", "a b", &"a".repeat(129)] {
            assert_eq!(Tag::parse(tag), None, "{tag}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_parses_stays_below_its_folder(text in "([a-z0-9._/\\-]|\\PC){0,40}") {
            if let Some(name) = Name::parse(&text) {
                let folder = name.folder();
                assert!(folder.components().all(|part| matches!(part, Component::Normal(_))), "{text}");
                assert_eq!(folder.to_string_lossy(), text);
                assert!(folder.components().all(|part| !part.as_os_str().to_string_lossy().starts_with('_')));
            }
        }

        #[test]
        fn a_tag_that_parses_is_one_file(text in "[A-Za-z0-9._/\\-]{0,12}|\\PC{0,12}") {
            if let Some(tag) = Tag::parse(&text) {
                let parts: Vec<_> = std::path::Path::new(tag.as_str()).components().collect();
                assert!(matches!(parts.as_slice(), [Component::Normal(_)]), "{text}");
            }
        }
    }
}
