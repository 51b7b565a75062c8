//! Ignore files against the docker CLI: what an image holds that dbench built of a context must be what it holds if the
//! docker CLI builds it. Contexts and patterns are made up by a seeded generator; `scripts/ignore-differential` runs
//! hundreds of them.

use crate::lane::{Lane, PATIENCE};
use dbench::engine::{BuildRequest, Engine};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many contexts are compared if the environment says nothing.
const CASES: u64 = 20;
/// Names of files and folders: few, so that patterns meet them.
const NAMES: [&str; 14] = [
    "a",
    "b",
    "ab",
    "a.go",
    "b.go",
    "a.b",
    ".env",
    ".git",
    "é",
    "a b",
    "#c",
    "!d",
    "node_modules",
    "README.md",
];
/// Parts of patterns. dbench goes by clients from 23 on, and what they do otherwise than older ones is left to them: a
/// `**` in front of a name means folders alone to the older, so that `**b` is `**/b`, and they look into a folder that
/// is left out only if a `!` pattern begins with its very name.
const PARTS: [&str; 22] = [
    "a",
    "b",
    "ab",
    "*",
    "**",
    "?",
    "a*",
    "*b",
    "*.go",
    "*.md",
    "[ab]",
    "[^a]",
    "[a-b]b",
    "a?",
    "é",
    ".*",
    "a b",
    "\\#c",
    "\\!d",
    "node_modules",
    "README.md",
    ".",
];
const NEWER_PARTS: [&str; 2] = ["**b", "a**"];

/// A context with its ignore file, and what its Dockerfile copies.
struct Case {
    seed: u64,
    folder: PathBuf,
    dockerfiles: PathBuf,
    ignore: String,
    copy: String,
}

impl Case {
    fn make(lane: &Lane, seed: u64, newer: bool) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // All cases have one place, so that engines keep one context of each client, and the next comes on top of it.
        let at = lane.path("case");
        let (folder, dockerfiles) = (at.join("context"), at.join("dockerfiles"));
        if at.exists() {
            fs::remove_dir_all(&at).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(&dockerfiles).unwrap();
        fill(&folder, "", 3, &mut random);
        let ignore = patterns(&mut random, newer);
        // The ignore file of a Dockerfile beats that of the context, which then is a file like any other.
        let beside = random.random_ratio(1, 4);
        if beside {
            fs::write(dockerfiles.join("Dockerfile.dockerignore"), &ignore).unwrap();
        }
        if !beside || random.random_ratio(1, 2) {
            let other = if beside { "*\n".to_owned() } else { ignore.clone() };
            fs::write(folder.join(".dockerignore"), other).unwrap();
        }
        let copy = match random.random_range(0..6) {
            0 => format!("{} ", NAMES.choose(&mut random).unwrap().replace(' ', "?")),
            1 => "a* ".to_owned(),
            2 => "*/* ".to_owned(),
            _ => ". ".to_owned(),
        };
        let text = format!("FROM scratch\nLABEL token={}\nCOPY {copy}/{}/\n", lane.token, lane.token);
        fs::write(dockerfiles.join("Dockerfile"), text).unwrap();
        Self { seed, folder, dockerfiles, ignore, copy }
    }

    fn by_dbench(&self, lane: &Lane, key: &str) -> Result<String, String> {
        let tag = self.tag(lane, "dbench");
        let plain = BuildRequest::plain(&self.folder, &self.dockerfiles, &tag, key, PATIENCE);
        let request = BuildRequest { namespace: &lane.token, ..plain };
        let built = lane.wait_for(lane.engine.build(&request, &mut |_| ())).unwrap();
        built.outcome.map_err(|failure| failure.message)
    }

    fn by_the_cli(&self, tag: &str) -> Result<String, String> {
        let mut docker = docker();
        docker.arg("build").arg("--quiet").args(["--tag", tag]);
        docker.arg("--file").arg(self.dockerfiles.join("Dockerfile")).arg(&self.folder);
        let output = docker.env("DOCKER_BUILDKIT", "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() {
            Ok(said)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn tag(&self, lane: &Lane, by: &str) -> String {
        format!("dbench-ignored/{}:{}-{by}", lane.token, self.seed)
    }
}

/// The distribution's client, as a bare one on the path knows no BuildKit.
fn docker() -> Command {
    let path = Path::new("/usr/bin/docker");
    Command::new(if path.exists() { path } else { Path::new("docker") })
}

fn client_version() -> u32 {
    let output = docker().args(["version", "--format", "{{.Client.Version}}"]).output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    version.split('.').next().unwrap().parse().unwrap()
}

fn fill(folder: &Path, relative: &str, depth: u32, random: &mut ChaCha8Rng) {
    let count = random.random_range(if relative.is_empty() { 3..8 } else { 0..5 });
    for name in NAMES.sample(random, count) {
        let path = folder.join(name);
        let relative = format!("{relative}/{name}");
        match random.random_range(0..8) {
            0..3 if depth > 0 => {
                fs::create_dir(&path).unwrap();
                fill(&path, &relative, depth - 1, random);
            }
            3 => std::os::unix::fs::symlink(NAMES.choose(random).unwrap(), &path).unwrap(),
            // No two files are alike, or a list of files could hide that two were taken for each other.
            _ => fs::write(&path, relative).unwrap(),
        }
    }
}

fn patterns(random: &mut ChaCha8Rng, newer: bool) -> String {
    let all: Vec<&str> = PARTS.into_iter().chain(NEWER_PARTS.into_iter().filter(|_| newer)).collect();
    let plain: Vec<&str> = PARTS.into_iter().filter(|part| !part.contains(['*', '?', '[', '\\'])).collect();
    let within_one: Vec<&str> = PARTS.into_iter().filter(|part| !part.contains("**")).collect();
    let line = |random: &mut ChaCha8Rng| {
        let mark = *["", "", "!", "! "].choose(random).unwrap();
        let (folders, last) = if newer || mark.is_empty() { (&all, &all) } else { (&plain, &within_one) };
        let mut parts: Vec<&str> = (1..*[1, 1, 1, 2, 2, 3].choose(random).unwrap())
            .map(|_| *folders.choose(random).unwrap())
            .collect();
        parts.push(last.choose(random).unwrap());
        let lead = *["", "", "", "", "/", "./", "a/../", "//"].choose(random).unwrap();
        let end = *["", "", "", "/", "  ", "//"].choose(random).unwrap();
        format!("{mark}{lead}{}{end}", parts.join("/"))
    };
    let end = *["\n", "\n", "\n", "\r\n", "\n\n", "\n# x\n"].choose(random).unwrap();
    let lines: Vec<String> = (0..random.random_range(1..6)).map(|_| line(random)).collect();
    lines.join(end)
}

/// The layers of an image, which are equal only if the files in them are.
fn layers(lane: &Lane, image: &str) -> Vec<String> {
    lane.wait_for(lane.engine.image(image)).unwrap().unwrap().diff_ids
}

/// The files of an image, from what the engine saves. The times of folders are those of an earlier context that had them.
fn listed(image: &str) -> Vec<String> {
    let output = docker().args(["save", image]).output().unwrap();
    let mut files = Vec::new();
    let mut saved = tar::Archive::new(output.stdout.as_slice());
    for entry in saved.entries().unwrap() {
        let entry = entry.unwrap();
        if entry.path().unwrap().ends_with("layer.tar") {
            let mut layer = tar::Archive::new(entry);
            files.extend(layer.entries().unwrap().map(|file| described(file.unwrap())));
        }
    }
    files.sort();
    files
}

fn described(mut file: tar::Entry<'_, impl Read>) -> String {
    let mut content = Vec::new();
    file.read_to_end(&mut content).unwrap();
    let link = file.link_name().unwrap().map(|to| format!(" -> {}", to.display())).unwrap_or_default();
    let (path, header) = (file.path().unwrap(), file.header());
    let time = if header.entry_type().is_dir() { 0 } else { header.mtime().unwrap() };
    let (mode, uid, gid) = (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap());
    let content = String::from_utf8(content).unwrap();
    format!("{}{link} {mode:o} {uid}:{gid} {time} {content}", path.display())
}

/// All but folders without files: older clients send a folder that is left out and that a `!` pattern begins with.
fn without_empty_folders(files: &[String]) -> Vec<&String> {
    let folder = |line: &str| line.split_once("/ ").map(|(path, _)| format!("{path}/"));
    let holds = |name: &str| files.iter().any(|line| line.starts_with(name) && folder(line).is_none());
    files.iter().filter(|line| folder(line).is_none_or(|name| holds(&name))).collect()
}

/// How two images differ, if their files do.
fn difference(ours: &str, theirs: &str, may_hold_empty_folders: bool) -> Option<String> {
    let (ours, theirs) = (listed(ours), listed(theirs));
    let alike = ours == theirs
        || may_hold_empty_folders && without_empty_folders(&ours) == without_empty_folders(&theirs);
    (!alike).then(|| format!("dbench: {ours:#?}\ndocker: {theirs:#?}"))
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn images_hold_what_they_hold_when_the_docker_cli_builds_them() {
    let Some(lane) = Lane::open() else { return };
    let (cases, seed) = (number("DBENCH_IGNORE_CASES", CASES), number("DBENCH_IGNORE_SEED", 1));
    let clock = std::time::Instant::now();
    let newer = client_version() >= 23;
    let mut differences = Vec::new();
    let (mut built, mut refused) = (0, 0);
    for seed in seed..seed + cases {
        let case = Case::make(&lane, seed, newer);
        let tag = case.tag(&lane, "cli");
        let (ours, theirs) = std::thread::scope(|scope| {
            let theirs = scope.spawn(|| case.by_the_cli(&tag));
            (case.by_dbench(&lane, &lane.token), theirs.join().unwrap())
        });
        // Old engines may still look for what stood in a folder that is gone from the next context of the same key; so they
        // do with newer clients, which leave as much out.
        let ours = match (ours, &theirs) {
            (Err(said), Ok(_)) if said.contains("failed to compute cache key") => {
                case.by_dbench(&lane, &case.tag(&lane, "dbench"))
            }
            (ours, _) => ours,
        };
        match (&ours, &theirs) {
            (Ok(_), Ok(_)) => built += 1,
            (Err(_), Err(_)) => refused += 1,
            _ => {}
        }
        let difference = match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) if layers(&lane, ours) != layers(&lane, theirs) => {
                difference(ours, theirs, !newer && case.ignore.contains('!'))
            }
            (Ok(_), Ok(_)) | (Err(_), Err(_)) => None,
            // Older clients take a link to a file for a folder where a pattern goes on below it, and give up.
            (Ok(_), Err(said)) if !newer && said.contains("readdirent") => None,
            (ours, theirs) => Some(format!("dbench: {ours:?}\ndocker: {theirs:?}")),
        };
        differences.extend(difference.map(|difference| {
            format!("seed {seed}, COPY {}, patterns {:?}\n{difference}", case.copy, case.ignore)
        }));
        // Equal images are one image with two names.
        for by in ["dbench", "cli"] {
            lane.wait_for(lane.engine.remove_image(&case.tag(&lane, by))).unwrap();
        }
    }
    eprintln!("built after {:?}", clock.elapsed());
    lane.sweep(&BTreeSet::new());
    eprintln!("swept after {:?}", clock.elapsed());
    eprintln!(
        "{cases} contexts: {built} built by both, {refused} refused by both, {} differ",
        differences.len()
    );
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(built > cases / 3, "only {built} of {cases} could be built, which proves little");
}
