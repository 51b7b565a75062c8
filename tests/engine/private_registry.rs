//! Images of a registry that asks who comes: the user's credentials go to pulls of bases and to builds.

use crate::lane::{Ended, Lane, PATIENCE};
use crate::little_registry::{Fault, IDENTITY, LittleRegistry, PASSWORD, USER};
use crate::tiny::Tiny;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dbench::engine::docker::DockerEngine;
use dbench::engine::{BuildRequest, Engine, Removal};
use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A folder with a configuration of the docker CLI.
fn config(lane: &Lane, name: &str, text: &str) -> PathBuf {
    let folder = lane.path(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.json"), text).unwrap();
    folder
}

fn in_the_file(registry: &LittleRegistry) -> String {
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, registry.address)
}

fn forget(lane: &Lane, image: &str) {
    let removed = lane.wait_for(lane.engine.remove_image(image)).unwrap();
    assert_eq!(removed, Removal::Removed, "{image}");
}

#[test]
fn a_base_is_pulled_with_the_users_credentials() {
    let Some(lane) = Lane::open() else { return };
    let registry = LittleRegistry::faulty(Ipv4Addr::LOCALHOST.into(), 1000, Fault::Private);
    let tiny = Tiny::new(&lane, "private");
    for variant in ["single", "multi"] {
        let text = format!(
            "FROM {}\nCOPY --from={} /small /small\nRUN echo {}-{variant}\nCOPY edition /edition\n",
            lane.base,
            registry.name(),
            tiny.name
        );
        tiny.write(&format!("{variant}.Dockerfile"), &text);
    }
    let run = |config: &PathBuf, path: &str| {
        let mut command = lane.command(&["run", "--rounds", "1", "--phase", "cold", "--variant", "single"]);
        Ended::of(command.env("DOCKER_CONFIG", config).env("PATH", path).output().unwrap())
    };
    let path = std::env::var("PATH").unwrap();
    let stranger = run(&lane.path("nowhere"), &path).expect(1);
    stranger.says(&format!("the base {} cannot be pulled", registry.name()));

    let ended = run(&config(&lane, "file", &in_the_file(&registry)), &path).expect(0);
    forget(&lane, &registry.name());

    // The same by a helper, which notes what it is asked.
    let asked = lane.path("asked");
    let helper = lane.path("docker-credential-dbench-test");
    let script = format!(
        "#!/bin/sh\ncat > {}\nprintf '{{\"ServerURL\":\"x\",\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'\n",
        asked.display()
    );
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let by_helper = config(&lane, "helper", r#"{"credsStore": "dbench-test"}"#);
    let path = format!("{}:{path}", lane.path("").display());
    run(&by_helper, &path).expect(0);
    assert_eq!(fs::read_to_string(asked).unwrap(), registry.address.to_string());
    forget(&lane, &registry.name());
    assert!(!ended.stdout.contains(PASSWORD) && !ended.stderr.contains(PASSWORD));
    lane.assert_nothing_with_the_token_is_left();
}

/// What `docker login` leaves where the registry's token server gives an identity for the password.
fn by_identity(registry: &LittleRegistry) -> String {
    format!(r#"{{"auths": {{"{}": {{"identitytoken": "{IDENTITY}"}}}}}}"#, registry.address)
}

#[test]
fn a_build_pulls_with_the_users_credentials() {
    let Some(lane) = Lane::open() else { return };
    builds_with(&lane, Fault::Private, &[in_the_file]);
}

#[test]
fn a_build_and_a_pull_have_tokens_for_the_users_password_and_identity() {
    let Some(lane) = Lane::open() else { return };
    builds_with(&lane, Fault::Tokens, &[in_the_file, by_identity]);
    let registry = LittleRegistry::faulty(Ipv4Addr::LOCALHOST.into(), 1000, Fault::Tokens);
    let pull = |engine: DockerEngine| lane.wait_for(engine.pull(&registry.name(), None));
    let refused = pull(lane.engine.clone()).unwrap_err().to_string();
    assert!(refused.starts_with(&format!("the base {} cannot be pulled\n", registry.name())), "{refused}");
    for written in [in_the_file, by_identity] {
        pull(configured(&lane, Some(config(&lane, "pulls", &written(&registry))))).unwrap();
        forget(&lane, &registry.name());
    }
}

fn configured(lane: &Lane, config: Option<PathBuf>) -> DockerEngine {
    let environment = |name: &str| {
        config.as_ref().filter(|_| name == "DOCKER_CONFIG").map(|folder| OsString::from(folder.clone()))
    };
    lane.engine.clone().configured(&environment).unwrap()
}

/// A build from a registry that asks is refused to a stranger, and comes to its end with each of these configurations.
fn builds_with(lane: &Lane, fault: Fault, configurations: &[fn(&LittleRegistry) -> String]) {
    let registry = LittleRegistry::faulty(Ipv4Addr::LOCALHOST.into(), 1000, fault);
    let folder = lane.path("context");
    fs::create_dir_all(&folder).unwrap();
    // BuildKit itself fetches what it has no image of.
    fs::write(folder.join("Dockerfile"), format!("FROM {}\nLABEL token={}\n", registry.name(), lane.token))
        .unwrap();
    let build = |config: Option<PathBuf>| {
        let engine = configured(lane, config);
        let tag = format!("dbench-private/{}:1", lane.token);
        let request = BuildRequest::plain(&folder, &folder, &tag, &lane.token, PATIENCE);
        lane.wait_for(engine.build(&request, &mut |_| ())).unwrap().outcome
    };
    let refused = build(None).unwrap_err().message;
    assert!(refused.contains("401") || refused.to_lowercase().contains("unauthorized"), "{refused}");
    for written in configurations {
        let image = build(Some(config(lane, "builds", &written(&registry)))).unwrap();
        lane.sweep(&[image].into());
    }
}
