//! `dbench run --resume`: goes on with a run that did not come to its end, in its own folder.
//! What is measured, and in which order, is taken from the run; only how long things may take and what pulls is asked anew.

use super::super::Format;
use super::super::config::Config;
use super::super::report::{say_if_it_goes_on, say_what_is_broken, say_what_is_no_run};
use super::super::scenarios::{self, Found};
use super::super::screen::Screen;
use super::{Arguments, Surroundings, conclude, deadlines, engine, measure, plan, transfers};
use crate::context as build_context;
use crate::engine::node::ImageStore;
use crate::engine::{Engine, Reach};
use crate::error::{Error, Exit, Result, shown};
use crate::image::same_image;
use crate::report::format;
use crate::results::{Loaded, Measure, NodeKind, Run, RunFolder, Runs, Writer, find_run};
use crate::runner::bases::Bases;
use crate::runner::{self, Choice, Lock, Round, Selection, Settings, host};
use crate::scenario::Scenario;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

/// What a run keeps of how it was asked for: a flag that says it again is refused, and the environment and
/// `dbench.toml` are not looked at.
pub(super) const TAKEN_FROM_THE_RUN: [(&str, &str); 11] = [
    ("names", "[SCENARIO]..."),
    ("rounds", "--rounds <N>"),
    ("phase", "--phase <PHASE>"),
    ("variant", "--variant <NAME>"),
    ("measure", "--measure <PART>"),
    ("node", "--node <KIND>"),
    ("node_store", "--node-store <STORE>"),
    ("seed", "--seed <N>"),
    ("quick", "--quick"),
    ("builder", "--builder <BUILDER>"),
    ("platform", "--platform <PLATFORM>"),
];

/// Goes on with the run of that name.
pub(super) async fn resume(
    arguments: &Arguments,
    name: &str,
    context: Option<&str>,
    config: &Config,
    screen: &Screen,
) -> Result<Exit> {
    let out = config.out(&arguments.out).value;
    let folder = if name == "latest" { latest(&out, screen)? } else { find_run(&out, Some(name))? };
    let mut loaded = Loaded::read(folder.clone())?;
    let names: Vec<String> = loaded.run.scenarios.iter().map(|scenario| scenario.name.clone()).collect();
    // The carried ones stay where they are unpacked until the run has ended.
    let Found { all, carried: _carried, .. } = scenarios::find(config, &arguments.scenarios, &names)?;
    runner::same_program(&loaded.run)?;
    let scenarios = runner::scenarios_of(&loaded.run, all)?;
    let map = mapping(arguments, config, &loaded.run)?;
    let transfers = choice(arguments, &map, &loaded.run);
    let transferring = loaded.run.measure.contains(&Measure::Transfer);
    let selection = selection(&loaded.run);
    build_context::check(&scenarios, &selection.builders)?;
    if transferring {
        transfers.check()?;
    }
    if arguments.plan {
        say_if_it_goes_on(&loaded, screen);
        let rounds = runner::missing(&mut loaded.run, &loaded.samples, &selection, &scenarios);
        if rounds.is_empty() && arguments.format == Format::Text {
            return screen.print(&format!("{}\n", complete(&loaded))).map(|()| Exit::Done);
        }
        let builds = selection.builds_of(&scenarios, &rounds);
        let transfers = transferring.then_some(&transfers);
        return plan::show(&builds, transfers, &scenarios, &map, &out, arguments.format, screen)
            .map(|()| Exit::Done);
    }
    let (engine, secrets) = engine::connect(&scenarios, &selection.builders, &transfers, context).await?;
    let (about, state) = (engine.about().await?, runner::state_folder()?);
    let lock = Lock::take(&state, &about.id)?;
    // Until now another process may have written to it.
    let mut loaded = Loaded::read(folder)?;
    let rounds = runner::missing(&mut loaded.run, &loaded.samples, &selection, &scenarios);
    let plan = selection.all(&scenarios);
    if rounds.is_empty() {
        say(screen, &loaded, &rounds);
        return conclude(arguments, &plan, loaded.folder, screen);
    }
    let platform = loaded.run.platform.clone();
    let bases = Bases::resolve(&engine, &scenarios, &map, &selection.builders, platform.as_deref()).await?;
    if engine.reach() == Reach::Visited && scenarios.iter().any(Scenario::asks_a_port) {
        engine.have_visitors().await?;
    }
    runner::same_surroundings(&loaded.run, &host::host(), &about.record, &bases.records())?;
    say(screen, &loaded, &rounds);
    let writer = Writer::reopen(loaded.folder)?;
    lock.of_run(writer.folder().path());
    for left in runner::clean_run(&engine, &about.id, &state, &loaded.run.id, arguments.keep).await?.left {
        screen.problem("warning", &format!("left in the engine: {left}"));
    }
    let settings = Settings {
        rounds,
        selection,
        keep: arguments.keep,
        deadlines: deadlines(arguments),
        state,
        secrets,
        measure: loaded.run.measure.clone(),
        transfers,
        platform,
    };
    let dir = arguments.scenarios.as_deref();
    let place = Surroundings { engine: &engine, about: &about, scenarios: &scenarios, dir, bases };
    let folder = measure(place, settings, taken_up(loaded.run), writer, screen).await?;
    conclude(arguments, &plan, folder, screen)
}

/// The newest run of all here: one that was killed before its first row has the most to go on with, though it has nothing to
/// report.
fn latest(out: &Path, screen: &Screen) -> Result<RunFolder> {
    let mut runs = Runs::below(out)?;
    say_what_is_no_run(&runs, screen);
    let folder = match runs.newest().1.into_iter().next() {
        Some(without_a_row) => without_a_row,
        None => runs.latest(out)?,
    };
    say_what_is_broken(&runs, screen);
    Ok(folder)
}

fn complete(loaded: &Loaded) -> String {
    format!("nothing is missing of {}", shown(loaded.folder.path()).display())
}

fn selection(run: &Run) -> Selection {
    let builders = run.all_builders();
    Selection { rounds: run.rounds, phases: run.phases.clone(), seed: run.seed, builders }
}

fn taken_up(mut run: Run) -> Run {
    (run.ended, run.interrupted, run.failure) = (None, false, None);
    run.resumed.push(Timestamp::now());
    run
}

fn say(screen: &Screen, loaded: &Loaded, rounds: &[Round]) {
    for warning in &loaded.warnings {
        screen.problem("warning", warning);
    }
    screen.say(&match rounds.len() {
        0 => complete(loaded),
        missing => {
            let run = shown(loaded.folder.path());
            format!("going on with {}: {} missing", run.display(), format::count(missing, "round"))
        }
    });
}

/// The bases of the run are those that it was begun with; others, of a node or a relay, are asked for as ever.
fn mapping(arguments: &Arguments, config: &Config, run: &Run) -> Result<BTreeMap<String, String>> {
    let mut map = config.bases.clone();
    for (name, used) in &arguments.base {
        let of_run = run.bases.iter().find(|base| same_image(&base.name, name));
        if let Some(base) = of_run.filter(|base| base.mapped.as_ref() != Some(used)) {
            let was =
                base.mapped.as_ref().map_or("no other image".to_owned(), |mapped| format!("`{mapped}`"));
            return Err(Error::input(format!("--base {name}={used}: the run has {was} for that base"))
                .hint("leave the flag out: a run that is resumed keeps its bases"));
        }
        map.insert(name.clone(), used.clone());
    }
    map.retain(|name, _| !run.bases.iter().any(|base| same_image(&base.name, name)));
    map.extend(run.bases.iter().filter_map(|base| Some((base.name.clone(), base.mapped.clone()?))));
    Ok(map)
}

/// What pulls is what did: of the root that was named then, a node of another kind took nothing.
fn choice(arguments: &Arguments, map: &BTreeMap<String, String>, run: &Run) -> Choice {
    let asked = transfers(arguments, map);
    let Some(node) = &run.node else { return asked };
    Choice {
        node: Some(node.kind),
        store: node.store.as_deref().and_then(ImageStore::parse),
        root: asked.root.filter(|_| node.kind == NodeKind::Private),
        ..asked
    }
}
