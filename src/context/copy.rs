//! Owns the copy of a context that a run edits: the user's own files are never touched, and every build starts from the
//! same state, times included, so that an engine sees only the edit as changed.

use super::Patterns;
use super::obstacle::{passable, unreadable};
use crate::error::{Error, Result, files};
use crate::scenario::{Edit, EditLine, Nonce, Scenario};
use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How much of two files is held in memory while they are compared.
const PIECE: usize = 1 << 16;

/// A copy of a scenario's context in a folder of its own, which is removed when it is dropped. Modes and times of
/// modification are those of the original; symlinks stay symlinks, with a time of their own.
#[derive(Debug)]
pub struct Copy {
    folder: TempDir,
    ignored: Option<Patterns>,
}

impl Copy {
    /// Copies the context of a scenario into a new folder below `place`. What no build could take in is missing in it
    /// where the build ignores it.
    ///
    /// # Errors
    /// An input error names what of the context cannot be copied, any other what is wrong with the place.
    pub fn of(scenario: &Scenario, ignored: Option<&Patterns>, place: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("context-").tempdir_in(place).map_err(|cause| {
            Error::surroundings(format!(
                "cannot create a folder for a copy of the context below {}",
                place.display()
            ))
            .because(cause)
            .hint("free some space there, or make it a folder that can be written")
        })?;
        let copy = Self { folder, ignored: ignored.cloned() };
        copy.reset(scenario)?;
        Ok(copy)
    }

    /// Where the copy is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the copy what the unedited context is: added files go, changed ones come back with their times.
    pub fn reset(&self, scenario: &Scenario) -> Result<()> {
        self.mirror(&scenario.context, self.path(), "")
    }

    /// Edits an unedited copy: lays the overlay over it and puts the nonce into the lines that carry one. Only what
    /// changes is written, and gets a fresh time. Hands back the paths that differ from the unedited context.
    pub fn apply(&self, edit: &Edit, nonce: &Nonce) -> Result<BTreeSet<String>> {
        let mut changed = BTreeSet::new();
        if let Some(overlay) = &edit.overlay {
            self.lay(overlay, self.path(), "", &mut changed)?;
        }
        for line in &edit.lines {
            if self.fill(line, nonce)? {
                changed.insert(line.file.components().collect::<PathBuf>().to_string_lossy().into_owned());
            }
        }
        Ok(changed)
    }

    /// Replaces the one line that carries zeros; whether that changed the file.
    fn fill(&self, edit: &EditLine, nonce: &Nonce) -> Result<bool> {
        let path = self.inside(&edit.file)?;
        let text = files::read_to_string(&path)?;
        let unedited = Nonce::unedited().fill(edit.line.trim());
        let mut edited = String::with_capacity(text.len());
        let mut found = 0;
        for line in text.split_inclusive('\n') {
            if line.trim() == unedited {
                found += 1;
                // The first occurrence, as the line holds nothing else but white space around it.
                edited.push_str(&line.replacen(&unedited, &nonce.fill(edit.line.trim()), 1));
            } else {
                edited.push_str(line);
            }
        }
        if found != 1 {
            let message =
                format!("the line `{unedited}` stands {found} times in the unedited file, not once");
            return Err(Error::input(message)
                .in_file(&edit.file)
                .hint("let the file of the context hold the edit's line exactly once, with sixteen zeros as the nonce"));
        }
        if edited == text {
            return Ok(false);
        }
        files::write(&path, edited)?;
        Ok(true)
    }

    /// The place of a file in the copy; a symlink must not lead an edit out of it.
    fn inside(&self, file: &Path) -> Result<PathBuf> {
        let real = |path: &Path| {
            path.canonicalize().map_err(|cause| {
                Error::input(format!("cannot edit {} in the copy of the context", file.display()))
                    .because(cause)
                    .hint("name a file of the context, or of the edit's overlay, in the edit's `lines`")
            })
        };
        let (root, path) = (real(self.path())?, real(&self.path().join(file))?);
        if path.starts_with(&root) {
            return Ok(path);
        }
        Err(Error::input(format!("{} leads out of the context, to {}", file.display(), path.display()))
            .hint("name a file inside the context in the edit's `lines`"))
    }

    /// Makes folder `to` what folder `from` is. What looks the same (kind, size, time, mode) is left alone: every edit of
    /// ours leaves a fresh time.
    fn mirror(&self, from: &Path, to: &Path, relative: &str) -> Result<()> {
        for there in files::list(to)? {
            if source(&from.join(name(&there)))?.is_none() {
                remove(&there)?;
            }
        }
        for entry in listed(from)? {
            let (target, path) = (to.join(name(&entry)), below(relative, &entry));
            let Some(wanted) = source(&entry)? else { continue };
            let same = same(&entry, &wanted, &target)?;
            if !(same && wanted.is_file()) && self.is_missing(&entry, &wanted, &path)? {
                remove(&target)?;
                continue;
            }
            if !same {
                put(&entry, &wanted, &target)?;
            }
            if wanted.is_dir() {
                self.mirror(&entry, &target, &path)?;
            } else if !same && !wanted.is_symlink() {
                dress(&target, &wanted)?;
            }
        }
        // Last, as every change in a folder gives it a new time.
        source(from)?.map_or(Ok(()), |wanted| dress(to, &wanted))
    }

    /// Lays a folder over another: what is equal already, content and mode, stays untouched.
    fn lay(&self, from: &Path, to: &Path, relative: &str, changed: &mut BTreeSet<String>) -> Result<()> {
        for entry in listed(from)? {
            let (target, path) = (to.join(name(&entry)), below(relative, &entry));
            let Some(wanted) = source(&entry)? else { continue };
            if self.is_missing(&entry, &wanted, &path)? {
                continue;
            }
            if !equal(&entry, &wanted, &target)? {
                put(&entry, &wanted, &target)?;
                changed.insert(path.clone());
            }
            if wanted.is_dir() {
                self.lay(&entry, &target, &path, changed)?;
            }
        }
        Ok(())
    }

    /// Whether that cannot be copied, and need not be.
    fn is_missing(&self, entry: &Path, wanted: &Metadata, path: &str) -> Result<bool> {
        match passable(entry, wanted) {
            Err(_) if self.ignored.as_ref().is_some_and(|ignored| ignored.excludes(path)) => Ok(true),
            passable => passable.map(|()| false),
        }
    }
}

fn name(path: &Path) -> &std::ffi::OsStr {
    // Every path here comes from a listing, so it has a name.
    path.file_name().unwrap_or_default()
}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Error + 'a {
    move |cause| {
        Error::surroundings(format!("cannot {doing} {}", path.display()))
            .because(cause)
            .hint("check the permissions and the free space of the context and of the temporary folder")
    }
}

/// The path of a listed file seen from the context, with slashes.
fn below(folder: &str, file: &Path) -> String {
    let name = name(file).to_string_lossy();
    if folder.is_empty() { name.into_owned() } else { format!("{folder}/{name}") }
}

/// The paths in a folder of the context.
fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    files::list(folder).map_err(|error| unreadable(folder, error.reason()))
}

/// What is at a path of the context, without following a symlink; `None` if nothing is.
fn source(path: &Path) -> Result<Option<Metadata>> {
    look(path).map_err(|error| unreadable(path, error.reason()))
}

/// What is at a path, without following a symlink; `None` if nothing is.
fn look(path: &Path) -> Result<Option<Metadata>> {
    match path.symlink_metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(cause) => Err(failed("look at", path)(cause)),
    }
}

fn remove(path: &Path) -> Result<()> {
    match look(path)? {
        None => Ok(()),
        Some(there) if there.is_dir() => files::remove_dir_all(path),
        Some(_) => files::remove(path),
    }
}

/// Whether the target looks like the source: kind, and of a file size, time and mode, of a symlink where it points.
fn same(source: &Path, wanted: &Metadata, target: &Path) -> Result<bool> {
    let Some(there) = look(target)? else { return Ok(false) };
    if there.file_type() != wanted.file_type() {
        return Ok(false);
    }
    if wanted.is_symlink() {
        return same_link(source, target);
    }
    let face = |of: &Metadata| (of.len(), of.mtime(), of.mtime_nsec(), of.mode());
    Ok(wanted.is_dir() || face(&there) == face(wanted))
}

/// Whether the target holds what the source holds, whatever their times.
fn equal(source: &Path, wanted: &Metadata, target: &Path) -> Result<bool> {
    let Some(there) = look(target)? else { return Ok(false) };
    if there.file_type() != wanted.file_type() {
        return Ok(false);
    }
    if wanted.is_symlink() {
        return same_link(source, target);
    }
    let face = |of: &Metadata| (of.len(), of.mode());
    if wanted.file_type().is_fifo() {
        // Whoever opens one waits for somebody at its other end.
        return Ok(face(&there) == face(wanted));
    }
    Ok(wanted.is_dir() || (face(&there) == face(wanted) && same_content(source, target)?))
}

/// Compared piece by piece: a file of any length takes the same memory.
fn same_content(one: &Path, other: &Path) -> Result<bool> {
    let (mut first, mut second) = (Pieces::of(one)?, Pieces::of(other)?);
    loop {
        let (a, b) = (first.next()?, second.next()?);
        if a != b || a.is_empty() {
            return Ok(a == b);
        }
    }
}

/// A file in pieces of one length, the last apart.
struct Pieces<'a> {
    path: &'a Path,
    file: File,
    buffer: Vec<u8>,
}

impl<'a> Pieces<'a> {
    fn of(path: &'a Path) -> Result<Self> {
        Ok(Self { path, file: files::open(path)?, buffer: Vec::with_capacity(PIECE) })
    }

    /// The next piece; empty at the end.
    fn next(&mut self) -> Result<&[u8]> {
        self.buffer.clear();
        let read = self.file.by_ref().take(PIECE as u64).read_to_end(&mut self.buffer);
        read.map_err(|cause| {
            Error::surroundings(format!("cannot read {}", self.path.display())).because(cause)
        })?;
        Ok(&self.buffer)
    }
}

fn same_link(source: &Path, target: &Path) -> Result<bool> {
    let read = |path: &Path| path.read_link().map_err(failed("read the symlink", path));
    Ok(read(source)? == read(target)?)
}

/// Puts what the source is in the target's place: a folder empty, a file with content and mode but a fresh time.
fn put(source: &Path, wanted: &Metadata, target: &Path) -> Result<()> {
    // A file is overwritten where it stands, as its folder's time would change otherwise.
    let stays = look(target)?
        .is_some_and(|there| wanted.is_file() && there.is_file() && !there.permissions().readonly());
    if !stays {
        remove(target)?;
    }
    let kind = wanted.file_type();
    if kind.is_dir() {
        fs::create_dir(target).map_err(failed("create the folder", target))
    } else if kind.is_file() {
        fs::copy(source, target).map(|_| ()).map_err(|cause| not_copied(source, target, cause))
    } else if kind.is_symlink() {
        let link = source.read_link().map_err(|cause| unreadable(source, cause))?;
        symlink(link, target).map_err(failed("create the symlink", target))
    } else {
        pipe(target, wanted).map_err(failed("create the pipe", target))
    }
}

/// A copy fails by what is copied, or by the place that it is copied to.
fn not_copied(source: &Path, target: &Path, cause: std::io::Error) -> Error {
    use ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match cause.kind() {
        FileTooLarge | QuotaExceeded | ReadOnlyFilesystem | StorageFull => failed("write", target)(cause),
        _ => unreadable(source, cause),
    }
}

#[cfg(not(target_vendor = "apple"))]
fn pipe(target: &Path, wanted: &Metadata) -> std::io::Result<()> {
    use rustix::fs::{CWD, Mode, mkfifoat};
    Ok(mkfifoat(CWD, target, Mode::from_raw_mode(wanted.mode() & 0o7777))?)
}

#[cfg(target_vendor = "apple")]
fn pipe(_: &Path, _: &Metadata) -> std::io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Gives a file, folder or pipe the time and mode of the original.
fn dress(target: &Path, wanted: &Metadata) -> Result<()> {
    let modified = wanted.modified().map_err(failed("read the time of", target))?;
    let timed = if wanted.file_type().is_fifo() {
        date(target, wanted)
    } else {
        files::open(target)?.set_times(FileTimes::new().set_modified(modified))
    };
    timed
        .and_then(|()| fs::set_permissions(target, wanted.permissions()))
        .map_err(failed("set time and mode of", target))
}

/// Gives what must not be opened the time of the original.
fn date(target: &Path, wanted: &Metadata) -> std::io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    let time = Timespec { tv_sec: wanted.mtime(), tv_nsec: wanted.mtime_nsec() as _ };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, target, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(test)]
mod tests;
