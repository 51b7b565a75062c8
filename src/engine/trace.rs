//! Folds the engine's events into the steps of one build: intervals, cached or not, parts of the wall, and the
//! critical path.

use super::Redactor;
use std::collections::BTreeMap;

/// What part of a build a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reading and sending the Dockerfile, the ignore file and the context.
    Context,
    /// Resolving base images, `FROM` included.
    Resolve,
    /// A numbered step of a stage other than its `FROM`.
    Exec,
    /// Writing the image.
    Export,
}

/// Where a step stands, told apart from its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Part of the build.
    pub kind: Kind,
    /// The stage; empty for the engine's own steps.
    pub stage: String,
    /// The number in its stage, from 1; `None` for what is not counted there.
    pub number: Option<u32>,
}

impl Place {
    /// Where BuildKit's step of that name stands, and the name without the stage.
    pub fn read(name: &str) -> (Self, String) {
        let (stage, number, rest) = parse_name(name);
        let kind = if name.starts_with("exporting ") {
            Kind::Export
        } else if let Some(name) = name.strip_prefix("[internal] ") {
            if name.starts_with("load metadata") { Kind::Resolve } else { Kind::Context }
        } else if number.is_some() && !rest.starts_with("FROM ") {
            Kind::Exec
        } else {
            Kind::Resolve
        };
        (Self { kind, stage, number }, rest)
    }
}

/// An event: a vertex of the build graph, as it stands now. Times are nanoseconds since 1970, engine clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VertexUpdate {
    /// The digest of the vertex.
    pub id: String,
    /// The vertices that it needs.
    pub inputs: Vec<String>,
    /// What the engine calls it.
    pub name: String,
    /// Where it stands; `None` if the name tells.
    pub place: Option<Place>,
    /// When this interval began.
    pub started: Option<u64>,
    /// When it ended.
    pub completed: Option<u64>,
    /// Whether this interval was answered by the cache.
    pub cached: bool,
    /// What went wrong.
    pub error: String,
}

/// One step of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    id: String,
    inputs: Vec<String>,
    /// Part of the build.
    pub kind: Kind,
    /// The stage as the engine names it; empty for the engine's own steps and the only, unnamed stage.
    pub stage: String,
    /// The number in its stage, from 1; `None` for the engine's own steps, and for instructions that only the classic
    /// builder makes steps of.
    pub number: Option<u32>,
    /// The name without the stage.
    pub name: String,
    /// What went wrong; empty if nothing did.
    pub error: String,
    intervals: BTreeMap<u64, Interval>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Interval {
    completed: Option<u64>,
    cached: bool,
}

impl Step {
    fn new(update: &VertexUpdate) -> Self {
        let (place, name) = match update.place.clone() {
            Some(place) => (place, update.name.clone()),
            None => Place::read(&update.name),
        };
        let Place { kind, stage, number } = place;
        let (id, inputs) = (update.id.clone(), update.inputs.clone());
        Self { id, inputs, kind, stage, number, name, error: String::new(), intervals: BTreeMap::new() }
    }

    /// Whether all of it came from the cache: it was looked up there, and no interval of it ran.
    pub fn cached(&self) -> bool {
        !self.intervals.is_empty() && self.intervals.values().all(|i| i.cached)
    }

    /// Whether any interval of it ran.
    pub fn ran(&self) -> bool {
        self.intervals.values().any(|i| !i.cached)
    }

    /// Whether it has begun and not ended.
    pub fn is_running(&self) -> bool {
        self.intervals.values().any(|i| i.completed.is_none())
    }

    /// The first start and the last end.
    pub fn span(&self) -> Option<(u64, Option<u64>)> {
        let (first, _) = self.intervals.first_key_value()?;
        Some((*first, self.intervals.values().filter_map(|i| i.completed).max()))
    }

    fn busy(&self) -> impl Iterator<Item = (u64, u64)> {
        self.intervals.iter().filter_map(|(start, i)| i.completed.map(|end| (*start, end)))
    }

    fn duration(&self) -> u64 {
        union(self.busy().collect())
    }
}

/// `[builder 2/5] COPY . .` → stage, number, rest.
fn parse_name(name: &str) -> (String, Option<u32>, String) {
    let parsed = name.strip_prefix('[').and_then(|rest| rest.split_once("] ")).and_then(|(head, rest)| {
        let (stage, number) = head.rsplit_once(' ').unwrap_or(("", head));
        let (number, _) = number.split_once('/')?;
        let stage = stage.trim().rsplit(' ').next().unwrap_or_default();
        Some((stage.to_owned(), Some(number.parse().ok()?), rest.to_owned()))
    });
    parsed.unwrap_or_else(|| (String::new(), None, name.to_owned()))
}

/// How the wall of a build divides; the parts may overlap and are never to be stacked. Nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Union of the intervals of [`Kind::Context`].
    pub context: u64,
    /// Union of the intervals of [`Kind::Resolve`].
    pub resolve: u64,
    /// Union of the intervals of [`Kind::Exec`].
    pub exec: u64,
    /// Union of the intervals of [`Kind::Export`].
    pub export: u64,
    /// Union of all of them.
    pub attributed: u64,
}

/// The steps of one build, in the order in which the engine named them first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    steps: Vec<Step>,
    distrusted: Option<String>,
}

impl Trace {
    /// Takes in one event.
    pub fn push(&mut self, update: &VertexUpdate) {
        let at = self.steps.iter().position(|s| s.id == update.id).unwrap_or_else(|| {
            self.steps.push(Step::new(update));
            self.steps.len() - 1
        });
        let step = &mut self.steps[at];
        if let Some(started) = update.started {
            let interval = step.intervals.entry(started).or_default();
            interval.cached = update.cached;
            interval.completed = update.completed.or(interval.completed);
        }
        if !update.error.is_empty() {
            step.error.clone_from(&update.error);
        }
    }

    /// From now on its times are not to be trusted, for that reason.
    pub fn distrust(&mut self, why: String) {
        self.distrusted = Some(why);
    }

    /// Why its times are not to be trusted, if so.
    pub fn distrusted(&self) -> Option<&str> {
        self.distrusted.as_deref()
    }

    /// Blots secrets out of what the engine said of the steps.
    pub fn redact(&mut self, redactor: &Redactor) {
        for step in &mut self.steps {
            step.name = redactor.text(&step.name);
            step.error = redactor.text(&step.error);
        }
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The numbered step of a stage.
    pub fn find(&self, stage: &str, number: u32) -> Option<&Step> {
        self.steps.iter().find(|s| s.number == Some(number) && s.stage == stage)
    }

    /// The first start of any step: what the times in `steps.csv` count from.
    pub fn origin(&self) -> Option<u64> {
        self.steps.iter().filter_map(|s| s.span()).map(|(start, _)| start).min()
    }

    /// The parts of the wall.
    pub fn parts(&self) -> Parts {
        let of = |wanted: &dyn Fn(Kind) -> bool| {
            union(self.steps.iter().filter(|s| wanted(s.kind)).flat_map(Step::busy).collect())
        };
        Parts {
            context: of(&|k| k == Kind::Context),
            resolve: of(&|k| k == Kind::Resolve),
            exec: of(&|k| k == Kind::Exec),
            export: of(&|k| k == Kind::Export),
            attributed: of(&|_| true),
        }
    }

    /// Sum of the times of all numbered steps.
    pub fn step_sum(&self) -> u64 {
        self.steps.iter().filter(|s| s.kind == Kind::Exec).map(Step::duration).fold(0, u64::saturating_add)
    }

    /// The longest chain of numbered steps that wait for each other: its length and its steps' positions.
    pub fn critical_path(&self) -> (u64, Vec<usize>) {
        let index: BTreeMap<&str, usize> =
            self.steps.iter().enumerate().map(|(at, s)| (s.id.as_str(), at)).collect();
        let mut longest: Vec<Option<(u64, Option<usize>)>> = vec![None; self.steps.len()];
        let mut seen = vec![false; self.steps.len()];
        for at in 0..self.steps.len() {
            self.longest_to(at, &index, &mut longest, &mut seen);
        }
        let end = (0..longest.len()).max_by_key(|at| longest[*at].map_or(0, |(length, _)| length));
        let length = end.and_then(|at| longest[at]).map_or(0, |(length, _)| length);
        let mut path = Vec::new();
        let mut next = end;
        while let Some(at) = next {
            if self.steps[at].kind == Kind::Exec {
                path.push(at);
            }
            next = longest[at].and_then(|(_, before)| before);
        }
        path.reverse();
        (length, path)
    }

    /// Without recursion: a chain can be longer than a stack is deep. Only what is known already counts, so that a step which
    /// needs itself comes to an end.
    fn longest_to(
        &self,
        wanted: usize,
        index: &BTreeMap<&str, usize>,
        longest: &mut [Option<(u64, Option<usize>)>],
        seen: &mut [bool],
    ) {
        let mut open = vec![(wanted, false)];
        while let Some((at, looked_at)) = open.pop() {
            let step = &self.steps[at];
            let inputs = || step.inputs.iter().filter_map(|id| index.get(id.as_str()).copied());
            if looked_at {
                let own = if step.kind == Kind::Exec { step.duration() } else { 0 };
                let known = |input: usize| longest[input].map(|(length, _)| (length, input));
                let before = inputs().filter_map(known).max();
                let length = before.map_or(0, |(length, _)| length).saturating_add(own);
                longest[at] = Some((length, before.map(|(_, input)| input)));
            } else if !std::mem::replace(&mut seen[at], true) {
                open.push((at, true));
                open.extend(inputs().filter(|input| !seen[*input]).map(|input| (input, false)));
            }
        }
    }
}

/// Length of the union of intervals.
fn union(mut intervals: Vec<(u64, u64)>) -> u64 {
    intervals.sort_unstable();
    let mut total = 0;
    let mut covered = 0;
    for (start, end) in intervals {
        let from = start.max(covered);
        // What an engine says of its clock may be anything.
        total = u64::saturating_add(total, end.saturating_sub(from));
        covered = covered.max(end);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(id: &str, inputs: &[&str], name: &str, times: (u64, u64), cached: bool) -> VertexUpdate {
        VertexUpdate {
            id: id.into(),
            inputs: inputs.iter().map(|i| (*i).to_owned()).collect(),
            name: name.into(),
            place: None,
            started: Some(times.0),
            completed: Some(times.1),
            cached,
            error: String::new(),
        }
    }

    #[test]
    fn names_give_stage_number_and_kind() {
        assert_eq!(parse_name("[builder  2/10] RUN a ] b"), ("builder".into(), Some(2), "RUN a ] b".into()));
        assert_eq!(parse_name("[1/3] FROM x"), (String::new(), Some(1), "FROM x".into()));
        assert_eq!(parse_name("[linux/amd64 stage-1 1/1] COPY a b").0, "stage-1");
        assert_eq!(parse_name("[internal] load build context").1, None);
        let kind = |name| Step::new(&update("a", &[], name, (0, 1), false)).kind;
        assert_eq!(kind("[internal] load metadata for x"), Kind::Resolve);
        assert_eq!(kind("[internal] load build context"), Kind::Context);
        assert_eq!(kind("[1/3] FROM x"), Kind::Resolve);
        assert_eq!(kind("[2/3] RUN x"), Kind::Exec);
        assert_eq!(kind("exporting to image"), Kind::Export);
    }

    #[test]
    fn a_step_that_ran_and_is_reported_as_cached_later_is_not_cached() {
        let mut trace = Trace::default();
        trace.push(&update("a", &[], "[2/2] RUN x", (10, 20), false));
        trace.push(&update("a", &[], "[2/2] RUN x", (30, 31), true));
        let step = trace.find("", 2).unwrap();
        assert!(!step.cached() && step.ran());
        assert_eq!(step.span(), Some((10, Some(31))));
        assert_eq!(trace.step_sum(), 11);
    }

    #[test]
    fn parts_are_unions_and_the_critical_path_follows_inputs() {
        let mut trace = Trace::default();
        trace.push(&update("c", &[], "[internal] load build context", (0, 10), false));
        trace.push(&update("a", &["c"], "[a 2/2] RUN slow", (10, 60), false));
        trace.push(&update("b", &["c"], "[b 2/2] RUN fast", (10, 30), false));
        trace.push(&update("d", &["a", "b"], "[b 3/3] COPY --from=a x x", (60, 70), false));
        trace.push(&update("e", &[], "exporting to image", (70, 80), false));
        let parts = trace.parts();
        assert_eq!((parts.context, parts.exec, parts.export, parts.attributed), (10, 60, 10, 80));
        assert_eq!(trace.step_sum(), 80);
        assert_eq!(trace.critical_path(), (60, vec![1, 3]));
    }

    #[test]
    fn a_chain_of_any_length_has_a_critical_path_and_a_circle_an_end() {
        let mut trace = Trace::default();
        let count = 3000;
        for at in (0..count).rev() {
            let (id, below) = (format!("{at}"), format!("{}", at + 1));
            trace.push(&update(&id, &[&below], "[2/2] RUN x", (at, at + 1), false));
        }
        assert_eq!(trace.critical_path().0, count);
        let mut circle = Trace::default();
        circle.push(&update("a", &["b"], "[2/3] RUN x", (0, 5), false));
        circle.push(&update("b", &["a"], "[3/3] RUN y", (5, 9), false));
        circle.push(&update("c", &["c"], "[3/3] RUN z", (5, 9), false));
        assert_eq!(circle.critical_path().0, 9);
    }
}
