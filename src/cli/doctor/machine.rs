//! What `dbench doctor` says of the machine, and what each thing does to a measurement. What a machine does not say is called
//! unknown, never fine.

use super::{Finding, Mark};
use crate::report::format;
use crate::results::Host;
use crate::runner::host;
use crate::runner::noise::{self, Counters, Stolen, Throttled};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// How long counters are watched.
const WINDOW: Duration = Duration::from_secs(1);
/// From so many thousandths of stolen time on, times are too long to be blamed on the builds.
const STOLEN: u64 = 10;
/// What is said of a thing begins so where the machine does not tell.
const UNKNOWN: &str = "unknown: ";
/// As many variants as a shipped scenario has.
const VARIANTS: u64 = 3;

/// A look at the machine that takes a second; other things may be looked at meanwhile.
pub(super) struct Look {
    root: PathBuf,
    since: Instant,
    before: Counters,
}

impl Look {
    /// `root` is `/`, but in tests.
    pub(super) fn begin(root: &Path) -> Self {
        Self { root: root.to_owned(), since: Instant::now(), before: Counters::read(root) }
    }

    /// Waits for the rest of the second, and says what was found.
    pub(super) async fn end(self) -> [Finding; 4] {
        tokio::time::sleep_until(self.since + WINDOW).await;
        let after = Counters::read(&self.root);
        [
            load(&host::host()),
            stolen(after.stolen(&self.before)),
            governor(&noise::governors(&self.root)),
            throttling(after.throttled(&self.before)),
        ]
    }
}

fn finding(what: &str, found: impl Into<String>, effect: &'static str, cure: Option<&str>) -> Finding {
    let (what, found, cure) = (what.to_owned(), found.into(), cure.map(str::to_owned));
    let mark = match &cure {
        Some(_) => Mark::Warn,
        None if found.starts_with(UNKNOWN) => Mark::Unknown,
        None => Mark::Ok,
    };
    Finding { mark, what, found, effect: Some(effect), cure }
}

fn load(host: &Host) -> Finding {
    let found = match (host.load_percent, host.cores) {
        (Some(load), Some(cores)) => format!("{}.{:02} on {cores} cores", load / 100, load % 100),
        _ => "unknown: this machine shows no load".to_owned(),
    };
    let busy = host::busy(host).map(|_| "end what runs beside it, or wait");
    finding("load", found, "what runs beside a build takes cores from it, and its time grows", busy)
}

fn stolen(stolen: Option<Stolen>) -> Finding {
    let percent = |thousandths: u64| format!("{}.{} %", thousandths / 10, thousandths % 10);
    let found = match stolen {
        Some(Stolen { now, ever }) => {
            format!("{} of the last second, {} since the machine started", percent(now), percent(ever))
        }
        None => "unknown: this machine shows no stolen time".to_owned(),
    };
    let much = stolen.filter(|stolen| stolen.now >= STOLEN);
    finding(
        "stolen time",
        found,
        "what a hypervisor gives to others is in the time of every build, and differs from round to round",
        much.map(
            |_| "measure at a quieter hour or on a machine of its own; more rounds show how far times spread",
        ),
    )
}

fn governor(governors: &BTreeSet<String>) -> Finding {
    let names: Vec<&str> = governors.iter().map(String::as_str).collect();
    let found = match names.as_slice() {
        [] => "unknown: this machine shows no governor, as most virtual ones".to_owned(),
        names => names.join(", "),
    };
    let slow = names.iter().any(|name| *name != "performance");
    finding(
        "governor",
        found,
        "one that saves power begins slowly: short builds look longer than they are",
        slow.then_some("`cpupower frequency-set --governor performance` as long as measurements go on"),
    )
}

fn throttling(throttled: Option<Throttled>) -> Finding {
    let times = |n: u64| if n == 1 { "once".to_owned() } else { format!("{n} times") };
    let found = match throttled {
        Some(Throttled { ever: 0, .. }) => "not once since the machine started".to_owned(),
        Some(Throttled { now: 0, ever }) => {
            format!("{} since the machine started, not in the last second", times(ever))
        }
        Some(Throttled { now, ever }) => {
            format!("{} in the last second, {} since the machine started", times(now), times(ever))
        }
        None => "unknown: this machine counts none".to_owned(),
    };
    let hot = throttled.is_some_and(|throttled| throttled.now > 0);
    finding(
        "throttling",
        found,
        "a CPU that is too hot slows down: later builds take longer than earlier ones",
        hot.then_some("let it cool, and see to its air"),
    )
}

/// The disk that the engine keeps everything on, which is known where the engine is on this machine.
pub(super) fn disk(root: Option<&Path>) -> Finding {
    let found = match (root, root.and_then(noise::room)) {
        (Some(root), Some((free, all))) => {
            format!("{} free of {} at {}", format::bytes(free), format::bytes(all), root.display())
        }
        (Some(root), None) => {
            format!("unknown: the engine's folder {} is not on this machine", root.display())
        }
        (None, _) => "unknown: no engine answers".to_owned(),
    };
    let little = root.and_then(|root| host::too_little_room(root, VARIANTS));
    let cure = little.map(|found| format!("{found}: free some, for example with `docker builder prune`"));
    finding(
        "disk",
        found,
        "where it gets full, engines drop parts of the cache between builds, and builds fail",
        cure.as_deref(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(finding: &Finding) -> (String, bool) {
        assert!(finding.effect.is_some_and(|effect| !effect.is_empty()));
        (finding.found.replace(format::THIN, " "), finding.cure.is_some())
    }

    #[tokio::test]
    async fn a_machine_that_shows_nothing_is_unknown_and_nothing_is_wrong_with_it() {
        let empty = tempfile::tempdir().unwrap();
        let look = Look { since: Instant::now() - WINDOW, ..Look::begin(empty.path()) };
        let [_, stolen, governor, throttling] = look.end().await;
        for finding in [&stolen, &governor, &throttling, &disk(Some(&empty.path().join("none"))), &disk(None)]
        {
            let (found, wrong) = said(finding);
            assert!(found.starts_with(UNKNOWN) && !wrong && finding.mark == Mark::Unknown, "{finding:?}");
        }
        let nothing = Host { load_percent: None, ..host::host() };
        assert_eq!(said(&load(&nothing)), ("unknown: this machine shows no load".to_owned(), false));
    }

    #[test]
    fn what_disturbs_has_a_cure_and_what_does_not_has_none() {
        let host = |load| Host { load_percent: Some(load), cores: Some(2), ..host::host() };
        assert_eq!(said(&load(&host(42))), ("0.42 on 2 cores".to_owned(), false));
        assert_eq!(said(&load(&host(151))), ("1.51 on 2 cores".to_owned(), true));
        let of = |now, ever| said(&stolen(Some(Stolen { now, ever })));
        let text = |now: &str| format!("{now} % of the last second, 0.4 % since the machine started");
        assert_eq!((of(9, 4), of(10, 4)), ((text("0.9"), false), (text("1.0"), true)));
        let of = |names: &[&str]| said(&governor(&names.iter().map(|name| (*name).to_owned()).collect()));
        assert_eq!(of(&["performance"]), ("performance".to_owned(), false));
        assert_eq!(of(&["schedutil", "performance"]), ("performance, schedutil".to_owned(), true));
        let of = |now, ever| said(&throttling(Some(Throttled { now, ever })));
        assert_eq!(of(0, 0), ("not once since the machine started".to_owned(), false));
        assert_eq!(of(0, 7), ("7 times since the machine started, not in the last second".to_owned(), false));
        assert_eq!(of(1, 7), ("once in the last second, 7 times since the machine started".to_owned(), true));
    }

    #[test]
    fn the_room_on_the_engines_disk_is_said() {
        let here = tempfile::tempdir().unwrap();
        let (found, _) = said(&disk(Some(here.path())));
        assert!(
            found.contains(" free of ") && found.ends_with(&format!(" at {}", here.path().display())),
            "{found}"
        );
    }
}
