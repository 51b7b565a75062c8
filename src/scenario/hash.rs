//! Owns the identity of a scenario: a hash over what its builds and their proof depend on. Titles, notes and claims are not in it,
//! nor are times and owners of files, which differ from checkout to checkout.

use super::{Edit, Expect, Scenario, Secret, SecretSource};
use crate::error::{Error, Result, files};
use rustix::fs::{Access, access};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// How much of a file is read at a time.
const BLOCK: usize = 1 << 16;

struct Hasher(Sha256);

impl Hasher {
    /// Every part goes in with its length, so that no two lists of parts look the same.
    fn part(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn optional(&mut self, text: Option<&str>) {
        self.part(if text.is_some() { "some" } else { "none" });
        self.part(text.unwrap_or_default());
    }

    /// Where a secret comes from, and nothing of what it holds: a hash of a short secret gives it away.
    fn secret(&mut self, secret: &Secret) {
        self.part("secret");
        self.part(&secret.id);
        match &secret.source {
            SecretSource::Env(name) => self.part(format!("env {name}")),
            SecretSource::File(file) => self.part(format!("file {}", file.display())),
            SecretSource::FileEnv(name) => self.part(format!("file-env {name}")),
        }
    }

    /// As `part` does, without holding the file in memory: a context can be larger than that.
    fn content(&mut self, path: &Path, length: u64) -> Result<()> {
        self.0.update(length.to_le_bytes());
        let mut file = files::open(path)?;
        let mut block = vec![0; BLOCK];
        loop {
            let read = file.read(&mut block).map_err(|cause| unreadable(path, cause))?;
            if read == 0 {
                return Ok(());
            }
            self.0.update(&block[..read]);
        }
    }

    fn tree(&mut self, root: &Path, dir: &Path) -> Result<()> {
        for path in files::list(dir)? {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let failed = |cause| unreadable(&path, cause);
            let metadata = path.symlink_metadata().map_err(failed)?;
            let needed = if metadata.is_dir() { Access::READ_OK | Access::EXEC_OK } else { Access::READ_OK };
            if (metadata.is_dir() || metadata.is_file()) && access(&path, needed).is_err() {
                // Before anything is built it is refused, unless an ignore file leaves it out.
                self.part("closed");
                self.part(relative.as_os_str().as_encoded_bytes());
            } else if metadata.is_dir() {
                self.part("folder");
                self.part(relative.as_os_str().as_encoded_bytes());
                self.tree(root, &path)?;
            } else if metadata.is_symlink() {
                self.part("link");
                self.part(relative.as_os_str().as_encoded_bytes());
                self.part(path.read_link().map_err(failed)?.as_os_str().as_encoded_bytes());
            } else if metadata.is_file() {
                self.part(if executable(&metadata) { "program" } else { "file" });
                self.part(relative.as_os_str().as_encoded_bytes());
                self.content(&path, metadata.len())?;
            } else if metadata.file_type().is_fifo() {
                self.part("pipe");
                self.part(relative.as_os_str().as_encoded_bytes());
            }
        }
        self.part("end");
        Ok(())
    }

    fn edit(&mut self, edit: Option<&Edit>) -> Result<()> {
        let Some(edit) = edit else {
            self.part("no edit");
            return Ok(());
        };
        self.part("edit");
        if let Some(overlay) = &edit.overlay {
            self.tree(overlay, overlay)?;
        }
        for line in &edit.lines {
            self.part("line");
            self.part(line.file.as_os_str().as_encoded_bytes());
            self.part(&line.line);
        }
        Ok(())
    }
}

fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    Error::surroundings(format!("cannot read {}", path.display())).because(cause)
}

fn executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

/// The hash of a scenario; its own field `hash` is not looked at.
pub(super) fn of(scenario: &Scenario) -> Result<String> {
    let mut hasher = Hasher(Sha256::new());
    hasher.part("dbench scenario 1");
    hasher.tree(&scenario.context, &scenario.context)?;
    for variant in &scenario.variants {
        hasher.part("variant");
        hasher.part(&variant.name);
        hasher.part(&variant.dockerfile.text);
        let mut ignore = variant.path.clone().into_os_string();
        ignore.push(".dockerignore");
        let ignore = Path::new(&ignore);
        let ignored = if ignore.is_file() { Some(files::read_to_string(ignore)?) } else { None };
        hasher.optional(ignored.as_deref());
        hasher.optional(variant.target.as_deref());
        for (key, value) in &variant.args {
            hasher.part("arg");
            hasher.part(key);
            hasher.part(value);
        }
        for secret in &variant.secrets {
            hasher.secret(secret);
        }
        if variant.ssh.is_some() {
            hasher.part("ssh");
        }
        for (key, value) in &variant.probe.env {
            hasher.part("env");
            hasher.part(key);
            hasher.part(value);
        }
        for word in variant.probe.command.iter().flatten() {
            hasher.part("word");
            hasher.part(word);
        }
        match &variant.probe.expect {
            Expect::Http { port, path, status, body } => {
                hasher.part("http");
                hasher.part(format!("{port} {status}"));
                hasher.part(path);
                hasher.part(body);
            }
            Expect::Output { text } => {
                hasher.part("output");
                hasher.part(text);
            }
        }
    }
    hasher.part("source");
    hasher.edit(scenario.source.as_ref())?;
    hasher.part("deps");
    hasher.edit(scenario.deps.as_ref())?;
    Ok(crate::hex::encode(&hasher.0.finalize()))
}
