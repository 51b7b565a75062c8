//! Owns what a row must hold to be one of its run: a case that `run.json` names, a round, and what its status promises.
//! Leaves the shape of a row to its table.

use super::table::Row;
use super::{Builder, Case, Measure, Metric, Phase, RELAYED, Run, Sample, ScenarioRecord, Status};
use crate::error::Result;
use std::collections::BTreeSet;

impl Row<'_> {
    /// The case and the round that the first five columns name.
    pub(super) fn of(&self, run: &Run) -> Result<(Case, u32)> {
        let unknown = |column: &str, name: &str| {
            self.error(column, &format!("`{name}` is not a {column} that run.json names"))
        };
        let (scenario, variant) = (self.text("scenario")?, self.text("variant")?);
        let record = run.scenarios.iter().find(|record| record.name == scenario);
        let record = record.ok_or_else(|| unknown("scenario", scenario))?;
        if record.variants.iter().all(|record| record.name != variant) {
            return Err(unknown("variant", variant));
        }
        let builder = self.parse("builder", Builder::parse)?;
        if !run.all_builders().contains(&builder) {
            return Err(unknown("builder", builder.name()));
        }
        let phase = self.parse("phase", Phase::parse)?;
        // Sizes and transfers of a priming build belong to `cold`, also where that is not measured.
        if phase != Phase::Cold && !run.phases.contains(&phase) {
            return Err(unknown("phase", phase.name()));
        }
        let round = self.number("round")?;
        if round == 0 {
            return Err(self.error("round", "rounds count from 1"));
        }
        if round > run.rounds && !record.repeats.contains_key(&round) {
            let what = format!("{round} is beyond the {} of the run and repeats none of them", run.rounds);
            return Err(self.error("round", &what));
        }
        Ok((Case { scenario: scenario.to_owned(), variant: variant.to_owned(), builder, phase }, round))
    }

    /// What pulled: nothing, or what `run.json` says.
    pub(super) fn node(&self, run: &Run) -> Result<String> {
        let node = self.text("node")?;
        let kind = run.node.as_ref().map_or("", |node| node.kind.name());
        if node.is_empty() || node == kind {
            return Ok(node.to_owned());
        }
        Err(self.error("node", &format!("`{node}` is not the node that run.json names")))
    }

    /// What a transfer went over: nothing that is named, or a relay.
    pub(super) fn link(&self) -> Result<String> {
        self.parse("link", |text| ["", RELAYED].contains(&text).then(|| text.to_owned()))
    }

    /// When something began and ended, which it did in this order.
    pub(super) fn span(&self) -> Result<(Option<u64>, Option<u64>)> {
        let time = |column: &str| self.optional(column, |text| text.parse::<u64>().ok());
        match (time("started_ns")?, time("completed_ns")?) {
            (None, Some(_)) => Err(self.error("started_ns", "what was completed was started")),
            (Some(start), Some(end)) if end < start => {
                Err(self.error("completed_ns", &format!("{end} is before it was started, at {start}")))
            }
            span => Ok(span),
        }
    }
}

impl Sample {
    /// Whether it holds what its metric and its status promise.
    pub(super) fn is_sound(&self, row: &Row<'_>) -> Result<()> {
        self.fits_its_metric(row)?;
        self.fits_its_status(row)
    }

    /// Whether its metric is one of its phase, and what it says of node and link can be said of it.
    fn fits_its_metric(&self, row: &Row<'_>) -> Result<()> {
        let (metric, phase) = (self.metric, self.case.phase);
        if !metric.phases().contains(&phase) {
            let theirs = metric.phases_in_words();
            return Err(row.error("phase", &format!("{metric} belongs to {theirs}, not to {phase}")));
        }
        if !self.node.is_empty() && !metric.is_of_a_node() {
            return Err(row.error("node", &format!("no node has a part in {metric}")));
        }
        if !self.link.is_empty() && !metric.is_over_a_link() {
            return Err(row.error("link", &format!("{metric} goes over no link")));
        }
        Ok(())
    }

    fn fits_its_status(&self, row: &Row<'_>) -> Result<()> {
        let status = self.status.name();
        let (lacking, said) = match self.status {
            Status::Valid if self.value.is_none() => ("value", "has a value"),
            Status::Valid if !self.reason.is_empty() => ("reason", "has no reason"),
            Status::Skipped if self.value.is_some() => ("value", "has no value"),
            Status::Invalid | Status::Failed | Status::Skipped if self.reason.is_empty() => {
                ("reason", "says why in its reason")
            }
            Status::Valid | Status::Invalid if self.started.is_none() => {
                ("started", "says when what it is of was started")
            }
            _ => return Ok(()),
        };
        Err(row.error(lacking, &format!("a row that is `{status}` {said}")))
    }
}

/// The cases of a scenario that a round measures; none where the run does not say its phases.
fn cases(run: &Run, scenario: &ScenarioRecord) -> Vec<Case> {
    let mut cases = Vec::new();
    for phase in run.phases.iter().copied().filter(|phase| scenario.phases.contains(phase)) {
        for variant in &scenario.variants {
            let of = |builder| Case {
                scenario: scenario.name.clone(),
                variant: variant.name.clone(),
                builder,
                phase,
            };
            cases.extend(run.all_builders().into_iter().map(of));
        }
    }
    cases
}

/// What to warn of where a round that came to its end lacks the row of a build: rows are only ever appended, so it was lost.
pub(super) fn lost(run: &Run, samples: &[Sample]) -> Option<String> {
    if !run.measure.contains(&Measure::Build) {
        return None;
    }
    let walls = samples.iter().filter(|sample| sample.metric == Metric::BuildWall);
    let there: BTreeSet<(&Case, u32)> = walls.map(|sample| (&sample.case, sample.round)).collect();
    let mut lost = Vec::new();
    for scenario in &run.scenarios {
        for case in cases(run, scenario) {
            let lacking = scenario.finished.iter().filter(|round| !there.contains(&(&case, **round)));
            lost.extend(lacking.map(|round| format!("build-wall of {case}, round {round}")));
        }
    }
    let first = lost.first()?;
    let more = if lost.len() > 1 { format!(" and {} more", lost.len() - 1) } else { String::new() };
    Some(format!(
        "samples.csv lacks {first}{more}: it was changed by hand; take the run from its source again"
    ))
}

#[cfg(test)]
mod tests;
