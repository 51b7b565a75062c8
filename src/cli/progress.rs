//! What a run shows while it goes on: one live line a build on a terminal, plain lines when piped or in CI.

use super::screen::Screen;
use crate::report::format;
use crate::results::{Builder, nanoseconds};
use crate::runner::{Observer, Planned};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shows builds as they come.
pub(super) struct Progress {
    screen: Screen,
    bar: ProgressBar,
    total: usize,
    done: usize,
    began: Instant,
    end: End,
    /// The ends of logs that were shown, by the variant.
    shown: BTreeSet<String>,
}

/// When the run is likely to end, in milliseconds since it began: the live line counts down to it. 0 is not known.
#[derive(Clone, Default)]
struct End(Arc<AtomicU64>);

impl End {
    /// The pace so far goes on; nothing is known before the first build is done.
    fn foresee(&self, elapsed: Duration, done: usize, total: usize) {
        let (Ok(done), Ok(total)) = (u32::try_from(done), u32::try_from(total)) else { return };
        let whole = if done == 0 { Duration::ZERO } else { elapsed / done * total };
        self.0.store(u64::try_from(whole.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What is left when so much has gone by.
    fn left(&self, elapsed: Duration) -> String {
        let left = Duration::from_millis(self.0.load(Ordering::Relaxed)).saturating_sub(elapsed);
        match left.as_secs() {
            0 => String::new(),
            // An estimate has no fractions.
            seconds @ 1..60 => format!(", about {seconds}{}s left", format::THIN),
            seconds => format!(", about {} left", format::time(seconds * 1_000_000_000)),
        }
    }
}

impl Progress {
    pub(super) fn new(screen: Screen, total: usize) -> Self {
        let target =
            if screen.is_live() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let (began, end) = (Instant::now(), End::default());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {prefix}{left} · {wide_msg}") {
            let end = end.clone();
            bar.set_style(style.with_key("left", move |_: &ProgressState, line: &mut dyn Write| {
                // A line that cannot be written has no reader.
                let _ = line.write_str(&end.left(began.elapsed()));
            }));
        }
        Self { screen, bar, total, done: 0, began, end, shown: BTreeSet::new() }
    }

    /// Ends the live line.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| self.screen.say(text));
    }
}

fn name(planned: &Planned) -> String {
    let case = &planned.case;
    let what = if planned.measured { case.phase.name() } else { "priming" };
    let by = if case.builder == Builder::Buildkit { String::new() } else { format!(" ({})", case.builder) };
    format!("{}/{}{by} {what}, round {}", case.scenario, case.variant, planned.round)
}

impl Observer for Progress {
    fn begin(&mut self, planned: &Planned, done: usize) {
        self.done = done;
        self.end.foresee(self.began.elapsed(), done, self.total);
        self.bar.set_prefix(format!("{}/{} {}", done + 1, self.total, name(planned)));
        self.bar.set_message("");
        self.bar.enable_steady_tick(Duration::from_millis(120));
    }

    fn step(&mut self, name: &str) {
        self.bar.set_message(crate::plain::line(name).into_owned());
    }

    fn end(&mut self, planned: &Planned, wall: Duration, counts: Result<(), &str>) {
        self.done += 1;
        let wall = format::time(nanoseconds(wall));
        let verdict = counts.map_or_else(|reason| format!(" · does not count: {reason}"), |()| String::new());
        self.say(&format!("{}/{} {}: {wall}{verdict}", self.done, self.total, name(planned)));
        // Whatever comes next says so itself; until then the last step is no longer what goes on.
        self.bar.set_prefix(format!("{}/{} builds done", self.done, self.total));
        self.bar.set_message("");
    }

    fn unbuilt(&mut self, planned: &Planned, done: usize, reason: &str) {
        self.done = done;
        self.say(&format!("{done}/{} {}: not built: {reason}", self.total, name(planned)));
    }

    fn transfers(&mut self, case: &str, round: u32) {
        // The builds of the variant are done, and no build runs: their number says how far the run is.
        let text = format!("{}/{} builds done, {case} transfers, round {round}", self.done, self.total);
        self.bar.set_prefix(text.clone());
        self.bar.set_message("");
        if !self.screen.is_live() {
            self.say(&text);
        }
    }

    fn failure(&mut self, planned: &Planned, last_lines: &str, log: &Path) {
        let own = format!("{}/{}\n{last_lines}", planned.case.scenario, planned.case.variant);
        let lines = if self.shown.contains(&own) {
            " as before\n".to_owned()
        } else {
            ":\n".to_owned() + &last_lines.lines().map(|line| format!("  | {line}\n")).collect::<String>()
        };
        self.shown.insert(own);
        self.say(&format!("{} failed; its log ends{lines}  whole log: {}", name(planned), log.display()));
    }

    fn warning(&mut self, text: &str) {
        self.bar.suspend(|| self.screen.problem("warning", text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Case, Phase};

    fn planned(builder: Builder) -> Planned {
        let case = Case {
            scenario: "greet".to_owned(),
            variant: "multi".to_owned(),
            builder,
            phase: Phase::SourceEdit,
        };
        Planned { case, round: 2, measured: true }
    }

    #[test]
    fn a_build_of_the_classic_builder_is_told_from_one_of_buildkit() {
        assert_eq!(name(&planned(Builder::Buildkit)), "greet/multi source-edit, round 2");
        assert_eq!(name(&planned(Builder::Classic)), "greet/multi (classic) source-edit, round 2");
        let priming = Planned { measured: false, ..planned(Builder::Classic) };
        assert_eq!(name(&priming), "greet/multi (classic) priming, round 2");
    }

    #[test]
    fn the_live_line_keeps_no_step_that_has_ended() {
        let mut progress = Progress::new(Screen::new(crate::cli::Colour::Never), 9);
        progress.begin(&planned(Builder::Classic), 3);
        progress.step("probing");
        assert_eq!(progress.bar.prefix(), "4/9 greet/multi (classic) source-edit, round 2");
        assert_eq!(progress.bar.message(), "probing");
        progress.end(&planned(Builder::Classic), Duration::from_secs(1), Ok(()));
        assert_eq!(
            (progress.bar.prefix(), progress.bar.message()),
            ("4/9 builds done".into(), String::new())
        );
    }

    #[test]
    fn what_is_left_counts_down_between_builds() {
        let end = End::default();
        let left = |seconds| end.left(Duration::from_secs(seconds)).replace(format::THIN, " ");
        end.foresee(Duration::from_secs(5), 0, 4);
        assert_eq!(left(5), "", "nothing is known before the first build is done");
        end.foresee(Duration::from_secs(20), 1, 4);
        assert_eq!(left(20), ", about 1 min 0 s left");
        assert_eq!(left(30), ", about 50 s left");
        assert_eq!(left(99), "", "an estimate that was too short says no more");
    }
}
