//! Engines behind a port, plain and encrypted: whole small runs, docker contexts, and every way in which the connection
//! can fail.

use crate::far::{Authority, serve};
use crate::lane::{Ended, Lane};
use crate::relayed::relay_image;
use crate::tiny::Tiny;
use crate::visited::starts;
use crate::web::web;
use dbench::results::Status;
use std::path::Path;
use std::process::Command;

pub const QUICK: [&str; 5] = ["run", "--rounds=1", "--phase=cold", "--seed=1", "--measure=build,size,start"];

/// The program with these variables, and no other that names an engine.
pub fn dbench(lane: &Lane, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let mut command = lane.command(arguments);
    for name in ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"] {
        command.env_remove(name);
    }
    Ended::of(command.envs(variables.iter().copied()).output().unwrap())
}

/// Fails unless the newest run is whole and says how its engine was reached.
pub fn assert_whole(lane: &Lane, ended: &Ended, way: &str) {
    let loaded = lane.loaded();
    let bad: Vec<_> = loaded.samples.iter().filter(|row| row.status != Status::Valid).collect();
    assert!(bad.is_empty() && !loaded.samples.is_empty(), "{bad:#?}");
    let said = format!("the engine is reached by {way} and may be on another machine");
    assert!(
        loaded.run.warnings.iter().any(|warning| warning.starts_with(&said)),
        "{:?}",
        loaded.run.warnings
    );
    lane.assert_nothing_is_left(&ended.stderr);
}

/// Fails unless the program says that no engine answers, why, and what to do.
#[track_caller]
pub fn assert_told(ended: Ended, at: &str, cause: &str, hint: &str) {
    let ended = ended.expect(1);
    let head = format!("error: no Docker Engine answers at {at}\n  cause: ");
    assert!(ended.stderr.starts_with(&head), "{}", ended.stderr);
    ended.says(cause);
    let told = ended.stderr.split("\n  hint: ").nth(1).unwrap_or_default();
    assert!(told.contains(hint), "{}", ended.stderr);
}

#[test]
fn a_small_run_goes_over_a_plain_port_and_asks_containers_over_it_too() {
    let Some(lane) = Lane::open() else { return };
    web(&lane, "tcp");
    let host = format!("tcp://127.0.0.1:{}", serve(&lane, None));
    let map = format!("alpine/socat={}", relay_image(&lane));
    let arguments = [&QUICK[..], &["--base", &map]].concat();
    let ended = dbench(&lane, &[("DOCKER_HOST", &host)], &arguments).expect(0);
    let rows = starts(&lane.loaded());
    assert!(rows.len() == 2 && rows.iter().all(|row| row.link == "relayed"), "{rows:#?}");
    assert_whole(&lane, &ended, "tcp");
    let doctor = dbench(&lane, &[("DOCKER_HOST", &host)], &["doctor"]).expect(0);
    assert!(doctor.stdout.contains(&format!("{host} (DOCKER_HOST)")), "{}", doctor.stdout);
}

/// What is said, without the line ends of a narrow screen.
fn unfolded(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_small_run_goes_over_tls_as_a_context_that_the_docker_cli_made_says() {
    let Some(lane) = Lane::open() else { return };
    Tiny::new(&lane, "tls");
    let authority = Authority::new("ours");
    let port = serve(&lane, Some(authority.acceptor(&authority.issue("localhost", false))));
    let certs = authority.folder(lane.path("certs"), Some(&authority.issue("me", false)));
    let config = lane.path("docker");
    create_context(&config, "far", port, &certs);
    let config = config.to_str().unwrap();
    // The flag beats a host that nobody answers at.
    let variables = [("DOCKER_CONFIG", config), ("DOCKER_HOST", "unix:///nonexistent/docker.sock")];
    let ended = dbench(&lane, &variables, &[&QUICK[..], &["--context", "far"]].concat()).expect(0);
    assert_whole(&lane, &ended, "tls");
    let doctor = unfolded(&dbench(&lane, &variables, &["doctor", "--context=far"]).expect(0).stdout);
    let asked =
        format!("tcp://localhost:{port} (docker context `far`, from --context; it beats DOCKER_HOST)");
    assert!(doctor.contains(&asked), "{doctor}");
    // And what `docker context use` chose needs no flag.
    let used = Command::new("docker").args(["--config", config, "context", "use", "far"]).output().unwrap();
    assert!(used.status.success(), "{used:?}");
    let doctor = unfolded(&dbench(&lane, &[("DOCKER_CONFIG", config)], &["doctor"]).expect(0).stdout);
    assert!(doctor.contains("(docker context `far`, from currentContext of "), "{doctor}");
}

fn create_context(config: &Path, name: &str, port: u16, certs: &Path) {
    let file = |name: &str| certs.join(name).display().to_string();
    let docker = format!(
        "host=tcp://localhost:{port},ca={},cert={},key={}",
        file("ca.pem"),
        file("cert.pem"),
        file("key.pem")
    );
    let made = Command::new("docker")
        .args(["--config", config.to_str().unwrap(), "context", "create", name, "--docker", &docker])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn every_failure_of_tls_is_told_with_its_cause_and_a_hint() {
    let Some(lane) = Lane::open() else { return };
    let (ours, other) = (Authority::new("ours"), Authority::new("another"));
    let me = ours.issue("me", false);
    let good = serve(&lane, Some(ours.acceptor(&ours.issue("localhost", false))));
    let misnamed = serve(&lane, Some(ours.acceptor(&ours.issue("build.example", false))));
    let expired = serve(&lane, Some(ours.acceptor(&ours.issue("localhost", true))));
    let plain = serve(&lane, None);
    let certs = ours.folder(lane.path("certs"), Some(&me));
    let anonymous = ours.folder(lane.path("anonymous"), None);
    let strangers = ours.folder(lane.path("strangers"), Some(&other.issue("me", false)));
    let stale = ours.folder(lane.path("stale"), Some(&ours.issue("me", true)));
    let elsewhere = other.folder(lane.path("elsewhere"), Some(&me));
    let ask = |port: u16, certs: &Path| {
        let host = format!("tcp://localhost:{port}");
        let variables = [
            ("DOCKER_HOST", host.as_str()),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", certs.to_str().unwrap()),
        ];
        (dbench(&lane, &variables, &["clean"]), host)
    };
    ask(good, &certs).0.expect(0);
    for (port, certs, cause, hint) in [
        (
            good,
            &anonymous,
            "the engine wants a client certificate, and none was sent",
            "put cert.pem and key.pem there",
        ),
        (
            good,
            &strangers,
            "the engine does not take the client certificate",
            "take one that its authority signed",
        ),
        (good, &stale, "the engine does not take the client certificate", "that has not expired"),
        (
            good,
            &elsewhere,
            "the engine's certificate is not signed by the authority in ",
            "take the ca.pem that belongs",
        ),
        (
            misnamed,
            &certs,
            "the engine's certificate is for another name than `localhost`",
            "as its certificate does",
        ),
        (expired, &certs, "the engine's certificate has expired", "have a new one made"),
        (plain, &certs, "what listens there does not speak TLS", "2376 is the usual one for TLS"),
    ] {
        let (ended, host) = ask(port, certs);
        assert_told(ended, &host, cause, hint);
    }
    let host = format!("tcp://localhost:{good}");
    let ended = dbench(&lane, &[("DOCKER_HOST", &host)], &["clean"]);
    assert_told(ended, &host, "what listens there speaks TLS", "set DOCKER_TLS_VERIFY=1");
    // A certificate that nobody checks is taken, if that is asked for.
    let unchecked = [
        ("DOCKER_HOST", host.as_str()),
        ("DOCKER_TLS", "1"),
        ("DOCKER_CERT_PATH", elsewhere.to_str().unwrap()),
    ];
    dbench(&lane, &unchecked, &["clean"]).expect(0);
}

#[test]
fn a_port_at_which_nobody_listens_is_named() {
    let Some(lane) = Lane::open() else { return };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("tcp://127.0.0.1:{}", free.local_addr().unwrap().port());
    drop(free);
    let ended = dbench(&lane, &[("DOCKER_HOST", &host)], &["clean"]);
    assert_told(ended, &host, "Connection refused", "nothing listens at that port");
    let doctor = dbench(&lane, &[("DOCKER_HOST", &host)], &["doctor"]).expect(1);
    assert!(
        doctor.stdout.contains(&format!("no Docker Engine answers at {host}: Connection refused")),
        "{doctor:?}"
    );
}
