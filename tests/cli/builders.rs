//! Builders and platforms on the command line and in the configuration, without an engine.

use crate::common::Folder;
use dbench::error::files;

const PLAN: [&str; 7] = ["run", "greet", "--plan", "--quick", "--seed=1", "--node=none", "--measure=build"];

fn planned(folder: &Folder, environment: &[(&str, &str)], more: &[&str]) -> Vec<String> {
    let text = folder.dbench(environment, &[&PLAN[..], more].concat()).ends(0).out;
    let whole = text.replace("\n  ", " ");
    whole.lines().filter(|line| line.starts_with("greet/")).map(str::to_owned).collect()
}

#[test]
fn both_builders_are_planned_one_after_the_other() {
    let folder = Folder::new();
    let lines = planned(&folder, &[], &["--builder", "both"]);
    let classic: Vec<_> = lines.iter().map(|line| line.contains(" (classic) ")).collect();
    assert!(lines.len() == 4 && classic[0] == classic[1] && classic[2] == classic[3], "{lines:#?}");
    assert!(classic[0] != classic[2], "{lines:#?}");
    let json = folder.dbench(&[], &[&PLAN[..], &["--builder=both", "--format=json"]].concat()).ends(0).out;
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    let builders: Vec<_> = plan["builds"].as_array().unwrap().iter().map(|b| b["builder"].clone()).collect();
    assert_eq!(builders.iter().filter(|builder| **builder == "classic").count(), 4);
    assert_eq!(builders.len(), 8);
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let folder = Folder::new();
    folder.write("dbench.toml", "[defaults]\nbuilder = \"classic\"\nplatform = \"linux/aarch64\"\n");
    let classic = |lines: Vec<String>| lines.iter().filter(|line| line.contains(" (classic) ")).count();
    assert_eq!(classic(planned(&folder, &[], &[])), 2);
    assert_eq!(classic(planned(&folder, &[("DBENCH_BUILDER", "buildkit")], &[])), 0);
    assert_eq!(classic(planned(&folder, &[("DBENCH_BUILDER", "buildkit")], &["--builder=classic"])), 2);
    let ran = folder.dbench(&[("DOCKER_HOST", "unix:///nonexistent/docker.sock")], &["doctor"]).ends(1);
    for said in ["classic (dbench.toml)", "linux/arm64 (dbench.toml)"] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
}

#[test]
fn what_no_builder_and_no_platform_is_called_is_refused() {
    let folder = Folder::new();
    for (arguments, said) in [
        (
            ["run", "--builder", "kaniko"],
            "'kaniko' for '--builder <BUILDER>': it is not one of buildkit, classic, both",
        ),
        (
            ["run", "--platform", "arm"],
            "'arm' for '--platform <PLATFORM>': it is not OS/ARCHITECTURE[/VARIANT]",
        ),
    ] {
        let ran = folder.dbench(&[], &arguments).ends(2);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    folder.write("dbench.toml", "[defaults]\nbuilder = \"podman\"\n");
    let ran = folder.dbench(&[], &PLAN).ends(2);
    assert!(
        ran.err.contains("dbench.toml:2:11: `podman`: it is not one of buildkit, classic, both"),
        "{}",
        ran.err
    );
}

#[test]
fn a_variant_that_needs_buildkit_is_said_to_be_skipped() {
    let folder = Folder::new();
    folder.write("scenarios/greet/multi.Dockerfile", "FROM base:1 AS final\nCOPY --link . /\n");
    let lines = planned(&folder, &[], &["--builder=classic"]);
    let multi = lines.iter().find(|line| line.starts_with("greet/multi")).unwrap();
    let said = "greet/multi (classic) round 1: cold source-edit, skipped: multi.Dockerfile, line 2: COPY --link needs \
                BuildKit";
    assert_eq!(multi, said);
    assert!(
        lines.iter().any(|line| line == "greet/single (classic) round 1: cold source-edit"),
        "{lines:#?}"
    );
}

#[test]
fn a_variant_with_secrets_is_skipped_by_the_classic_builder_and_its_secrets_are_not_asked_for() {
    let folder = Folder::new();
    let file = "scenarios/greet/scenario.toml";
    let text = files::read_to_string(&folder.path(file)).unwrap();
    for (keys, said) in [
        ("secrets = [{ id = \"token\", env = \"GREETER_TOKEN\" }]", "the secret `token` needs BuildKit"),
        ("ssh = true", "the SSH agent needs BuildKit"),
    ] {
        folder.write(file, &format!("{keys}\n{text}"));
        let lines = planned(&folder, &[], &["--builder=classic"]);
        for line in &lines {
            let (_, why) = line.split_once(".Dockerfile, ").unwrap_or_else(|| panic!("{lines:#?}"));
            assert_eq!(why, said);
        }
    }
    // With BuildKit they are asked for before any engine is.
    let ran =
        folder.dbench(&[("DOCKER_HOST", "unix:///nonexistent"), ("SSH_AUTH_SOCK", "")], &["run"]).ends(2);
    assert!(
        ran.err.contains("there is no SSH agent: the variable SSH_AUTH_SOCK is not set\n"),
        "{}",
        ran.err
    );
}
