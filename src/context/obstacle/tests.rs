//! Contexts with files that are no files: what is refused, and what is no matter.

use super::*;
use rustix::fs::{CWD, Mode, mkfifoat};
use std::os::unix::net::UnixListener;

const TOML: &str = r#"title = "t"
language = "l"
[[variants]]
name = "single"
baseline = true
dockerfile = "single.Dockerfile"
[[variants]]
name = "multi"
dockerfile = "multi.Dockerfile"
[probe.command]
run = ["cat", "/edition"]
output = "x {nonce}"
[edits.source]
overlay = "over"
lines = [{ file = "edition", line = "x {nonce}" }]
"#;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for (path, text) in [
            ("s/scenario.toml", TOML),
            ("s/single.Dockerfile", "FROM scratch\nCOPY . /\n"),
            ("s/multi.Dockerfile", "FROM scratch\nCOPY . /\n"),
            ("s/app/edition", "x 0000000000000000\n"),
            ("s/app/deep/file", "f"),
            ("s/over/added", "a"),
        ] {
            home.write(path, text);
        }
        home
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        files::create_dir_all(self.path(below).parent().unwrap()).unwrap();
        files::write(&self.path(below), text).unwrap();
    }

    fn check(&self, builder: Builder) -> Result<()> {
        check(&[Scenario::load(&self.path("s")).unwrap()], &[builder])
    }

    #[track_caller]
    fn refused(&self, builder: Builder, file: &str, said: &str) {
        let error = self.check(builder).unwrap_err();
        assert_eq!(error.exit().code(), 2, "{error}");
        assert_eq!(error.place().unwrap().file, self.path(file));
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.to_string().contains("\n  hint: remove it, "), "{error}");
    }
}

#[test]
fn an_ignore_file_is_where_builders_find_it() {
    let home = Home::new();
    home.write("outside", "secret words of somebody\n");
    home.write("s/shared", "deep\n");
    home.write("s/app/deep/ignore", "nothing\n");
    let (own, absolute) = (home.path("s/app/.dockerignore"), home.path("s/app/deep/ignore"));
    for target in [Path::new("../../outside"), Path::new("../shared"), &absolute] {
        std::os::unix::fs::symlink(target, &own).unwrap();
        for builder in Builder::ALL {
            let error = home.check(builder).unwrap_err();
            assert_eq!(error.exit().code(), 2, "{error}");
            assert_eq!(error.place().unwrap().file, own);
            let said = ": the ignore file is a link that leads out of the context\n  hint: put the file itself there";
            assert!(error.to_string().ends_with(said), "{error}");
        }
        files::remove(&own).unwrap();
    }
    std::os::unix::fs::symlink("deep/ignore", &own).unwrap();
    Builder::ALL.into_iter().try_for_each(|builder| home.check(builder)).unwrap();
    let beside = home.path("s/multi.Dockerfile.dockerignore");
    std::os::unix::fs::symlink("shared", &beside).unwrap();
    home.check(Builder::Buildkit).unwrap();
    files::remove(&beside).unwrap();
    std::os::unix::fs::symlink("../outside", &beside).unwrap();
    let said = home.check(Builder::Buildkit).unwrap_err().to_string();
    assert!(said.contains("the ignore file is a link that leads out of the scenario"), "{said}");
}

const SOCKET: &str = ": a socket stands in the context, and builders make different things of it";

#[test]
fn a_socket_is_refused_unless_an_ignore_file_names_it() {
    let home = Home::new();
    let _listener = UnixListener::bind(home.path("s/app/deep/socket")).unwrap();
    for builder in Builder::ALL {
        home.refused(builder, "s/app/deep/socket", SOCKET);
    }
    for line in ["deep", "deep/*\n!deep/file", "**/socket"] {
        home.write("s/app/.dockerignore", line);
        for builder in Builder::ALL {
            home.check(builder).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
    home.write("s/app/.dockerignore", "deep\n!deep/so*");
    home.refused(Builder::Buildkit, "s/app/deep/socket", SOCKET);
}

#[test]
fn an_ignore_file_of_one_dockerfile_speaks_for_one_variant_and_one_builder() {
    let home = Home::new();
    let _listener = UnixListener::bind(home.path("s/app/socket")).unwrap();
    home.write("s/single.Dockerfile.dockerignore", "socket");
    home.refused(Builder::Buildkit, "s/app/socket", SOCKET);
    home.write("s/multi.Dockerfile.dockerignore", "sock*");
    home.check(Builder::Buildkit).unwrap();
    home.refused(Builder::Classic, "s/app/socket", SOCKET);
}

#[test]
fn an_overlay_is_looked_through_as_the_context_is() {
    let home = Home::new();
    let _listener = UnixListener::bind(home.path("s/over/socket")).unwrap();
    home.refused(Builder::Buildkit, "s/over/socket", SOCKET);
    home.write("s/app/.dockerignore", "socket");
    home.check(Builder::Buildkit).unwrap();
}

#[test]
fn a_pipe_is_sent_as_docker_sends_it() {
    let home = Home::new();
    mkfifoat(CWD, home.path("s/app/pipe"), Mode::RUSR).unwrap();
    Builder::ALL.into_iter().try_for_each(|builder| home.check(builder)).unwrap();
}

#[test]
fn a_device_is_refused() {
    let error = passable(Path::new("/dev/null"), &Path::new("/dev/null").metadata().unwrap()).unwrap_err();
    let said =
        "/dev/null: a device stands in the context, and builders make different things of it\n  hint: ";
    assert!(error.to_string().starts_with(said), "{error}");
}

#[test]
fn what_cannot_be_read_is_named_with_its_cause() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let file = home.path("s/app/deep/file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if files::open(&file).is_ok() {
        return eprintln!("left out: root reads everything");
    }
    home.refused(
        Builder::Buildkit,
        "s/app/deep/file",
        ": it cannot be read, and the build is to take it in\n  cause: Permission denied",
    );
    home.write("s/app/.dockerignore", "deep");
    home.check(Builder::Buildkit).unwrap();
}

#[test]
fn a_wrong_ignore_file_is_named() {
    let home = Home::new();
    home.write("s/app/.dockerignore", "a\n[b\n");
    let error = home.check(Builder::Buildkit).unwrap_err();
    assert_eq!(error.place().unwrap().file, home.path("s/app/.dockerignore"));
    assert!(error.to_string().contains(": line 2 of the ignore patterns, `[b`, is not a pattern"), "{error}");
}
