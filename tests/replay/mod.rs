//! A server on a unix socket that answers like a Docker Engine which has one base image and builds nothing.

pub mod status;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The first line of a request: method and target.
pub struct Request {
    method: String,
    target: String,
}

impl Request {
    /// Whether it is of that method and its target, without the version of the API, begins so.
    pub fn is(&self, method: &str, target: &str) -> bool {
        let versioned =
            self.target.strip_prefix("/v1.").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
        self.method == method && versioned.unwrap_or(&self.target).starts_with(target)
    }

    /// What is asked for.
    pub fn target(&self) -> &str {
        &self.target
    }
}

/// What is answered.
pub enum Reply {
    /// A status and a whole body.
    Whole(u16, String),
    /// A whole body that is no text.
    Bytes(Vec<u8>),
    /// A stream of chunks that ends as it should.
    Stream(Vec<String>),
    /// A stream whose connection ends in the middle.
    Cut(String),
    /// A stream that says no more after this, and does not end.
    Silent(String),
    /// So many bytes of a stream with its head, then the end of the connection.
    CutAfter(Vec<String>, usize),
    /// So many bytes of a stream with its head, then silence.
    SilentAfter(Vec<String>, usize),
    /// An accepted session.
    Session,
}

type Answer = dyn Fn(&Request) -> Option<Reply> + Send + Sync;

/// A running server, and the requests that it saw.
pub struct Server(Arc<Mutex<Vec<String>>>);

impl Server {
    /// Serves until the process ends.
    pub fn start(socket: &Path, answer: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (requests, answer): (_, Arc<Answer>) = (Arc::clone(&seen), Arc::new(answer));
        // Servers in one folder are one engine, and those of other tests are others.
        let id: Arc<str> = socket.parent().unwrap().to_string_lossy().into();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer, id) = (Arc::clone(&seen), Arc::clone(&answer), Arc::clone(&id));
                // A client that goes away early is part of what is tested.
                std::thread::spawn(move || serve(stream?, &seen, &*answer, &id));
            }
        });
        Self(requests)
    }

    /// Every request's first line so far.
    pub fn requests(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Whether such a request came.
    pub fn saw(&self, method: &str, target: &str) -> bool {
        self.requests().iter().any(|line| parse(line).is(method, target))
    }
}

fn parse(line: &str) -> Request {
    let mut words = line.split_whitespace().map(str::to_owned);
    Request { method: words.next().unwrap_or_default(), target: words.next().unwrap_or_default() }
}

fn serve(stream: UnixStream, seen: &Mutex<Vec<String>>, answer: &Answer, id: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    drain(&mut reader)?;
    let request = parse(&line);
    seen.lock().unwrap().push(line.trim_end().to_owned());
    let reply = answer(&request).unwrap_or_else(|| usual(&request, id));
    send(stream, &mut reader, reply)
}

/// Reads the rest of a request: a connection closed with something unread in it would be reset.
fn drain(reader: &mut impl BufRead) -> std::io::Result<()> {
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        chunked |= header.starts_with("transfer-encoding:") && header.contains("chunked");
    }
    reader.take(length).read_to_end(&mut Vec::new())?;
    while chunked {
        let mut line = String::new();
        chunked = reader.read_line(&mut line)? > 0 && line.trim_end() != "0";
    }
    Ok(())
}

/// What of an answer stands around its body.
const HEAD: &str = "Api-Version: 1.47\r\nContent-Type: application/json\r\nConnection: close\r\n";

fn begun() -> String {
    format!("HTTP/1.1 200 OK\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n")
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// A whole stream, as it goes over the wire.
pub fn stream(chunks: &[String]) -> String {
    let chunks: String = chunks.iter().map(|text| chunk(text)).collect();
    format!("{}{chunks}0\r\n\r\n", begun())
}

fn send(mut stream: UnixStream, reader: &mut impl Read, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Whole(status, body) => stream.write_all(&whole(status, HEAD, body.as_bytes())),
        Reply::Bytes(body) => stream.write_all(&whole(200, HEAD, &body)),
        Reply::Stream(chunks) => stream.write_all(self::stream(&chunks).as_bytes()),
        Reply::Cut(text) => stream.write_all(format!("{}{}", begun(), chunk(&text)).as_bytes()),
        Reply::CutAfter(chunks, bytes) => stream.write_all(&self::stream(&chunks).as_bytes()[..bytes]),
        Reply::SilentAfter(chunks, bytes) => {
            stream.write_all(&self::stream(&chunks).as_bytes()[..bytes])?;
            until_closed(reader)
        }
        Reply::Silent(text) => {
            let said = if text.is_empty() { String::new() } else { format!("{}{}", begun(), chunk(&text)) };
            stream.write_all(said.as_bytes())?;
            until_closed(reader)
        }
        Reply::Session => {
            stream.write_all(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")?;
            until_closed(reader)
        }
    }
}

fn whole(status: u16, head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let text = format!("HTTP/1.1 {status} Replayed\r\n{head}Content-Length: {length}\r\n\r\n");
    [text.as_bytes(), body].concat()
}

fn until_closed(reader: &mut impl Read) -> std::io::Result<()> {
    std::io::copy(reader, &mut std::io::sink()).map(|_| ())
}

/// What an engine answers that is well, has the base and builds nothing.
fn usual(request: &Request, id: &str) -> Reply {
    for (method, target, body) in [
        (
            "GET",
            "/version",
            r#"{"ApiVersion":"1.47","MinAPIVersion":"1.24","Version":"27.5.1","Os":"linux","Arch":"amd64"}"#,
        ),
        (
            "GET",
            "/info",
            r#"{"ID":"REPLAYED","Driver":"overlay2","DockerRootDir":"/nonexistent","OSType":"linux",
            "Architecture":"x86_64","NCPU":2,"MemTotal":1,"OperatingSystem":"Replayed"}"#,
        ),
        (
            "GET",
            "/images/base:1/json",
            r#"{"Id":"sha256:ba5e","RepoTags":["base:1"],"RootFS":{"Type":"layers","Layers":["sha256:1"]}}"#,
        ),
        ("GET", "/images/json", "[]"),
        ("GET", "/containers/json", "[]"),
        ("GET", "/system/df", r#"{"BuildCache":[]}"#),
        ("POST", "/build/prune", r#"{"CachesDeleted":[],"SpaceReclaimed":0}"#),
    ] {
        if request.is(method, target) {
            return Reply::Whole(200, body.replace("REPLAYED", id));
        }
    }
    if request.is("POST", "/build?") && !request.target().contains("t=dbench") {
        // What a classic builder says when it is asked whether it is there.
        let said = r#"{"message":"dockerfile parse error line 2: unknown instruction: DBENCH"}"#;
        return Reply::Whole(400, said.to_owned());
    }
    if request.is("POST", "/session") {
        return Reply::Session;
    }
    Reply::Whole(404, r#"{"message":"not found"}"#.to_owned())
}
