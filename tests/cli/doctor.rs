//! What doctor finds: settings and where they came from, the machine, and what it all comes to.

use super::common::Folder;

#[test]
fn doctor_shows_every_setting_and_where_it_came_from() {
    let folder = Folder::new();
    folder.write(
        "dbench.toml",
        "[bases]\n\"base:1\" = \"mirror.example/b\"\n[defaults]\nseed = 7\nout = \"kept\"\n",
    );
    let environment = [
        ("DOCKER_HOST", "unix:///nonexistent/docker.sock"),
        ("DBENCH_ROUNDS", "4"),
        ("DBENCH_COLOR", "never"),
    ];
    let ran = folder.dbench(&environment, &["doctor", "--format", "json"]).ends(1);
    let findings: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let found = |what: &str| {
        let all = findings.as_array().unwrap().iter();
        all.filter(|f| f["what"] == what).map(|f| f["found"].as_str().unwrap()).collect::<Vec<_>>().join("; ")
    };
    for (what, said) in [
        ("rounds", "4 (flag or environment)"),
        ("seed", "7 (dbench.toml)"),
        ("results", "kept (dbench.toml)"),
        ("scenarios", "scenarios (built in)"),
        ("builders used", "buildkit (built in)"),
        ("platform", "the engine's own (built in)"),
        ("color", "never (flag or environment)"),
        ("base mapped", "base:1 = mirror.example/b (dbench.toml)"),
        ("build deadline", "1800 s (built in)"),
        ("silence deadline", "600 s (built in)"),
        ("probe deadline", "60 s (built in)"),
        ("engine asked", "/nonexistent/docker.sock (DOCKER_HOST)"),
    ] {
        assert_eq!(found(what), said, "{what}");
    }
}

#[test]
fn doctor_says_what_of_the_machine_does_what_to_a_measurement() {
    let folder = Folder::new();
    let host = [("DOCKER_HOST", "unix:///nonexistent/docker.sock")];
    let json = folder.dbench(&host, &["doctor", "--format", "json"]).ends(1).out;
    let text = folder.dbench(&host, &["doctor"]).ends(1).out;
    let findings: serde_json::Value = serde_json::from_str(&json).unwrap();
    let of_machine = findings.as_array().unwrap().iter().filter(|f| !f["effect"].is_null());
    let of_machine: Vec<_> = of_machine.map(|f| f["what"].as_str().unwrap()).collect();
    assert_eq!(of_machine, ["load", "stolen time", "governor", "throttling", "disk"]);
    assert_eq!(text.matches("  effect: ").count(), 5, "{text}");
    assert!(
        text.lines()
            .any(|l| l.trim_start().starts_with("disk ") && l.ends_with("unknown: no engine answers"))
    );
}

#[test]
fn doctor_marks_each_finding_for_programs() {
    let folder = Folder::new();
    let host = [("DOCKER_HOST", "unix:///nonexistent/docker.sock")];
    let json = folder.dbench(&host, &["doctor", "--format", "json"]).ends(1).out;
    let findings: serde_json::Value = serde_json::from_str(&json).unwrap();
    let mark = |what: &str| {
        let found = findings.as_array().unwrap().iter().find(|f| f["what"] == what).unwrap();
        found["mark"].as_str().unwrap().to_owned()
    };
    assert_eq!((mark("engine"), mark("rounds"), mark("disk")), ("bad".into(), "ok".into(), "unknown".into()));
    for finding in findings.as_array().unwrap() {
        let wrong = ["warn", "bad"].contains(&finding["mark"].as_str().unwrap());
        assert_eq!(wrong, !finding["cure"].is_null(), "{finding}");
    }
}

#[test]
fn doctor_ends_with_what_it_comes_to() {
    let folder = Folder::new();
    let host = [("DOCKER_HOST", "unix:///nonexistent/docker.sock")];
    let text = folder.dbench(&host, &["doctor"]).ends(1).out;
    assert!(text.ends_with("\n\n`dbench run` does not work here before this is mended: engine\n"), "{text}");
}
