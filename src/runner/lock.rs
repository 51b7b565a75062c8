//! One run per engine at a time. The lock is the kernel's and dies with the process.

use crate::error::{Error, Result, files};
use std::fs::{File, TryLockError};
use std::path::Path;

/// Held while a run or a clean-up uses an engine.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

impl Lock {
    /// Takes the lock of an engine, without waiting.
    pub fn take(state: &Path, engine: &str) -> Result<Self> {
        files::create_dir_all(state)?;
        let name: String = engine.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let path = state.join(format!("engine-{name}.lock"));
        let file = files::append(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::surroundings("another dbench uses this engine")
                .hint("wait for it or end it; two runs at once would measure each other")),
            Err(TryLockError::Error(cause)) => {
                Err(Error::surroundings(format!("cannot lock {}", path.display())).because(cause))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_refused_until_the_first_ends() {
        let state = tempfile::tempdir().unwrap();
        let first = Lock::take(state.path(), "AB:CD").unwrap();
        let error = Lock::take(state.path(), "AB:CD").unwrap_err();
        assert!(error.to_string().starts_with("another dbench uses this engine\n  hint: wait"), "{error}");
        Lock::take(state.path(), "another").unwrap();
        drop(first);
        Lock::take(state.path(), "AB:CD").unwrap();
    }
}
