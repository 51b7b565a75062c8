//! A node's supervisor: a process that lives until its standard input ends, says in words what happened, and writes
//! what it and its engine have to say to a log.

use super::needs;
use crate::error::{Error, Result, files};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How much of the end of a log is shown.
const SHOWN_LINES: usize = 8;
const SHOWN_BYTES: u64 = 4 << 10;
/// How long a supervisor that is dropped is waited for, and how often it is looked at meanwhile.
const DROPPED: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// A running supervisor. Dropping it ends its standard input, and with that the node, and waits a while until nothing of it is
/// left: a start that is given up, for a signal came, has nobody else who would.
#[derive(Debug)]
pub(super) struct Supervisor {
    child: Child,
    words: Option<ChildStdin>,
    said: Lines<BufReader<ChildStdout>>,
    /// Open from the start: the supervisor removes the file at its end, and what it holds is wanted then.
    log: File,
}

impl Supervisor {
    /// Starts a bash script with nothing in its environment but `env` and a PATH: settings of a proxy would send a
    /// node's pulls elsewhere. A process group of its own keeps a terminal's Ctrl-C from the engine.
    pub fn start(script: &Path, log: &Path, env: &[(&str, String)]) -> Result<Self> {
        let writing = files::append(log)?;
        let mut child = Command::new("bash")
            .arg(script)
            .env_clear()
            .env("PATH", needs::search_path())
            .envs(env.iter().map(|(name, value)| (*name, value.as_str())))
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(writing))
            .spawn()
            .map_err(|cause| {
                Error::surroundings("the supervisor of a node cannot be started").because(cause)
            })?;
        let words = child.stdin.take();
        let Some(stdout) = child.stdout.take() else {
            return Err(Error::surroundings("the supervisor of a node has no standard output"));
        };
        Ok(Self { child, words, said: BufReader::new(stdout).lines(), log: files::open(log)? })
    }

    /// Gives it a word.
    pub async fn tell(&mut self, word: &str) -> Result<()> {
        let gone = |cause| Error::surroundings("the supervisor of the node is gone").because(cause);
        match &mut self.words {
            Some(words) => words.write_all(format!("{word}\n").as_bytes()).await.map_err(gone),
            None => Err(Error::surroundings("the node was told to end")),
        }
    }

    /// Its next word; `None` if it is gone. Nothing is lost if the future is dropped.
    pub async fn hear(&mut self) -> Option<String> {
        self.said.next_line().await.ok().flatten()
    }

    /// The last lines of its log.
    pub fn last_lines(&mut self) -> String {
        let mut text = Vec::new();
        // A log that cannot be read adds nothing to an error that is on its way.
        let length = self.log.seek(SeekFrom::End(0)).unwrap_or(0);
        let start = length.saturating_sub(SHOWN_BYTES);
        let _ = self.log.seek(SeekFrom::Start(start)).and_then(|_| self.log.read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }

    /// Ends its standard input and waits until it has taken everything away.
    pub async fn end(&mut self, deadline: Duration) -> Result<()> {
        self.words = None;
        match tokio::time::timeout(deadline, self.child.wait()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(cause)) => Err(Error::surroundings("the end of a node was not seen").because(cause)),
            Err(cause) => Err(Error::surroundings(format!(
                "a node did not end within {} s; its supervisor has the process number {}",
                deadline.as_secs(),
                self.child.id().unwrap_or_default()
            ))
            .because(cause)),
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.words = None;
        let give_up = Instant::now() + DROPPED;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < give_up {
            std::thread::sleep(PAUSE);
        }
    }
}
