//! Owns what must not be kept: the secrets of a build, and the text in which they are blotted out.
//! Leaves to `runner` where a secret comes from, and to the session how an engine gets it.

use super::{Failure, Heard};
use crate::error::{Error, Result};
use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeSet;
use std::fmt;

/// The shortest secret, and the shortest line of one that is blotted out: anything shorter stands in every text.
pub const SHORTEST: usize = 4;
/// The longest secret; engines take no longer one.
pub const LONGEST: usize = 500 << 10;
/// The shortest word of a line that is blotted out on its own, as the token in `_authToken=…`.
const SHORTEST_WORD: usize = 8;
/// What stands in the place of a secret.
const BLOT: &str = "***";

/// A value that a build may read and nobody may keep.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// What `--mount=type=secret,id=…` calls it.
    pub id: String,
    /// Its bytes.
    pub value: Vec<u8>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.id)
    }
}

/// Blots secrets out of what is kept or shown.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// `None` if nothing is secret.
    pieces: Option<AhoCorasick>,
}

impl Redactor {
    /// Blots out these values: whole, line by line, word by word, and as base64.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Self> {
        let mut pieces = BTreeSet::new();
        values.into_iter().for_each(|value| collect(value, &mut pieces));
        if pieces.is_empty() {
            return Ok(Self::default());
        }
        let searcher = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(pieces);
        let searcher = searcher.map_err(|cause| {
            Error::input("the secrets of a build cannot be kept out of its log")
                .because(cause)
                .hint("give it smaller secrets")
        })?;
        Ok(Self { pieces: Some(searcher) })
    }

    /// The text without secrets.
    pub fn text(&self, text: &str) -> String {
        // A secret that is no text may match within a character, so bytes are compared.
        String::from_utf8_lossy(&self.bytes(text.as_bytes().to_vec())).into_owned()
    }

    /// What went wrong, without secrets.
    pub(super) fn failure(&self, failure: &Failure) -> Failure {
        Failure {
            step: failure.step.as_ref().map(|step| self.text(step)),
            message: self.text(&failure.message),
        }
    }

    /// Passes on what is heard of a build, without secrets.
    pub(super) fn heard(&self, it: Heard<'_>, heard: &mut dyn FnMut(Heard<'_>)) {
        match it {
            Heard::Running { name, since } => heard(Heard::Running { name: &self.text(name), since }),
            Heard::Made(_) => heard(it),
        }
    }

    /// The bytes without secrets.
    pub fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        match &self.pieces {
            Some(pieces) => pieces.replace_all_bytes(&bytes, &vec![BLOT; pieces.patterns_len()]),
            None => bytes,
        }
    }
}

/// What of a value gives it away.
fn collect(value: &[u8], pieces: &mut BTreeSet<Vec<u8>>) {
    let mut add = |piece: &[u8], shortest: usize| {
        if piece.len() >= shortest {
            pieces.insert(piece.to_vec());
            // Without the last group, which depends on what follows the value.
            let encoded = STANDARD.encode(&piece[..piece.len() / 3 * 3]);
            if encoded.len() >= SHORTEST_WORD {
                pieces.insert(encoded.into_bytes());
            }
        }
    };
    add(value.trim_ascii(), SHORTEST);
    for line in value.split(|byte| matches!(byte, b'\n' | b'\r')) {
        add(line.trim_ascii(), SHORTEST);
        for word in line.split(|byte| byte.is_ascii_whitespace() || b"\"',;".contains(byte)) {
            let after_key = word.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
            // The `=` at the end of base64 is no end of a key.
            let word = if after_key + 2 > word.len() { word } else { &word[after_key..] };
            add(word, SHORTEST_WORD);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(secret: &str, text: &str) -> String {
        let redactor = Redactor::new([secret.as_bytes()]).unwrap();
        let bytes = redactor.bytes(text.as_bytes().to_vec());
        assert_eq!(String::from_utf8(bytes).unwrap(), redactor.text(text));
        redactor.text(text)
    }

    #[test]
    fn a_secret_is_blotted_out_whole_by_line_by_word_and_as_base64() {
        for (secret, text, expected) in [
            ("hunter2\n", "a hunter2b\n[1/2] RUN x | hunter2", "a ***b\n[1/2] RUN x | ***"),
            ("first line\nsecond", "first line | second | third", "*** | *** | third"),
            ("//h/:_authToken=abcdef0123==\n", "token abcdef0123==.", "token ***."),
            ("{\"token\":\"abcdefgh\"}", "abcdefgh", "***"),
            ("machine h login me password sesame-open", "sesame-open", "***"),
            ("c2VjcmV0IQ==", "c2VjcmV0IQ==", "***"),
            ("open sesame", "b3BlbiBzZXNhbWU=", "***bWU="),
            ("abcd", "abc", "abc"),
        ] {
            assert_eq!(redacted(secret, text), expected, "{secret:?}");
        }
    }

    #[test]
    fn without_secrets_nothing_changes_and_no_secret_shows_itself() {
        let redactor = Redactor::new([]).unwrap();
        assert_eq!(redactor.text("a"), "a");
        assert_eq!(redactor.bytes(vec![0xff]), [0xff]);
        let secret = Secret { id: "token".into(), value: b"hunter2".to_vec() };
        assert_eq!(format!("{secret:?}"), "Secret(token)");
        let binary = Redactor::new([&[0xff, 0xfe, 0xfd, 0xfc][..]]).unwrap();
        assert_eq!(binary.bytes(vec![b'a', 0xff, 0xfe, 0xfd, 0xfc]), b"a***");
    }
}
