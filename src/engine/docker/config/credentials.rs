//! Credentials of registries: from the environment, a helper program, or the file itself, in the order of the docker CLI.

use super::ClientConfig;
use crate::error::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What Docker Hub's credentials are kept under.
const HUB: &str = "https://index.docker.io/v1/";
/// Names of Docker Hub in names of images and in questions of engines.
const HUBS: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
/// The name of a user in whose place a helper has an identity token.
const TOKEN: &str = "<token>";
/// What every helper prints if it knows nothing of a registry.
const UNKNOWN: &str = "credentials not found in native keychain";
/// How long a helper may take; it may ask the user for a password.
const HELPER: Duration = Duration::from_secs(60);

/// One entry of `auths`.
#[derive(Clone, Default, Deserialize)]
pub(super) struct Auth {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    identitytoken: String,
    #[serde(default)]
    registrytoken: String,
}

/// What to log in to a registry with. It does not show itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Credentials {
    /// What they are kept under.
    pub server: String,
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
    /// A token that stands for user and password.
    pub identity_token: String,
    /// A token that the registry itself takes.
    pub registry_token: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.server)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfHelper {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

impl ClientConfig {
    /// What there is for a registry; `None` if nothing is, and it is asked as a stranger.
    pub(in super::super) async fn credentials(&self, registry: &str) -> Result<Option<Credentials>> {
        let server = if HUBS.contains(&registry) { HUB } else { registry };
        if let Some(auth) = self.environment.get(server) {
            return of_auth(server, auth).map(Some);
        }
        let helper = self.disk.cred_helpers.get(server).or(self.disk.creds_store.as_ref());
        match helper.filter(|helper| !helper.is_empty()) {
            Some(helper) => ask(&format!("docker-credential-{helper}"), server).await,
            None => in_file(&self.disk.auths, server),
        }
    }
}

/// The entry of that name, or the first whose address is on that host.
fn in_file(auths: &BTreeMap<String, Auth>, server: &str) -> Result<Option<Credentials>> {
    let on_host =
        || auths.iter().find(|(address, _)| host_of(address) == host_of(server)).map(|(_, auth)| auth);
    auths.get(server).or_else(on_host).map(|auth| of_auth(server, auth)).transpose()
}

fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

fn of_auth(server: &str, auth: &Auth) -> Result<Credentials> {
    let mut found = Credentials {
        server: server.to_owned(),
        username: auth.username.clone(),
        password: auth.password.clone(),
        identity_token: auth.identitytoken.clone(),
        registry_token: auth.registrytoken.clone(),
    };
    if !auth.auth.is_empty() {
        let bytes = STANDARD.decode(&auth.auth).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = text.as_deref().and_then(|text| text.split_once(':')).filter(|(user, _)| !user.is_empty());
        let Some((username, password)) = pair else {
            return Err(Error::input(format!(
                "the credentials of {server} in the docker CLI's configuration are not valid"
            ))
            .hint(format!("log in again: docker login {}", host_of(server))));
        };
        found.username = username.to_owned();
        found.password = password.trim_matches('\0').to_owned();
    }
    Ok(found)
}

/// Asks a helper by the protocol of all of them: the address goes in, a JSON object comes out.
async fn ask(program: &str, server: &str) -> Result<Option<Credentials>> {
    let failed = |what: String| {
        Error::surroundings(format!("{program} gives no credentials of {server}: {what}"))
            .hint(format!("try it: echo {server} | {program} get; config.json of the docker CLI names it"))
    };
    let answer = tokio::time::timeout(HELPER, talk(program, server));
    let output = answer
        .await
        .map_err(|cause| failed(format!("it took longer than {} s", HELPER.as_secs())).because(cause))?
        .map_err(|cause| failed("it cannot be run".to_owned()).because(cause))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        return match said.trim() {
            UNKNOWN => Ok(None),
            // What it says in its failure is no credential; its own error channel goes to the user's terminal.
            said => Err(failed(format!("{said} ({})", output.status))),
        };
    }
    let found: OfHelper = serde_json::from_slice(&output.stdout)
        .map_err(|cause| failed(format!("its answer cannot be read ({:?})", cause.classify())))?;
    let mut credentials = Credentials { server: server.to_owned(), ..Credentials::default() };
    if found.username == TOKEN {
        credentials.identity_token = found.secret;
    } else {
        (credentials.username, credentials.password) = (found.username, found.secret);
    }
    Ok(Some(credentials))
}

async fn talk(program: &str, server: &str) -> std::io::Result<Output> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read has an answer of its own, or none.
        let _ = stdin.write_all(server.as_bytes()).await;
    }
    child.wait_with_output().await
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;
    use crate::error::files;
    use std::os::unix::fs::PermissionsExt;

    async fn found(config: &ClientConfig, registry: &str) -> (String, String, String) {
        let found = config.credentials(registry).await.unwrap().unwrap_or_default();
        (found.username, found.password, found.identity_token)
    }

    fn words(a: &str, b: &str, c: &str) -> (String, String, String) {
        (a.to_owned(), b.to_owned(), c.to_owned())
    }

    #[tokio::test]
    async fn the_file_is_asked_by_address_and_then_by_host() {
        let config = config(
            r#"{"auths": {
                "https://index.docker.io/v1/": {"auth": "aHViOnA6dw=="},
                "https://mirror.example/v2/": {"username": "m", "password": "pw"},
                "host.example:5000": {"identitytoken": "id"},
                "bad.example": {"auth": "bm9ib2R5"}
            }}"#,
        );
        for registry in HUBS {
            assert_eq!(found(&config, registry).await, words("hub", "p:w", ""));
        }
        assert_eq!(found(&config, "mirror.example").await, words("m", "pw", ""));
        assert_eq!(found(&config, "host.example:5000").await, words("", "", "id"));
        assert_eq!(config.credentials("host.example").await.unwrap(), None);
        let error = config.credentials("bad.example").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the credentials of bad.example in the docker CLI's configuration are not valid\n  \
             hint: log in again: docker login bad.example"
        );
    }

    #[tokio::test]
    async fn the_environment_comes_first() {
        let mut config =
            config(r#"{"auths": {"a.example": {"username": "file"}, "b.example": {"username": "file"}}}"#);
        let given =
            super::super::ClientConfig::read(None, Some(r#"{"auths": {"a.example": {"auth": "ZW52OnB3"}}}"#));
        config.environment = given.unwrap().environment;
        assert_eq!(found(&config, "a.example").await, words("env", "pw", ""));
        assert_eq!(found(&config, "b.example").await, words("file", "", ""));
    }

    #[tokio::test]
    async fn helpers_are_asked_by_their_protocol() {
        let folder = tempfile::tempdir().unwrap();
        let helper = |name: &str, script: &str| {
            let path = folder.path().join(name);
            files::write(&path, format!("#!/bin/sh\nread -r server\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            path.display().to_string()
        };
        let answer = |user: &str| {
            format!("printf '{{\"Username\":\"{user}\",\"Secret\":\"%s %s\"}}' \"$1\" \"$server\"")
        };
        let found = ask(&helper("user", &answer("me")), "a.example").await.unwrap().unwrap();
        assert_eq!((found.username.as_str(), found.password.as_str()), ("me", "get a.example"));
        let found = ask(&helper("token", &answer("<token>")), "a.example").await.unwrap().unwrap();
        assert_eq!((found.username.as_str(), found.identity_token.as_str()), ("", "get a.example"));
        let unknown = helper("unknown", "echo credentials not found in native keychain; exit 1");
        assert_eq!(ask(&unknown, "a.example").await.unwrap(), None);
        let locked = helper("locked", "echo the chain is locked; exit 3");
        let error = ask(&locked, "a.example").await.unwrap_err();
        assert_eq!(
            error.reason(),
            format!("{locked} gives no credentials of a.example: the chain is locked (exit status: 3)")
        );
        let error = ask(&helper("none", "echo hunter2"), "a.example").await.unwrap_err();
        assert!(error.reason().ends_with("its answer cannot be read (Syntax)"), "{error}");
        let error = ask("docker-credential-dbench-none", "a.example").await.unwrap_err().to_string();
        let expected =
            "docker-credential-dbench-none gives no credentials of a.example: it cannot be run\n  cause: ";
        assert!(error.starts_with(expected), "{error}");
    }
}
