//! Owns what is missing of a run that did not come to its end: whether it may go on here, and which rounds are to come.
//! Leaves to `results` how its folder is opened again, and to `cli` every word on the screen.

use super::plan::{Planned, Selection};
use crate::error::{Error, Result};
use crate::results::{BaseRecord, EngineRecord, Host, Metric, Run, Sample, Status};
use crate::scenario::Scenario;

/// Memory that differs by less than one part in so many is the same: a kernel keeps a little for itself.
const LIKENESS: u64 = 100;

/// One pass over the variants and phases of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Where the scenario stands in the run.
    pub scenario: usize,
    /// Its own number, which no other round of the scenario has.
    pub number: u32,
    /// The round that was asked for, in whose order of variants it goes.
    pub place: u32,
}

impl Selection {
    /// Every round of a run that begins.
    pub fn rounds(&self, scenarios: &[Scenario]) -> Vec<Round> {
        let of = |scenario| (1..=self.rounds).map(move |place| Round { scenario, number: place, place });
        (0..scenarios.len()).flat_map(of).collect()
    }

    /// The builds of some rounds.
    pub fn builds_of(&self, scenarios: &[Scenario], rounds: &[Round]) -> Vec<Planned> {
        let builds = |round: &Round| {
            let scenario = &scenarios[round.scenario];
            let passes = self.passes(scenario, round.place).into_iter();
            passes
                .flat_map(|(builder, variant)| self.builds(scenario, variant, builder, round.number))
                .collect::<Vec<_>>()
        };
        rounds.iter().flat_map(builds).collect()
    }
}

/// The scenarios and variants of a run, in its order.
///
/// # Errors
/// If one of them is no longer there, or no longer what was built.
pub fn scenarios_of(run: &Run, mut all: Vec<Scenario>) -> Result<Vec<Scenario>> {
    let mut found = Vec::new();
    for record in &run.scenarios {
        let Some(at) = all.iter().position(|scenario| scenario.name == record.name) else {
            let gone = format!("the scenario {} is no longer there", record.name);
            return Err(refused(run, &[gone]));
        };
        let mut scenario = all.swap_remove(at);
        if scenario.hash != record.hash {
            return Err(refused(run, &[format!("the scenario {} is no longer what was built", record.name)]));
        }
        scenario.variants.retain(|variant| record.variants.iter().any(|one| one.name == variant.name));
        found.push(scenario);
    }
    Ok(found)
}

/// Refuses to go on with a run of another version of the program.
///
/// # Errors
/// Which it was.
pub fn same_program(run: &Run) -> Result<()> {
    let mut found = Differences::default();
    found.check("dbench", Some(&run.dbench), Some(&env!("CARGO_PKG_VERSION").to_owned()));
    found.refuse(run)
}

/// Refuses to go on with a run where another machine, engine or base would make the numbers.
///
/// # Errors
/// What differs.
pub fn same_surroundings(run: &Run, host: &Host, engine: &EngineRecord, bases: &[BaseRecord]) -> Result<()> {
    let mut found = Differences::default();
    let (was, is) = (&run.host, host);
    found.check("the platform", Some(&was.platform), Some(&is.platform));
    found.check("the processor", was.cpu.as_ref(), is.cpu.as_ref());
    found.check("the number of cores", was.cores.as_ref(), is.cores.as_ref());
    found.check_memory("the memory", was.memory, is.memory);
    found.check("the kernel", was.kernel.as_ref(), is.kernel.as_ref());
    found.check("the frequency governor", was.governor.as_ref(), is.governor.as_ref());
    let (was, is) = (&run.engine, engine);
    found.check("the engine's version", Some(&was.version), Some(&is.version));
    found.check("the engine's API", Some(&was.api), Some(&is.api));
    found.check("the engine's storage driver", Some(&was.driver), Some(&is.driver));
    found.check("the engine's image store", Some(&was.store), Some(&is.store));
    found.check("the engine's platform", Some(&was.platform), Some(&is.platform));
    found.check("the engine's system", Some(&was.system), Some(&is.system));
    found.check("the engine's number of cores", was.cores.as_ref(), is.cores.as_ref());
    found.check_memory("the engine's memory", was.memory, is.memory);
    for was in &run.bases {
        let is = bases.iter().find(|base| base.name == was.name);
        found.check(&format!("the base {}", was.name), Some(&was.image), is.map(|base| &base.image));
    }
    found.refuse(run)
}

#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn check<T: PartialEq + ToString>(&mut self, what: &str, was: Option<&T>, is: Option<&T>) {
        if was != is {
            let text = |value: Option<&T>| {
                value.map_or("not known".to_owned(), |value| format!("`{}`", value.to_string()))
            };
            self.0.push(format!("{what} was {} and is {}", text(was), text(is)));
        }
    }

    fn refuse(&self, run: &Run) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(refused(run, &self.0)) }
    }

    fn check_memory(&mut self, what: &str, was: Option<u64>, is: Option<u64>) {
        let alike = was.zip(is).is_some_and(|(was, is)| was.abs_diff(is) < was / LIKENESS);
        if !alike {
            self.check(what, was.as_ref(), is.as_ref());
        }
    }
}

fn refused(run: &Run, what: &[String]) -> Error {
    Error::input(format!("run {} cannot go on here: {}", run.id, what.join("; "))).hint(
        "make it what it was, or measure anew with `dbench run`: numbers of both would not be comparable",
    )
}

/// The rounds that are missing of a run. One that was begun and is not whole, or has a sample that failed or was invalid, is
/// repeated under a new number: in `run` it is written down as spoiled.
pub fn missing(
    run: &mut Run,
    samples: &[Sample],
    selection: &Selection,
    scenarios: &[Scenario],
) -> Vec<Round> {
    let broken_off = !run.is_whole();
    let last = samples.last().filter(|_| broken_off).map(|s| (s.case.scenario.as_str(), s.round));
    let mut rounds = Vec::new();
    for (at, (scenario, record)) in scenarios.iter().zip(&mut run.scenarios).enumerate() {
        let rows: Vec<&Sample> = samples.iter().filter(|s| s.case.scenario == scenario.name).collect();
        let used = rows.iter().map(|s| s.round).chain(record.repeats.keys().copied());
        let mut highest = used.max().unwrap_or(0).max(selection.rounds);
        let (mut kept, mut repeated) = (false, false);
        for place in 1..=selection.rounds {
            let mut number = record.standing_for(place);
            let own: Vec<&Sample> = rows.iter().filter(|s| s.round == number).copied().collect();
            if !own.is_empty() {
                // A run of a version that did not write it down tells by the rows of the next round.
                let written = !record.finished.is_empty();
                let ended = if written {
                    record.finished.contains(&number)
                } else {
                    last != Some((&scenario.name, number))
                };
                if ended && is_whole(&own, selection, scenario, number) {
                    kept = true;
                    continue;
                }
                highest = highest.saturating_add(1);
                let why =
                    if ended { "not all of its samples were valid" } else { "it did not come to its end" };
                record.spoiled.insert(number, format!("{why}, and round {highest} repeats it"));
                record.repeats.insert(highest, number);
                (number, repeated) = (highest, true);
            }
            rounds.push(Round { scenario: at, number, place });
        }
        if repeated {
            // Whatever disagreed is repeated, and is asked again.
            (record.agree, record.disagreement) = (kept.then_some(true), String::new());
        }
    }
    rounds
}

fn is_whole(rows: &[&Sample], selection: &Selection, scenario: &Scenario, number: u32) -> bool {
    // What a builder cannot build stays skipped, however often it is asked.
    let settled = |s: &Sample| s.valid().is_some() || s.status == Status::Skipped;
    let built = |planned: &Planned| {
        rows.iter().any(|s| s.metric == Metric::BuildWall && s.case == planned.case && settled(s))
    };
    let passes = selection.passes(scenario, number).into_iter();
    let planned = passes.flat_map(|(builder, variant)| selection.builds(scenario, variant, builder, number));
    rows.iter().all(|s| !matches!(s.status, Status::Invalid | Status::Failed))
        && planned.filter(|planned| planned.measured).all(|planned| built(&planned))
}

#[cfg(test)]
mod tests;
