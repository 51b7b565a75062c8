//! Where and how a node keeps its images; both decide the time of a pull, so both are recorded.

use crate::error::{Result, files};
use std::path::Path;

/// How an engine keeps images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageStore {
    /// The graph drivers: overlay2 and its like, in every version of the engine.
    Graph,
    /// The store of containerd, from Engine 26 on.
    Containerd,
}

impl ImageStore {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Graph, Self::Containerd];

    /// The store of an engine, by the name that `EngineRecord::store` has; a node is best like the engine that builds.
    pub fn of(name: &str) -> Self {
        if name == Self::Containerd.name() { Self::Containerd } else { Self::Graph }
    }

    /// The store of that name; `None` if there is none.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|store| store.name() == name)
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Containerd => "containerd",
        }
    }
}

/// What a node's store stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// A tmpfs that holds this many bytes.
    Memory(u64),
    /// The disk that the node's folder is on.
    Disk,
}

impl StorePlace {
    /// For a store on this machine that may have to hold that much: half of the memory that can be had, if that is enough.
    pub fn on_this_machine(bytes: u64) -> Self {
        let text = files::read_to_string(Path::new("/proc/meminfo")).unwrap_or_default();
        Self::in_half_of(available(&text), bytes)
    }

    /// For a store on the machine of an engine that has that much memory in all, of which half is taken for free.
    pub fn on_machine_with(memory: Option<u64>, bytes: u64) -> Self {
        Self::in_half_of(memory.map(|memory| memory / 2), bytes)
    }

    fn in_half_of(free: Option<u64>, bytes: u64) -> Self {
        match free.map(|free| free / 2) {
            Some(half) if half >= bytes => Self::Memory(half),
            _ => Self::Disk,
        }
    }

    /// The word that the supervisor takes.
    pub(super) fn word(self) -> String {
        match self {
            Self::Memory(bytes) => bytes.to_string(),
            Self::Disk => "disk".to_owned(),
        }
    }

    /// The file system of a store in `folder`.
    pub(super) fn file_system(self, folder: &Path) -> Result<String> {
        match self {
            Self::Memory(_) => Ok("tmpfs".to_owned()),
            Self::Disk => {
                let mounts = files::read_to_string(Path::new("/proc/self/mountinfo"))?;
                Ok(file_system_of(&mounts, folder).unwrap_or_default())
            }
        }
    }
}

/// Bytes of memory that can be had without swapping.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The type of the file system that `path` is on: that of the longest mount point above it, the last if there are two.
pub(super) fn file_system_of(mountinfo: &str, path: &Path) -> Option<String> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        // The kernel writes a space as \040; paths with other escapes are rare enough to be taken for their parent's.
        let point = before.split(' ').nth(4)?.replace("\\040", " ");
        Some((point, after.split(' ').next()?))
    });
    mounts
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.len())
        .map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /dev/shm rw,nosuid - tmpfs tmpfs rw
41 22 8:1 / /home/my\\040data rw,relatime shared:9 master:2 - xfs /dev/sda1 rw
42 22 8:2 / /home/my\\040data rw,relatime - btrfs /dev/sda2 rw
";

    #[test]
    fn a_path_is_on_the_longest_mount_point_above_it() {
        let of = |path: &str| file_system_of(MOUNTS, Path::new(path));
        assert_eq!(of("/var/lib").as_deref(), Some("ext4"));
        assert_eq!(of("/dev/shm/node").as_deref(), Some("tmpfs"));
        assert_eq!(of("/dev/shmem").as_deref(), Some("ext4"));
        assert_eq!(of("/home/my data/x").as_deref(), Some("btrfs"));
        assert_eq!(file_system_of("", Path::new("/x")), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal: 9 kB\n"), None);
        assert_eq!(StorePlace::on_this_machine(u64::MAX), StorePlace::Disk);
    }

    #[test]
    fn a_store_is_as_large_as_memory_allows_and_on_the_disk_where_that_is_too_little() {
        const GB: u64 = 1_000_000_000;
        let of_engine = |memory| StorePlace::on_machine_with(memory, 6 * GB);
        assert_eq!(of_engine(Some(64 * GB)), StorePlace::Memory(16 * GB));
        assert_eq!(of_engine(Some(24 * GB)), StorePlace::Memory(6 * GB));
        assert_eq!(of_engine(Some(23 * GB)), StorePlace::Disk);
        assert_eq!(of_engine(None), StorePlace::Disk);
    }

    #[test]
    fn stores_have_the_names_of_the_record() {
        for store in ImageStore::ALL {
            assert_eq!(ImageStore::of(store.name()), store);
            assert_eq!(ImageStore::parse(store.name()), Some(store));
        }
        assert_eq!(ImageStore::parse("overlay2"), None);
    }
}
