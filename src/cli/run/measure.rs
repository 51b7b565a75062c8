//! The part of `dbench run` that measures, and what ends it: the plan is done, something fails, or a signal comes.
//! Whatever it was, what was made is removed then, unless a signal comes again.

use super::super::progress::Progress;
use super::super::screen::Screen;
use super::super::signals::Signals;
use super::going_on;
use crate::engine::About;
use crate::engine::docker::DockerEngine;
use crate::error::{Error, Result};
use crate::results::{Run, RunFolder, Writer};
use crate::runner::bases::Bases;
use crate::runner::{Ending, Runner, Settings};
use crate::scenario::Scenario;
use std::path::Path;

/// What is said to the first signal.
const REMOVING: &str = "removing what was made, once the engine lets go of it (a few seconds); a second Ctrl-C leaves it to \
    `dbench clean`";

/// What a run stands on.
pub(super) struct Surroundings<'a> {
    pub(super) engine: &'a DockerEngine,
    pub(super) about: &'a About,
    pub(super) scenarios: &'a [Scenario],
    /// The folder of the scenarios, if it was named.
    pub(super) dir: Option<&'a Path>,
    pub(super) bases: Bases,
}

/// Runs the plan until it is done, fails, or a signal comes; then removes what was made, whatever happened.
pub(super) async fn measure(
    Surroundings { engine, about, scenarios, dir, bases }: Surroundings<'_>,
    settings: Settings,
    run: Run,
    writer: Writer,
    screen: &Screen,
) -> Result<RunFolder> {
    let total = settings.selection.builds_of(scenarios, &settings.rounds).len();
    let mut signals = Signals::listen()?;
    let mut progress = Progress::new(*screen, total);
    let mut runner = Runner::new(engine, &mut progress, settings, scenarios, bases, about, run, writer)?;
    let folder = runner.writer().folder().clone();
    let going_on = going_on(&folder, dir);
    let ended = tokio::select! {
        done = runner.run() => Some(done),
        () = signals.next() => None,
    };
    if ended.is_none() {
        screen.say(&format!("interrupted: {REMOVING}"));
    }
    let ending = match &ended {
        None => Ending::Interrupted,
        Some(Ok(())) => Ending::Done,
        Some(Err(error)) => Ending::Failed(error.reason()),
    };
    let cleaned = tokio::select! {
        // The end is written down before the engine is waited for.
        biased;
        cleaned = runner.finish(ending) => Some(cleaned),
        () = left_to_clean(&mut signals, ended.is_some(), screen) => None,
    };
    drop(runner);
    progress.finish();
    // What stopped the run says more than what stopped the clean-up after it.
    let ended = ended.unwrap_or(Ok(())).map_err(|error| match error.advice() {
        Some(_) => error,
        None => error.hint(format!("put that right; then {going_on}")),
    });
    let Some(cleaned) = cleaned else { return Err(left_alone(ended, &going_on, screen)) };
    ended?;
    for left in cleaned?.left {
        screen.problem("warning", &format!("left in the engine: {left}"));
    }
    Ok(folder)
}

/// Waits for the signal that leaves the clean-up to `dbench clean`: the second of all, whatever ended the run.
async fn left_to_clean(signals: &mut Signals, is_first: bool, screen: &Screen) {
    if is_first {
        signals.next().await;
        screen.say(REMOVING);
    }
    signals.again().await;
}

/// What is said where a second signal did not let the clean-up come to its end.
fn left_alone(ended: Result<()>, going_on: &str, screen: &Screen) -> Error {
    if let Err(error) = ended {
        screen.problem("error", &error.to_string());
    }
    let rest = "`dbench clean` removes what is left in the engine, which was not waited for";
    Error::interrupted().hint(format!("{rest}; {going_on}"))
}
