//! What is told to people and to programs: lines that fit, what named an engine, a platform that is none.

use super::common::Folder;

#[test]
fn who_watches_reads_lines_that_fit_and_learns_what_named_the_engine() {
    let folder = Folder::new();
    let host = ("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let whole = folder.dbench(&[host], &["clean"]).ends(1).err;
    assert!(
        whole.contains("\n  hint: the address is from DOCKER_HOST; get one in one of three ways: "),
        "{whole}"
    );
    let folded = folder.dbench(&[host, ("COLUMNS", "60")], &["clean"]).ends(1).err;
    assert!(folded.lines().count() > 4 && folded.lines().all(|line| line.chars().count() <= 60), "{folded}");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&folded), words(&whole));
    for (command, code) in [(&["doctor"][..], 1), (&["run", "--plan"], 0)] {
        let text = folder.dbench(&[host], command).ends(code).out;
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}

#[test]
fn a_platform_of_no_image_is_refused_before_anything_is_planned() {
    let folder = Folder::new();
    let ran = folder.dbench(&[], &["run", "--plan", "--platform", "linux/amd46"]).ends(2);
    assert!(
        ran.err.contains("`amd46` is no architecture that images are made for; did you mean `amd64`?"),
        "{}",
        ran.err
    );
    assert_eq!(ran.out, "");
    folder.write("dbench.toml", "[defaults]\nplatform = \"linux/foo\"\n");
    let ran = folder.dbench(&[], &["run", "--plan"]).ends(2);
    assert!(
        ran.err.contains("`foo` is no architecture that images are made for; known are amd64, "),
        "{}",
        ran.err
    );
}

#[test]
fn a_plan_says_why_the_engine_of_a_root_does_not_pull() {
    let folder = Folder::new();
    let ran = folder.dbench(&[], &["run", "--plan", "--node-root", "/nonexistent"]).ends(0);
    let said = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("else by dbench itself (not with --node-root: "), "{said}");
    let asked = ["run", "--plan", "--node", "container", "--node-root", "/nonexistent"];
    assert_eq!(folder.dbench(&[], &asked).ends(2).out, "");
}

#[test]
fn a_broken_scenario_hides_no_other_from_list_and_doctor() {
    let folder = Folder::new();
    folder.write("scenarios/broken/scenario.toml", "title = 1\n");
    let listed = folder.dbench(&[], &["list"]).ends(2);
    assert!(listed.out.starts_with("greet  ") && listed.out.contains("  multi  "), "{}", listed.out);
    assert!(listed.err.contains("error: scenarios/broken/scenario.toml:1:9: invalid type"), "{}", listed.err);
    let doctor = folder.dbench(&[("DOCKER_HOST", "unix:///nonexistent")], &["doctor"]).ends(1).out;
    let words = doctor.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("until then name those that are to run: 1 load"), "{doctor}");
}
