//! `dbench run --plan`: the builds to come, what they stand on, what will pull, and how long it will take.

use super::Format;
use super::mapping;
use super::screen::{Screen, fold};
use crate::engine::node::PrivateNode;
use crate::error::{Error, Result};
use crate::report::format;
use crate::results::{Builder, Loaded, NodeKind, Runs, nanoseconds};
use crate::runner::{self, Choice, Estimate, Planned};
use crate::scenario::Scenario;
use std::collections::BTreeMap;
use std::path::Path;

/// The builds of one variant in one round, and why they are skipped, if they are.
struct Pass<'a> {
    builds: &'a [Planned],
    lacking: Option<String>,
}

impl<'a> Pass<'a> {
    fn of(plan: &'a [Planned], scenarios: &[Scenario]) -> Result<Vec<Self>> {
        let chunks = plan.chunk_by(|a, b| a.round == b.round && a.case.is_of_one_variant_with(&b.case));
        chunks.map(|builds| Ok(Self { builds, lacking: lacking(scenarios, &builds[0])? })).collect()
    }

    fn line(&self) -> String {
        let Planned { case, round, .. } = &self.builds[0];
        let by =
            if case.builder == Builder::Buildkit { String::new() } else { format!(" ({})", case.builder) };
        let phase = |build: &Planned| if build.measured { build.case.phase.name() } else { "(priming)" };
        let phases: Vec<_> = self.builds.iter().map(phase).collect();
        let skipped = self.lacking.as_ref().map_or(String::new(), |why| format!(", skipped: {why}"));
        format!("{}/{}{by} round {round}: {}{skipped}\n", case.scenario, case.variant, phases.join(" "))
    }

    fn json(&self) -> impl Iterator<Item = serde_json::Value> {
        self.builds.iter().map(|planned| {
            serde_json::json!({
                "scenario": planned.case.scenario,
                "variant": planned.case.variant,
                "builder": planned.case.builder.name(),
                "phase": planned.case.phase.name(),
                "round": planned.round,
                "measured": planned.measured,
                "skipped": self.lacking,
            })
        })
    }
}

/// Shows the builds to come, their number and an estimate; runs nothing.
pub(super) fn show(
    plan: &[Planned],
    transfers: Option<&Choice>,
    scenarios: &[Scenario],
    map: &BTreeMap<String, String>,
    out: &Path,
    form: Format,
    screen: &Screen,
) -> Result<()> {
    let passes = Pass::of(plan, scenarios)?;
    let built = passes.iter().filter(|pass| pass.lacking.is_none()).flat_map(|pass| pass.builds);
    let built: Vec<Planned> = built.cloned().collect();
    let earlier = Earlier::of(&built, out, screen);
    let builders: Vec<Builder> =
        Builder::ALL.into_iter().filter(|builder| plan.iter().any(|p| p.case.builder == *builder)).collect();
    for slip in mapping::slips(scenarios, map, &builders)? {
        screen.problem("warning", &slip.to_string());
    }
    if form == Format::Json {
        let base = |(name, used)| serde_json::json!({ "name": name, "mapped": used });
        let bases: Vec<_> = mapping::mapped(scenarios, map, &builders)?.into_iter().map(base).collect();
        let all = serde_json::json!({
            "builds": passes.iter().flat_map(Pass::json).collect::<Vec<_>>(),
            "bases": bases,
            "node": transfers.map(|choice| node(choice).name()),
            "estimate-ns": earlier.as_ref().map(|of| nanoseconds(of.builds.time)),
            "estimate-builds": earlier.as_ref().map(|of| of.builds.known),
            "estimate-run": earlier.map(|of| of.run.run.id),
        });
        return screen.print(&format!("{all:#}\n"));
    }
    let mut text: String = passes.iter().map(Pass::line).collect();
    if plan.iter().any(|planned| !planned.measured) {
        text.push_str("(priming) is a cold build that is not measured: it makes what the others stand on\n");
    }
    text.push_str(&mapping::planned(scenarios, map, &builders)?);
    text.push_str(&transfers.map(announced).unwrap_or_default());
    text.push_str(&match built.len() {
        0 => "nothing to build\n".to_owned(),
        number => {
            let none = || "no earlier run to estimate from".to_owned();
            let estimate = earlier.map_or_else(none, |of| of.in_words(&built, transfers.is_some()));
            format!("{number} builds, {estimate}\n")
        }
    });
    screen.print(&fold(&text, screen.page(), 2))
}

/// The newest run that has some of the builds to come, and how long these took there.
struct Earlier {
    run: Loaded,
    builds: Estimate,
}

impl Earlier {
    fn of(built: &[Planned], out: &Path, screen: &Screen) -> Option<Self> {
        let useless = |error: Error| {
            let why = error.reason();
            screen.problem("warning", &format!("the estimate cannot use an earlier run: {why}"));
        };
        let runs = Runs::below(out).map_err(useless).unwrap_or_default();
        runs.broken.into_iter().for_each(useless);
        runs.readable.into_iter().find_map(|(_, folder)| {
            let run = Loaded::read(folder).map_err(useless).ok()?;
            let builds = runner::estimate(built, &run.samples);
            (builds.known > 0).then_some(Self { run, builds })
        })
    }

    fn in_words(&self, built: &[Planned], transferring: bool) -> String {
        let Self { run, builds } = self;
        let transfers = transferring.then(|| runner::estimate_transfers(built, &run.samples));
        let moved = match transfers {
            None => String::new(),
            Some(Estimate { known: 0, .. }) => "transfers, ".to_owned(),
            Some(Estimate { time, .. }) => {
                format!("and at least {} of transfers, ", format::time(nanoseconds(time)))
            }
        };
        let known = if builds.known == built.len() {
            String::new()
        } else {
            format!(" for {} of them", builds.known)
        };
        let time = format::time(nanoseconds(builds.time));
        format!("about {time}{known} by run {}, {moved}probes and clean-up apart", run.run.id)
    }
}

/// What will pull, as far as this machine tells without an engine.
fn node(choice: &Choice) -> NodeKind {
    choice
        .node
        .unwrap_or_else(|| if private(choice).is_ok() { NodeKind::Private } else { NodeKind::Container })
}

fn private(choice: &Choice) -> Result<()> {
    PrivateNode::possible(choice.root.as_deref())
}

fn announced(choice: &Choice) -> String {
    let who = match node(choice) {
        NodeKind::Private => {
            "by a disposable engine in namespaces of its own, which ends with the run".to_owned()
        }
        NodeKind::Container => {
            let image = &choice.image;
            let otherwise = if choice.node.is_none() { "; else by dbench itself" } else { "" };
            let unused = match private(choice) {
                Err(why) if choice.root.is_some() && choice.node.is_none() => {
                    format!(" (not with --node-root: {})", why.reason())
                }
                _ => String::new(),
            };
            format!("by an engine in a container of {image}, which ends with the run{otherwise}{unused}")
        }
        NodeKind::None => "by dbench itself".to_owned(),
    };
    format!("images are pushed to a registry of dbench's own on this machine, and pulled {who}\n")
}

/// Why the builder cannot build the variant, if it cannot.
fn lacking(scenarios: &[Scenario], planned: &Planned) -> Result<Option<String>> {
    let case = &planned.case;
    let variants = scenarios.iter().filter(|s| s.name == case.scenario).flat_map(|s| &s.variants);
    let Some(variant) = variants.into_iter().find(|v| v.name == case.variant) else { return Ok(None) };
    let file = variant.path.file_name().unwrap_or_default().to_string_lossy();
    Ok(variant.lacking(case.builder)?.map(|why| format!("{file}, {why}")))
}
