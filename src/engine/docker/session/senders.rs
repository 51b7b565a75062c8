//! Owns the threads that read what an engine asks for and send it in pieces. Each keeps one buffer for all of its files.

use super::batch::Batch;
use super::filesync::{Transfer, empty};
use crate::error::{Error, Result, files};
use bollard_buildkit_proto::fsutil::types::Packet;
use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Files that are read at the same time.
const MOST: usize = 4;
/// Largest piece of a file in one packet.
const PIECE: usize = 128 << 10;

/// The threads of a transfer. They end once this is gone and everything asked for is on its way.
pub(super) struct Senders<'a> {
    transfer: &'a Transfer,
    asked: Sender<u32>,
    queue: Arc<Mutex<Receiver<u32>>>,
    started: usize,
}

impl<'a> Senders<'a> {
    pub(super) fn of(transfer: &'a Transfer) -> Self {
        let (asked, queue) = channel();
        Self { transfer, asked, queue: Arc::new(Mutex::new(queue)), started: 0 }
    }

    /// Has a file sent, by its place in the list. Never waits.
    pub(super) fn ask(&mut self, id: u32) {
        // The queue lives as long as this.
        let _ = self.asked.send(id);
        if self.started < MOST {
            self.started += 1;
            let (transfer, queue) = (self.transfer.clone(), Arc::clone(&self.queue));
            tokio::task::spawn_blocking(move || {
                if let Err(error) = send_all(&transfer, &queue) {
                    transfer.fail(&error);
                }
            });
        }
    }
}

/// Sends file after file until no more can be asked for or nobody listens.
fn send_all(transfer: &Transfer, queue: &Mutex<Receiver<u32>>) -> Result<()> {
    let (mut buffer, mut batch) = (vec![0; PIECE], Batch::of(&transfer.outgoing));
    loop {
        // Another thread may hold the queue for as long as it is empty.
        let ready = queue.try_lock().ok().and_then(|queue| queue.try_recv().ok());
        let id = match ready {
            Some(id) => id,
            // What is ready goes on its way before this thread waits.
            None if batch.flush().is_break() => return Ok(()),
            None => match queue.lock().unwrap_or_else(PoisonError::into_inner).recv() {
                Ok(id) => id,
                Err(_nothing_more_comes) => return Ok(()),
            },
        };
        if send_file(transfer, id, &mut buffer, &mut batch)?.is_break() {
            return Ok(());
        }
    }
}

/// Sends a file in pieces; an empty piece ends it.
fn send_file(transfer: &Transfer, id: u32, buffer: &mut [u8], batch: &mut Batch) -> Result<ControlFlow<()>> {
    let Some(path) = transfer.files().remove(&id) else {
        return Err(Error::surroundings(format!("the engine asked for file {id}, which was not offered")));
    };
    let mut file = files::open(&path)?;
    loop {
        let count = file
            .read(buffer)
            .map_err(|cause| Error::surroundings(format!("cannot read {}", path.display())).because(cause))?;
        let piece = Packet { id, data: buffer[..count].to_vec(), ..empty(PacketType::PacketData) };
        if batch.push(piece).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if count == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        transfer.progress.sent.fetch_add(count as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::docker::session::batch::channel as packets;
    use std::collections::HashMap;
    use tokio_stream::StreamExt;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_file_arrives_whole_and_in_order_with_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let lengths: Vec<usize> =
            (0..300).map(|at| if at % 100 == 7 { PIECE * 2 + at } else { at }).collect();
        let (outgoing, mut stream) = packets();
        let transfer = Transfer::new(outgoing, Arc::default());
        for (id, length) in lengths.iter().enumerate() {
            let path = folder.path().join(id.to_string());
            files::write(&path, vec![id as u8; *length]).unwrap();
            transfer.files().insert(id as u32, path);
        }
        let mut senders = Senders::of(&transfer);
        (0..lengths.len()).for_each(|id| senders.ask(id as u32));
        drop(senders);
        let progress = Arc::clone(&transfer.progress);
        drop(transfer);
        let mut arrived: HashMap<u32, (Vec<u8>, bool)> = HashMap::new();
        while let Some(packet) = stream.next().await {
            let packet = packet.unwrap();
            assert!(packet.data.len() <= PIECE);
            let (content, ended) = arrived.entry(packet.id).or_default();
            assert!(!*ended, "file {} goes on after its end", packet.id);
            *ended = packet.data.is_empty();
            content.extend(packet.data);
        }
        for (id, length) in lengths.iter().enumerate() {
            assert_eq!(arrived[&(id as u32)], (vec![id as u8; *length], true), "file {id}");
        }
        assert_eq!(progress.sent.load(Ordering::Relaxed), lengths.iter().sum::<usize>() as u64);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_that_was_not_offered_fails_the_call() {
        let (outgoing, mut stream) = packets();
        let transfer = Transfer::new(outgoing, Arc::default());
        Senders::of(&transfer).ask(5);
        let said = stream.next().await.unwrap().unwrap();
        assert_eq!(
            String::from_utf8(said.data).unwrap(),
            "the engine asked for file 5, which was not offered"
        );
        let ended = stream.next().await.unwrap().unwrap_err();
        assert_eq!(ended.message(), "the engine asked for file 5, which was not offered");
        assert_eq!(
            transfer.progress.error.get().map(|said| said.contains("file 5, which was not offered")),
            Some(true)
        );
    }
}
