//! Owns what an engine's events tell of a pull or a push: when each layer came, when the whole had, what failed.
//! Times are offsets from the request, as precise as the engine's events. Leaves to the registry to count bytes.

mod pull;
mod push;

use super::Failure;
pub(super) use pull::PullReading;
pub use pull::{PullTrace, PulledLayer};
pub(super) use push::PushReading;
pub use push::{Fate, PushTrace, PushedLayer};
use std::time::Duration;

/// One event of a pull or a push, as any engine sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferEvent {
    /// What it is about: the short digest of a layer; a tag; nothing.
    pub id: String,
    /// What happened.
    pub status: String,
    /// How many bytes there will be.
    pub total: Option<u64>,
    /// The digest of the manifest, where the engine says it apart.
    pub digest: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// How long a transfer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// As a whole.
    pub deadline: Duration,
    /// Between two events.
    pub silence: Duration,
}

/// The digest and the failure that the events of a transfer hold.
#[derive(Debug, Default)]
struct Outcome {
    digest: Option<String>,
    failure: Option<Failure>,
}

impl Outcome {
    fn take(&mut self, event: &TransferEvent) {
        if let Some(message) = &event.error {
            self.fail(message.clone());
        }
        if let Some(digest) = event.digest.as_deref().or_else(|| said_digest(&event.status)) {
            self.digest = Some(digest.to_owned());
        }
    }

    /// The first failure counts; those that follow are its consequences.
    fn fail(&mut self, message: String) {
        self.failure.get_or_insert(Failure { step: None, message });
    }

    fn result(self) -> Result<String, Failure> {
        let message = "the stream of events ended without a digest".to_owned();
        match self.failure {
            Some(failure) => Err(failure),
            None => self.digest.ok_or(Failure { step: None, message }),
        }
    }
}

/// The digest in `Digest: sha256:…` of a pull and in `1.0: digest: sha256:… size: 1234` of a push.
fn said_digest(status: &str) -> Option<&str> {
    let (_, after) = status.split_once("igest: ")?;
    after.split(' ').next().filter(|digest| digest.contains(':'))
}

/// The layer of that id, which is added if no event named it before.
fn layer<T>(layers: &mut Vec<T>, is: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let at = layers.iter().position(is).unwrap_or_else(|| {
        layers.push(new());
        layers.len() - 1
    });
    &mut layers[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_said_in_two_ways() {
        assert_eq!(said_digest("Digest: sha256:ab"), Some("sha256:ab"));
        assert_eq!(said_digest("1: digest: sha256:cd size: 528"), Some("sha256:cd"));
        assert_eq!(said_digest("Pulling from digest: none"), None);
        assert_eq!(said_digest("Status: Image is up to date"), None);
    }

    #[test]
    fn the_first_failure_is_the_reason() {
        let mut outcome = Outcome::default();
        for error in ["unexpected EOF", "context canceled"] {
            outcome.take(&TransferEvent { error: Some(error.into()), ..TransferEvent::default() });
        }
        assert_eq!(outcome.result().unwrap_err().message, "unexpected EOF");
        let silent = Outcome::default().result().unwrap_err();
        assert_eq!(silent.message, "the stream of events ended without a digest");
    }
}
