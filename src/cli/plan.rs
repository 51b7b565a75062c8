//! `dbench run --plan`: the builds to come, what they stand on, what will pull, and how long it will take.

use super::Format;
use super::mapping;
use super::screen::{Screen, fold};
use crate::engine::node::PrivateNode;
use crate::error::Result;
use crate::report::format;
use crate::results::{Builder, Loaded, NodeKind, nanoseconds, newest};
use crate::runner::{self, Choice, Planned};
use crate::scenario::Scenario;
use std::collections::BTreeMap;
use std::path::Path;

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
    let earlier = newest(out).and_then(|(run, _)| run.map(Loaded::read).transpose());
    let earlier = earlier.unwrap_or_else(|error| {
        screen.problem("warning", &format!("the estimate cannot use the latest run: {}", error.reason()));
        None
    });
    let earlier = earlier.map(|loaded| loaded.samples).unwrap_or_default();
    let estimate = runner::estimate(plan, &earlier);
    let builders: Vec<Builder> =
        Builder::ALL.into_iter().filter(|builder| plan.iter().any(|p| p.case.builder == *builder)).collect();
    for slip in mapping::slips(scenarios, map, &builders)? {
        screen.problem("warning", &slip.to_string());
    }
    if form == Format::Json {
        let builds: Vec<_> = plan.iter().map(planned_json).collect();
        let base = |(name, used)| serde_json::json!({ "name": name, "mapped": used });
        let bases: Vec<_> = mapping::mapped(scenarios, map, &builders)?.into_iter().map(base).collect();
        let all = serde_json::json!({
            "builds": builds,
            "bases": bases,
            "node": transfers.map(|choice| node(choice).name()),
            "estimate-ns": estimate.map(nanoseconds),
        });
        return screen.print(&format!("{all:#}\n"));
    }
    let (mut text, mut number) = (String::new(), plan.len());
    let pass = |p: &Planned| (p.case.scenario.clone(), p.case.variant.clone(), p.case.builder, p.round);
    for builds in plan.chunk_by(|a, b| pass(a) == pass(b)) {
        let (scenario, variant, builder, round) = pass(&builds[0]);
        let by = if builder == Builder::Buildkit { String::new() } else { format!(" ({builder})") };
        let lacking = match lacking(scenarios, &builds[0])? {
            Some(why) => {
                number -= builds.len();
                format!(", skipped: {why}")
            }
            None => String::new(),
        };
        let phases: Vec<_> =
            builds.iter().map(|b| if b.measured { b.case.phase.name() } else { "(priming)" }).collect();
        text.push_str(&format!("{scenario}/{variant}{by} round {round}: {}{lacking}\n", phases.join(" ")));
    }
    text.push_str(&mapping::planned(scenarios, map, &builders)?);
    text.push_str(&transfers.map(announced).unwrap_or_default());
    let moved = match (transfers, runner::estimate_transfers(plan, &earlier)) {
        (None, _) => String::new(),
        (Some(_), Some(d)) => format!(", and at least {} of transfers", format::time(nanoseconds(d))),
        (Some(_), None) => ", and transfers, of which that run has none to estimate from".to_owned(),
    };
    let estimate = estimate.map_or_else(
        || {
            let none = if earlier.is_empty() { "no earlier run" } else { "the latest run has none of them" };
            format!("{none} to estimate from")
        },
        |d| {
            format!(
                "about {} by the latest run{}, probes and clean-up apart",
                format::time(nanoseconds(d)),
                moved
            )
        },
    );
    text.push_str(&format!("{number} builds, {estimate}\n"));
    screen.print(&fold(&text, screen.page(), 2))
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
    variant.lacking(case.builder)
}

fn planned_json(planned: &Planned) -> serde_json::Value {
    serde_json::json!({
        "scenario": planned.case.scenario,
        "variant": planned.case.variant,
        "builder": planned.case.builder.name(),
        "phase": planned.case.phase.name(),
        "round": planned.round,
        "measured": planned.measured,
    })
}
