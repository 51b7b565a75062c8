//! Names of images: which text is one, which registry it means, and which two mean the same.
//!
//! The grammar is that of `github.com/distribution/reference`, which engines read names by:
//! `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.

use super::Digest;

/// The longest tag.
const TAG_LIMIT: usize = 128;
/// The fewest digits of a digest.
const DIGEST_DIGITS: usize = 32;
/// The digits of an image's id.
const ID_DIGITS: usize = 64;
/// Where a name without a host comes from.
const HUB: &str = "docker.io";
/// How to write one, as a hint says it.
pub const NAME_FORM: &str = "write NAME[:TAG][@DIGEST]";

/// That a text is not the name of an image, and why; `None` if it is one.
pub fn not_a_name(text: &str) -> Option<String> {
    wrong(text).map(|why| format!("`{text}` is not the name of an image: {why}"))
}

fn wrong(text: &str) -> Option<&'static str> {
    let parts = Parts::of(text);
    let has_capitals = parts.path.chars().any(|c| c.is_ascii_uppercase());
    if is_id(text) {
        Some("64 hexadecimal digits are an id")
    } else if !parts.host.is_none_or(is_host) {
        Some("its host is none")
    } else if has_capitals {
        Some("names of images are in lower case")
    } else if !parts.path.split('/').all(is_component) {
        Some("a part of it is not made of letters and digits, joined by `.`, `_`, `__` or `-`")
    } else if !parts.tag.is_none_or(is_tag) {
        Some("its tag is not made of letters, digits, `_`, `.` and `-`")
    } else if !parts.digest.is_none_or(is_digest) {
        Some("its digest is not an algorithm, a colon and hexadecimal digits")
    } else {
        None
    }
}

/// The registry that an image comes from.
pub fn registry(name: &str) -> &str {
    split(name).0.unwrap_or(HUB)
}

/// Whether two names mean the same image.
pub fn same_image(one: &str, other: &str) -> bool {
    complete(one) == complete(other)
}

/// The name without the digest that pins it: `alpine:3.21@sha256:…` is an `alpine:3.21`.
pub fn unpinned(name: &str) -> &str {
    name.split_once('@').map_or(name, |(name, _digest)| name)
}

/// A part of a path: lower-case letters and digits, in groups that are joined by `.`, `_`, `__` or any number of `-`.
pub fn is_component(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_joint = |joint: &str| matches!(joint, "." | "_" | "__") || joint.bytes().all(|byte| byte == b'-');
    text.starts_with(is_word) && text.ends_with(is_word) && text.split(is_word).all(is_joint)
}

/// A tag: a name for a manifest that can be moved.
pub fn is_tag(text: &str) -> bool {
    (1..=TAG_LIMIT).contains(&text.len()) && !text.starts_with(['.', '-']) && is_plain(text, "._-")
}

/// The parts of a name, as far as their separators tell.
struct Parts<'a> {
    host: Option<&'a str>,
    path: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (text, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let (host, rest) = split(text);
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        Self { host, path, tag, digest }
    }
}

/// The registry that a name of an image names, and the rest of it.
fn split(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
        _ => (None, name),
    }
}

/// A name as an engine completes it: `golang:1.21` is `docker.io/library/golang:1.21`, and no tag is `latest`.
fn complete(name: &str) -> String {
    let (host, rest) = split(name);
    let host = host.filter(|host| *host != "index.docker.io").unwrap_or(HUB);
    let library = if host == HUB && !rest.contains('/') { "library/" } else { "" };
    let tag = if rest.contains([':', '@']) { "" } else { ":latest" };
    format!("{host}/{library}{rest}{tag}")
}

fn is_plain(text: &str, more: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

/// A name or an address of a machine, with a port or without.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (text, None),
    };
    let is_label = |label: &str| is_plain(label, "-") && !label.starts_with('-') && !label.ends_with('-');
    let is_address = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    (is_address || name.split('.').all(is_label))
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A digest of an algorithm that is known here, or one of a form that others have.
fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, digits)| match algorithm {
        "sha256" | "sha512" => text.parse::<Digest>().is_ok(),
        _ => {
            is_plain(algorithm, "+._-")
                && digits.len() >= DIGEST_DIGITS
                && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        }
    })
}

/// What engines take for the id of an image.
fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_are_told_from_other_text() {
        let digest = format!("base:1@sha256:{}", "a".repeat(64));
        for name in [
            "base",
            "base:1",
            "a/b__c/d-e:V1.2_3",
            "mirror.example:5000/a:1",
            "Mirror.Example/a",
            "localhost/a",
            "[::1]:5000/a",
            &digest,
        ] {
            assert_eq!(wrong(name), None, "{name}");
        }
        let part = "a part of it is not made of letters and digits, joined by `.`, `_`, `__` or `-`";
        let tag = "its tag is not made of letters, digits, `_`, `.` and `-`";
        let long = format!("a:{}", "1".repeat(129));
        let (id, short) = ("a".repeat(64), format!("a@sha256:{}", "a".repeat(32)));
        for (text, said) in [
            ("", part),
            ("a//b", part),
            ("/a", part),
            ("a b", part),
            ("-a", part),
            ("a/", part),
            ("a___b", part),
            ("A", "names of images are in lower case"),
            ("Alpine:3.21", "names of images are in lower case"),
            ("mirror.example/A", "names of images are in lower case"),
            ("a:", tag),
            ("a:-1", tag),
            ("a:1:2", tag),
            (&long, tag),
            (&id, "64 hexadecimal digits are an id"),
            (&short, "its digest is not an algorithm, a colon and hexadecimal digits"),
            ("a@sha256:1", "its digest is not an algorithm, a colon and hexadecimal digits"),
            ("y@@", "its digest is not an algorithm, a colon and hexadecimal digits"),
            ("-a.b/c", "its host is none"),
            ("a.b:x/c", "its host is none"),
        ] {
            assert_eq!(wrong(text), Some(said), "{text}");
        }
    }

    #[test]
    fn names_are_compared_as_engines_complete_them() {
        for (one, other, same) in [
            ("golang:1.21-alpine", "docker.io/library/golang:1.21-alpine", true),
            ("index.docker.io/library/a", "a:latest", true),
            ("me/a:1", "docker.io/me/a:1", true),
            ("me/a", "a", false),
            ("mirror.example:5000/library/a", "a", false),
            ("a:1", "a:2", false),
        ] {
            assert_eq!(same_image(one, other), same, "{one} {other}");
        }
    }

    #[test]
    fn a_digest_pins_what_the_rest_of_the_name_says() {
        assert_eq!(unpinned("alpine:3.21@sha256:0"), "alpine:3.21");
        assert_eq!(unpinned("alpine:3.21"), "alpine:3.21");
    }
}
