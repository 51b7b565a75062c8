//! Names of images that may be meant for a stage: `COPY --from=buildr` is an image to every builder.

use super::mapped;
use crate::error::Error;
use crate::results::Builder;
use crate::scenario::{Scenario, Variant};
use std::collections::BTreeMap;

/// A name of so many slips of the fingers may mean another.
const SLIPS: usize = 2;

/// Where a scenario names an image first.
#[derive(Clone, Copy, Debug)]
pub struct Use<'a> {
    variant: &'a Variant,
    name: &'a str,
    /// Of the name, in the bytes of the Dockerfile.
    offset: usize,
}

impl<'a> Use<'a> {
    /// The first use of a name by what is built of a scenario.
    pub fn first(scenario: &'a Scenario, name: &'a str) -> Option<Self> {
        scenario.variants.iter().find_map(|variant| {
            let file = &variant.dockerfile;
            let target = file.target(variant.target.as_deref()).ok()?;
            let uses = |by: &Builder| file.bases(target, *by).contains(name) || file.frontend() == Some(name);
            let offset = Builder::ALL.iter().any(uses).then(|| file.first_place(name)).flatten()?;
            Some(Self { variant, name, offset })
        })
    }

    /// The error with this place.
    pub fn place(&self, error: Error) -> Error {
        error.at_offset(&self.variant.path, &self.variant.dockerfile.text, self.offset)
    }

    /// The stage above it that is called nearly so.
    fn stage(&self) -> Option<&'a str> {
        let file = &self.variant.dockerfile;
        let stages = file.stages_above(self.offset).filter_map(|stage| stage.name.as_deref());
        let distance = |stage: &str| strsim::osa_distance(stage, self.name);
        stages
            .min_by_key(|stage| distance(stage))
            .filter(|stage| distance(stage) <= SLIPS && 4 * distance(stage) < stage.chars().count())
    }

    /// That the name may be meant for a stage, as an error at its place. One that is mapped is meant for an image.
    pub fn slip(&self, map: &BTreeMap<String, String>) -> Option<Error> {
        let (name, stage) = (self.name, self.stage().filter(|_| mapped(map, self.name).is_none())?);
        let error = Error::input(format!("no stage is called `{name}`, so it is taken for an image"));
        Some(self.place(error).hint(format!("did you mean the stage `{stage}`?")))
    }
}
