//! What the user of an engine has in it: an image, a container, a network, a volume and a build, which no run and no clean-up
//! may touch.

use crate::lane::Lane;
use dbench::engine::Engine;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// Things of the user's, which go with the value.
pub struct Users<'a> {
    lane: &'a Lane,
    name: String,
    before: BTreeSet<String>,
}

impl<'a> Users<'a> {
    /// Makes one of each on the lane's engine.
    pub fn with(lane: &'a Lane) -> Self {
        // The token alone would make it a thing of the test's scenarios.
        let name = format!("users-{}", lane.token.replace('t', "x"));
        let folder = lane.path("users");
        fs::create_dir_all(&folder).unwrap();
        let dockerfile = format!("FROM {}\nRUN echo {name} > /users\n", lane.base);
        fs::write(folder.join("Dockerfile"), dockerfile).unwrap();
        let mut users = Self { lane, name, before: BTreeSet::new() };
        let name = users.name.as_str();
        docker(&["build", "--quiet", "--tag", name, folder.to_str().unwrap()]);
        docker(&["network", "create", name]);
        docker(&["volume", "create", name]);
        docker(&[
            "create",
            "--name",
            name,
            "--network",
            name,
            "--volume",
            &format!("{name}:/data"),
            name,
            "true",
        ]);
        users.before = users.look();
        assert!(users.before.len() >= 5, "{:?}", users.before);
        users
    }

    /// Fails if any of them is gone or another one.
    pub fn assert_unchanged(&self) {
        assert_eq!(self.look(), self.before);
    }

    fn look(&self) -> BTreeSet<String> {
        let filter = format!("name={}", self.name);
        let mut found = BTreeSet::new();
        for (what, arguments) in [
            ("image", &["image", "ls", "--no-trunc", "--format", "{{.ID}} {{.Tag}}", &self.name][..]),
            (
                "container",
                &[
                    "ps",
                    "-a",
                    "--no-trunc",
                    "--filter",
                    &filter,
                    "--format",
                    "{{.ID}} {{.Image}} {{.Mounts}}",
                ],
            ),
            ("network", &["network", "ls", "--no-trunc", "--filter", &filter, "--format", "{{.ID}}"]),
            ("volume", &["volume", "ls", "--filter", &filter, "--format", "{{.Name}} {{.Mountpoint}}"]),
        ] {
            found.extend(docker(arguments).lines().map(|line| format!("{what} {line}")));
        }
        let records = self.lane.wait_for(self.lane.engine.cache()).unwrap();
        let own = records.into_iter().filter(|record| record.description.contains(&self.name));
        found.extend(
            own.map(|record| format!("build cache {} {:?} {}", record.id, record.parents, record.size)),
        );
        found
    }
}

impl Drop for Users<'_> {
    fn drop(&mut self) {
        let name = self.name.as_str();
        for arguments in [
            &["rm", "--force", name][..],
            &["network", "rm", name],
            &["volume", "rm", name],
            &["image", "rm", name],
        ] {
            let _ = Command::new("/usr/bin/docker").args(arguments).output();
        }
        let records = self.lane.wait_for(self.lane.engine.cache()).unwrap_or_default();
        for record in records.iter().filter(|record| record.description.contains(name)) {
            let _ = self.lane.wait_for(self.lane.engine.prune(&record.id));
        }
    }
}

/// What the docker CLI says.
pub fn docker(arguments: &[&str]) -> String {
    let mut command = Command::new("/usr/bin/docker");
    let output = command.args(arguments).env("DOCKER_BUILDKIT", "1").output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
