//! An engine behind an sshd on loopback, which the test starts; left out where no sshd is installed.

use crate::endpoints::{QUICK, assert_told, assert_whole, dbench};
use crate::lane::{Lane, until};
use crate::tiny::Tiny;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An sshd with keys of its own, which takes one client's key and lets it in as whoever runs the test.
struct Sshd {
    child: Child,
    port: u16,
    folder: PathBuf,
    made: Option<&'static Path>,
}

impl Sshd {
    /// `None` where none is installed.
    fn start(lane: &Lane, name: &str, more: &str) -> Option<Self> {
        let program =
            ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].into_iter().find(|path| Path::new(path).exists());
        let Some(program) = program else {
            eprintln!("left out: no sshd is installed (Debian: openssh-server)");
            return None;
        };
        // Debian's sshd wants the folder, which its service makes.
        let place = Path::new("/run/sshd");
        let made = (!place.exists() && fs::create_dir(place).is_ok()).then_some(place);
        let folder = lane.path(name);
        fs::create_dir(&folder).unwrap();
        for key in ["host", "mine", "another"] {
            let path = folder.join(key);
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
            assert!(made.unwrap().success());
        }
        fs::copy(folder.join("mine.pub"), folder.join("authorized")).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let at = folder.display();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {at}/host\nAuthorizedKeysFile {at}/authorized\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nLogLevel VERBOSE\n{more}\n"
        );
        fs::write(folder.join("sshd_config"), config).unwrap();
        let child = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        until("sshd listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        let sshd = Self { child, port, folder, made };
        sshd.client("mine", true);
        Some(sshd)
    }

    /// Lets `ssh` use that key, and know the machine or not. Its configuration is found by the user and not by HOME, so
    /// the program that dbench finds names another one.
    fn client(&self, key: &str, known: bool) {
        let at = self.folder.display();
        let host = fs::read_to_string(self.folder.join("host.pub")).unwrap();
        let line = format!("[127.0.0.1]:{} {host}", self.port);
        fs::write(self.folder.join("known"), if known { line.as_str() } else { "" }).unwrap();
        let config = format!(
            "IdentityFile {at}/{key}\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {at}/known\n\
             GlobalKnownHostsFile /dev/null\n"
        );
        fs::write(self.folder.join("config"), config).unwrap();
        let ssh = self.folder.join("ssh");
        fs::write(&ssh, format!("#!/bin/sh\nexec /usr/bin/ssh -F {at}/config \"$@\"\n")).unwrap();
        fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn host(&self) -> String {
        format!("ssh://127.0.0.1:{}", self.port)
    }

    fn path(&self) -> String {
        format!("{}:{}", self.folder.display(), std::env::var("PATH").unwrap())
    }

    fn dbench(&self, lane: &Lane, arguments: &[&str]) -> crate::lane::Ended {
        dbench(lane, &[("DOCKER_HOST", &self.host()), ("PATH", &self.path())], arguments)
    }

    /// How many connections to the engine were dialled.
    fn dialled(&self) -> usize {
        fs::read_to_string(self.folder.join("log")).unwrap().matches("Starting session: command").count()
    }

    /// Programs of clients of this sshd that still run.
    fn clients(&self) -> Vec<String> {
        let config = self.folder.join("config").display().to_string();
        let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("cmdline"));
        let commands = processes.filter_map(|path| fs::read(path).ok());
        let commands = commands.map(|command| String::from_utf8_lossy(&command).replace('\0', " "));
        commands.filter(|command| command.contains(&config)).collect()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        if let Some(made) = self.made {
            fs::remove_dir(made).unwrap();
        }
    }
}

#[test]
fn a_small_run_goes_over_ssh_and_leaves_no_program_behind() {
    let Some(lane) = Lane::open() else { return };
    // So few that some of the connections have to log in by themselves.
    let Some(sshd) = Sshd::start(&lane, "sshd", "MaxSessions 2") else { return };
    Tiny::new(&lane, "ssh");
    let ended = sshd.dbench(&lane, &QUICK).expect(0);
    assert_whole(&lane, &ended, "ssh");
    // What is dialled is in the times of builds; this run asks 70 things, and dials for those that are streams.
    let dialled = sshd.dialled();
    assert!((2..40).contains(&dialled), "{dialled}");
    until("no ssh is left", || sshd.clients().is_empty().then_some(()));
}

#[test]
fn every_failure_of_ssh_is_told_with_its_cause_and_a_hint() {
    let Some(lane) = Lane::open() else { return };
    let Some(sshd) = Sshd::start(&lane, "sshd", "") else { return };
    sshd.client("another", true);
    let refused = sshd.dbench(&lane, &["clean"]);
    assert_told(refused, &sshd.host(), "Permission denied (publickey", "dbench never asks for a password");
    sshd.client("mine", false);
    let unknown = sshd.dbench(&lane, &["clean"]);
    assert_told(
        unknown,
        &sshd.host(),
        "Host key verification failed",
        "the machine is not known by this key",
    );
    let bare = Sshd::start(&lane, "bare", "SetEnv PATH=/nonexistent").unwrap();
    let missing = bare.dbench(&lane, &["clean"]);
    assert_told(missing, &bare.host(), "not found", "the docker CLI is missing over there");
    let socket = format!("{}/nonexistent.sock", sshd.host());
    sshd.client("mine", true);
    let path = sshd.path();
    let nobody = dbench(&lane, &[("DOCKER_HOST", &socket), ("PATH", &path)], &["clean"]);
    assert_told(nobody, &socket, "/nonexistent.sock", "ssh came through");
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("ssh://127.0.0.1:{}", free.local_addr().unwrap().port());
    drop(free);
    let closed = dbench(&lane, &[("DOCKER_HOST", &host), ("PATH", &path)], &["clean"]);
    assert_told(closed, &host, "Connection refused", "has to work without a question");
    until("no ssh is left", || sshd.clients().is_empty().then_some(()));
}
