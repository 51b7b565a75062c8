//! What a run shows while it goes on: one live line a build on a terminal, plain lines when piped or in CI.

use super::screen::Screen;
use crate::report::format;
use crate::results::nanoseconds;
use crate::runner::{Observer, Planned};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::Path;
use std::time::{Duration, Instant};

/// Shows builds as they come.
pub(super) struct Progress {
    screen: Screen,
    bar: ProgressBar,
    total: usize,
    done: usize,
    began: Instant,
}

impl Progress {
    pub(super) fn new(screen: Screen, total: usize) -> Self {
        let target =
            if screen.is_live() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {prefix} · {wide_msg}") {
            bar.set_style(style);
        }
        Self { screen, bar, total, done: 0, began: Instant::now() }
    }

    /// Ends the live line.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| self.screen.say(text));
    }

    /// What is left at the pace so far; nothing to say before the first build is done.
    fn left(&self) -> String {
        let left = self.total.saturating_sub(self.done);
        match u32::try_from(self.done) {
            Ok(done) if done > 0 && left > 0 => {
                let ahead = self.began.elapsed() / done * u32::try_from(left).unwrap_or(u32::MAX);
                format!(", about {} left", format::time(nanoseconds(ahead)))
            }
            _ => String::new(),
        }
    }
}

fn name(planned: &Planned) -> String {
    let what = if planned.measured { planned.case.phase.name() } else { "priming" };
    format!("{}/{} {what}, round {}", planned.case.scenario, planned.case.variant, planned.round)
}

impl Observer for Progress {
    fn begin(&mut self, planned: &Planned, done: usize) {
        self.done = done;
        self.bar.set_prefix(format!("{}/{} {}{}", done + 1, self.total, name(planned), self.left()));
        self.bar.set_message("");
        self.bar.enable_steady_tick(Duration::from_millis(120));
    }

    fn step(&mut self, name: &str) {
        self.bar.set_message(name.chars().filter(|c| !c.is_control()).collect::<String>());
    }

    fn end(&mut self, planned: &Planned, wall: Duration, counts: Result<(), &str>) {
        self.done += 1;
        let wall = format::time(nanoseconds(wall));
        let verdict = counts.map_or_else(|reason| format!(" · does not count: {reason}"), |()| String::new());
        self.say(&format!("{}/{} {}: {wall}{verdict}", self.done, self.total, name(planned)));
    }

    fn failure(&mut self, planned: &Planned, last_lines: &str, log: &Path) {
        let lines: String = last_lines.lines().map(|line| format!("  | {line}\n")).collect();
        self.say(&format!("{} failed; its log ends:\n{lines}  whole log: {}", name(planned), log.display()));
    }

    fn warning(&mut self, text: &str) {
        self.bar.suspend(|| self.screen.problem("warning", text));
    }
}
