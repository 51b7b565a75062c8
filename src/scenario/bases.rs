//! Owns what is relied on of the official base images, and the rule that programs stay with their C library.
//! Leaves to set-up how stand-ins are made, and to the engine whether an image keeps its contract.
//!
//! The rule is needed because stand-ins of musl images rest on glibc: a program copied from a glibc base into a musl base would
//! run on the stand-ins and not on the official images. So between bases of different C libraries only files whose ending says
//! that they are no native programs may be copied. Into an empty image anything may be copied: it has no C library, so a program
//! that needs one fails there on stand-ins and official images alike, and the probe sees it. What an empty stage passes on counts
//! as coming from where the stage has it from. Of a base without a contract nothing is known, so nothing is said.

use super::{Dockerfile, Origin, Scenario};
use crate::error::{Error, Result, files};
use crate::image::{same_image, unpinned};
use crate::meant::meant_key;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// Endings of files that are no native programs. A jar can hold native libraries, but picks the one that fits when it runs.
const DATA: [&str; 22] = [
    "cjs", "conf", "crt", "css", "csv", "html", "ico", "jar", "js", "json", "map", "md", "mjs", "pem", "png",
    "svg", "toml", "txt", "war", "xml", "yaml", "yml",
];

/// The C library of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Libc {
    /// Alpine's.
    Musl,
    /// Debian's and Ubuntu's.
    Glibc,
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Musl => "musl",
            Self::Glibc => "glibc",
        })
    }
}

/// What the Dockerfiles rely on of an official image; what stands in for it must have the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseContract {
    /// The folder of the recipe.
    pub folder: String,
    /// The official image's name.
    pub official: String,
    /// The name of its stand-in.
    pub stand_in: String,
    /// The official image's C library.
    pub libc: Libc,
    /// Users that must exist.
    pub users: Vec<String>,
    /// Paths that must exist.
    pub paths: Vec<String>,
    /// Programs that must be found on PATH.
    pub tools: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Disk {
    official: String,
    stand_in: String,
    libc: Libc,
    users: Vec<String>,
    paths: Vec<String>,
    tools: Vec<String>,
}

impl BaseContract {
    /// The contract of every folder in `dir` that has one, sorted by folder; none if there is no such folder.
    pub fn load_all(dir: &Path) -> Result<Vec<Self>> {
        let mut contracts: Vec<Self> = Vec::new();
        if !dir.is_dir() {
            return Ok(contracts);
        }
        for folder in files::list(dir)? {
            let file = folder.join("base.toml");
            if !file.is_file() {
                continue;
            }
            let text = files::read_to_string(&file)?;
            let disk: Disk = toml::from_str(&text).map_err(|cause| {
                let at = cause.span().map_or(0, |span| span.start);
                Error::input(cause.message())
                    .at_offset(&file, &text, at)
                    .hint(format!("{}correct the contract of the base", meant_key(cause.message())))
            })?;
            if let Some(other) = contracts.iter().find(|other| same_image(&other.official, &disk.official)) {
                let message = format!("`{}` has a contract in `{}` already", disk.official, other.folder);
                return Err(Error::input(message)
                    .in_file(file)
                    .hint("keep one folder for each official image"));
            }
            contracts.push(Self {
                folder: folder
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                official: disk.official,
                stand_in: disk.stand_in,
                libc: disk.libc,
                users: disk.users,
                paths: disk.paths,
                tools: disk.tools,
            });
        }
        Ok(contracts)
    }
}

/// Refuses a copy of what may be a native program between bases whose official C libraries differ.
pub(super) fn check_libc(scenarios: &[Scenario], contracts: &[BaseContract]) -> Result<()> {
    scenarios
        .iter()
        .flat_map(|scenario| &scenario.variants)
        .try_for_each(|variant| check(&variant.path, &variant.dockerfile, contracts))
}

fn check(path: &Path, dockerfile: &Dockerfile, contracts: &[BaseContract]) -> Result<()> {
    let carried = carried(dockerfile, contracts);
    for transfer in dockerfile.transfers() {
        let Some(base) = dockerfile.final_base(transfer.stage) else { continue };
        let Some(here) = libc(base, contracts) else { continue };
        let from = origin(&transfer.from, &carried, contracts);
        let Some(there) = from.into_iter().find(|there| *there != here) else { continue };
        if let Some(source) = transfer.sources.iter().find(|source| !is_data(source)) {
            let message = format!(
                "`{source}` may hold programs for {there}, and the stage rests on `{base}` with {here}"
            );
            return Err(Error::input(message).at(path, transfer.line, 1).hint(
                "take both stages from bases of one C library, or copy files that are no programs by their names",
            ));
        }
    }
    Ok(())
}

/// The C library of an image, also of one that a digest pins.
fn libc(image: &str, contracts: &[BaseContract]) -> Option<Libc> {
    let is_of = |contract: &&BaseContract| same_image(&contract.official, unpinned(image));
    contracts.iter().find(is_of).map(|contract| contract.libc)
}

/// The C libraries that programs from each stage may need. Stages take only from earlier ones, so one pass is enough.
fn carried(dockerfile: &Dockerfile, contracts: &[BaseContract]) -> Vec<BTreeSet<Libc>> {
    let mut carried: Vec<BTreeSet<Libc>> = Vec::new();
    for stage in &dockerfile.stages {
        let mut found = origin(&stage.from, &carried, contracts);
        if dockerfile.final_base(stage.index).is_none() {
            for transfer in dockerfile.transfers().iter().filter(|transfer| transfer.stage == stage.index) {
                found.extend(origin(&transfer.from, &carried, contracts));
            }
        }
        carried.push(found);
    }
    carried
}

fn origin(from: &Origin, carried: &[BTreeSet<Libc>], contracts: &[BaseContract]) -> BTreeSet<Libc> {
    match from {
        Origin::Scratch => BTreeSet::new(),
        Origin::Image(image) => libc(image, contracts).into_iter().collect(),
        Origin::Stage(index) => carried.get(*index).cloned().unwrap_or_default(),
    }
}

fn is_data(source: &str) -> bool {
    let last = source.rsplit('/').next().unwrap_or_default();
    last.rsplit_once('.').is_some_and(|(_, ending)| DATA.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn contracts() -> Vec<BaseContract> {
        let contract = |official: &str, libc| BaseContract {
            folder: String::new(),
            official: official.to_owned(),
            stand_in: String::new(),
            libc,
            users: vec![],
            paths: vec![],
            tools: vec![],
        };
        vec![
            contract("node:18-alpine", Libc::Musl),
            contract("alpine:3.21", Libc::Musl),
            contract("debian:12", Libc::Glibc),
        ]
    }

    fn verdict(text: &str) -> String {
        let path = Path::new("Dockerfile");
        let dockerfile = Dockerfile::parse(path, text, &BTreeMap::new()).unwrap();
        check(path, &dockerfile, &contracts()).map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn programs_stay_with_their_c_library() {
        let hint = "\n  hint: take both stages from bases of one C library, or copy files that are no programs by their names";
        let refused = |line: usize, source: &str, there: &str, base: &str, here: &str| {
            format!(
                "Dockerfile:{line}:1: `{source}` may hold programs for {there}, and the stage rests on `{base}` with {here}{hint}"
            )
        };
        for source in
            ["/usr/local/bin/node", "/app/node_modules", "/out/*", "/lib/libc.so.6", "/out/", "/a.js /bin/x"]
        {
            let text = format!("FROM debian:12 AS b\nFROM alpine:3.21\nCOPY --from=b {source} /to/\n");
            let shown = source.rsplit(' ').next().unwrap();
            assert_eq!(verdict(&text), refused(3, shown, "glibc", "alpine:3.21", "musl"));
        }
        assert_eq!(
            verdict("FROM debian:12\nRUN --mount=from=node:18-alpine,target=/n x\n"),
            refused(2, "/", "musl", "debian:12", "glibc")
        );
        assert_eq!(
            verdict(
                "FROM debian:12 AS b\nFROM scratch AS o\nCOPY --from=b /x /\nFROM alpine:3.21\nCOPY --from=o /x /\n"
            ),
            refused(5, "/x", "glibc", "alpine:3.21", "musl")
        );
    }

    #[test]
    fn data_one_library_and_empty_images_are_fine() {
        for text in [
            "FROM debian:12 AS b\nFROM alpine:3.21\nCOPY --from=b /app/server.js /app/*.jar /to/\n",
            "FROM node:18-alpine AS b\nFROM docker.io/library/alpine:3.21\nCOPY --from=b /usr/local/bin/node /to\n",
            "FROM debian:12 AS b\nFROM scratch\nCOPY --from=b /out/app /app\n",
        ] {
            assert_eq!(verdict(text), "fine");
        }
    }

    #[test]
    fn of_a_base_without_a_contract_nothing_is_said() {
        for text in [
            "FROM busybox AS b\nFROM alpine:3.21\nCOPY --from=b /x /x\n",
            "FROM debian:12 AS b\nFROM busybox\nCOPY --from=b /x /x\n",
        ] {
            assert_eq!(verdict(text), "fine");
        }
    }
}
