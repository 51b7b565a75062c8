//! What of a machine a node could leave behind or change, so that two looks can be compared.

use crate::lane::until;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Sets of lines, by what they are about.
#[derive(Debug)]
pub struct Machine {
    folder: PathBuf,
    seen: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Machine {
    /// Looks at everything; `folder` is where nodes make their folders.
    pub fn look(folder: &Path) -> Self {
        let seen = [
            ("mounts", lines(&fs::read_to_string("/proc/mounts").unwrap())),
            ("links", links()),
            ("addresses", lines(&said("ip", &["-o", "addr"]))),
            ("routes", lines(&said("ip", &["route", "show", "table", "all"]))),
            ("rules", rules()),
            ("control groups", cgroups()),
            ("engine", engine()),
            ("files", files(folder)),
            ("processes", processes(folder)),
        ];
        Self { folder: folder.to_owned(), seen: seen.into() }
    }

    /// Fails if something is there for good that was not, or the other way round. Others may use the engine meanwhile:
    /// what they make for a moment goes, so only what every one of several looks shows is a change.
    pub fn assert_unchanged(&self) {
        let mut changes = self.changes(&Self::look(&self.folder));
        for _ in 0..100 {
            if changes.is_empty() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
            let still = self.changes(&Self::look(&self.folder));
            changes.retain(|change| still.contains(change));
        }
        let changes: Vec<_> = changes.into_iter().collect();
        panic!("the machine has changed:\n{}", changes.join("\n"));
    }

    fn changes(&self, now: &Self) -> BTreeSet<String> {
        let mut changes = BTreeSet::new();
        for (what, before) in &self.seen {
            let now = &now.seen[what];
            changes.extend(now.difference(before).map(|line| format!("{what}: new: {line}")));
            changes.extend(before.difference(now).map(|line| format!("{what}: gone: {line}")));
        }
        changes
    }
}

/// Lines, without those of a build or a container that the user's engine happened to run at that moment.
fn lines(text: &str) -> BTreeSet<String> {
    let passing = ["veth", "/var/lib/docker/", "/run/docker/"];
    let lasting = text.lines().filter(|line| !passing.iter().any(|word| line.contains(word)));
    lasting.map(|line| line.replace(" linkdown", "").trim_end().to_owned()).collect()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("PATH", search_path()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn search_path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Names of links, without the state that traffic of others changes.
fn links() -> BTreeSet<String> {
    let entries = fs::read_dir("/sys/class/net").unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    lines(&names.join("\n"))
}

/// Only root may read them, and only root's nodes could change them.
fn rules() -> BTreeSet<String> {
    if !is_root() {
        return BTreeSet::new();
    }
    lines(&said("iptables-save", &[])).into_iter().filter(|line| !line.starts_with(['#', ':'])).collect()
}

/// Without those of a machine apart, on which other tests run meanwhile.
pub fn cgroups() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap().map(|entry| entry.unwrap().path()) {
        let below = fs::read_dir(&hierarchy).into_iter().flatten().map(|entry| entry.unwrap().path());
        found.extend(below.chain([hierarchy]).filter(|path| path.is_dir()).map(|p| p.display().to_string()));
    }
    found.retain(|group| !group.contains("/dbench-apart."));
    found
}

/// Named images and networks of the user's engine; runs of others on it make and remove their own.
fn engine() -> BTreeSet<String> {
    let format = "{{.ID}} {{.Repository}}:{{.Tag}}";
    let images = lines(&said("docker", &["image", "ls", "--no-trunc", "--format", format]));
    let networks = lines(&said("docker", &["network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}"]));
    let passing = ["<none>", "dbench/run/", " 127.0.0.1:", ":spoiled"];
    let lasting = images.into_iter().filter(|line| !passing.iter().any(|word| line.contains(word)));
    lasting.chain(networks).collect()
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path().display().to_string()).collect()
}

/// Processes whose command line or environment names the folder; an engine's own are named by it.
fn processes(folder: &Path) -> BTreeSet<String> {
    let word = folder.display().to_string();
    let mut found = BTreeSet::new();
    for process in fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path()) {
        let read = |name: &str| {
            String::from_utf8_lossy(&fs::read(process.join(name)).unwrap_or_default()).into_owned()
        };
        let command = read("cmdline").replace('\0', " ");
        if !process.ends_with(std::process::id().to_string())
            && (command.contains(&word) || read("environ").contains(&word))
        {
            found.insert(format!("{} {command}", process.display()));
        }
    }
    found
}

pub fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// Waits until no process names the folder, and nothing is in it.
pub fn until_gone(folder: &Path) {
    until("nothing of the node is left", || {
        (processes(folder).is_empty() && files(folder).is_empty()).then_some(())
    });
}
