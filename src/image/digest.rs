//! The name of content: an algorithm and the hash of the bytes.

use crate::error::{Error, Result};
use sha2::Digest as _;
use std::fmt;
use std::str::FromStr;

/// The algorithms that content may be named with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// What every engine uses.
    Sha256,
    /// The other one that the specification registers.
    Sha512,
}

impl Algorithm {
    /// Its name in a digest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// `algorithm:hex`, known to be well-formed: it can be part of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    hex: String,
}

impl Digest {
    /// The SHA-256 digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(content);
        hasher.digest()
    }

    /// How it was made.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hash in lower-case hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::input(format!("`{text}` is no digest: {what}"))
                .hint("write `sha256:` and 64 hexadecimal digits in lower case")
        };
        let (name, hex) = text.split_once(':').ok_or_else(|| wrong("it has no colon"))?;
        let algorithm = [Algorithm::Sha256, Algorithm::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| wrong("its algorithm is neither sha256 nor sha512"))?;
        if hex.len() != algorithm.digits() {
            return Err(wrong(&format!("it has not {} digits", algorithm.digits())));
        }
        if !hex.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(wrong("its digits are not lower-case hexadecimal ones"));
        }
        Ok(Self { algorithm, hex: hex.to_owned() })
    }
}

/// Takes content piece by piece and ends as its digest.
#[derive(Clone, Debug)]
pub struct Hasher(State);

#[derive(Clone, Debug)]
enum State {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// One that has seen nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    /// What it computes.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            State::Sha256(hash) => hash.update(piece),
            State::Sha512(hash) => hash.update(piece),
        }
    }

    /// The digest of all that was taken.
    pub fn digest(self) -> Digest {
        let algorithm = self.algorithm();
        let hex = match self.0 {
            State::Sha256(hash) => crate::hex::encode(&hash.finalize()),
            State::Sha512(hash) => crate::hex::encode(&hash.finalize()),
        };
        Digest { algorithm, hex }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_nothing_is_known() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), empty);
        assert_eq!(empty.parse::<Digest>().unwrap(), Digest::of(b""));
        let other = Hasher::new(Algorithm::Sha512).digest();
        assert!(other.to_string().starts_with("sha512:cf83e1357eefb8bd"), "{other}");
        assert_eq!(other.to_string().parse::<Digest>().unwrap(), other);
    }

    #[test]
    fn what_is_no_digest_is_refused_with_the_reason() {
        let zeros = "0".repeat(64);
        for (text, said) in [
            ("latest".to_owned(), "it has no colon"),
            (format!("md5:{zeros}"), "its algorithm is neither sha256 nor sha512"),
            (format!("sha512:{zeros}"), "it has not 128 digits"),
            ("sha256:".to_owned(), "it has not 64 digits"),
            (format!("sha256:{}", "A".repeat(64)), "its digits are not lower-case hexadecimal ones"),
            (format!("sha256:../{}", "0".repeat(61)), "its digits are not lower-case hexadecimal ones"),
        ] {
            let error = text.parse::<Digest>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is no digest: {said}\n  hint: write ")), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_digest_that_parses_can_be_a_file_name(text in "(sha256|sha512):.{60,130}|\\PC{0,90}") {
            if let Ok(digest) = text.parse::<Digest>() {
                assert!(digest.hex().bytes().all(|byte| byte.is_ascii_alphanumeric()));
                assert_eq!(digest.to_string(), text);
            }
        }
    }
}
