//! BuildKit's status as an engine sends it: protocol buffers in base64 in lines of JSON.

/// A step of a build as it stands now; times are nanoseconds.
#[derive(Clone, Copy, Default)]
pub struct Vertex<'a> {
    pub digest: &'a str,
    pub inputs: &'a [&'a str],
    pub name: &'a str,
    pub started: Option<u64>,
    pub completed: Option<u64>,
    pub cached: bool,
    pub error: &'a str,
    /// What it wrote since the last event.
    pub wrote: &'a str,
}

impl Vertex<'_> {
    /// The line that says it.
    pub fn event(&self) -> String {
        // The numbers are those of `StatusResponse`, `Vertex` and `VertexLog` in BuildKit's control.proto.
        let mut vertex = field(1, self.digest.as_bytes());
        for input in self.inputs {
            vertex.extend(field(2, input.as_bytes()));
        }
        vertex.extend(field(3, self.name.as_bytes()));
        vertex.extend(number(4, u64::from(self.cached)));
        for (at, time) in [(5, self.started), (6, self.completed)] {
            vertex.extend(time.map(|time| field(at, &timestamp(time))).unwrap_or_default());
        }
        vertex.extend(field(7, self.error.as_bytes()));
        let mut status = field(1, &vertex);
        if !self.wrote.is_empty() {
            let log = [field(1, self.digest.as_bytes()), field(4, self.wrote.as_bytes())].concat();
            status.extend(field(3, &log));
        }
        format!("{{\"id\":\"moby.buildkit.trace\",\"aux\":\"{}\"}}\n", base64(&status))
    }
}

/// A step that started, with what it wrote, and the error that ended it if any.
pub fn trace(digest: &str, name: &str, wrote: &str, error: &str) -> String {
    let second = Some(1_000_000_000);
    let completed = second.filter(|_| !error.is_empty());
    Vertex { digest, name, started: second, completed, error, wrote, ..Vertex::default() }.event()
}

/// The line that names the image which was built.
pub fn image(id: &str) -> String {
    format!("{{\"id\":\"moby.image.id\",\"aux\":{{\"ID\":\"{id}\"}}}}\n")
}

fn timestamp(nanoseconds: u64) -> Vec<u8> {
    [number(1, nanoseconds / 1_000_000_000), number(2, nanoseconds % 1_000_000_000)].concat()
}

/// A field whose content has a length.
fn field(at: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![at << 3 | 2];
    bytes.extend(varint(content.len() as u64));
    bytes.extend_from_slice(content);
    bytes
}

/// A field that is a number.
fn number(at: u8, value: u64) -> Vec<u8> {
    let mut bytes = vec![at << 3];
    bytes.extend(varint(value));
    bytes
}

/// Seven bits a byte, lowest first; the eighth says that more come.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * at)) as usize & 63];
            text.push(if at > three.len() { '=' } else { digit as char });
        }
    }
    text
}
