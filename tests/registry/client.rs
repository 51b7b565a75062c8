//! A registry of the test's own, and a client so small that every byte it sends and receives is known.

use dbench::image::Digest;
use dbench::registry::{Limits, Registry, Settings};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// No wait of a test is longer.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub struct Served {
    pub registry: Registry,
    pub folder: TempDir,
}

pub async fn served() -> Served {
    served_with(Limits::default()).await
}

pub async fn served_with(limits: Limits) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let settings = Settings { address, folder: folder.path().join("content"), limits };
    let registry = Registry::serve(settings).await.unwrap_or_else(|error| panic!("{error}"));
    Served { registry, folder }
}

impl Served {
    pub async fn client(&self) -> Client {
        Client::connect(self.registry.address()).await
    }
}

/// One connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    /// Bytes that went out.
    pub sent: u64,
    /// Bytes that came in.
    pub received: u64,
}

/// An answer; names of headers are in lower case.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, String::from_utf8_lossy(&self.body));
        self
    }

    /// Fails unless it refuses with this status and code; gives the message.
    #[track_caller]
    pub fn refuses(self, status: u16, code: &str) -> String {
        let error = self.is(status).json()["errors"][0].clone();
        assert_eq!(error["code"], code, "{error}");
        error["message"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        Self { stream, sent: 0, received: 0 }
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.request("GET", path, &[], b"").await
    }

    pub async fn send(&mut self, method: &str, path: &str, body: &[u8]) -> Reply {
        self.request(method, path, &[], body).await
    }

    pub async fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        self.head(method, path, headers, body.len()).await;
        self.write(body).await;
        self.reply(method == "HEAD").await
    }

    /// The head of a request alone; the body is the caller's to write.
    pub async fn head(&mut self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) {
        let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{more}\r\n");
        self.write(head.as_bytes()).await;
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).await.unwrap();
    }

    pub async fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.sent += bytes.len() as u64;
        tokio::time::timeout(DEADLINE, self.stream.write_all(bytes)).await.unwrap()
    }

    pub async fn reply(&mut self, head_only: bool) -> Reply {
        tokio::time::timeout(DEADLINE, self.read_reply(head_only)).await.unwrap()
    }

    async fn read_reply(&mut self, head_only: bool) -> Reply {
        let status = self.line().await.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = BTreeMap::new();
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").map_or(0, |text: &String| text.parse().unwrap());
        let mut body = vec![0; if head_only { 0 } else { length }];
        self.stream.read_exact(&mut body).await.unwrap();
        self.received += body.len() as u64;
        Reply { status, headers, body }
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.received += self.stream.read_line(&mut line).await.unwrap() as u64;
        line.trim_end().to_owned()
    }

    /// Everything until the other side closes; a reset is a close as well.
    pub async fn until_closed(&mut self) -> String {
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(DEADLINE, self.stream.read_to_end(&mut rest)).await.unwrap();
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Begins an upload and tells where it is.
    pub async fn upload(&mut self, repository: &str) -> String {
        let reply = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), b"").await.is(202);
        assert_eq!(reply.header("range"), "0-0");
        reply.header("location").to_owned()
    }

    pub async fn push_blob(&mut self, repository: &str, content: &[u8]) -> Digest {
        let digest = Digest::of(content);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        self.send("POST", &path, content).await.is(201);
        digest
    }

    pub async fn push_manifest(&mut self, repository: &str, reference: &str, text: &str) -> Reply {
        self.send("PUT", &format!("/v2/{repository}/manifests/{reference}"), text.as_bytes()).await
    }

    /// Pushes a configuration and a layer, and gives the manifest of the two.
    pub async fn image(&mut self, repository: &str, layer: &[u8]) -> serde_json::Value {
        let config = self.push_blob(repository, b"{}").await;
        let digest = self.push_blob(repository, layer).await;
        serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": "application/config", "digest": config.to_string(), "size": 2 },
            "layers": [{ "mediaType": "application/layer", "digest": digest.to_string(), "size": layer.len() }],
        })
    }
}

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Content that has no two equal kilobytes.
pub fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}
