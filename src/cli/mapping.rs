//! Owns what the command line says of bases: `--base NAME=IMAGE`, names that no scenario uses, and what a plan can know
//! of them without an engine.
//! Leaves to `runner` what the images are.

use crate::error::Result;
use crate::results::Builder;
use crate::runner::bases;
use crate::scenario::{Scenario, same_image};
use std::collections::{BTreeMap, BTreeSet};

/// The value of `--base`.
pub(super) fn parse(text: &str) -> Result<(String, String), String> {
    let (name, image) = text
        .split_once('=')
        .filter(|(name, image)| !name.is_empty() && !image.is_empty())
        .ok_or("write it as NAME=IMAGE, for example golang:1.21-alpine=mirror.example/golang:1.21")?;
    match [name, image].into_iter().find(|name| !is_image_name(name)) {
        Some(wrong) => Err(format!("`{wrong}` is not the name of an image; write NAME[:TAG][@DIGEST]")),
        None => Ok((name.to_owned(), image.to_owned())),
    }
}

/// Whether text has the form `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.
pub(super) fn is_image_name(text: &str) -> bool {
    let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let (path, tag) = match name[slash..].find(':') {
        Some(at) => (&name[..slash + at], Some(&name[slash + at + 1..])),
        None => (name, None),
    };
    let (host, rest) = match path.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
        _ => ("host", path),
    };
    let is_part = |part: &str| {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        part.starts_with(good) && part.ends_with(good) && part.chars().all(|c| good(c) || "._-".contains(c))
    };
    let plain = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let is_digest = |digest: &str| {
        digest.split_once(':').is_some_and(|(kind, hex)| {
            plain(kind, "+._-") && hex.len() >= 32 && hex.chars().all(|c| c.is_ascii_hexdigit())
        })
    };
    plain(host, ".:-[]")
        && rest.split('/').all(is_part)
        && tag.is_none_or(|tag| plain(tag, "._-") && !tag.starts_with(['.', '-']))
        && digest.is_none_or(is_digest)
}

/// The names given to `--base` that no variant of these scenarios uses.
pub(super) fn unused<'a>(
    given: &'a [(String, String)],
    scenarios: &[Scenario],
    builders: &[Builder],
) -> Result<Vec<&'a str>> {
    let used = names(scenarios, builders)?;
    let is_unused = |name: &&str| !used.iter().any(|base| same_image(base, name));
    Ok(given.iter().map(|(name, _)| name.as_str()).filter(is_unused).collect())
}

fn names(scenarios: &[Scenario], builders: &[Builder]) -> Result<BTreeSet<String>> {
    let all = scenarios.iter().map(|scenario| bases::used(scenario, builders)).collect::<Result<Vec<_>>>()?;
    Ok(all.into_iter().flatten().collect())
}

/// The bases of scenarios with what each is mapped to.
pub(super) fn mapped<'a>(
    scenarios: &[Scenario],
    map: &'a BTreeMap<String, String>,
    builders: &[Builder],
) -> Result<Vec<(String, Option<&'a str>)>> {
    let of = |name: String| {
        let used = bases::mapped(map, &name);
        (name, used)
    };
    Ok(names(scenarios, builders)?.into_iter().map(of).collect())
}

/// What a plan says of bases. Which images are stand-ins only the engine knows; that a scenario has some bases mapped
/// and some not is known without it.
pub(super) fn planned(
    scenarios: &[Scenario],
    map: &BTreeMap<String, String>,
    builders: &[Builder],
) -> Result<String> {
    let mut text = String::new();
    for (name, used) in mapped(scenarios, map, builders)? {
        text.push_str(&match used {
            Some(used) => format!("base {name} as {used}\n"),
            None => format!("base {name}\n"),
        });
    }
    for scenario in scenarios {
        let bases = mapped(std::slice::from_ref(scenario), map, builders)?;
        let (some, others): (Vec<_>, Vec<_>) = bases.iter().partition(|(_, used)| used.is_some());
        if let (Some((one, _)), Some((other, _))) = (some.first(), others.first()) {
            text.push_str(&format!(
                "{}: {one} is mapped and {other} is not; if one of the images is a stand-in and another is not, the \
                 run is refused\n",
                scenario.name
            ));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_are_told_from_other_text() {
        let digest = format!("base@sha256:{}", "a".repeat(64));
        for name in ["base", "base:1", "a/b__c/d-e:V1.2_3", "mirror.example:5000/a:1", "localhost/a", &digest]
        {
            assert!(is_image_name(name), "{name}");
        }
        for text in
            ["", "y@@", "y@", "A", "a:", "a:-1", "a//b", "/a", "a b", "a@sha256:1", "-a", "a/", "a:1:2"]
        {
            assert!(!is_image_name(text), "{text}");
        }
    }
}
