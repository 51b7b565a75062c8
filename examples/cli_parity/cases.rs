//! What is built: three contexts, and the states in which they meet the engine. Each client gets a copy of its own for
//! every pair, made of links, so that neither profits from what the other one sent.

use crate::clients::{Build, Client};
use dbench::error::{Error, Result, files};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How much of the context has to travel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sends {
    All,
    Part,
}

/// One line of the table.
pub struct Case {
    pub name: &'static str,
    context: &'static Shape,
    /// Whether a file gets a new content just before.
    edits: bool,
    no_cache: bool,
    pub cached: bool,
    pub sends: Sends,
}

/// So many files of so many bytes, and what the Dockerfile does with them.
struct Shape {
    name: &'static str,
    files: u32,
    bytes: usize,
    takes: &'static str,
}

const SMALL: Shape = Shape { name: "small", files: 20, bytes: 2_000, takes: "COPY . /app/\nRUN" };
/// Bound and not copied: sending and receiving take most of the time.
const LARGE: Shape =
    Shape { name: "large", files: 500, bytes: 1_000_000, takes: "RUN --mount=type=bind,target=/app" };
const MANY: Shape =
    Shape { name: "many", files: 20_000, bytes: 1_000, takes: "RUN --mount=type=bind,target=/app" };

/// In this order: the later ones of a context find what the earlier ones sent.
pub const CASES: [Case; 6] = [
    case("small context, cold", &SMALL, false, true),
    case("small context, unchanged", &SMALL, false, false),
    case("500 MB, first transfer", &LARGE, false, true),
    case("500 MB, one file changed", &LARGE, true, false),
    case("20,000 small files, first transfer", &MANY, false, true),
    case("20,000 small files, one changed", &MANY, true, false),
];

const fn case(name: &'static str, context: &'static Shape, edits: bool, first: bool) -> Case {
    let sends = if first { Sends::All } else { Sends::Part };
    Case { name, context, edits, no_cache: first, cached: !first && !edits, sends }
}

/// The contexts on the disk.
pub struct Contexts {
    folder: TempDir,
    token: String,
}

impl Contexts {
    /// Writes every file once.
    pub fn prepare(token: &str) -> Result<Self> {
        let folder = tempfile::tempdir()
            .map_err(|cause| Error::surroundings("cannot make a folder for the contexts").because(cause))?;
        let mut noise = 0x9e37_79b9_7f4a_7c15;
        for shape in [&SMALL, &LARGE, &MANY] {
            for at in 0..shape.files {
                let path = folder.path().join(shape.name).join(shape.place(at));
                if let Some(parent) = path.parent() {
                    files::create_dir_all(parent)?;
                }
                files::write(&path, content(shape.bytes, &mut noise))?;
            }
        }
        Ok(Self { folder, token: token.to_owned() })
    }

    /// The build of a case by a client in a pair, with its context in the state that the case wants.
    pub fn ready(&self, case: &Case, client: Client, pair: u32) -> Result<Build> {
        let (shape, who) = (case.context, format!("{}-{pair}", client.short()));
        let place = self.of(pair).join(format!("{}-{}", client.short(), shape.name));
        let (context, dockerfiles) = (place.join("context"), place.join("dockerfile"));
        if case.sends == Sends::All {
            files::create_dir_all(&dockerfiles)?;
            let command = format!("{} : {}-{who}", shape.takes, self.token);
            files::write(&dockerfiles.join("Dockerfile"), format!("FROM {}\n{command}\n", crate::BASE))?;
            let all = self.folder.path().join(shape.name);
            for at in 0..shape.files {
                let path = context.join(shape.place(at));
                if let Some(parent) = path.parent() {
                    files::create_dir_all(parent)?;
                }
                files::link(&all.join(shape.place(at)), &path)?;
            }
        }
        if case.edits {
            // Beside and over it: the other copies keep theirs.
            let mut noise = u64::from(pair) << 8 | client as u64;
            files::replace(&context.join(shape.place(shape.files / 2)), content(shape.bytes, &mut noise))?;
        }
        Ok(Build {
            context,
            dockerfiles,
            tag: format!(
                "dbench/parity/{}:{who}-{}{}",
                shape.name,
                self.token,
                u8::from(case.sends == Sends::All)
            ),
            key: format!("{}-{who}-{}", self.token, shape.name),
            no_cache: case.no_cache,
            content: u64::from(shape.files) * shape.bytes as u64,
        })
    }

    /// Removes the copies of a pair.
    pub fn forget(&self, pair: u32) -> Result<()> {
        files::remove_dir_all(&self.of(pair))
    }

    fn of(&self, pair: u32) -> PathBuf {
        self.folder.path().join(format!("pair-{pair}"))
    }
}

impl Shape {
    fn place(&self, at: u32) -> PathBuf {
        Path::new(&format!("part-{:02}", at % 50)).join(format!("file-{at:05}"))
    }
}

/// Bytes that neither repeat nor shrink.
fn content(bytes: usize, noise: &mut u64) -> Vec<u8> {
    let mut content = Vec::with_capacity(bytes + 8);
    while content.len() < bytes {
        *noise = noise.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*noise ^ (*noise >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        content.extend_from_slice(&(mixed ^ (mixed >> 27)).to_le_bytes());
    }
    content.truncate(bytes);
    content
}
