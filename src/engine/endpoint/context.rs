//! The docker CLI's folder: its current context, and what each context says of its engine.

use super::choice::Variable;
use super::{Address, Tls};
use crate::error::{Error, Result, files, shown};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The endpoint that a context has for the engine; it may have others, for other programs.
const ENGINE: &str = "docker";

/// The folder: `DOCKER_CONFIG`, else `~/.docker`.
pub(super) struct Folder {
    pub path: PathBuf,
}

/// What is read of `config.json`; the rest is the CLI's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    current_context: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    name: String,
    #[serde(default)]
    endpoints: BTreeMap<String, EngineMeta>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EngineMeta {
    #[serde(default)]
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

impl Folder {
    pub fn of(variable: Variable<'_>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || set("HOME").unwrap_or_default().join(".docker");
        Self { path: set("DOCKER_CONFIG").unwrap_or_else(home) }
    }

    /// The context that `docker context use` chose, and the file that says so.
    pub fn current(&self) -> Result<Option<(String, PathBuf)>> {
        let file = self.path.join("config.json");
        if !file.is_file() {
            return Ok(None);
        }
        let config: Config = read(&file)?;
        Ok(Some((config.current_context, shown(&file))).filter(|(name, _)| !name.is_empty()))
    }

    /// Where the engine of a context answers. A name that comes from a flag is the user's input.
    pub fn endpoint(&self, name: &str, flag: bool) -> Result<Address> {
        let meta = self.path.join("contexts/meta").join(id(name)).join("meta.json");
        if !meta.is_file() {
            let said = format!("there is no docker context `{name}`");
            let error = if flag { Error::input(said) } else { Error::surroundings(said) };
            let known = self.names().into_iter().collect::<Vec<_>>().join(", ");
            return Err(error.hint(format!("there are: {known}; `docker context ls` shows them")));
        }
        let mut meta: Meta = read(&meta)?;
        let engine = meta.endpoints.remove(ENGINE).ok_or_else(|| {
            Error::surroundings(format!("the docker context `{name}` names no engine"))
                .hint("`docker context inspect` shows what it names; `docker context update` changes it")
        })?;
        if engine.host.is_empty() {
            return Ok(Address::local());
        }
        let named = format!("the docker context `{name}`");
        Address::parse(&engine.host, self.tls(name, engine.skip_tls_verify), &named)
    }

    fn tls(&self, name: &str, skip: bool) -> Option<Tls> {
        let folder = self.path.join("contexts/tls").join(id(name)).join(ENGINE);
        let there = |file: &str| Some(folder.join(file)).filter(|path| path.is_file());
        let (ca, cert, key) = (there("ca.pem"), there("cert.pem"), there("key.pem"));
        let any = skip || ca.is_some() || cert.is_some() || key.is_some();
        any.then(|| Tls { ca, identity: cert.zip(key), verify: !skip })
    }

    /// The names of all contexts; what cannot be read has none.
    fn names(&self) -> BTreeSet<String> {
        let folders = files::list(&self.path.join("contexts/meta")).unwrap_or_default();
        let names = folders.iter().filter_map(|folder| read::<Meta>(&folder.join("meta.json")).ok());
        names.map(|meta| meta.name).chain(["default".to_owned()]).collect()
    }
}

/// The name that the CLI's store gives the folders of a context.
pub(super) fn id(name: &str) -> String {
    crate::hex::encode(&Sha256::digest(name))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = files::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|cause| {
        Error::surroundings("the docker CLI's configuration cannot be read")
            .at(shown(path), cause.line(), cause.column())
            .because(cause)
            .hint("mend the file, or name the engine with DOCKER_HOST")
    })
}
