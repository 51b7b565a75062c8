//! Owns the one error type of dbench, the exit codes, and file access that names the path when it fails.
//! Leaves to the rooms what went wrong and what to do about it: they build the error, this room only shapes it.

use std::fmt;
use std::path::{Path, PathBuf};

/// What a command ends with. If several apply, the caller picks in the order 130, 1, 2, 3, 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done; claims are shown whatever their outcome.
    Done = 0,
    /// The surroundings failed: no engine, a full disk, a folder that cannot be written.
    Surroundings = 1,
    /// The input is wrong; nothing was started.
    Input = 2,
    /// Some case has no valid sample; the rest is there.
    Incomplete = 3,
    /// A claim under `run --check-claims` is refuted, or `report --check` would change a file.
    Refuted = 4,
    /// Interrupted by a signal; everything measured is kept.
    Interrupted = 130,
}

impl Exit {
    /// The number that the process exits with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// Where in a text file something is wrong; line and column count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as the user would name it.
    pub file: PathBuf,
    /// Line, from 1; `None` when the whole file is meant.
    pub line: Option<usize>,
    /// Column in characters, from 1.
    pub column: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        Ok(())
    }
}

/// A failure that a person can act on: what, where, why, and on a line of its own what to do next.
#[derive(Debug)]
pub struct Error(Box<Parts>);

#[derive(Debug)]
struct Parts {
    exit: Exit,
    message: String,
    place: Option<Place>,
    hint: Option<String>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything in dbench that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self(Box::new(Parts { exit, message: message.into(), place: None, hint: None, cause: None }))
    }

    /// The input is wrong: exit code 2.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Exit::Input, message)
    }

    /// The surroundings failed: exit code 1.
    pub fn surroundings(message: impl Into<String>) -> Self {
        Self::new(Exit::Surroundings, message)
    }

    /// The user ended the command: exit code 130.
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted; everything measured so far is kept")
    }

    /// Names the file that is meant.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.0.place = Some(Place { file: file.into(), line: None, column: None });
        self
    }

    /// Names the file, line and column that are meant.
    #[must_use]
    pub fn at(mut self, file: impl Into<PathBuf>, line: usize, column: usize) -> Self {
        self.0.place = Some(Place { file: file.into(), line: Some(line), column: Some(column) });
        self
    }

    /// Names the place of a byte offset in `text`, which is the content of `file`.
    #[must_use]
    pub fn at_offset(self, file: impl Into<PathBuf>, text: &str, offset: usize) -> Self {
        let (line, column) = line_and_column(text, offset);
        self.at(file, line, column)
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Keeps the error that caused this one; its whole chain is shown.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// What the process should exit with.
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    /// Where the mistake stands, if it stands in a file.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// What to do next, if the error says it.
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Message and causes on one line, for a row's `reason`.
    pub fn reason(&self) -> String {
        let place = self.0.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        let text = format!("{place}{}", self.said().join(": "));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The message, then the causes.
    fn said(&self) -> Vec<String> {
        said(&self.0.message, self.0.cause.as_deref().map(|cause| cause as &dyn std::error::Error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.0.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}", self.said().join("\n  cause: "))?;
        if let Some(hint) = &self.0.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// A message and what the causes behind it say, outermost first. What has been said already is left out: libraries
/// often repeat a cause in their own words, and others hide it behind theirs.
pub(crate) fn said(message: &str, mut cause: Option<&dyn std::error::Error>) -> Vec<String> {
    let mut said = vec![message.to_owned()];
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
        cause = error.source();
    }
    said
}

/// Line and column (both from 1, columns in characters) of a byte offset.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    (line, column)
}

/// File access that names the path in every failure.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may call them")]
pub mod files {
    use super::{Error, Result};
    use std::fs::{self, File};
    use std::path::{Path, PathBuf};

    /// No file that is read whole is larger; the tables of a run of a thousand rounds are smaller by far.
    const LARGEST: u64 = 512 << 20;
    /// No text that somebody wrote is larger.
    const LARGEST_TEXT: u64 = 16 << 20;

    fn failed(doing: &str, path: &Path, cause: std::io::Error) -> Error {
        Error::surroundings(format!("cannot {doing} {}", path.display())).because(cause)
    }

    /// The whole file as text; bytes that are not UTF-8 are an input error.
    pub fn read_to_string(path: &Path) -> Result<String> {
        let bytes = read_at_most(path, LARGEST_TEXT)?;
        String::from_utf8(bytes).map_err(|cause| {
            let good = cause.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(&cause.as_bytes()[..good]).into_owned();
            Error::input("the file is not UTF-8 text")
                .at_offset(path, &text, good)
                .because(cause.utf8_error())
                .hint("save it as UTF-8; the place is that of the first byte that is not")
        })
    }

    /// The whole file as bytes.
    pub fn read(path: &Path) -> Result<Vec<u8>> {
        read_at_most(path, LARGEST)
    }

    /// The whole file, which must not be larger than that: it may be a device without an end, or grow.
    fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>> {
        use std::io::Read;
        let mut bytes = Vec::new();
        let mut file = File::open(path).map_err(|cause| failed("read", path, cause))?.take(most + 1);
        file.read_to_end(&mut bytes).map_err(|cause| failed("read", path, cause))?;
        if bytes.len() as u64 <= most {
            return Ok(bytes);
        }
        Err(Error::input(format!("the file is larger than the {} MiB that are read of one", most >> 20))
            .in_file(path)
            .hint("name another file"))
    }

    /// Refuses a symlink: whoever made a folder must not decide what is written outside of it.
    pub fn no_symlink(path: &Path) -> Result<()> {
        if path.is_symlink() {
            return Err(Error::input("a symlink stands where something is to be written")
                .in_file(path)
                .hint("remove it, or put what it leads to in its place"));
        }
        Ok(())
    }

    /// Whether that is a file itself, and no symlink, which could lead anywhere.
    pub fn is_plain(path: &Path) -> bool {
        path.symlink_metadata().is_ok_and(|about| about.is_file())
    }

    /// Opens a file for reading.
    pub fn open(path: &Path) -> Result<File> {
        File::open(path).map_err(|cause| failed("open", path, cause))
    }

    /// Creates or truncates a file.
    pub fn create(path: &Path) -> Result<File> {
        File::create(path).map_err(|cause| failed("create", path, cause))
    }

    /// Opens a file for appending, creating it if it is not there.
    pub fn append(path: &Path) -> Result<File> {
        File::options().create(true).append(true).open(path).map_err(|cause| failed("append to", path, cause))
    }

    /// Writes a whole file, not atomically.
    pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
        fs::write(path, content).map_err(|cause| failed("write", path, cause))
    }

    /// Writes a file beside its place, flushes it to the disk and renames it: a reader sees the old or the new
    /// file, never half of one.
    pub fn replace(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
        use std::io::Write;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        // What stands there was left by a kill, or is a symlink of somebody who knew the name: it is not written to.
        let _ = fs::remove_file(&beside);
        let made = File::options().write(true).create_new(true).open(&beside);
        let mut file = made.map_err(|cause| failed("create", &beside, cause))?;
        if let Err(cause) = file.write_all(content.as_ref()).and_then(|()| file.sync_all()) {
            // Half a file helps nobody; that it cannot be removed says no more than that it could not be written.
            let _ = fs::remove_file(&beside);
            return Err(failed("write", path, cause)
                .hint("free some space there, or make it a folder that can be written"));
        }
        fs::rename(&beside, path).map_err(|cause| failed("replace", path, cause))
    }

    /// Creates a folder and its parents.
    pub fn create_dir_all(path: &Path) -> Result<()> {
        fs::create_dir_all(path).map_err(|cause| failed("create the folder", path, cause))
    }

    /// The paths in a folder, sorted by name.
    pub fn list(path: &Path) -> Result<Vec<PathBuf>> {
        let mut found = fs::read_dir(path)
            .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>())
            .map_err(|cause| failed("list the folder", path, cause))?;
        // Names of one folder: the whole paths compare as their last parts do, and much faster than part by part.
        found.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
        Ok(found)
    }

    /// Removes a folder with all that is in it.
    pub fn remove_dir_all(path: &Path) -> Result<()> {
        fs::remove_dir_all(path).map_err(|cause| failed("remove the folder", path, cause))
    }

    /// Gives a file another name, in the place of any that has it.
    pub fn rename(from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to).map_err(|cause| failed("rename", from, cause))
    }

    /// Gives a file one more name; its content stays until the last one is removed.
    pub fn link(from: &Path, to: &Path) -> Result<()> {
        fs::hard_link(from, to).map_err(|cause| failed("link", from, cause))
    }

    /// Removes one file.
    pub fn remove(path: &Path) -> Result<()> {
        fs::remove_file(path).map_err(|cause| failed("remove", path, cause))
    }
}

/// `path` below the working folder is shown relative to it, any other as it is.
pub fn shown(path: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf))
        .unwrap_or_else(|| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_place_message_cause_and_hint() {
        let cause = std::io::Error::other("no space left");
        let error = Error::input("unknown key `prot`")
            .at_offset("a/scenario.toml", "x = 1\nprot = 2\n", 6)
            .because(cause)
            .hint("write `port`");
        assert_eq!(
            error.to_string(),
            "a/scenario.toml:2:1: unknown key `prot`\n  cause: no space left\n  hint: write `port`"
        );
        assert_eq!(error.reason(), "a/scenario.toml:2:1: unknown key `prot`: no space left");
        assert_eq!(error.exit().code(), 2);
    }

    #[test]
    fn columns_count_characters_and_offsets_past_the_end_are_the_end() {
        assert_eq!(line_and_column("é = x", 5), (1, 5));
        assert_eq!(line_and_column("a\nb", 99), (2, 2));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = files::read(Path::new("/nonexistent/file")).unwrap_err();
        assert!(error.to_string().starts_with("cannot read /nonexistent/file\n  cause: "), "{error}");
    }

    #[test]
    fn a_file_without_an_end_is_not_read_to_its_end() {
        let error = files::read_to_string(Path::new("/dev/zero")).unwrap_err();
        let said =
            "/dev/zero: the file is larger than the 16 MiB that are read of one\n  hint: name another file";
        assert_eq!(error.to_string(), said);
    }

    #[test]
    fn a_symlink_beside_a_file_that_is_replaced_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("file"), folder.path().join("other"));
        files::write(&other, "theirs").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join("file.new")).unwrap();
        files::replace(&file, "ours").unwrap();
        assert_eq!(
            (files::read_to_string(&file).unwrap(), files::read_to_string(&other).unwrap()),
            ("ours".into(), "theirs".into())
        );
        assert!(files::is_plain(&file));
    }
}
