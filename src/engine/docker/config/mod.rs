//! Owns the configuration of the docker CLI, as far as builds need it: credentials of registries, and proxies.
//! Leaves to the session and to pulls when they are asked for.

mod credentials;
mod proxies;

pub(super) use proxies::hidden;

use crate::engine::endpoint::config_folder;
use crate::error::{Error, Result, files};
use credentials::Auth;
use proxies::Proxies;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

const FILE: &str = "config.json";
/// Credentials in the environment, in the shape of the file's `auths`.
const ENVIRONMENT: &str = "DOCKER_AUTH_CONFIG";

/// What `config.json` says, and the environment beside it. It does not show itself, as it holds passwords.
#[derive(Clone, Default)]
pub(super) struct ClientConfig {
    disk: Disk,
    /// Credentials that the environment gives; they come first.
    environment: BTreeMap<String, Auth>,
}

impl std::fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientConfig")
    }
}

/// The file is another program's: keys that are not needed here are not looked at.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Disk {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
    #[serde(default)]
    proxies: BTreeMap<String, Proxies>,
}

#[derive(Deserialize)]
struct OfEnvironment {
    auths: BTreeMap<String, Auth>,
}

impl ClientConfig {
    /// What the user's docker CLI would go by: the folder that DOCKER_CONFIG names, else `.docker` at home.
    pub(super) fn of(environment: &dyn Fn(&str) -> Option<OsString>) -> Result<Self> {
        let text = |name: &str| environment(name).and_then(|value| value.into_string().ok());
        Self::read(Some(&config_folder(&text)), text(ENVIRONMENT).as_deref())
    }

    /// Reads the file in that folder, if it is there.
    fn read(folder: Option<&Path>, environment: Option<&str>) -> Result<Self> {
        let disk = match folder.map(|folder| folder.join(FILE)).filter(|file| file.is_file()) {
            Some(file) => read(&file)?,
            None => Disk::default(),
        };
        let environment = match environment.filter(|text| !text.trim().is_empty()) {
            Some(text) => {
                let of: OfEnvironment = serde_json::from_str(text).map_err(|cause| {
                    // The cause could quote what it read.
                    Error::input(format!("{ENVIRONMENT} cannot be read ({:?})", cause.classify()))
                        .hint("write it as `auths` stands in config.json, or unset it")
                })?;
                of.auths
            }
            None => BTreeMap::new(),
        };
        Ok(Self { disk, environment })
    }
}

fn read(file: &Path) -> Result<Disk> {
    let text = files::read_to_string(file)?;
    if text.trim().is_empty() {
        return Ok(Disk::default());
    }
    serde_json::from_str(&text).map_err(|cause| {
        Error::input("the configuration of the docker CLI cannot be read")
            .at(file, cause.line(), cause.column())
            .hint("correct the file, or point DOCKER_CONFIG at another folder")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn config(text: &str) -> ClientConfig {
        let folder = tempfile::tempdir().unwrap();
        files::write(&folder.path().join(FILE), text).unwrap();
        ClientConfig::read(Some(folder.path()), None).unwrap()
    }

    #[test]
    fn a_missing_or_empty_file_says_nothing_and_other_keys_do_not_matter() {
        let nowhere = ClientConfig::read(Some(Path::new("/nonexistent")), None).unwrap();
        assert!(nowhere.disk.auths.is_empty() && nowhere.disk.creds_store.is_none());
        assert!(ClientConfig::read(None, Some(" ")).unwrap().environment.is_empty());
        assert!(config("").disk.proxies.is_empty());
        assert!(config(r#"{"psFormat": "x", "credsStore": "s"}"#).disk.creds_store.is_some());
        assert_eq!(format!("{:?}", config("{}")), "ClientConfig");
    }

    #[test]
    fn a_mistake_is_shown_with_its_place_and_without_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        files::write(&file, "{\n  \"auths\": \"hunter2\"\n}").unwrap();
        let error = ClientConfig::read(Some(folder.path()), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{}:2:20: the configuration of the docker CLI cannot be read\n  hint: correct the file, or point \
                 DOCKER_CONFIG at another folder",
                file.display()
            )
        );
        assert_eq!(error.exit().code(), 2);
        let error = ClientConfig::read(None, Some("hunter2")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "DOCKER_AUTH_CONFIG cannot be read (Syntax)\n  hint: write it as `auths` stands in config.json, or unset it"
        );
    }
}
