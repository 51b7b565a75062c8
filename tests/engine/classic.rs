//! The classic builder on the real engine: whole runs, both builders in one, what only BuildKit can do, and what is left.

use crate::lane::{Ended, Lane, row, send, until};
use crate::tiny::Tiny;
use dbench::engine::Engine;
use dbench::results::{Builder, Loaded, Metric, Phase, Sample, Status};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).env("DOCKER_BUILDKIT", "0").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The images without a name that the engine made from others: only steps of the classic builder leave such.
fn images_of_steps(lane: &Lane) -> BTreeSet<String> {
    let stored = lane.wait_for(lane.engine.stored()).unwrap();
    let made = stored.into_iter().filter(|(_, image)| !image.named && !image.parent.is_empty());
    made.map(|(id, _)| id).collect()
}

/// Fails if an image of a step is left whose history holds the test's token.
pub fn assert_no_image_of_a_step_is_left(lane: &Lane) {
    let ours = |id: &String| {
        let history = docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}", id]);
        history.contains(&lane.token).then_some(history)
    };
    let left: Vec<String> = images_of_steps(lane).iter().filter_map(ours).collect();
    assert_eq!(left, Vec::<String>::new());
}

/// Whatever becomes of a test that keeps images, they go with it.
struct Cleaning<'a>(&'a Lane);

impl Drop for Cleaning<'_> {
    fn drop(&mut self) {
        self.0.dbench(&["clean"]);
    }
}

fn wall<'a>(loaded: &'a Loaded, builder: Builder, variant: &str, phase: Phase) -> &'a Sample {
    let of = |s: &&Sample| {
        s.metric == Metric::BuildWall
            && s.case.builder == builder
            && s.case.variant == variant
            && s.case.phase == phase
    };
    loaded.samples.iter().find(of).unwrap_or_else(|| panic!("no row of {builder} {variant} {phase}"))
}

#[test]
fn a_classic_run_measures_every_phase_and_leaves_nothing() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "classic").without_mounts(&lane);
    let ended = lane.dbench(&["run", "--rounds", "1", "--builder", "classic"]).expect(0);
    let loaded = lane.loaded();
    assert_eq!((loaded.run.builder, loaded.run.builders.len()), (Builder::Classic, 0));
    assert_eq!(loaded.run.scenarios[0].agree, Some(true), "{}", loaded.run.scenarios[0].disagreement);
    for variant in ["single", "multi"] {
        for phase in Phase::ALL {
            let wall = row(&loaded, &tiny.name, variant, phase, Metric::BuildWall);
            assert_eq!((wall.status, wall.reason.as_str()), (Status::Valid, ""), "{variant} {phase}");
            assert_eq!(wall.case.builder, Builder::Classic);
            let exec = row(&loaded, &tiny.name, variant, phase, Metric::BuildExec);
            assert!(exec.valid() > Some(0) && exec.valid() < wall.valid(), "{exec:?} {wall:?}");
        }
    }
    assert!(
        loaded.samples.iter().all(|s| s.metric != Metric::BuildCache),
        "there is no build cache to add to"
    );
    // The steps of both stages, and the instructions that BuildKit makes no steps of.
    let of_cold = |s: &&dbench::results::StepRow| s.case.variant == "multi" && s.case.phase == Phase::Cold;
    let steps: Vec<_> = loaded.steps.iter().filter(of_cold).collect();
    let places: Vec<_> = steps.iter().map(|s| (s.stage.as_str(), s.step, s.cached)).collect();
    let numbered = |stage, range: std::ops::RangeInclusive<u32>| range.map(move |n| (stage, Some(n), false));
    let mut expected = vec![("", None, false)];
    expected.extend(numbered("builder", 1..=6));
    expected.extend(numbered("stage-1", 1..=2));
    expected.extend([("stage-1", None, false), ("", None, false)]);
    assert_eq!(places, expected);
    assert!(ended.stdout.contains("(classic)"), "{}", ended.stdout);
    lane.assert_nothing_is_left(&ended.stderr);
    assert_no_image_of_a_step_is_left(&lane);
}

#[test]
fn both_builders_are_measured_apart_and_what_needs_buildkit_is_skipped() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "both");
    let ended =
        lane.dbench(&["run", "--rounds", "1", "--phase", "cold,source-edit", "--builder", "both"]).expect(0);
    let loaded = lane.loaded();
    assert_eq!(loaded.run.builders, Builder::ALL);
    for phase in [Phase::Cold, Phase::SourceEdit] {
        for (builder, variant) in
            [(Builder::Buildkit, "single"), (Builder::Buildkit, "multi"), (Builder::Classic, "single")]
        {
            let wall = wall(&loaded, builder, variant, phase);
            assert_eq!(
                (wall.status, wall.reason.as_str()),
                (Status::Valid, ""),
                "{builder} {variant} {phase}"
            );
        }
        let skipped = wall(&loaded, Builder::Classic, "multi", phase);
        let reason = "multi.Dockerfile, line 4: RUN --mount needs BuildKit";
        assert_eq!((skipped.status, skipped.reason.as_str(), skipped.value), (Status::Skipped, reason, None));
    }
    assert!(ended.stdout.contains(&format!("{} (classic)", tiny.name)), "{}", ended.stdout);
    let said = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("with the classic builder: "), "{}", ended.stdout);
    lane.assert_nothing_is_left(&ended.stderr);
    assert_no_image_of_a_step_is_left(&lane);
}

#[test]
fn both_builders_put_the_same_files_into_the_image() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "alike");
    let app = tiny.dir.join("app");
    for (file, text) in [
        (".dockerignore", "*.log\nkept/*\n!kept/this\n.dockerignore\n"),
        ("a.log", "left out"),
        ("kept/this", "taken back in"),
        ("kept/that", "left out"),
        ("bin/tool", "#!/bin/sh\n"),
        ("name with spaces", "and text"),
    ] {
        fs::create_dir_all(app.join(file).parent().unwrap()).unwrap();
        fs::write(app.join(file), text).unwrap();
    }
    fs::create_dir(app.join("empty")).unwrap();
    fs::set_permissions(app.join("bin/tool"), fs::Permissions::from_mode(0o751)).unwrap();
    fs::set_permissions(app.join("kept"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("../bin/./tool", app.join("kept/link")).unwrap();
    symlink("bin/tool", app.join("link")).unwrap();
    tiny.write(
        "single.Dockerfile",
        &format!("FROM {}\nWORKDIR /{}\nCOPY . .\nRUN cp edition /edition\n", lane.base, tiny.name),
    );
    let arguments = ["run", "--rounds=1", "--phase=cold", "--variant=single", "--builder=both", "--keep"];
    let _cleaning = Cleaning(&lane);
    lane.dbench(&arguments).expect(0);
    let images = lane.images();
    assert_eq!(images.len(), 2, "{images:?}");
    let listed = |image: &String| {
        let stat = "stat -c '%n %A %u:%g %s %Y' {} \\;";
        let list = format!("cd /{} && find . -exec {stat} | sort", tiny.name);
        docker(&["run", "--rm", image, "sh", "-c", &list])
    };
    let (one, other) = (listed(&images[0]), listed(&images[1]));
    // A folder has no size of its own, a symlink the time of the copy that it stands in.
    let comparable = |list: &str| {
        let line = |line: &str| {
            let folder_or_link = line.contains(" drw") || line.contains(" lrw");
            let fields: Vec<&str> = line.rsplitn(3, ' ').collect();
            if folder_or_link { fields[2].to_owned() } else { line.to_owned() }
        };
        list.lines().map(line).collect::<Vec<_>>()
    };
    assert_eq!(comparable(&one), comparable(&other));
    for there in ["./kept/this ", "./bin/tool -rwxr-x--x 0:0 ", "./empty ", "./name with spaces ", "./link "]
    {
        assert!(one.contains(there), "{there}: {one}");
    }
    for absent in [".log", "kept/that", "kept/link", ".dockerignore", "Dockerfile"] {
        assert!(!one.contains(absent), "{absent}: {one}");
    }
    lane.dbench(&["clean"]).expect(0);
    lane.assert_nothing_with_the_token_is_left();
    assert_no_image_of_a_step_is_left(&lane);
}

#[test]
fn what_the_user_built_stays_though_a_run_takes_it_from_the_cache() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "users").without_mounts(&lane);
    let (context, dockerfile) = (tiny.dir.join("app"), tiny.dir.join("multi.Dockerfile"));
    let before = images_of_steps(&lane);
    // The Dockerfile stands outside of the context, where only newer clients find it.
    let name = format!("users-{}", lane.token);
    fs::copy(&dockerfile, context.join("Dockerfile")).unwrap();
    docker(&["build", "--quiet", "--tag", &name, context.to_str().unwrap()]);
    fs::remove_file(context.join("Dockerfile")).unwrap();
    // Nothing but the steps is left of it, as of a stage that is not the last.
    let theirs: BTreeSet<_> = images_of_steps(&lane).difference(&before).cloned().collect();
    assert!(theirs.len() >= 4, "{theirs:?}");
    let run = ["run", "--rounds=1", "--phase=unchanged", "--variant=multi", "--builder=classic"];
    let ended = lane.dbench(&run).expect(0);
    let log = fs::read_dir(lane.path("results")).unwrap().next().unwrap().unwrap().path();
    let log = log.join("logs").join(format!("{}-multi-classic-cold-1.log", tiny.name));
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("Using cache"), "the run used nothing of the user's:\n{said}");
    let now = images_of_steps(&lane);
    assert!(theirs.is_subset(&now), "gone: {:?}", theirs.difference(&now));
    assert_eq!(now.difference(&before).count(), theirs.len(), "{}", ended.stderr);
    // What the user made goes as the user would remove it.
    docker(&["rmi", &name]);
    for id in theirs.iter().rev().chain(&theirs).chain(theirs.iter().rev()).chain(&theirs) {
        let _gone_already = Command::new("docker").args(["rmi", id]).output().unwrap();
    }
    assert_no_image_of_a_step_is_left(&lane);
}

#[test]
fn a_killed_or_interrupted_classic_build_leaves_nothing_after_clean() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "ended").without_mounts(&lane);
    let long = format!("RUN echo {} begins; sleep 60\nCOPY . .", tiny.name);
    let text = fs::read_to_string(tiny.dir.join("multi.Dockerfile")).unwrap();
    tiny.write("multi.Dockerfile", &text.replacen("COPY . .", &long, 1));
    let containers = || docker(&["ps", "--all", "--quiet", "--no-trunc"]).lines().count();
    let before = containers();
    for signal in ["-KILL", "-INT"] {
        let running =
            lane.start(&["run", "--rounds=1", "--phase=cold", "--variant=multi", "--builder=classic"]);
        until("the step that sleeps", || (containers() > before).then_some(()));
        // Steps before it have a container each, for a moment.
        until("an image of a step", || {
            let journals = fs::read_dir(lane.path("state/dbench/journal")).ok()?.flatten();
            let made = journals.filter_map(|journal| fs::read_to_string(journal.path()).ok());
            (made.map(|text| text.matches("\"entry\":\"made\"").count()).sum::<usize>() >= 3).then_some(())
        });
        send(signal, &running);
        let ended = Ended::of(running.wait_with_output().unwrap());
        assert_eq!(ended.code, (signal == "-INT").then_some(130), "{}", ended.stderr);
        lane.dbench(&["clean"]).expect(0);
        until("the end of the build", || (containers() == before).then_some(()));
        assert_no_image_of_a_step_is_left(&lane);
        fs::remove_dir_all(lane.path("results")).unwrap();
    }
    lane.assert_nothing_with_the_token_is_left();
}

#[test]
fn a_classic_step_that_fails_is_named_and_leaves_nothing() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "fails").without_mounts(&lane);
    tiny.write("multi.Dockerfile", &format!("FROM {} AS b\nWORKDIR /{}\nRUN exit 7\n", lane.base, tiny.name));
    let run = ["run", "--rounds=1", "--phase=cold", "--variant=multi", "--builder=classic"];
    let ended = lane.dbench(&run).expect(3);
    let loaded = lane.loaded();
    let wall = wall(&loaded, Builder::Classic, "multi", Phase::Cold);
    assert_eq!(wall.status, Status::Failed);
    let reason = "step `b 3 RUN exit 7`: The command '/bin/sh -c exit 7' returned a non-zero code: 7";
    assert!(wall.reason.starts_with(reason), "{}", wall.reason);
    lane.assert_nothing_is_left(&ended.stderr);
    assert_no_image_of_a_step_is_left(&lane);
}
