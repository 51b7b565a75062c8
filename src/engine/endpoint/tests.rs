//! Endpoints chosen from made folders of the docker CLI.

use super::choice::choose;
use super::context::{Folder, id};
use super::{Address, Tls};
use crate::error::{Result, files};
use std::path::{Path, PathBuf};

/// A folder as the docker CLI keeps one.
struct DockerFolder(tempfile::TempDir);

impl DockerFolder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        files::create_dir_all(path.parent().unwrap()).unwrap();
        files::write(&path, text).unwrap();
    }

    /// As `docker context create` writes it.
    fn context(&self, name: &str, host: &str, skip: bool) {
        let text = format!(
            "{{\"Name\":\"{name}\",\"Metadata\":{{\"Description\":\"x\"}},\
             \"Endpoints\":{{\"docker\":{{\"Host\":\"{host}\",\"SkipTLSVerify\":{skip}}}}}}}"
        );
        self.write(&format!("contexts/meta/{}/meta.json", id(name)), &text);
    }

    fn tls(&self, name: &str, files: &[&str]) -> PathBuf {
        let folder = format!("contexts/tls/{}/docker", id(name));
        files.iter().for_each(|file| self.write(&format!("{folder}/{file}"), ""));
        self.0.path().join(folder)
    }

    fn current(&self, name: &str) {
        self.write("config.json", &format!("{{\"auths\":{{}},\"currentContext\":\"{name}\"}}"));
    }
}

#[test]
fn folders_are_named_by_the_hash_of_the_context() {
    // As `docker context create far` names it.
    assert_eq!(id("far"), "512eea46ceb3921dff4363c7069d89d4964d1d9fccaa0f411851a7aa60a5c868");
}

#[test]
fn a_broken_file_is_named_with_the_place() {
    let folder = DockerFolder::new();
    folder.write("config.json", "{\n  \"currentContext\": 1\n}");
    let path = folder.path().to_owned();
    let of = Folder::of(&|name| (name == "DOCKER_CONFIG").then(|| path.clone()));
    let error = of.current().unwrap_err();
    let said = format!("{path}/config.json:2:21: the docker CLI's configuration cannot be read\n  cause: ");
    assert!(error.to_string().starts_with(&said), "{error}");
}

#[test]
fn a_context_without_an_engine_says_so() {
    let folder = DockerFolder::new();
    folder.write(&format!("contexts/meta/{}/meta.json", id("k")), "{\"Name\":\"k\",\"Endpoints\":{}}");
    let path = PathBuf::from(folder.path());
    let error = Folder { path }.endpoint("k", true).unwrap_err().to_string();
    assert!(error.starts_with("the docker context `k` names no engine\n  hint: "), "{error}");
}

/// The endpoint with these variables, and why it was chosen.
fn chosen(context: Option<&str>, variables: &[(&str, &str)]) -> Result<(String, String)> {
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
    choose(context, &variable).map(|found| (found.address.to_string(), found.because))
}

#[test]
fn the_order_is_that_of_the_docker_cli() {
    let folder = DockerFolder::new();
    folder.context("far", "ssh://me@far", false);
    folder.context("near", "unix:///near.sock", false);
    let config = ("DOCKER_CONFIG", folder.path());
    let host = ("DOCKER_HOST", "tcp://10.0.0.1:1");
    let far = ("DOCKER_CONTEXT", "far");
    let is = |context, variables: &[(&str, &str)], address: &str, because: &str| {
        let found = chosen(context, variables).unwrap();
        assert_eq!((found.0.as_str(), found.1.as_str()), (address, because));
    };
    is(None, &[config], "/var/run/docker.sock", "built in");
    is(None, &[config, ("DOCKER_HOST", ""), ("DOCKER_CONTEXT", "")], "/var/run/docker.sock", "built in");
    is(None, &[config, far], "ssh://me@far", "docker context `far`, from DOCKER_CONTEXT");
    is(None, &[config, far, host], "tcp://10.0.0.1:1", "DOCKER_HOST; it beats DOCKER_CONTEXT");
    is(
        Some("near"),
        &[config, far, host],
        "/near.sock",
        "docker context `near`, from --context; it beats DOCKER_HOST",
    );
    folder.current("near");
    let from_file = format!("docker context `near`, from currentContext of {}/config.json", folder.path());
    is(None, &[config], "/near.sock", &from_file);
    is(None, &[config, far], "ssh://me@far", "docker context `far`, from DOCKER_CONTEXT");
    is(None, &[config, host], "tcp://10.0.0.1:1", "DOCKER_HOST");
    let default = "as --context names the context `default`";
    is(Some("default"), &[config, far], "/var/run/docker.sock", &format!("built in, {default}"));
    is(Some("default"), &[config, host], "tcp://10.0.0.1:1", &format!("DOCKER_HOST, {default}"));
}

#[test]
fn a_context_that_is_not_there_is_an_error_and_not_the_local_engine() {
    let folder = DockerFolder::new();
    folder.context("far", "ssh://me@far", false);
    let config = ("DOCKER_CONFIG", folder.path());
    let error = chosen(Some("fra"), &[config]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no docker context `fra`\n  hint: there are: default, far; `docker context ls` shows them"
    );
    assert_eq!(error.exit().code(), 2);
    let error = chosen(None, &[config, ("DOCKER_CONTEXT", "fra")]).unwrap_err();
    assert_eq!(error.exit().code(), 1);
    folder.context("pipe", "npipe:////./pipe/docker_engine", false);
    let error = chosen(Some("pipe"), &[config]).unwrap_err().to_string();
    assert!(error.starts_with("the docker context `pipe` has the scheme `npipe`"), "{error}");
}

#[test]
fn tls_comes_from_the_environment_for_a_host_and_from_its_files_for_a_context() {
    let folder = DockerFolder::new();
    let config = folder.path().to_owned();
    let tls_of = |context: Option<&str>, variables: &[(&str, &str)]| {
        let variable = |name: &str| {
            let given =
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| (name == "DOCKER_CONFIG").then(|| config.clone()))
        };
        match choose(context, &variable).unwrap().address {
            Address::Tcp { tls, port, .. } => (port, tls),
            other => panic!("{other:?}"),
        }
    };
    let host = ("DOCKER_HOST", "tcp://h:7");
    assert_eq!(tls_of(None, &[host]), (7, None));
    let own = Path::new(&config);
    let verified = Tls { ca: Some(own.join("ca.pem")), identity: None, verify: true };
    // Any value counts, as with the CLI.
    assert_eq!(tls_of(None, &[host, ("DOCKER_TLS_VERIFY", "0")]), (7, Some(verified.clone())));
    assert_eq!(tls_of(None, &[("DOCKER_TLS_VERIFY", "1")]), (2376, Some(verified)));
    let unverified = Tls { ca: None, identity: None, verify: false };
    assert_eq!(tls_of(None, &[host, ("DOCKER_TLS", "1")]), (7, Some(unverified.clone())));
    folder.write("certs/cert.pem", "");
    folder.write("certs/key.pem", "");
    let certs = own.join("certs");
    let given = [host, ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", certs.to_str().unwrap())];
    let identity = Some((certs.join("cert.pem"), certs.join("key.pem")));
    assert_eq!(
        tls_of(None, &given),
        (7, Some(Tls { ca: Some(certs.join("ca.pem")), identity, verify: true }))
    );

    folder.context("far", "tcp://far:9", false);
    assert_eq!(tls_of(Some("far"), &given), (9, None));
    folder.context("lax", "tcp://far:9", true);
    assert_eq!(tls_of(Some("lax"), &[]), (9, Some(unverified)));
    let files = folder.tls("far", &["ca.pem"]);
    let trusting = Tls { ca: Some(files.join("ca.pem")), identity: None, verify: true };
    assert_eq!(tls_of(Some("far"), &[]), (9, Some(trusting)));
    folder.tls("far", &["cert.pem", "key.pem"]);
    let (_, tls) = tls_of(Some("far"), &[]);
    assert_eq!(tls.unwrap().identity, Some((files.join("cert.pem"), files.join("key.pem"))));
}
