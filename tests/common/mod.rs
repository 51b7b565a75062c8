//! A folder to work in and the real binary in it, with nothing of the surrounding machine: no engine, no configuration.

use dbench::error::files;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A scenario in which everything that can be named is named.
pub const SCENARIO: &str = r#"title = "A greeter"
language = "Shell"

[[variants]]
name = "single"
baseline = true
dockerfile = "single.Dockerfile"

[[variants]]
name = "multi"
dockerfile = "multi.Dockerfile"
target = "final"

[probe.http]
port = 8080
body = "edition {nonce}"

[edits.source]
lines = [{ file = "edition", line = "edition {nonce}" }]

[[claims]]
text = "multi unpacked-size reduction >= 90 %"
says = "90 % smaller"
"#;

/// A folder that holds `scenarios/greet`.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("scenarios/greet/scenario.toml", SCENARIO);
        folder.write("scenarios/greet/single.Dockerfile", "FROM base:1\nCOPY . /\n");
        folder.write(
            "scenarios/greet/multi.Dockerfile",
            "FROM base:1 AS builder\nCOPY . /\nFROM scratch AS final\nCOPY --from=builder /edition /edition\n",
        );
        folder.write("scenarios/greet/app/edition", "edition 0000000000000000\n");
        folder
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    pub fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        files::create_dir_all(path.parent().unwrap()).unwrap();
        files::write(&path, text).unwrap();
    }

    /// Runs the binary in the folder.
    pub fn dbench(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
        run(self.0.path(), self.0.path(), environment, arguments)
    }
}

/// How the binary ended, and what it said.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Fails with all that was said if the end is another.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

/// Runs the binary in `here`, with its state below `state`.
pub fn run(here: &Path, state: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_dbench"))
        .args(arguments)
        .current_dir(here)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("XDG_STATE_HOME", state.join("state"))
        .env("TMPDIR", std::env::temp_dir())
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
