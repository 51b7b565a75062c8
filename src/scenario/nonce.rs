//! Owns the value that tells one build's program from another's.

use crate::results::Phase;
use sha2::{Digest, Sha256};

/// Sixteen lower-case hexadecimal characters. All nonces have one length, so an edit never changes a size by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// What the unedited program carries.
    pub const UNEDITED: &'static str = "0000000000000000";
    /// What stands for a nonce in scenario files.
    pub const PLACE: &'static str = "{nonce}";

    /// The nonce of the unedited program.
    pub fn unedited() -> Self {
        Self(Self::UNEDITED.to_owned())
    }

    /// The nonce of one build; unique to it, and the same whenever it is asked for.
    pub fn for_case(run: &str, scenario: &str, variant: &str, phase: Phase, round: u32) -> Self {
        let digest = Sha256::digest(format!("{run}\n{scenario}\n{variant}\n{phase}\n{round}"));
        Self(crate::hex::encode(&digest[..8]))
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `text` with this nonce in place of `{nonce}`.
    pub fn fill(&self, text: &str) -> String {
        text.replace(Self::PLACE, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_belongs_to_its_build_and_fills_its_place() {
        let nonce = Nonce::for_case("r", "s", "v", Phase::SourceEdit, 1);
        assert_eq!(nonce, Nonce::for_case("r", "s", "v", Phase::SourceEdit, 1));
        assert_eq!(nonce.as_str().len(), 16);
        assert!(nonce.as_str().bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        for other in [
            Nonce::for_case("q", "s", "v", Phase::SourceEdit, 1),
            Nonce::for_case("r", "t", "v", Phase::SourceEdit, 1),
            Nonce::for_case("r", "s", "w", Phase::SourceEdit, 1),
            Nonce::for_case("r", "s", "v", Phase::DepsEdit, 1),
            Nonce::for_case("r", "s", "v", Phase::SourceEdit, 2),
        ] {
            assert_ne!(nonce, other);
        }
        assert_eq!(Nonce::unedited().fill("a {nonce}."), "a 0000000000000000.");
    }
}
