//! What is worth knowing of the machine that runs dbench: it decides the times.

use crate::engine::About;
use crate::error::files;
use crate::results::Host;
use std::path::Path;

/// Below this much free disk an engine may fail in mid-run.
const ROOM_PER_VARIANT: u64 = 3_000_000_000;

/// Hundredths of load a core: above, less than a quarter of the machine is free, and a build that runs two steps at once
/// has to wait. Below, it is mostly what the last minute still remembers of a build that has ended.
const BUSY_PER_CORE: u32 = 75;

/// The machine, as far as it tells.
pub fn host() -> Host {
    Host {
        platform: format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
        cpu: field("/proc/cpuinfo", "model name"),
        cores: std::thread::available_parallelism().ok().and_then(|n| u32::try_from(n.get()).ok()),
        memory: field("/proc/meminfo", "MemTotal").and_then(|text| kilobytes(&text)),
        kernel: line("/proc/sys/kernel/osrelease"),
        governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        load_percent: load_percent(),
    }
}

/// The load average of the last minute, in hundredths.
pub fn load_percent() -> Option<u32> {
    let load: f64 = line("/proc/loadavg")?.split(' ').next()?.parse().ok()?;
    (load >= 0.0).then_some((load * 100.0).round() as u32)
}

/// A warning if the machine is busy before the first clock.
pub fn busy(host: &Host) -> Option<String> {
    let (load, cores) = (host.load_percent?, host.cores?);
    (load > BUSY_PER_CORE * cores).then(|| {
        format!(
            "the load is {}.{:02} on {cores} cores before the first build; times may be too long",
            load / 100,
            load % 100
        )
    })
}

/// A warning if the disk of a local engine has too little room for a round of `variants` whose images stay.
pub fn too_little_disk(engine: &About, variants: u64) -> Option<String> {
    if engine.is_local() { too_little_room(&engine.root, variants) } else { None }
}

/// The same of the folder that an engine of this machine keeps its data in.
pub fn too_little_room(root: &Path, variants: u64) -> Option<String> {
    let (free, _) = super::noise::room(root)?;
    let needed = variants.saturating_mul(ROOM_PER_VARIANT);
    (free < needed).then(|| {
        format!(
            "the engine's disk has {:.1} GB free and the plan may need {:.1} GB",
            free as f64 / 1e9,
            needed as f64 / 1e9
        )
    })
}

/// A warning if the machine that is described may not be the one that builds.
pub fn elsewhere(engine: &About) -> Option<String> {
    (!engine.is_local()).then(|| {
        format!(
            "the engine is reached by {} and may be on another machine: the host that is named here ran dbench, the engine \
             built; what dbench asks and sends is on the way in every time",
            engine.way
        )
    })
}

fn line(path: &str) -> Option<String> {
    let path = Path::new(path);
    let text = if path.exists() { files::read_to_string(path).ok()? } else { return None };
    Some(text.lines().next()?.trim().to_owned())
}

fn field(path: &str, name: &str) -> Option<String> {
    let path = Path::new(path);
    let text = if path.exists() { files::read_to_string(path).ok()? } else { return None };
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

fn kilobytes(text: &str) -> Option<u64> {
    text.strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_above_three_quarters_of_the_cores_is_warned_of() {
        let mut host = host();
        (host.cores, host.load_percent) = (Some(2), Some(136));
        assert_eq!(busy(&host), None);
        host.load_percent = Some(151);
        assert_eq!(
            busy(&host).unwrap(),
            "the load is 1.51 on 2 cores before the first build; times may be too long"
        );
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(kilobytes("24683896 kB"), Some(25_276_309_504));
        assert_eq!(kilobytes("many"), None);
    }
}
