//! The question that a shipped scenario is asked needs its library: without it, build or answer fails.

use crate::lane::{Lane, copy, root, row};
use dbench::results::{Metric, Phase, Status};
use std::fs;
use std::path::Path;

/// A library taken out of a scenario, and what is said then.
struct Removal {
    scenario: &'static str,
    /// Files, what stands in each once, and what takes its place.
    edits: &'static [(&'static str, &'static str, &'static str)],
    /// How the row's reason begins.
    reason: &'static str,
    /// What the log says, that of the build or of the container.
    log: &'static str,
}

const LOCKED: &str = r#"    "node_modules/preact-render-to-string": {
      "version": "6.5.13",
      "integrity": "sha512-iGPd+hKPMFKsfpR2vL4kJ6ZPcFIoWZEcBf0Dpm3zOpdVvj77aY8RlLiQji5OMrngEyaxGogeakTb54uS2FvA6w==",
      "dev": true,
      "license": "MIT",
      "peerDependencies": {
        "preact": ">=10"
      }
    },
"#;

/// From the image where the library is files there, else from the sources.
const REMOVALS: [Removal; 5] = [
    Removal {
        scenario: "frontend-nginx",
        edits: &[
            ("app/package.json", "    \"preact-render-to-string\": \"6.5.13\",\n", ""),
            ("app/package-lock.json", "        \"preact-render-to-string\": \"6.5.13\",\n", ""),
            ("app/package-lock.json", LOCKED, ""),
        ],
        reason: "step `builder 6 RUN npm run build`: ",
        log: "Cannot find package 'preact-render-to-string'",
    },
    Removal {
        scenario: "go-scratch",
        edits: &[("app/go.mod", "\tgithub.com/yuin/goldmark v1.7.4\n", "")],
        reason: "step `builder 4 RUN ",
        log: "no required module provides package github.com/yuin/goldmark;",
    },
    Removal {
        scenario: "java-maven",
        edits: &[(
            "app/pom.xml",
            "    <dependency>
      <groupId>org.apache.commons</groupId>
      <artifactId>commons-csv</artifactId>
      <version>1.12.0</version>
    </dependency>\n",
            "",
        )],
        reason: "step `builder 4 RUN mvn clean package -DskipTests`: ",
        log: "package org.apache.commons.csv does not exist",
    },
    Removal {
        scenario: "node-build",
        edits: &[("multi.Dockerfile", "\nUSER node\n", "\nRUN rm -r node_modules/zod\nUSER node\n")],
        reason: "probe: the container ended with exit code 1; its container wrote last `",
        log: "Cannot find package 'zod' imported from /app/dist/order.js",
    },
    Removal {
        scenario: "python-venv",
        edits: &[(
            "multi.Dockerfile",
            "\nUSER nobody\n",
            "\nRUN rm -r /opt/venv/lib/python3.11/site-packages/pydantic\nUSER nobody\n",
        )],
        reason: "probe: the container ended with exit code 1; its container wrote last `",
        log: "ModuleNotFoundError: No module named 'pydantic'",
    },
];

/// The scenario without its library, under a name with the test's token.
fn without_its_library(lane: &Lane, removal: &Removal) -> String {
    let name = format!("{}-{}", removal.scenario, lane.token);
    let to = lane.path("scenarios").join(&name);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    copy(&root().join("scenarios").join(removal.scenario), &to);
    for (file, old, new) in removal.edits {
        replace(&to.join(file), old, new);
    }
    name
}

fn replace(path: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(text.matches(old).count(), 1, "`{old}` in {}", path.display());
    fs::write(path, text.replace(old, new)).unwrap();
}

#[test]
fn no_shipped_scenario_answers_without_its_library() {
    let Some(lane) = Lane::open() else { return };
    let names = REMOVALS.each_ref().map(|removal| without_its_library(&lane, removal));
    let ended = lane.dbench_on_shipped_bases(&["run", "--rounds=1", "--phase=cold", "--variant=multi"]);
    let ended = ended.expect(3);
    let loaded = lane.loaded();
    assert_eq!(loaded.run.scenarios.len(), REMOVALS.len());
    for ((removal, name), scenario) in REMOVALS.iter().zip(names).zip(&loaded.run.scenarios) {
        assert_eq!(scenario.name, name);
        let failed = row(&loaded, &name, "multi", Phase::Cold, Metric::BuildWall);
        assert_eq!(failed.status, Status::Failed, "{name}");
        assert!(failed.reason.starts_with(removal.reason), "{name}: {}", failed.reason);
        let logs = [loaded.folder.log(&failed.case, 1), loaded.folder.container_log(&failed.case, 1)];
        let logs = logs.map(|log| fs::read_to_string(log).unwrap_or_default());
        assert!(logs.iter().any(|log| log.contains(removal.log)), "{name}: {logs:#?}");
    }
    lane.assert_nothing_is_left(&ended.stderr);
}
