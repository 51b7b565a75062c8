//! Owns which engine is meant: where a flag, the environment or a docker context says that it answers, in the docker
//! CLI's own order. Leaves to `dial` how it is reached there.

mod address;
mod choice;
mod context;
#[cfg(test)]
mod tests;

pub use address::{Address, Tls};

use crate::error::Result;
use std::path::{Path, PathBuf};

/// The docker CLI's folder: `DOCKER_CONFIG`, else `~/.docker`.
pub(super) fn config_folder(variable: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    context::Folder::of(variable).path
}

/// An engine that is to be asked, and why that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    address: Address,
    because: String,
}

impl Endpoint {
    /// The endpoint that the docker CLI would take: `context` is the value of its flag.
    ///
    /// # Errors
    /// If what is named cannot be spoken to, or does not exist; the local engine never takes its place.
    pub fn choose(context: Option<&str>) -> Result<Self> {
        choice::choose(context, &|name| std::env::var(name).ok())
    }

    /// The engine behind a unix socket of this machine.
    pub fn at_socket(path: &Path) -> Self {
        Self { address: Address::Unix(path.to_owned()), because: String::new() }
    }

    /// Where it answers.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What named it.
    pub fn because(&self) -> &str {
        &self.because
    }

    /// Its unix socket, if it has one on this machine.
    pub fn socket(&self) -> Option<&PathBuf> {
        match &self.address {
            Address::Unix(path) => Some(path),
            Address::Tcp { .. } | Address::Ssh { .. } => None,
        }
    }
}
