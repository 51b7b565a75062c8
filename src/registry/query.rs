//! The parts of an address: path and query, with their percent signs undone.

/// The pairs of a query, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key, true), decoded(value, true))
        });
        Self(pairs.collect())
    }

    /// The first value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Undoes percent signs; one without two digits stays as it is, and what is then no UTF-8 is no valid name either.
pub(super) fn decoded(text: &str, plus_is_space: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) if digit(*high).is_some() && digit(*low).is_some() => {
                bytes.push(digit(*high).unwrap_or(0) << 4 | digit(*low).unwrap_or(0));
                rest = after;
            }
            (b'+', _) if plus_is_space => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_undone_and_broken_ones_stay() {
        let query = Query::parse("digest=sha256%3Aab&n=3&&last&type=a+b%2fc&bad=%zz%");
        assert_eq!(query.get("digest"), Some("sha256:ab"));
        assert_eq!(query.get("last"), Some(""));
        assert_eq!(query.get("type"), Some("a b/c"));
        assert_eq!(query.get("bad"), Some("%zz%"));
        assert_eq!(query.get("none"), None);
        assert_eq!(decoded("a+b%", false), "a+b%");
    }
}
