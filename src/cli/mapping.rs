//! Owns what the command line says of bases: `--base NAME=IMAGE`, names that no scenario uses, and what a plan can know
//! of them without an engine.
//! Leaves to `runner` what the images are.

use crate::error::{Error, Result};
use crate::image::{NAME_FORM, not_a_name, same_image};
use crate::results::Builder;
use crate::runner::bases::{self, Use};
use crate::scenario::Scenario;
use std::collections::{BTreeMap, BTreeSet};

/// The value of `--base`.
pub(super) fn parse(text: &str) -> Result<(String, String), String> {
    let (name, image) = text
        .split_once('=')
        .filter(|(name, image)| !name.is_empty() && !image.is_empty())
        .ok_or("write it as NAME=IMAGE, for example golang:1.21-alpine=mirror.example/golang:1.21")?;
    match [name, image].into_iter().find_map(not_a_name) {
        Some(wrong) => Err(format!("{wrong}; {NAME_FORM}")),
        None => Ok((name.to_owned(), image.to_owned())),
    }
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

/// Names of images that may be meant for a stage: whether there is such an image the engine knows.
pub(super) fn slips(
    scenarios: &[Scenario],
    map: &BTreeMap<String, String>,
    builders: &[Builder],
) -> Result<Vec<Error>> {
    let mut slips = Vec::new();
    for scenario in scenarios {
        let used = bases::used(scenario, builders)?;
        slips.extend(used.iter().filter_map(|name| Use::first(scenario, name)?.slip(map)));
    }
    Ok(slips)
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
        // What reads a Dockerfile is no base, and may be what it is.
        let bases = bases::names(scenario, builders)?;
        let (some, others): (Vec<_>, Vec<_>) =
            bases.iter().partition(|name| bases::mapped(map, name).is_some());
        if let (Some(one), Some(other)) = (some.first(), others.first()) {
            text.push_str(&format!(
                "{}: {one} is mapped and {other} is not; if one of the images is a stand-in and another is not, the \
                 run is refused\n",
                scenario.name
            ));
        }
    }
    Ok(text)
}
