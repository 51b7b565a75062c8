//! Resolves every base before the first clock, and checks after every round that each is still the same image.

mod slip;

pub use slip::Use;

use super::platform::same_platform;
use crate::engine::{Engine, Image, STAND_IN_LABEL, STAND_INS};
use crate::error::{Error, Result};
use crate::image::same_image;
use crate::results::{BaseRecord, Builder};
use crate::scenario::{Origin, Scenario, Variant};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// A base as the engine has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// What `run.json` keeps.
    pub record: BaseRecord,
    /// Digests of its unpacked layers, lowest first.
    pub diff_ids: Vec<String>,
    /// Instructions that run in a build that stands on it.
    onbuild: Vec<String>,
    /// How large it is by the engine's own account.
    size_hint: u64,
}

/// All bases of a run, by the name that Dockerfiles use.
#[derive(Clone, Debug, Default)]
pub struct Bases(BTreeMap<String, Base>);

impl Bases {
    /// Resolves the bases of all variants that are to be built, pulling what is not there.
    ///
    /// # Errors
    /// If one cannot be had, or a scenario would mix stand-ins with official images.
    pub async fn resolve(
        engine: &impl Engine,
        scenarios: &[Scenario],
        map: &BTreeMap<String, String>,
        builders: &[Builder],
        platform: Option<&str>,
    ) -> Result<Self> {
        let mut bases = BTreeMap::new();
        for scenario in scenarios {
            for name in used(scenario, builders)? {
                if let Entry::Vacant(place) = bases.entry(name) {
                    let mapped = mapped(map, place.key());
                    let located = |error| located(scenario, place.key(), map, error);
                    let base = resolve(engine, place.key(), mapped, platform, &located).await?;
                    place.insert(base);
                }
            }
            for name in stood_on(scenario, builders)? {
                bases.get(&name).map_or(Ok(()), |base| refuse_triggers(&name, base))?;
            }
        }
        let bases = Self(bases);
        scenarios.iter().try_for_each(|scenario| bases.refuse_a_mixture(scenario, builders))?;
        Ok(bases)
    }

    fn refuse_a_mixture(&self, scenario: &Scenario, builders: &[Builder]) -> Result<()> {
        // What reads a Dockerfile leaves nothing in an image.
        let of_scenario = names(scenario, builders)?;
        let (stand_ins, official): (Vec<_>, Vec<_>) = self
            .0
            .iter()
            .filter(|(name, _)| of_scenario.contains(*name))
            .partition(|(_, b)| b.record.stand_in);
        match (stand_ins.first(), official.first()) {
            (Some((stand_in, _)), Some((real, _))) => Err(Error::input(format!(
                "{}: {stand_in} is a stand-in and {real} is not; their sizes cannot be compared",
                scenario.name
            ))
            .hint("map all bases of the scenario to stand-ins or none: --base or the [bases] table of dbench.toml")),
            _ => Ok(()),
        }
    }

    /// The base of that name.
    pub fn get(&self, name: &str) -> Option<&Base> {
        self.0.get(name)
    }

    /// How large the largest is by the engine's own account: a hint, never a result.
    pub fn largest_hint(&self) -> u64 {
        self.0.values().map(|base| base.size_hint).max().unwrap_or_default()
    }

    /// What `run.json` keeps, sorted by name.
    pub fn records(&self) -> Vec<BaseRecord> {
        self.0.values().map(|base| base.record.clone()).collect()
    }

    /// From the name in a Dockerfile to the name that is built from, for those that are mapped.
    pub fn rewrites(&self) -> BTreeMap<String, String> {
        let mapped =
            self.0.iter().filter_map(|(name, base)| Some((name.clone(), base.record.mapped.clone()?)));
        mapped.collect()
    }

    /// The names of bases that are no longer the image that they were.
    pub async fn changed(&self, engine: &impl Engine) -> Result<Vec<String>> {
        let mut changed = Vec::new();
        for (name, base) in &self.0 {
            let now = engine.image(base.record.mapped.as_ref().unwrap_or(name)).await?;
            if now.is_none_or(|image| image.id != base.record.image) {
                changed.push(name.clone());
            }
        }
        Ok(changed)
    }
}

/// The names of the images that the builds of a scenario use: bases, and what `# syntax=` lets read a Dockerfile.
pub fn used(scenario: &Scenario, builders: &[Builder]) -> Result<BTreeSet<String>> {
    let mut used = names(scenario, builders)?;
    if builders.contains(&Builder::Buildkit) {
        let frontends = scenario.variants.iter().filter_map(|variant| variant.dockerfile.frontend());
        used.extend(frontends.map(str::to_owned));
    }
    Ok(used)
}

/// The names of the bases that the variants of a scenario use with any of these builders.
pub fn names(scenario: &Scenario, builders: &[Builder]) -> Result<BTreeSet<String>> {
    let of_variants = scenario.variants.iter().map(|variant| of_variant(variant, builders));
    Ok(of_variants
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flat_map(BTreeMap::into_values)
        .flatten()
        .collect())
}

/// The names of the bases that a variant uses, by those of the builders that can build it.
pub fn of_variant(variant: &Variant, builders: &[Builder]) -> Result<BTreeMap<Builder, BTreeSet<String>>> {
    let target = variant.dockerfile.target(variant.target.as_deref())?;
    let of = |builder| (builder, variant.dockerfile.bases(target, builder).into_iter().collect());
    Ok(able(variant, builders)?.into_iter().map(of).collect())
}

/// Those of the builders that can build the variant.
fn able(variant: &Variant, builders: &[Builder]) -> Result<Vec<Builder>> {
    let mut able = Vec::new();
    for builder in builders {
        if variant.lacking(*builder)?.is_none() {
            able.push(*builder);
        }
    }
    Ok(able)
}

/// The names of the bases that stages which are built stand on.
fn stood_on(scenario: &Scenario, builders: &[Builder]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for variant in &scenario.variants {
        let file = &variant.dockerfile;
        let target = file.target(variant.target.as_deref())?;
        let built = able(variant, builders)?.into_iter().flat_map(|builder| file.built(target, builder));
        names.extend(built.filter_map(|index| match &file.stages.get(index)?.from {
            Origin::Image(name) => Some(name.clone()),
            Origin::Scratch | Origin::Stage(_) => None,
        }));
    }
    Ok(names)
}

fn refuse_triggers(name: &str, base: &Base) -> Result<()> {
    let Some(first) = base.onbuild.first() else { return Ok(()) };
    Err(Error::input(format!(
        "the base {name} has ONBUILD instructions (`{first}`), whose steps cannot be told from the Dockerfile's own"
    ))
    .hint("build from an image without them, and write them into the Dockerfile"))
}

/// The image that a map has in the place of one.
pub fn mapped<'a>(map: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    map.iter().find(|(from, _)| same_image(from, name)).map(|(_, to)| to.as_str())
}

/// How an image that no registry has is had, if it is one.
pub fn built_by_set_up(used: &str) -> Option<&'static str> {
    used.starts_with(STAND_INS)
        .then_some("`make setup` in a checkout of dbench builds it; no registry has it")
}

/// Why an image cannot be had, at the place that names it first. It may be meant for a stage.
fn located(scenario: &Scenario, name: &str, map: &BTreeMap<String, String>, error: Error) -> Error {
    let Some(first) = Use::first(scenario, name) else { return error };
    match first.slip(map) {
        Some(slip) => slip.because(error.reason()),
        None => first.place(error),
    }
}

/// Why an image cannot be had, and for which base it is wanted.
fn not_had(name: &str, used: &str, error: Error) -> Error {
    if used == name {
        return error;
    }
    let hint = built_by_set_up(used)
        .unwrap_or("see --base and the [bases] table of dbench.toml, which map it there");
    Error::surroundings(format!("{name} is mapped to {used}, which is not there"))
        .because(error.reason())
        .hint(hint)
}

async fn resolve(
    engine: &impl Engine,
    name: &str,
    mapped: Option<&str>,
    platform: Option<&str>,
    located: &impl Fn(Error) -> Error,
) -> Result<Base> {
    let used = mapped.unwrap_or(name);
    let image = match engine.image(used).await? {
        Some(image) => image,
        None => {
            engine.pull(used, platform).await.map_err(|error| located(not_had(name, used, error)))?;
            engine.image(used).await?.ok_or_else(|| {
                let error = Error::surroundings(format!("the base {used} was pulled and is not there"));
                located(error.hint("look at the engine's log; its disk may be full"))
            })?
        }
    };
    if let Some(wanted) = platform.filter(|wanted| !same_platform(wanted, &image.platform)) {
        let error = Error::surroundings(format!(
            "the base {used} is there for {}, and the run is to build for {wanted}",
            image.platform
        ));
        let map = format!("map the base to an image for {wanted}: --base");
        return Err(located(error.hint(match image.labels.contains_key(STAND_IN_LABEL) {
            true => format!("stand-ins are built for the engine's own platform alone; {map}"),
            false => format!("`docker pull --platform {wanted} {used}` replaces it; or {map}"),
        })));
    }
    Ok(base(name, mapped, image))
}

fn base(name: &str, mapped: Option<&str>, image: Image) -> Base {
    let stand_in = image.labels.contains_key(STAND_IN_LABEL);
    Base {
        record: BaseRecord {
            name: name.to_owned(),
            mapped: mapped.map(str::to_owned),
            stand_in,
            image: image.id,
            digest: image.digest,
        },
        diff_ids: image.diff_ids,
        onbuild: image.onbuild,
        size_hint: image.size_hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::FakeEngine;
    use crate::error::Exit;
    use crate::runner::tests::{SCENARIO, files_of};

    /// What is said of a second variant with this Dockerfile, where the engine has `base` alone.
    async fn said_of(multi: &str) -> Error {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("file");
        files_of(&dir, SCENARIO, ["FROM base\nCOPY . /\n", multi]);
        let scenarios = [Scenario::load(&dir).unwrap()];
        let (engine, map) = (FakeEngine::default(), BTreeMap::new());
        let bases = Bases::resolve(&engine, &scenarios, &map, &[Builder::Buildkit], None).await;
        bases.unwrap_err()
    }

    #[tokio::test]
    async fn a_name_that_is_nearly_a_stage_s_is_asked_about_if_it_cannot_be_had() {
        let of = |from: &str| {
            format!("FROM base AS builder\nCOPY . /\nFROM base\nCOPY --from={from} /edition /edition\n")
        };
        let said = said_of(&of("buildr")).await;
        let said = said.to_string();
        assert!(
            said.contains(
                "multi.Dockerfile:4:13: no stage is called `buildr`, so it is taken for an image\n"
            ),
            "{said}"
        );
        assert!(said.ends_with("\n  hint: did you mean the stage `builder`?"), "{said}");
        let said = said_of("FROM base AS builder\nCOPY . /\nFROM bulider\nCOPY . /\n").await;
        assert_eq!(said.exit(), Exit::Input);
        assert!(said.to_string().contains("multi.Dockerfile:3:6: no stage is called `bulider`"), "{said}");
        // A stage that comes later cannot be meant.
        let below = "FROM buildr AS first\nCOPY . /\nFROM first AS builder\nCOPY . /\n";
        for other in [of("alpine:3.21"), of("builders-image"), below.to_owned()] {
            let said = said_of(&other).await;
            assert_eq!(said.exit(), Exit::Surroundings);
            let said = said.to_string();
            assert!(said.contains("multi.Dockerfile:") && !said.contains("did you mean"), "{said}");
        }
    }
}
