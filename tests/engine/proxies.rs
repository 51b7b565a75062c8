//! Proxies of the docker CLI's configuration: builds go through them, and nobody learns their passwords.

use crate::lane::{Ended, Lane};
use crate::tiny::Tiny;
use dbench::error::files;
use dbench::results::Builder;
use std::fs;

/// The password holds an escape, so it has a second spelling.
const PROXY: &str = "http://somebody:pass%40word@proxy.example:3128";
const SPELLINGS: [&str; 3] = ["pass%40word", "pass@word", "somebody:"];

#[test]
fn builds_get_the_proxies_of_the_docker_cli_and_no_log_keeps_their_passwords() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "proxy");
    let config = lane.path("config");
    fs::create_dir_all(&config).unwrap();
    let text = format!(r#"{{"proxies": {{"default": {{"httpProxy": "{PROXY}", "noProxy": "localhost"}}}}}}"#);
    fs::write(config.join("config.json"), text).unwrap();
    let seen = "test \"$http_proxy\" = \"$HTTP_PROXY\" && echo \"via $HTTP_PROXY except $no_proxy\"";
    let text =
        format!("FROM {}\nCOPY edition /edition\nRUN echo {}-single && {seen}\n", lane.base, tiny.name);
    tiny.write("single.Dockerfile", &text);
    let arguments = ["--rounds", "1", "--phase", "cold", "--variant", "single", "--builder", "both"];
    let mut command = lane.command(&[&["run"], &arguments[..]].concat());
    let ended = Ended::of(command.env("DOCKER_CONFIG", &config).output().unwrap()).expect(0);

    let run = lane.loaded();
    for builder in [Builder::Buildkit, Builder::Classic] {
        let file = format!("logs/{}-single-{builder}-cold-1.log", tiny.name);
        let log = fs::read_to_string(run.folder.path().join(file)).unwrap();
        assert!(log.contains("via http://***@proxy.example:3128 except localhost\n"), "{builder}: {log}");
    }
    let mut kept = vec![ended.stdout, ended.stderr];
    for folder in [run.folder.path().to_owned(), run.folder.path().join("logs")] {
        let found = files::list(&folder).unwrap().into_iter().filter(|path| path.is_file());
        kept.extend(found.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()));
    }
    for spelling in SPELLINGS {
        assert!(kept.iter().all(|text| !text.contains(spelling)), "{spelling} in {kept:#?}");
    }
    lane.assert_nothing_with_the_token_is_left();
}
