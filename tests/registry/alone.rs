//! `dbench registry`: the command that serves it alone.

use crate::client::{Client, content};
use dbench::error::files;
use dbench::image::{Algorithm, Digest, Hasher};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const MEGABYTE: usize = 1 << 20;

/// The command, until it is told to end or dropped.
struct Alone {
    child: Child,
    said: String,
    address: SocketAddr,
}

fn command(arguments: &[&str], temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dbench"));
    command.arg("registry").args(arguments).current_dir(temporary).env("TMPDIR", temporary);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Alone {
    fn start(arguments: &[&str], temporary: &Path) -> Self {
        let mut child = command(arguments, temporary).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        let address = said.strip_prefix("listening on ").unwrap().trim_end().split(';').next().unwrap();
        let address = address.parse().unwrap();
        Self { child, said, address }
    }

    /// The most memory it ever had resident.
    fn peak(&self) -> u64 {
        let status = files::read_to_string(Path::new(&format!("/proc/{}/status", self.child.id()))).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Tells it to end, and gives its exit code and what it said on standard error.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let mut said = String::new();
        self.child.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn it_serves_until_a_signal_and_leaves_nothing() {
    for signal in ["-INT", "-TERM"] {
        let temporary = tempfile::tempdir().unwrap();
        let alone = Alone::start(&["--addr", "127.0.0.1:0"], temporary.path());
        assert_eq!(alone.said, format!("listening on {}; its content goes when it ends\n", alone.address));
        let mut client = Client::connect(alone.address).await;
        client.push_blob("a", b"content").await;
        assert_eq!(files::list(temporary.path()).unwrap().len(), 1);
        assert_eq!(alone.end(signal), (Some(0), String::new()));
        assert_eq!(files::list(temporary.path()).unwrap().len(), 0);
    }
}

#[tokio::test]
async fn a_folder_keeps_the_content_for_the_next_time() {
    let temporary = tempfile::tempdir().unwrap();
    let arguments = ["--addr", "127.0.0.1:0", "--dir", "kept"];
    let alone = Alone::start(&arguments, temporary.path());
    assert_eq!(alone.said, format!("listening on {}\n", alone.address));
    let mut client = Client::connect(alone.address).await;
    let manifest = client.image("a", b"layer").await.to_string();
    client.push_manifest("a", "latest", &manifest).await.is(201);
    alone.end("-TERM");
    let alone = Alone::start(&arguments, temporary.path());
    let mut client = Client::connect(alone.address).await;
    assert_eq!(client.get("/v2/a/manifests/latest").await.is(200).body, manifest.as_bytes());
    assert_eq!(client.get(&format!("/v2/a/blobs/{}", Digest::of(b"layer"))).await.is(200).body, b"layer");
}

#[test]
fn an_address_may_have_a_name() {
    let temporary = tempfile::tempdir().unwrap();
    let alone = Alone::start(&["--addr", "localhost:0"], temporary.path());
    assert!(alone.address.ip().is_loopback(), "{}", alone.said);
    let said = command(&["--addr", "localhost"], temporary.path()).output().unwrap();
    let text = String::from_utf8(said.stderr).unwrap();
    assert!(text.contains("write HOST:PORT, such as 127.0.0.1:5000 or localhost:0"), "{text}");
    assert_eq!(said.status.code(), Some(2));
}

#[test]
fn an_address_beyond_loopback_is_said_plainly() {
    let temporary = tempfile::tempdir().unwrap();
    let alone = Alone::start(&["--addr", "0.0.0.0:0"], temporary.path());
    let address = alone.address;
    let warning = format!(
        "warning: {address} is not loopback: whoever reaches it can push, pull and delete, and is not asked who it is\n"
    );
    assert_eq!(alone.end("-TERM"), (Some(0), warning));
}

#[test]
fn what_cannot_be_served_is_said_with_what_to_do() {
    let temporary = tempfile::tempdir().unwrap();
    let alone = Alone::start(&["--addr", "127.0.0.1:0", "--dir", "kept"], temporary.path());
    files::create_dir_all(&temporary.path().join("full/of")).unwrap();
    files::write(&temporary.path().join("file"), "").unwrap();
    let folders = "name an empty folder, a new one, or one that a registry of dbench made";
    let taken = alone.address.to_string();
    for (arguments, code, said) in [
        (
            &["--addr", &taken][..],
            1,
            format!(
                "error: the registry cannot listen on {taken}\n  cause: Address already in use (os error 98)\n  \
                 hint: another program listens there: end it, or take another port; port 0 is any free one\n"
            ),
        ),
        (
            &["--addr", "127.0.0.1:0", "--dir", "kept"],
            1,
            "error: another registry uses kept\n  hint: end it, or name another folder\n".to_owned(),
        ),
        (
            &["--addr", "127.0.0.1:0", "--dir", "full"],
            2,
            format!("error: full holds something else than a registry\n  hint: {folders}\n"),
        ),
        (
            &["--addr", "127.0.0.1:0", "--dir", "file"],
            2,
            format!("error: file is no folder\n  hint: {folders}\n"),
        ),
        (
            &["--addr", "127.0.0.1:0", "--dir", "file/x"],
            1,
            format!(
                "error: cannot create the folder file/x\n  cause: Not a directory (os error 20)\n  hint: {folders}\n"
            ),
        ),
    ] {
        let output = command(arguments, temporary.path()).output().unwrap();
        assert_eq!((String::from_utf8(output.stderr).unwrap(), output.status.code()), (said, Some(code)));
    }
}

#[tokio::test]
async fn memory_stays_flat_at_any_size_of_a_layer() {
    let temporary = tempfile::tempdir().unwrap();
    let alone = Alone::start(&["--addr", "127.0.0.1:0"], temporary.path());
    let mut client = Client::connect(alone.address).await;
    // All that is needed once is there after a layer that fills every buffer.
    client.push_blob("a", &content(16 * MEGABYTE)).await;
    client.get(&format!("/v2/a/blobs/{}", Digest::of(&content(16 * MEGABYTE)))).await.is(200);
    let before = alone.peak();

    let (piece, pieces) = (content(MEGABYTE), 256);
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let place = client.upload("a").await;
    client.head("PATCH", &place, &[], pieces * MEGABYTE).await;
    for _ in 0..pieces {
        hasher.update(&piece);
        client.write(&piece).await;
    }
    client.reply(false).await.is(202);
    let digest = hasher.digest();
    client.send("PUT", &format!("{place}?digest={digest}"), b"").await.is(201);
    client.get(&format!("/v2/a/blobs/{digest}")).await.is(200);
    let grown = alone.peak() - before;
    assert!(grown < 16 * MEGABYTE as u64, "256 MB took {grown} bytes of memory over {before}");
}
