//! dbench's own puller, for machines that can have no node: it reads an image as an engine does, three blobs at a time,
//! and throws it away. It knows bytes and the time of the download, and nothing of unpacking.

use crate::engine::Patience;
use crate::image::{Digest, Hasher};
use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How many blobs an engine reads at a time unless told otherwise.
const AT_A_TIME: usize = 3;
/// How much is read at once.
const PIECE: usize = 64 << 10;

/// Reads the manifest of an image and the blobs that have to come: how long it took, and the reason if it failed.
pub async fn pull(
    registry: SocketAddr,
    name: &str,
    blobs: &BTreeMap<Digest, u64>,
    patience: Patience,
) -> (Duration, Result<(), String>) {
    let (name, queue) = (name.to_owned(), blobs.keys().cloned().collect::<Vec<_>>());
    let clock = Instant::now();
    let reading = tokio::task::spawn_blocking(move || all(registry, &name, queue, patience));
    let outcome = reading.await.unwrap_or_else(|cause| Err(format!("the puller ended early: {cause}")));
    (clock.elapsed(), outcome)
}

fn all(registry: SocketAddr, name: &str, queue: Vec<Digest>, patience: Patience) -> Result<(), String> {
    let (repository, tag) = name.rsplit_once(':').ok_or_else(|| format!("`{name}` has no tag"))?;
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(patience.deadline))
        .timeout_recv_response(Some(patience.silence))
        .proxy(None)
        .build()
        .into();
    let url = |what: &str, reference: &str| format!("http://{registry}/v2/{repository}/{what}/{reference}");
    read(&agent, &url("manifests", tag), |_| {})?;
    let queue = Mutex::new(queue);
    let next = || queue.lock().ok().and_then(|mut queue| queue.pop());
    let work = || {
        while let Some(digest) = next() {
            let mut hasher = Hasher::new(digest.algorithm());
            read(&agent, &url("blobs", &digest.to_string()), |piece| hasher.update(piece))?;
            if hasher.digest() != digest {
                return Err(format!("{digest} is not what came"));
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Err("a reader ended early".into())))
    })
}

/// Reads a body to its end, piece by piece.
fn read(agent: &ureq::Agent, url: &str, mut take: impl FnMut(&[u8])) -> Result<(), String> {
    let mut response = agent.get(url).call().map_err(|cause| format!("{url}: {cause}"))?;
    let mut body = response.body_mut().as_reader();
    let mut piece = vec![0; PIECE];
    loop {
        match body.read(&mut piece).map_err(|cause| format!("{url}: {cause}"))? {
            0 => return Ok(()),
            n => take(&piece[..n]),
        }
    }
}
