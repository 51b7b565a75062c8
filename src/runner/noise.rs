//! What of the machine disturbs a measurement and can be read from it: time that a hypervisor takes, the governor of the CPU's
//! clock, a CPU that is too hot, the free space of a disk. What the machine does not say stays unknown.

use crate::error::files;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where counters stood at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// All ticks of all CPUs since the machine started, and those that were taken.
    ticks: Option<(u64, u64)>,
    /// Of every CPU's counters how often it slowed down because it was too hot; empty if the machine has none.
    throttled: Vec<u64>,
}

/// Time that the hypervisor gave to others, in thousandths of all time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stolen {
    /// Between two looks.
    pub now: u64,
    /// Since the machine started.
    pub ever: u64,
}

/// How often the CPU that did so most slowed down because it was too hot: the counters of a core or a package show the same
/// event on several CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// Between two looks.
    pub now: u64,
    /// Since the machine started.
    pub ever: u64,
}

impl Counters {
    /// Looks at them. `root` is `/`, but in tests.
    pub fn read(root: &Path) -> Self {
        Self { ticks: ticks(root), throttled: throttled(root) }
    }

    /// What was stolen since an earlier look; `None` if it is not known.
    pub fn stolen(&self, before: &Self) -> Option<Stolen> {
        let ((all, stolen), (all_before, stolen_before)) = (self.ticks?, before.ticks?);
        let of = |stolen: u64, all: u64| stolen.checked_mul(1000)?.checked_div(all);
        let now = of(stolen.checked_sub(stolen_before)?, all.checked_sub(all_before)?)?;
        Some(Stolen { now, ever: of(stolen, all)? })
    }

    /// How often CPUs slowed down since an earlier look; `None` if it is not known.
    pub fn throttled(&self, before: &Self) -> Option<Throttled> {
        let since = self.throttled.iter().zip(&before.throttled).map(|(now, then)| now.saturating_sub(*then));
        Some(Throttled { now: since.max()?, ever: self.throttled.iter().copied().max()? })
    }
}

/// The governors of all CPUs' clocks; empty if the machine does not say.
pub fn governors(root: &Path) -> BTreeSet<String> {
    cpus(root).iter().filter_map(|cpu| text(&cpu.join("cpufreq/scaling_governor"))).collect()
}

/// Free and all bytes of the disk that holds a folder; `None` if there is no such folder here.
pub fn room(folder: &Path) -> Option<(u64, u64)> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Some((bytes(stat.f_bavail), bytes(stat.f_blocks)))
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal. What guests ran is in user already.
fn ticks(root: &Path) -> Option<(u64, u64)> {
    let stat = text(&root.join("proc/stat"))?;
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_whitespace().take(8).map(|n| n.parse().ok()).collect::<Option<_>>()?;
    // Kernels before 2.6.11 have no column of it.
    let stolen = *ticks.get(7)?;
    Some((ticks.iter().sum(), stolen))
}

fn throttled(root: &Path) -> Vec<u64> {
    let counter = |cpu: &Path, name: &str| text(&cpu.join("thermal_throttle").join(name))?.parse().ok();
    let of_cpu =
        |cpu: &PathBuf| ["core_throttle_count", "package_throttle_count"].map(|name| counter(cpu, name));
    cpus(root).iter().flat_map(of_cpu).flatten().collect()
}

fn cpus(root: &Path) -> Vec<PathBuf> {
    let folder = root.join("sys/devices/system/cpu");
    let all = if folder.is_dir() { files::list(&folder).unwrap_or_default() } else { Vec::new() };
    let is_cpu = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.strip_prefix("cpu").is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
    };
    all.into_iter().filter(is_cpu).collect()
}

fn text(path: &Path) -> Option<String> {
    let text = if path.is_file() { files::read_to_string(path).ok()? } else { return None };
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            files::create_dir_all(path.parent().unwrap()).unwrap();
            files::write(&path, text).unwrap();
        }

        fn counters(&self) -> Counters {
            Counters::read(self.0.path())
        }
    }

    #[test]
    fn stolen_time_is_read_over_a_window_and_since_the_start() {
        let machine = Machine::new();
        machine.write("proc/stat", "cpu  700 0 100 9000 100 0 0 100 50 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
        let before = machine.counters();
        machine.write("proc/stat", "cpu  800 0 100 9090 100 0 0 110 60 0\n");
        let stolen = machine.counters().stolen(&before);
        assert_eq!(stolen, Some(Stolen { now: 50, ever: 10 }));
        assert_eq!(before.stolen(&before), None, "nothing is known of a window without a tick");
    }

    #[test]
    fn governors_and_throttling_are_read_from_every_cpu() {
        let machine = Machine::new();
        let cpu = |n: u32, path: &str, text: &str| {
            machine.write(&format!("sys/devices/system/cpu/cpu{n}/{path}"), text)
        };
        for n in 0..2 {
            cpu(n, "cpufreq/scaling_governor", if n == 0 { "performance\n" } else { "powersave\n" });
            cpu(n, "thermal_throttle/core_throttle_count", "3\n");
            cpu(n, "thermal_throttle/package_throttle_count", "5\n");
        }
        machine.write("sys/devices/system/cpu/cpufreq/scaling_governor", "of no CPU");
        assert_eq!(governors(machine.0.path()), ["performance".to_owned(), "powersave".to_owned()].into());
        let before = machine.counters();
        cpu(1, "thermal_throttle/core_throttle_count", "9\n");
        assert_eq!(machine.counters().throttled(&before), Some(Throttled { now: 6, ever: 9 }));
    }

    #[test]
    fn what_a_machine_does_not_say_is_unknown() {
        let machine = Machine::new();
        let counters = machine.counters();
        assert_eq!(counters, Counters::default());
        assert_eq!((counters.stolen(&counters), counters.throttled(&counters)), (None, None));
        assert_eq!(governors(machine.0.path()), BTreeSet::new());
        assert_eq!(room(&machine.0.path().join("none")), None);
        assert!(room(machine.0.path()).is_some_and(|(free, all)| free <= all && all > 0));
        machine.write("proc/stat", "cpu  1 2 3\n");
        assert_eq!(machine.counters(), Counters::default());
    }
}
