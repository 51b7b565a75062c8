//! Parts of content, as headers write them: what of a blob is wanted, and where a piece of an upload belongs.

use std::ops::Range;

/// What a `Range` header asks of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All: there is no header, or one that may be passed over (several ranges, another unit, no range at all).
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that are not there.
    Nothing,
}

/// Reads `bytes=first-last`, `bytes=first-` or `bytes=-length` for a blob of `size` bytes.
pub(super) fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let parts =
        header.and_then(|text| text.trim().strip_prefix("bytes=")).and_then(|text| text.split_once('-'));
    let Some((first, last)) = parts else { return Wanted::Whole };
    let range = match (first.trim(), last.trim()) {
        ("", length) => number(length).map(|length| size.saturating_sub(length)..size),
        (first, "") => number(first).map(|first| first..size),
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Some(first..last.saturating_add(1).min(size)),
            _ => None,
        },
    };
    match range {
        None => Wanted::Whole,
        Some(range) if range.is_empty() => Wanted::Nothing,
        Some(range) => Wanted::Part(range),
    }
}

/// Reads the `Content-Range` of a piece: `first-last`, with or without a unit before and a total behind.
pub(super) fn piece(header: &str) -> Option<Range<u64>> {
    let text = header.trim();
    let text = text.strip_prefix("bytes ").unwrap_or(text);
    let (first, last) = text.split('/').next()?.split_once('-')?;
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    (first <= last).then_some(first..last.checked_add(1)?)
}

/// Digits and nothing else: no sign, no blank.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive_and_end_with_the_blob() {
        for (header, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-4", Wanted::Part(2..5)),
            ("bytes=7-", Wanted::Part(7..10)),
            ("bytes=7-99", Wanted::Part(7..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-99", Wanted::Part(0..10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=10-12", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=4-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-0"), 0), Wanted::Nothing);
        assert_eq!(wanted(Some(&format!("bytes=1-{}", u64::MAX)), 10), Wanted::Part(1..10));
    }

    #[test]
    fn a_piece_has_a_first_and_a_last_byte() {
        for (header, expected) in [
            ("0-9", Some(0..10)),
            ("bytes 5-5/20", Some(5..6)),
            ("bytes 5-5/*", Some(5..6)),
            ("9-5", None),
            ("5", None),
            ("a-b", None),
            ("-1-5", None),
        ] {
            assert_eq!(piece(header), expected, "{header}");
        }
        assert_eq!(piece(&format!("0-{}", u64::MAX)), None);
    }
}
