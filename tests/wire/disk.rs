//! A folder of runs on a disk that is full, or that cannot be written: what is said, and that the engine is left clean.

use crate::common::{Folder, Ran};
use crate::replay::Server;
use crate::succeeds::{scenario, working};
use std::path::PathBuf;
use std::process::Command;

/// A small disk in memory, which goes with the value; `None` where this user cannot have one.
struct Disk(PathBuf);

impl Disk {
    fn at(folder: &Folder, options: &str) -> Option<Self> {
        let place = folder.path("results");
        dbench::error::files::create_dir_all(&place).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&place);
        if mount.output().is_ok_and(|ended| ended.status.success()) {
            return Some(Self(place));
        }
        eprintln!("left out: only root can have a small disk");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let gone = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(gone.is_ok_and(|ended| ended.success()), "{} stays mounted", self.0.display());
    }
}

fn run(folder: &Folder) -> (Ran, Server) {
    let socket = folder.path("docker.sock");
    let server = Server::start(&socket, working());
    let host = format!("unix://{}", socket.display());
    let environment = [("DOCKER_HOST", host.as_str()), ("DBENCH_MEASURE", "build,size")];
    (
        folder.dbench(&environment, &["run", "--phase=cold", "--rounds=3", "--variant=single", "--seed=1"]),
        server,
    )
}

#[test]
fn a_disk_that_is_full_after_any_file_is_said_and_the_engine_is_left_clean() {
    let (mut full, mut enough) = (0, 0);
    for pages in 2..20 {
        let folder = scenario();
        let Some(_disk) = Disk::at(&folder, &format!("size={}", pages * 4096)) else { return };
        let (ran, server) = run(&folder);
        if ran.code == Some(0) {
            enough += 1;
            continue;
        }
        full += 1;
        let ran = ran.ends(1);
        assert!(ran.err.contains("No space left on device"), "{pages} pages: {}", ran.err);
        assert!(ran.err.contains("\n  hint: "), "{pages} pages: {}", ran.err);
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        if server.saw("POST", "/build?") {
            assert!(
                server.saw("DELETE", "/images/"),
                "{pages} pages: the image stays: {:#?}",
                server.requests()
            );
            assert!(server.saw("POST", "/build/prune"), "{pages} pages: {:#?}", server.requests());
        }
    }
    assert!(full > 3 && enough > 0, "{full} were too small, {enough} large enough");
}

#[test]
fn a_folder_of_runs_that_cannot_be_written_is_said_before_any_build() {
    let folder = scenario();
    let Some(_disk) = Disk::at(&folder, "ro,size=64k") else { return };
    let (ran, server) = run(&folder);
    let ran = ran.ends(1);
    assert!(ran.err.contains("error: cannot create the folder results/"), "{}", ran.err);
    assert!(ran.err.contains("Read-only file system"), "{}", ran.err);
    assert!(ran.err.contains("hint: name a folder that can be made and written with --out"), "{}", ran.err);
    assert!(!server.saw("POST", "/build?"));
}
