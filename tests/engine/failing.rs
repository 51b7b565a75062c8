//! What fails is said, kept as a row, and does not stop the rest.

use crate::lane::{Lane, row};
use crate::tiny::Tiny;
use crate::web::{PORT, web};
use dbench::results::{Metric, Phase, Status};

#[test]
fn a_failing_build_shows_its_step_and_log_and_the_other_scenarios_go_on() {
    let Some(lane) = Lane::open() else { return };
    let (broken, fine) = (Tiny::new(&lane, "a-broken"), Tiny::new(&lane, "b-fine"));
    // Longer than a reason, as a command that people write may be.
    let filler = "x".repeat(500);
    let run = format!("RUN : {} {filler} && for i in $(seq 40); do echo \"<$i>\"; done; exit 7", broken.name);
    broken.write("multi.Dockerfile", &format!("FROM {}\n{run}\n", lane.base));
    let ended = lane.dbench(&["run", "--rounds", "1", "--phase", "cold,source-edit"]).expect(3);
    let loaded = lane.loaded();
    let failed = row(&loaded, &broken.name, "multi", Phase::Cold, Metric::BuildWall);
    assert_eq!((failed.status, failed.value), (Status::Failed, None));
    let log = loaded.folder.log(&failed.case, 1);
    let name = log.file_name().unwrap().to_str().unwrap();
    let said = &failed.reason;
    assert!(said.starts_with("step `") && said.contains(&format!("RUN : {} x", broken.name)), "{said}");
    assert!(said.contains("exit code: 7"), "{said}");
    assert!(said.ends_with(&format!("(log: logs/{name})")), "{said}");
    let after = row(&loaded, &broken.name, "multi", Phase::SourceEdit, Metric::BuildWall);
    let reason = "the first build of the round failed, so nothing is built on it";
    assert_eq!((after.status, after.value, after.reason.as_str()), (Status::Failed, None, reason));
    for (scenario, variant) in [(&broken, "single"), (&fine, "single"), (&fine, "multi")] {
        for phase in [Phase::Cold, Phase::SourceEdit] {
            let row = row(&loaded, &scenario.name, variant, phase, Metric::BuildWall);
            assert_eq!((row.status, row.reason.as_str()), (Status::Valid, ""), "{} {variant}", scenario.name);
        }
    }
    ended.says(&format!("{}/multi cold, round 1 failed; its log ends:\n", broken.name));
    let shown: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("  | ")).collect();
    assert_eq!(shown.len(), 21, "{}", ended.stderr);
    assert!(shown.iter().any(|line| line.contains("<40>")), "{}", ended.stderr);
    assert!(!ended.stderr.contains("<5>"), "{}", ended.stderr);
    assert!(log.is_file(), "{}", log.display());
    ended.says(&format!("whole log: results/{}/logs/{name}", loaded.run.id));
    lane.assert_nothing_is_left(&ended.stderr);
}

#[test]
fn a_container_that_nobody_reaches_is_shown_with_its_log_and_a_guess_at_the_cause() {
    let Some(lane) = Lane::open() else { return };
    let web = web(&lane, "silent");
    let (base, token) = (&lane.base, &web.name);
    let of = |says: &str| {
        format!(
            "FROM {base}\nWORKDIR /{token}\nCOPY . .\nRUN : {token}\nCMD [\"sh\", \"-c\", \"{says} exec sleep 60\"]\n"
        )
    };
    web.write("single.Dockerfile", &of("echo first; echo listening on 9999;"));
    web.write("multi.Dockerfile", &of(""));
    let arguments = ["run", "--rounds=1", "--phase=cold,unchanged", "--measure=build", "--probe-deadline=1"];
    let ended = lane.dbench(&arguments).expect(3);
    let loaded = lane.loaded();
    for variant in ["single", "multi"] {
        let failed = row(&loaded, &web.name, variant, Phase::Cold, Metric::BuildWall);
        let log = loaded.folder.container_log(&failed.case, 1);
        let wrote = if variant == "single" {
            let name = log.file_name().unwrap().to_str().unwrap();
            format!("its container wrote last `listening on 9999` (log: logs/{name})")
        } else {
            "its container wrote nothing".to_owned()
        };
        assert_eq!(
            failed.reason,
            format!(
                "probe: no right answer from port {PORT}/ within 1 s (--probe-deadline): nothing answered (does the \
                 program listen on 0.0.0.0, not on 127.0.0.1 alone, and at the port that scenario.toml names?); {wrote}"
            )
        );
        assert_eq!(log.is_file(), variant == "single");
        let after = row(&loaded, &web.name, variant, Phase::Unchanged, Metric::BuildWall);
        let reason = "the first build of the round failed, so nothing is built on it";
        assert_eq!((after.status, after.value, after.reason.as_str()), (Status::Failed, None, reason));
    }
    ended.says("its log ends:\n  | first\n  | listening on 9999\n");
    assert_eq!(ended.stderr.matches("its log ends:").count(), 1, "{}", ended.stderr);
    lane.assert_nothing_is_left(&ended.stderr);
}

#[test]
fn images_that_disagree_are_not_compared() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "wrong");
    let run = format!("RUN : {} && echo edition of another kind > /edition", tiny.name);
    tiny.write("multi.Dockerfile", &format!("FROM {}\n{run}\n", lane.base));
    let ended = lane.dbench(&["run", "--rounds", "1", "--phase", "cold"]).expect(3);
    let loaded = lane.loaded();
    let failed = row(&loaded, &tiny.name, "multi", Phase::Cold, Metric::BuildWall);
    let reason =
        "the command printed `edition of another kind` where `edition 0000000000000000` was expected";
    assert_eq!(failed.status, Status::Failed);
    assert!(failed.reason.starts_with(&format!("probe: {reason}")), "{}", failed.reason);
    let scenario = &loaded.run.scenarios[0];
    assert_eq!(scenario.agree, Some(false));
    assert!(scenario.disagreement.starts_with(&format!("multi cold: {reason}")), "{}", scenario.disagreement);
    let single = row(&loaded, &tiny.name, "single", Phase::Cold, Metric::BuildWall);
    assert_eq!((single.status, single.reason.as_str()), (Status::Valid, ""));
    assert!(
        ended.stdout.contains("no comparison: not every image gave the expected answer: multi cold"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("no ratios: not every image gave the expected answer\n"),
        "{}",
        ended.stdout
    );
    let of_multi = ended.stdout.lines().filter(|line| line.trim_start().starts_with("multi "));
    for line in of_multi.chain(ended.stdout.lines().last()) {
        assert!(!line.contains(['×', '%']), "{line}");
    }
    lane.assert_nothing_is_left(&ended.stderr);
}
