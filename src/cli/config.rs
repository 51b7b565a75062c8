//! `dbench.toml`: bases that are mapped and defaults of flags. A flag beats the environment, which beats the file.

use crate::error::{Error, Result, files, shown};
use crate::image::{NAME_FORM, not_a_name};
use crate::meant::meant_key;
use crate::results::Builder;
use crate::runner::normal_platform;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const FILE: &str = "dbench.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Disk {
    #[serde(default)]
    bases: BTreeMap<String, toml::Spanned<String>>,
    #[serde(default)]
    defaults: Defaults,
}

/// Defaults of flags, under the names of the flags.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Defaults {
    /// `--rounds`
    #[serde(default, deserialize_with = "rounds")]
    pub(super) rounds: Option<u32>,
    /// `--seed`
    pub(super) seed: Option<u64>,
    /// `--scenarios`, relative to the file.
    pub(super) scenarios: Option<PathBuf>,
    /// `--out`, relative to the file.
    pub(super) out: Option<PathBuf>,
    /// `--builder`
    #[serde(default, deserialize_with = "builders")]
    pub(super) builder: Option<Builders>,
    /// `--platform`
    #[serde(default, deserialize_with = "platform")]
    pub(super) platform: Option<String>,
}

/// One builder, or each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builders {
    One(Builder),
    Both,
}

impl Builders {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let known = Builder::ALL.map(Builder::name).join(", ");
        match text {
            "both" => Ok(Self::Both),
            one => {
                Builder::parse(one).map(Self::One).ok_or_else(|| format!("it is not one of {known}, both"))
            }
        }
    }

    /// The builders, that of the claims first.
    pub(super) fn all(self) -> Vec<Builder> {
        match self {
            Self::One(builder) => vec![builder],
            Self::Both => Builder::ALL.to_vec(),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::One(builder) => builder.name(),
            Self::Both => "both",
        }
    }
}

/// Deadlines where no flag names another, in seconds.
pub(super) mod deadline {
    /// One build.
    pub const BUILD: u64 = 1800;
    /// Silence in a build.
    pub const SILENCE: u64 = 600;
    /// From the start of a container to its right answer.
    pub const PROBE: u64 = 60;
    /// One push or pull.
    pub const TRANSFER: u64 = 600;
}

const BUILT_IN: &str = "built in";

impl<T> Sourced<T> {
    /// Whether nobody chose it.
    pub(super) fn is_built_in(&self) -> bool {
        self.from == BUILT_IN
    }
}

/// The configuration in force, and where it came from.
#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    /// The file, if there is one.
    pub(super) path: Option<PathBuf>,
    /// From the name in a Dockerfile to the image that is used instead.
    pub(super) bases: BTreeMap<String, String>,
    /// Defaults of flags.
    pub(super) defaults: Defaults,
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sourced<T> {
    pub(super) value: T,
    pub(super) from: String,
}

impl Config {
    /// Reads the file that `DBENCH_CONFIG` names, or the first `dbench.toml` upwards from the working folder.
    pub(super) fn find() -> Result<Self> {
        match std::env::var_os("DBENCH_CONFIG").filter(|v| !v.is_empty()).map(PathBuf::from) {
            Some(path) if path.is_dir() || !path.exists() => Err(Error::input("DBENCH_CONFIG names no file")
                .in_file(path)
                .hint("name the file, or unset DBENCH_CONFIG to have dbench.toml looked for")),
            Some(path) => Self::read(&path),
            None => match upwards() {
                Some(path) => Self::read(&path),
                None => Ok(Self::default()),
            },
        }
    }

    fn read(path: &Path) -> Result<Self> {
        let text = files::read_to_string(path)?;
        let disk: Disk = toml::from_str(&text).map_err(|cause| {
            let start = cause.span().map_or(0, |span| span.start);
            Error::input(cause.message()).at_offset(shown(path), &text, start).hint(format!(
                "{}the file may hold [bases] and [defaults] with rounds (1 to 1000), seed, scenarios, out, builder and \
                 platform",
                meant_key(cause.message())
            ))
        })?;
        let names = disk.bases.iter().flat_map(|(name, image)| [(name, image), (image.get_ref(), image)]);
        if let Some((wrong, image)) = names.into_iter().find_map(|(n, image)| Some((not_a_name(n)?, image))) {
            return Err(Error::input(wrong)
                .at_offset(shown(path), &text, image.span().start)
                .hint(NAME_FORM));
        }
        let bases = disk.bases.into_iter().map(|(name, image)| (name, image.into_inner())).collect();
        let beside = |given: Option<PathBuf>| given.map(|p| path.parent().unwrap_or(Path::new("")).join(p));
        let defaults = Defaults {
            scenarios: beside(disk.defaults.scenarios),
            out: beside(disk.defaults.out),
            ..disk.defaults
        };
        Ok(Self { path: Some(path.to_path_buf()), bases, defaults })
    }

    /// The value of a flag: as given, else from the file, else the built-in default. clap has merged flag and
    /// environment by then.
    pub(super) fn choose<T: Clone>(&self, given: &Option<T>, file: &Option<T>, built_in: T) -> Sourced<T> {
        let in_file =
            || self.path.as_ref().map_or_else(String::new, |path| shown(path).display().to_string());
        match (given, file) {
            (Some(value), _) => Sourced { value: value.clone(), from: "flag or environment".to_owned() },
            (None, Some(value)) => Sourced { value: value.clone(), from: in_file() },
            (None, None) => Sourced { value: built_in, from: BUILT_IN.to_owned() },
        }
    }

    /// Passes over all variants and phases.
    pub(super) fn rounds(&self, given: Option<u32>) -> Sourced<u32> {
        self.choose(&given, &self.defaults.rounds, 3)
    }

    /// The builders.
    pub(super) fn builders(&self, given: Option<Builders>) -> Sourced<Builders> {
        self.choose(&given, &self.defaults.builder, Builders::One(Builder::Buildkit))
    }

    /// What images are built for; `None` for the engine's own platform.
    pub(super) fn platform(&self, given: &Option<String>) -> Sourced<Option<String>> {
        let file = self.defaults.platform.clone().map(Some);
        self.choose(&given.clone().map(Some), &file, None)
    }

    /// The folder of scenarios.
    pub(super) fn scenarios(&self, given: &Option<PathBuf>) -> Sourced<PathBuf> {
        self.choose(given, &self.defaults.scenarios, PathBuf::from("scenarios"))
    }

    /// The folder of runs.
    pub(super) fn out(&self, given: &Option<PathBuf>) -> Sourced<PathBuf> {
        self.choose(given, &self.defaults.out, PathBuf::from("results"))
    }
}

/// What the flag takes, the file takes.
fn rounds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let rounds = u32::deserialize(from)?;
    if (1..=1000).contains(&rounds) {
        return Ok(Some(rounds));
    }
    Err(serde::de::Error::custom(format!("{rounds} rounds: a run has 1 to 1000")))
}

fn builders<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Builders>, D::Error> {
    named(from, Builders::parse)
}

fn platform<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    named(from, normal_platform)
}

fn named<'de, D: Deserializer<'de>, T>(
    from: D,
    parse: fn(&str) -> Result<T, String>,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).map(Some).map_err(|why| serde::de::Error::custom(format!("`{text}`: {why}")))
}

fn upwards() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file())
}
