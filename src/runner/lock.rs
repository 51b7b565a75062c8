//! One run per engine at a time. A lock in the user's state folder tells the user's own runs apart, a name that all users of a
//! machine share those of others. Both are the kernel's and die with the process.

#[cfg(target_os = "linux")]
mod machine;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result, files, shown};
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Held while a run or a clean-up uses an engine.
#[derive(Debug)]
pub struct Lock {
    file: File,
    #[cfg(target_os = "linux")]
    #[expect(dead_code, reason = "the name is taken as long as the socket is open")]
    name: Option<std::os::unix::net::UnixListener>,
}

impl Lock {
    /// Takes the lock of an engine, without waiting.
    ///
    /// # Errors
    /// If another process of this machine has it: which, as far as that can be known.
    pub fn take(state: &Path, engine: &str) -> Result<Self> {
        files::create_dir_all(state)?;
        let path = of_engine(state, engine);
        let file = files::append(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(&noted(&path))),
            Err(TryLockError::Error(cause)) => {
                return Err(Error::surroundings(format!("cannot lock {}", path.display())).because(cause));
            }
        }
        #[cfg(target_os = "linux")]
        let name = machine::take(engine).map_err(|holder| taken(&holder))?;
        let lock = Self {
            file,
            #[cfg(target_os = "linux")]
            name,
        };
        lock.note("");
        Ok(lock)
    }

    /// Notes the folder of the run that has the lock, for whoever is refused.
    pub fn of_run(&self, folder: &Path) {
        self.note(&real(folder).to_string_lossy());
    }

    fn note(&self, folder: &str) {
        let mut file = &self.file;
        let text = format!("{}\n{folder}\n", std::process::id());
        // It only tells more: a disk that is full is no reason to have no lock.
        let _ = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
    }
}

fn of_engine(state: &Path, engine: &str) -> PathBuf {
    let name: String = engine.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    state.join(format!("engine-{name}.lock"))
}

/// Whether somebody has that lock now.
fn is_held(path: &Path) -> bool {
    files::open(path).is_ok_and(|file| file.try_lock_shared().is_err())
}

/// How a run would be refused an engine now, as far as this user's own runs go.
pub fn in_use(state: &Path, engine: &str) -> Option<Error> {
    let path = of_engine(state, engine);
    is_held(&path).then(|| taken(&noted(&path)))
}

/// Who measures into a folder now, as far as this user's own runs go.
pub fn measuring(state: &Path, folder: &Path) -> Option<String> {
    let folder = real(folder);
    let locks = files::list(state).unwrap_or_default();
    locks.iter().find_map(|path| {
        let text = files::read_to_string(path).ok()?;
        let of_folder = text.lines().nth(1) == Some(folder.to_string_lossy().as_ref());
        (of_folder && is_held(path)).then(|| noted(path))
    })
}

/// One spelling of every path to the folder.
fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().or_else(|_absent| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned())
}

/// What the holder wrote of itself.
fn noted(path: &Path) -> String {
    let text = files::read_to_string(path).unwrap_or_default();
    let mut lines = text.lines();
    let process = lines.next().and_then(|line| line.parse::<u32>().ok()).map(|id| format!("process {id}"));
    let run = lines
        .next()
        .filter(|line| !line.is_empty())
        .map(|line| format!("run {}", shown(Path::new(line)).display()));
    process.into_iter().chain(run).collect::<Vec<_>>().join(", ")
}

fn taken(holder: &str) -> Error {
    let colon = if holder.is_empty() { "" } else { ": " };
    Error::surroundings(format!("another dbench uses this engine{colon}{holder}"))
        .hint("wait for it or end it; two runs at once would measure each other")
}
