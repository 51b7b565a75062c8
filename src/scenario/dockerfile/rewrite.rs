//! Image names replaced at their exact place; every other byte stays.

use super::Dockerfile;
use std::collections::BTreeMap;

/// The registry that a name of an image names, and the rest of it.
fn split(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
        _ => ("docker.io", name),
    }
}

/// The registry that an image comes from.
pub fn registry(name: &str) -> &str {
    split(name).0
}

/// A name as an engine completes it: `golang:1.21` is `docker.io/library/golang:1.21`, and no tag is `latest`.
fn complete(name: &str) -> String {
    let (host, rest) = split(name);
    let host = if host == "index.docker.io" { "docker.io" } else { host };
    let library = if host == "docker.io" && !rest.contains('/') { "library/" } else { "" };
    let tag = if rest.contains([':', '@']) { "" } else { ":latest" };
    format!("{host}/{library}{rest}{tag}")
}

/// Whether two names mean the same image.
pub fn same_image(one: &str, other: &str) -> bool {
    complete(one) == complete(other)
}

impl Dockerfile {
    /// The text with every image that `map` names replaced. A name that maps to itself leaves its bytes as they are.
    pub fn rewrite(&self, map: &BTreeMap<String, String>) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut done = 0;
        for image in &self.names {
            let new = map
                .get(&image.name)
                .or_else(|| map.iter().find(|(name, _)| same_image(name, &image.name)).map(|(_, new)| new));
            if let Some(new) = new.filter(|new| **new != image.name) {
                out.push_str(&self.text[done..image.span.start]);
                out.push_str(new);
                done = image.span.end;
            }
        }
        out.push_str(&self.text[done..]);
        out
    }
}
