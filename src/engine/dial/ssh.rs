//! An engine on a machine that the program `ssh` reaches: every connection is `docker system dial-stdio` over there.
//! Leaves keys, names and jumps to ssh and its configuration.

use super::Far;
use super::trouble::Trouble;
use crate::engine::endpoint::Address;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdin, Command};

/// Nobody is there to answer a question, a connection that is cut shows within a minute, and no terminal is wanted.
const OPTIONS: [&str; 9] = [
    "-T",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=10",
    "-o",
    "ServerAliveInterval=15",
    "-o",
    "ServerAliveCountMax=3",
];
/// What holds the one connection that all others go through, until its standard input ends, which is when dbench does.
const MASTER: &str = r#"ssh "$@" </dev/null & cat >/dev/null; kill $! 2>/dev/null"#;
/// How long a program that said its last may take to end.
const ENDING: Duration = Duration::from_secs(5);
/// The end of what it says is the reason.
const SHOWN: usize = 600;
/// What to try by hand.
const BY_HAND: &str = "dbench never asks for a password";

/// How connections are made.
#[derive(Debug)]
pub(super) struct Ssh {
    /// The machine, with the flags that name user and port.
    to: Vec<String>,
    /// What runs over there.
    command: String,
    /// `ssh HOST`, as a person would type it.
    typed: String,
    /// Where ssh keeps the socket of the shared connection.
    control: String,
    master: Mutex<Option<Master>>,
}

/// The shared connection; it ends with its standard input.
#[derive(Debug)]
struct Master {
    _input: Option<ChildStdin>,
    _child: Child,
}

/// The program of one connection. It is killed with the connection.
pub(super) struct Program {
    child: Child,
    errors: Option<ChildStderr>,
}

impl Ssh {
    pub fn new(address: &Address, folder: &Path) -> Self {
        let control = folder.join("ssh").display().to_string();
        let (mut to, mut typed, mut command) = (Vec::new(), "ssh".to_owned(), "docker".to_owned());
        if let Address::Ssh { user, host, port, socket } = address {
            for (flag, value) in [("-l", user.clone()), ("-p", port.map(|port| port.to_string()))] {
                if let Some(value) = value {
                    typed.push_str(&format!(" {flag} {value}"));
                    to.extend([flag.to_owned(), value]);
                }
            }
            typed.push_str(&format!(" {host}"));
            to.extend(["--".to_owned(), host.clone()]);
            if let Some(socket) = socket {
                command.push_str(&format!(" --host=unix://{socket}"));
            }
        }
        command.push_str(" system dial-stdio");
        Self { to, command, typed, control, master: Mutex::default() }
    }

    /// Starts the program; whether it comes through shows in what it says.
    pub fn connect(&self) -> Result<Far, Trouble> {
        self.hold_master();
        let mut command = Command::new("ssh");
        command.args(OPTIONS).args(["-S", &self.control, "-o", "ControlMaster=no"]);
        command.args(&self.to).arg(&self.command);
        let mut child =
            apart(&mut command).stderr(Stdio::piped()).kill_on_drop(true).spawn().map_err(|cause| {
                Trouble::new(
                    format!("the program ssh cannot be started: {cause}"),
                    "install it (openssh-client)",
                )
            })?;
        let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(writer), Some(reader)) = (input, output) else {
            return Err(Trouble::new("the program ssh was started without its streams", "start again"));
        };
        let program = Some(Program { child, errors });
        Ok(Far { reader: Box::new(reader), writer: Box::new(writer), program })
    }

    /// Every question is a connection of its own, and a log-in for each would take longer than most answers. Where the
    /// shared one cannot be had, or carries no more, ssh logs in again by itself.
    fn hold_master(&self) {
        let mut master = self.master.lock().unwrap_or_else(PoisonError::into_inner);
        if master.is_some() {
            return;
        }
        let mut command = Command::new("sh");
        command
            .args(["-c", MASTER, "sh"])
            .args(OPTIONS)
            .args(["-M", "-N", "-S", &self.control])
            .args(&self.to);
        let started = apart(&mut command).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        *master = started.ok().map(|mut child| Master { _input: child.stdin.take(), _child: child });
    }

    /// Why a connection ended before the engine said anything.
    pub async fn why(&self, program: Option<Program>) -> Trouble {
        let (code, said) = match program {
            Some(program) => program.last_words().await,
            None => (None, String::new()),
        };
        self.meaning(code, said.trim())
    }

    fn meaning(&self, code: Option<i32>, said: &str) -> Trouble {
        let typed = &self.typed;
        let lower = said.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let hint = if has(&["host key verification failed", "host identification has changed"]) {
            format!(
                "the machine is not known by this key: type `{typed}` once and compare the key that it shows"
            )
        } else if has(&["cannot connect to the docker daemon", "docker daemon is not running"]) {
            "ssh came through, and no engine answers over there: start it".to_owned()
        } else if has(&["docker daemon socket", "docker api at", "docker.sock"])
            && lower.contains("permission denied")
        {
            "ssh came through, and the user may not use the engine's socket over there: group docker"
                .to_owned()
        } else if lower.contains("permission denied") {
            format!(
                "{BY_HAND}: `{typed}` has to log in by itself, with a key (ssh-add, or IdentityFile in ~/.ssh/config)"
            )
        } else if code == Some(127) || has(&["not found", "no such file or directory"]) {
            format!(
                "ssh came through, and the docker CLI is missing over there: `{typed} docker version` has to work"
            )
        } else {
            format!("`{typed} docker version` has to work without a question; {BY_HAND}")
        };
        let ended = code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
        let said = if said.is_empty() { "nothing" } else { said };
        Trouble::new(format!("ssh ended{ended} before the engine answered, and said: {said}"), hint)
    }
}

/// In a group of its own: who interrupts dbench at a terminal interrupts its group, and what was made is then removed
/// over these connections.
fn apart(command: &mut Command) -> &mut Command {
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped())
}

impl Program {
    /// Its exit code, if it ends, and the end of what it said on standard error.
    async fn last_words(mut self) -> (Option<i32>, String) {
        let mut said = Vec::new();
        let listening = async {
            if let Some(errors) = self.errors.take() {
                // A reason that is cut short is still one.
                let _ = errors.take(1 << 16).read_to_end(&mut said).await;
            }
            self.child.wait().await
        };
        let ended = tokio::time::timeout(ENDING, listening).await;
        let code = ended.ok().and_then(Result::ok).and_then(|status| status.code());
        let text = String::from_utf8_lossy(&said).replace('\r', "");
        let start = text.ceil_char_boundary(text.len().saturating_sub(SHOWN));
        (code, text[start..].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh(text: &str) -> Ssh {
        Ssh::new(&Address::parse(text, None, "DOCKER_HOST").unwrap(), Path::new("/f"))
    }

    #[test]
    fn user_port_and_socket_are_named_to_the_programs() {
        let plain = ssh("ssh://far");
        assert_eq!(
            (plain.to.join(" ").as_str(), plain.command.as_str()),
            ("-- far", "docker system dial-stdio")
        );
        let full = ssh("ssh://me@far:2222/run/user/1/docker.sock");
        assert_eq!(full.to, ["-l", "me", "-p", "2222", "--", "far"]);
        assert_eq!(full.command, "docker --host=unix:///run/user/1/docker.sock system dial-stdio");
        assert_eq!(full.typed, "ssh -l me -p 2222 far");
    }

    #[test]
    fn what_ssh_says_is_told_with_what_to_do() {
        for (code, said, hint) in [
            (
                255,
                "me@far: Permission denied (publickey).",
                "dbench never asks for a password: `ssh -l me far` has",
            ),
            (
                255,
                "No ED25519 host key is known.\nHost key verification failed.",
                "the machine is not known by this",
            ),
            (
                127,
                "bash: line 1: docker: command not found",
                "ssh came through, and the docker CLI is missing",
            ),
            (
                1,
                "Cannot connect to the Docker daemon at unix:///x",
                "ssh came through, and no engine answers",
            ),
            (
                1,
                "permission denied while trying to connect to the Docker daemon socket at unix:///x",
                "ssh came through, and the user may not use",
            ),
            (
                255,
                "ssh: connect to host far port 22: Connection refused",
                "`ssh -l me far docker version` has to work",
            ),
        ] {
            let trouble = ssh("ssh://me@far").meaning(Some(code), said);
            assert_eq!(
                trouble.cause,
                format!("ssh ended (exit code {code}) before the engine answered, and said: {said}")
            );
            assert!(trouble.hint.starts_with(hint), "{}", trouble.hint);
        }
    }
}
