//! A registry of one image that can only be pulled, for what nodes are asked here.

use crate::lane::PATIENCE;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dbench::runner::Packed;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// The first byte of a TLS connection.
const TLS_HANDSHAKE: u8 = 22;

/// What is served, by the end of its path, with its type.
type Content = BTreeMap<String, (&'static str, Vec<u8>)>;

/// Who a private registry serves.
pub const USER: &str = "somebody";
pub const PASSWORD: &str = "pass:word-of-somebody";
/// What a log-in left with that user in the place of a password.
pub const IDENTITY: &str = "identity-of-somebody";
/// What a token server gives for either.
const TOKEN: &str = "token-of-somebody";

/// What is wrong with a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It answers all requests for manifests and blobs, and to take some in, with that status.
    Status(u16),
    /// It serves only who comes as `USER` with `PASSWORD`.
    Private,
    /// It serves only who comes with a token, which it gives for these or for `IDENTITY`.
    Tokens,
    /// It sends half of the large layer, and then nothing more.
    Stops,
    /// It sends another large layer than it was asked for.
    Wrong,
}

/// It serves until the test's process ends.
pub struct LittleRegistry {
    pub address: SocketAddr,
    /// The digest of its manifest.
    pub digest: String,
    /// What its image is made of.
    pub packed: Packed,
}

impl LittleRegistry {
    /// An image of two layers: one of that many bytes that do not compress, and a small one.
    pub fn start(address: IpAddr, bytes: usize) -> Self {
        Self::faulty(address, bytes, Fault::None)
    }

    /// The same with a fault.
    pub fn faulty(address: IpAddr, bytes: usize, fault: Fault) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (content, digest, packed) = image(bytes);
        let large = format!("/v2/tiny/app/blobs/{}", packed.layers[0].0);
        let content = Arc::new(content);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (content, large) = (Arc::clone(&content), large.clone());
                // A connection that the engine closes in between is none of the test's business.
                std::thread::spawn(move || serve(stream, &content, (fault, &large)));
            }
        });
        Self { address, digest, packed }
    }

    pub fn name(&self) -> String {
        format!("{}/tiny/app:1", self.address)
    }
}

fn pair() -> String {
    STANDARD.encode(format!("{USER}:{PASSWORD}"))
}

fn sha256(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// Bytes that look random and are the same every time.
pub fn noise(length: usize) -> Vec<u8> {
    let blocks = (0u64..).flat_map(|n| Sha256::digest(n.to_le_bytes()).to_vec());
    blocks.take(length).collect()
}

/// A layer of one file: unpacked and packed.
fn layer(name: &str, content: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, content).unwrap();
    let tar = tar.into_inner().unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&tar).unwrap();
    (tar, packed.finish().unwrap())
}

fn image(bytes: usize) -> (Content, String, Packed) {
    let layers = [layer("large", &noise(bytes)), layer("small", b"a few words\n")];
    let diff_ids: Vec<_> = layers.iter().map(|(tar, _)| sha256(tar)).collect();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": diff_ids },
        // It may stand beside the stand-ins that other tests build from.
        "config": { "Labels": { dbench::engine::STAND_IN_LABEL: "tiny/app:1" } },
    });
    let config = config.to_string().into_bytes();
    let described = |kind: &str, bytes: &[u8]| serde_json::json!({ "mediaType": kind, "size": bytes.len(), "digest": sha256(bytes) });
    let packed: Vec<_> = layers.iter().map(|(_, packed)| described(LAYER, packed)).collect();
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, &config), "layers": packed,
    });
    let manifest = manifest.to_string().into_bytes();
    let sized = |bytes: &[u8]| (dbench::image::Digest::of(bytes), bytes.len() as u64);
    let layers_of = layers.iter().map(|(_, packed)| sized(packed)).collect();
    let of = Packed { config: sized(&config), layers: layers_of, diff_ids };
    let digest = sha256(&manifest);
    let blob = |bytes: Vec<u8>| {
        (format!("/v2/tiny/app/blobs/{}", sha256(&bytes)), ("application/octet-stream", bytes))
    };
    let mut content: Content = layers.into_iter().map(|(_, packed)| blob(packed)).collect();
    content.extend([blob(config)]);
    content.insert("/v2/".to_owned(), ("application/json", b"{}".to_vec()));
    for reference in ["1", digest.as_str()] {
        content.insert(format!("/v2/tiny/app/manifests/{reference}"), (MANIFEST, manifest.clone()));
    }
    (content, digest, of)
}

fn serve(stream: TcpStream, content: &Content, (fault, large): (Fault, &str)) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    // Engines try TLS first. An answer in plain HTTP is what makes one with the containerd store try that instead.
    let mut first = [0];
    if stream.peek(&mut first)? == 1 && first[0] == TLS_HANDSHAKE {
        return writer
            .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader)? {
        let path = request.path();
        let known = match fault {
            Fault::Private => request.authorization == format!("Basic {}", pair()),
            Fault::Tokens => path == "/token" || request.authorization == format!("Bearer {TOKEN}"),
            _ => true,
        };
        let (status, (kind, body)) = match (content.get(path), fault) {
            (None, Fault::Tokens) if path == "/token" => request.token(),
            _ if !known => (401, ("text/plain", &b"{}"[..])),
            (Some(_), Fault::Status(status)) if path != "/v2/" => (status, ("text/plain", &b"{}"[..])),
            (Some(found), _) => (200, (found.0, found.1.as_slice())),
            (None, Fault::Status(status)) if !["GET", "HEAD"].contains(&request.method.as_str()) => {
                (status, ("text/plain", &b"{}"[..]))
            }
            (None, _) => (404, ("text/plain", &b"{}"[..])),
        };
        let digest = sha256(body);
        let question = match fault {
            _ if known => String::new(),
            Fault::Tokens => {
                let realm = format!("http://{}/token", writer.local_addr()?);
                format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"tiny\"\r\n")
            }
            _ => "WWW-Authenticate: Basic realm=\"tiny\"\r\n".to_owned(),
        };
        write!(
            writer,
            "HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDocker-Content-Digest: {digest}\r\n\
             {question}\r\n",
            body.len()
        )?;
        match fault {
            _ if request.method == "HEAD" => {}
            Fault::Stops if path == large => {
                writer.write_all(&body[..body.len() / 2])?;
                std::thread::sleep(PATIENCE);
            }
            Fault::Wrong if path == large => writer.write_all(&vec![0; body.len()])?,
            _ => writer.write_all(body)?,
        }
    }
    Ok(())
}

/// What a registry is asked.
struct Request {
    method: String,
    target: String,
    authorization: String,
    body: String,
}

impl Request {
    /// The next of a connection; `None` where it ends.
    fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Self>> {
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).map(|_| line.trim_end().to_owned())
        };
        let asked = line()?;
        let Some((method, rest)) = asked.split_once(' ') else { return Ok(None) };
        let target = rest.split(' ').next().unwrap_or_default();
        let (mut authorization, mut length) = (String::new(), 0);
        loop {
            let header = line()?;
            let Some((name, value)) = header.split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "authorization" => authorization = value.to_owned(),
                "content-length" => length = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Some(Self { method: method.to_owned(), target: target.to_owned(), authorization, body }))
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// What a token server says to it: a password comes with the request or, like the identity, in its form.
    fn token(&self) -> (u16, (&'static str, &'static [u8])) {
        let form: BTreeMap<&str, &str> =
            self.body.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let by_password = form.get("username") == Some(&USER)
            && form.get("password").is_some_and(|word| word.replace("%3A", ":") == PASSWORD);
        let known = self.authorization == format!("Basic {}", pair())
            || by_password
            || form.get("refresh_token") == Some(&IDENTITY);
        let token = br#"{"token": "token-of-somebody", "access_token": "token-of-somebody"}"#;
        if known { (200, ("application/json", token)) } else { (401, ("text/plain", b"{}")) }
    }
}
