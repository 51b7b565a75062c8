//! Measures what an image costs to push, to pull and to update, and from an empty store to its first right answer: one
//! variant in one round, after its builds and outside of their clocks.

mod carried;
mod open;
mod own;
mod proof;
mod rows;
mod site;

pub use carried::{Carried, Moved};
pub use open::Choice;
pub(super) use open::{Opened, open};
pub use proof::{Packed, Store};
pub use site::{Pulled, Pushed, Site, Wanted, Way};

use super::journal::Entry;
use super::pass::Pass;
use super::probe::{Subject, probe};
use super::record::{Of, Verdict};
use super::{Observer, Runner, naming};
use crate::engine::Engine;
use crate::error::Result;
use crate::results::{Builder, Case, Measure, Metric, Phase, Sample, nanoseconds};
use crate::scenario::Nonce;
use rows::{PUSH, Pull, SKIPPED, UPDATE_PUSH};
use std::collections::BTreeMap;

/// Why nothing is started where dbench pulls itself.
const NO_NODE: &str = "without a node there is no engine to start the image";

/// An image that a build made.
pub(super) struct Image {
    pub(super) id: String,
    /// Why its build does not count, if it does not.
    pub(super) unproven: Option<String>,
}

/// Images of one variant in one round, by the phase that made them.
pub(super) type Images = BTreeMap<Phase, Image>;

impl Image {
    /// A transfer of the image does not count if its build does not.
    fn judge(&self, verdict: &mut Verdict) {
        if let (Some(reason), Verdict::Valid) = (&self.unproven, &*verdict) {
            *verdict = Verdict::Invalid(format!("the build of the image does not count: {reason}"));
        }
    }
}

/// One variant in one round on its way through the registry.
struct Visit<'v, 'a, E, O> {
    runner: &'v mut Runner<'a, E, O>,
    site: &'v mut Site,
    pass: &'v Pass<'v>,
    round: u32,
}

/// Measures the transfers of a variant, if any are measured.
pub(super) async fn measure<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    pass: &Pass<'_>,
    images: &Images,
    round: u32,
) -> Result<()> {
    let Some(cold) = images.get(&Phase::Cold) else { return Ok(()) };
    if let Some(reason) = runner.no_transfers.clone() {
        return skip(runner, pass, images, round, &reason);
    }
    let Some(mut site) = runner.site.take() else { return Ok(()) };
    let by = if pass.builder == Builder::Buildkit { String::new() } else { format!(" ({})", pass.builder) };
    runner.observer.transfers(&format!("{}/{}{by}", pass.scenario.name, pass.variant.name), round);
    let mut visit = Visit { runner, site: &mut site, pass, round };
    let measured = visit.all(&cold.id, images).await;
    runner.site = Some(site);
    measured
}

/// The rows of transfers that there is no place for: one a transfer, with the reason.
fn skip<E: Engine, O: Observer>(
    runner: &mut Runner<'_, E, O>,
    pass: &Pass<'_>,
    images: &Images,
    round: u32,
    reason: &str,
) -> Result<()> {
    let verdict = Verdict::Skipped(reason.to_owned());
    for (phase, metrics) in SKIPPED {
        if images.contains_key(&phase) {
            let case = pass.case(phase);
            let of = Of::new(&case, round, None, &verdict);
            metrics.iter().try_for_each(|metric| runner.writer.sample(&of.sample(*metric, None)))?;
        }
    }
    Ok(())
}

impl<E: Engine, O: Observer> Visit<'_, '_, E, O> {
    /// The cold image, then each edit on top of it. The registry holds the cold image and what is pushed right then,
    /// nothing else; the node holds the cold image, and in the end its base.
    async fn all(&mut self, cold: &str, images: &Images) -> Result<()> {
        self.site.registry.clear().await?;
        let Some(packed) = self.push_cold(cold).await? else { return Ok(()) };
        let held = self.pull_cold(&packed).await?;
        if let Some(image) = images.get(&Phase::SourceEdit) {
            if !held {
                self.hold(&packed).await?;
            }
            self.update(image, Phase::SourceEdit, &packed).await?;
        }
        let held = self.pull_base_warm(&packed).await?;
        if let Some(image) = images.get(&Phase::DepsEdit) {
            if !held {
                self.hold(&packed).await?;
            }
            self.update(image, Phase::DepsEdit, &packed).await?;
        }
        self.site.registry.clear().await
    }

    async fn push_cold(&mut self, image: &str) -> Result<Option<Packed>> {
        let pushed = self.push(image, &self.name(Phase::Cold), None).await?;
        self.write_push(Phase::Cold, &pushed, "push", PUSH)?;
        if let Some(packed) = &pushed.packed {
            let base = self.layers_of_base(packed);
            let case = self.case(Phase::Cold);
            let of = Of::new(&case, self.round, Some(pushed.started), &Verdict::Valid);
            self.write(&of.packed(packed, base))?;
        }
        Ok(pushed.packed)
    }

    /// How many of the layers are the base's; `None` if it is not below the image.
    fn layers_of_base(&self, packed: &Packed) -> Option<usize> {
        let Some(name) = self.pass.base() else { return Some(0) };
        let base = self.runner.bases.get(name)?;
        packed.diff_ids.starts_with(&base.diff_ids).then_some(base.diff_ids.len())
    }

    /// A pull into an empty store. Whether the node holds the image now.
    async fn pull_cold(&mut self, packed: &Packed) -> Result<bool> {
        if let Err(reason) = self.site.empty().await {
            self.write_no_pull(Phase::Cold, Pull::Cold, reason)?;
            return Ok(false);
        }
        let pulled = self.pull(packed, &self.name(Phase::Cold), None).await?;
        self.write_pull(Phase::Cold, Pull::Cold, packed, &pulled)?;
        if self.runner.settings.measures(Measure::Start) {
            match &self.site.node {
                None => self.write_no_start(&pulled)?,
                Some(_) if pulled.verdict == Verdict::Valid => self.start(&pulled).await?,
                Some(_) => {}
            }
        }
        Ok(!matches!(pulled.verdict, Verdict::Failed(_)))
    }

    /// A pull into a store that has the base alone. Whether the node holds the image now.
    async fn pull_base_warm(&mut self, packed: &Packed) -> Result<bool> {
        let image =
            self.pass.base().and_then(|name| self.runner.bases.get(name)).map(|b| b.record.image.clone());
        let Some(image) = image else { return Ok(false) };
        let name = naming::base(&self.runner.run.id);
        let Some(base) = self.push(&image, &name, None).await?.packed else {
            self.write_no_pull(Phase::Cold, Pull::BaseWarm, "the base could not be pushed".to_owned())?;
            return Ok(false);
        };
        if let Err(reason) = self.site.empty().await {
            self.write_no_pull(Phase::Cold, Pull::BaseWarm, reason)?;
            return Ok(false);
        }
        let pulled = self.pull(&base, &name, None).await?;
        self.write_pull(Phase::Cold, Pull::Base, &base, &pulled)?;
        let pulled = self.pull(packed, &self.name(Phase::Cold), Some(&base)).await?;
        self.write_pull(Phase::Cold, Pull::BaseWarm, packed, &pulled)?;
        Ok(!matches!(pulled.verdict, Verdict::Failed(_)))
    }

    /// Makes the node hold the image, unmeasured; what goes wrong shows in the proof of what is measured then.
    async fn hold(&mut self, packed: &Packed) -> Result<()> {
        if self.site.empty().await.is_ok() {
            self.pull(packed, &self.name(Phase::Cold), None).await?;
        }
        Ok(())
    }

    /// Push and pull of an image after an edit, where registry and node hold the cold one. Of a build that does not count
    /// nobody knows whether the edit alone made the difference, so what moved does not count either.
    async fn update(&mut self, image: &Image, phase: Phase, cold: &Packed) -> Result<()> {
        let name = self.name(phase);
        let mut pushed = self.push(&image.id, &name, Some(cold)).await?;
        image.judge(&mut pushed.verdict);
        self.write_push(phase, &pushed, "update-push", UPDATE_PUSH)?;
        let Some(packed) = &pushed.packed else { return Ok(()) };
        let mut pulled = self.pull(packed, &name, Some(cold)).await?;
        image.judge(&mut pulled.verdict);
        let kind = if phase == Phase::SourceEdit { Pull::SourceEdit } else { Pull::DepsEdit };
        self.write_pull(phase, kind, packed, &pulled)?;
        self.site.registry.forget(&name).await
    }

    /// Pushes under a name that is journalled before and removed after.
    async fn push(&mut self, image: &str, name: &str, present: Option<&Packed>) -> Result<Pushed> {
        let tag = self.site.name_for_engine(name);
        self.runner.observer.step(&format!("pushing {name}"));
        self.runner.journal.write(&Entry::Tag { tag: tag.clone() })?;
        let pushed = self.site.push(self.runner.engine, image, name, present).await?;
        self.runner.engine.remove_image(&tag).await?;
        Ok(pushed)
    }

    async fn pull(&mut self, packed: &Packed, name: &str, present: Option<&Packed>) -> Result<Pulled> {
        self.runner.observer.step(&format!("pulling {name}"));
        self.site.pull(&Wanted { packed, name, present }).await
    }

    /// From the pull to the first right answer of a container on the node.
    async fn start(&mut self, pulled: &Pulled) -> Result<()> {
        let Some(node) = &self.site.node else { return Ok(()) };
        let case = self.case(Phase::Cold);
        let subject = Subject {
            image: &self.site.name_for_node(&self.name(Phase::Cold)),
            container: &naming::container(&self.runner.run.id, &case, self.round),
            labels: &naming::labels(&self.runner.run.id),
            probe: &self.pass.variant.probe,
            nonce: &Nonce::unedited(),
            deadline: self.runner.settings.deadlines.probe,
            redactor: &self.pass.redactor,
        };
        // A node is not the user's engine: one that is gone costs this row, not the run.
        let answer = match probe(node.engine(), &mut self.runner.journal, &subject).await {
            Ok(answer) => answer.map_err(|wrong| wrong.what),
            Err(error) => Err(format!("the node's engine is gone: {}", error.reason())),
        };
        let verdict = match &answer {
            Ok(_) => Verdict::Valid,
            Err(reason) => Verdict::Failed(format!("probe on the node: {reason}")),
        };
        let of = Of::new(&case, self.round, Some(pulled.started), &verdict)
            .on(self.site.kind())
            .over(answer.as_ref().map_or("", |start| start.link).max(self.site.node_way.link()));
        let ready = answer.ok().map(|start| nanoseconds(pulled.wall + start.after));
        let row = of.sample(Metric::PullReady, ready);
        self.write(&[row])
    }

    /// Without a node there is no engine that could start what was pulled.
    fn write_no_start(&mut self, pulled: &Pulled) -> Result<()> {
        let (case, verdict) = (self.case(Phase::Cold), Verdict::Skipped(NO_NODE.to_owned()));
        let of = Of::new(&case, self.round, Some(pulled.started), &verdict).on(self.site.kind());
        self.write(&[of.sample(Metric::PullReady, None)])
    }

    fn case(&self, phase: Phase) -> Case {
        self.pass.case(phase)
    }

    /// The name of an image in the registry, the registry's own address apart.
    fn name(&self, phase: Phase) -> String {
        naming::image(&self.runner.run.id, &self.case(phase), self.round)
    }

    fn write_push(
        &mut self,
        phase: Phase,
        pushed: &Pushed,
        transfer: &str,
        metrics: [Metric; 3],
    ) -> Result<()> {
        let case = self.case(phase);
        let of = Of::new(&case, self.round, Some(pushed.started), &pushed.verdict)
            .over(self.site.engine_way.link());
        self.write(&of.push(pushed, metrics))?;
        let Some(packed) = &pushed.packed else { return Ok(()) };
        let rows = of.layers(transfer, packed, (&pushed.carried, pushed.origin_ns), &self.runner.contents);
        rows.iter().try_for_each(|row| self.runner.writer.transfer(row))
    }

    fn write_pull(&mut self, phase: Phase, kind: Pull, packed: &Packed, pulled: &Pulled) -> Result<()> {
        let case = self.case(phase);
        let of = Of::new(&case, self.round, Some(pulled.started), &pulled.verdict)
            .on(self.site.kind())
            .over(self.site.node_way.link());
        self.write(&of.pull(pulled, kind))?;
        let rows = of.layers(kind.name(), packed, (&pulled.carried, pulled.origin_ns), &self.runner.contents);
        rows.iter().try_for_each(|row| self.runner.writer.transfer(row))
    }

    fn write_no_pull(&mut self, phase: Phase, kind: Pull, reason: String) -> Result<()> {
        let (case, verdict) = (self.case(phase), Verdict::Failed(reason));
        let of = Of::new(&case, self.round, None, &verdict).on(self.site.kind());
        self.write(&[of.no_pull(kind)])
    }

    fn write(&mut self, samples: &[Sample]) -> Result<()> {
        samples.iter().try_for_each(|sample| self.runner.writer.sample(sample))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_of_an_unproven_build_does_not_count_and_keeps_a_failure() {
        let unproven = Image { id: "a".into(), unproven: Some("step 3 ran".into()) };
        let proven = Image { id: "a".into(), unproven: None };
        let judged = |image: &Image, mut verdict| {
            image.judge(&mut verdict);
            verdict
        };
        let reason = "the build of the image does not count: step 3 ran";
        assert_eq!(judged(&unproven, Verdict::Valid), Verdict::Invalid(reason.into()));
        assert_eq!(judged(&proven, Verdict::Valid), Verdict::Valid);
        let failed = Verdict::Failed("no answer".into());
        assert_eq!(judged(&unproven, failed.clone()), failed);
    }
}
