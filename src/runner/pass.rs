//! What the builds of one variant in one round share: the copy of the context, the Dockerfile that is built, the edits.
//! Leaves building and proving to `round`.

use super::cache::one_line;
use super::plan::Planned;
use super::{Given, Observer, Runner, naming};
use crate::context::{Copy, Ignored, Patterns};
use crate::engine::{Engine, Redactor};
use crate::error::{Error, Result, files};
use crate::results::{Builder, Case, Phase};
use crate::scenario::{Nonce, Scenario, Variant};
use std::collections::BTreeSet;
use tempfile::TempDir;

/// What the builds of one variant in one round share.
pub(super) struct Pass<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) variant: &'a Variant,
    pub(super) builder: Builder,
    pub(super) target: usize,
    pub(super) copy: Copy,
    pub(super) dockerfile_dir: TempDir,
    pub(super) dockerfile: String,
    pub(super) namespace: String,
    pub(super) ignored: Option<Patterns>,
    pub(super) commands: BTreeSet<String>,
    /// What the builds may read.
    pub(super) given: Given,
    /// Blots that out of what is kept.
    pub(super) redactor: Redactor,
}

impl<'a> Pass<'a> {
    /// Copies the context and puts the Dockerfile beside it, with the names of mapped bases in it.
    ///
    /// # Errors
    /// An input error where the files of the scenario are no longer what they were when they were checked.
    pub(super) fn prepare<E: Engine, O: Observer>(
        runner: &Runner<'_, E, O>,
        scenario: &'a Scenario,
        variant: &'a Variant,
        builder: Builder,
        round: u32,
    ) -> Result<Self> {
        let work = naming::work_folder(&runner.settings.state, &runner.run.id);
        let ignored = Ignored::by(builder, variant, &scenario.context)?;
        let copy = Copy::of(scenario, ignored.as_ref().map(|ignored| &ignored.patterns), &work)?;
        let dockerfile_dir = tempfile::tempdir_in(&work).map_err(|cause| {
            Error::surroundings(format!("cannot create a folder below {}", work.display())).because(cause)
        })?;
        let name = variant.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let text = variant.dockerfile.rewrite(&runner.bases.rewrites());
        files::write(&dockerfile_dir.path().join(&name), text)?;
        let beside = format!("{name}.dockerignore");
        let own =
            |ignored: &&Ignored| ignored.file.file_name().is_some_and(|n| n.to_string_lossy() == beside);
        if let Some(ignored) = ignored.as_ref().filter(own) {
            files::write(&dockerfile_dir.path().join(&beside), &ignored.text)?;
        }
        let given = runner.settings.secrets.of(scenario, variant);
        let redactor = runner.engine.redactor(&given.secrets)?;
        let target = variant.dockerfile.target(variant.target.as_deref())?;
        let case = case(scenario, variant, builder, Phase::Cold);
        Ok(Self {
            scenario,
            variant,
            builder,
            target,
            copy,
            dockerfile_dir,
            dockerfile: name,
            namespace: naming::namespace(&runner.run.id, &case, round),
            ignored: ignored.map(|ignored| ignored.patterns),
            commands: commands(variant, target, builder),
            given,
            redactor,
        })
    }

    /// The base of the final stage; `None` if it stands on nothing.
    pub(super) fn base(&self) -> Option<&str> {
        self.variant.dockerfile.final_base(self.target)
    }

    /// The case of a phase.
    pub(super) fn case(&self, phase: Phase) -> Case {
        case(self.scenario, self.variant, self.builder, phase)
    }

    /// Makes the context that the phase claims: unedited, or with that edit alone.
    pub(super) fn edit(&self, run: &str, planned: &Planned) -> Result<(Nonce, BTreeSet<String>)> {
        let Some(edit) = self.scenario.edit(planned.case.phase) else {
            return Ok((Nonce::unedited(), BTreeSet::new()));
        };
        self.copy.reset(self.scenario)?;
        let case = &planned.case;
        let nonce = Nonce::for_case(run, &case.scenario, &case.variant, case.phase, planned.round);
        let edited = self.copy.apply(edit, &nonce)?;
        Ok((nonce, edited))
    }
}

pub(super) fn case(scenario: &Scenario, variant: &Variant, builder: Builder, phase: Phase) -> Case {
    Case { scenario: scenario.name.clone(), variant: variant.name.clone(), builder, phase }
}

/// The commands of the RUN steps as the build cache describes them.
fn commands(variant: &Variant, target: usize, builder: Builder) -> BTreeSet<String> {
    let needed = variant.dockerfile.built(target, builder);
    let stages = variant.dockerfile.stages.iter().filter(|s| needed.contains(&s.index));
    stages.flat_map(|s| &s.steps).filter_map(|step| step.command.as_deref()).map(one_line).collect()
}
