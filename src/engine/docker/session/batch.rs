//! Owns the way of packets to the connection: they go in batches, so that the thread that makes them and the task that
//! sends them wake each other seldom. What waits is bounded in bytes, whatever the files are.

use bollard_buildkit_proto::fsutil::types::Packet;
use futures_util::StreamExt;
use std::ops::ControlFlow;
use std::pin::Pin;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// A batch goes on its way with this many bytes of content...
const BYTES: usize = 128 << 10;
/// ...or with this many packets.
const PACKETS: usize = 256;
/// Batches that wait for the connection.
const WAITING: usize = 16;

/// Where batches go.
pub(super) type Outgoing = mpsc::Sender<Vec<Result<Packet, Status>>>;
/// What the connection takes them from.
pub(super) type Packets = Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>;

pub(super) fn channel() -> (Outgoing, Packets) {
    let (outgoing, batches) = mpsc::channel(WAITING);
    (outgoing, Box::pin(ReceiverStream::new(batches).flat_map(tokio_stream::iter)))
}

/// The packets of one thread that have not gone yet.
pub(super) struct Batch<'a> {
    outgoing: &'a Outgoing,
    packets: Vec<Result<Packet, Status>>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    pub(super) fn of(outgoing: &'a Outgoing) -> Self {
        Self { outgoing, packets: Vec::new(), bytes: 0 }
    }

    /// Adds a packet, and waits for room on the connection if the batch is full; breaks when nobody listens any more.
    pub(super) fn push(&mut self, packet: Packet) -> ControlFlow<()> {
        self.bytes += packet.data.len();
        self.packets.push(Ok(packet));
        if self.bytes < BYTES && self.packets.len() < PACKETS {
            return ControlFlow::Continue(());
        }
        self.flush()
    }

    /// Lets go of what there is.
    pub(super) fn flush(&mut self) -> ControlFlow<()> {
        self.bytes = 0;
        let packets = std::mem::take(&mut self.packets);
        if packets.is_empty() || self.outgoing.blocking_send(packets).is_ok() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::docker::session::filesync::empty;
    use bollard_buildkit_proto::fsutil::types::packet::PacketType;
    use tokio::sync::mpsc::error::TryRecvError;

    fn packet(id: u32, bytes: usize) -> Packet {
        Packet { id, data: vec![0; bytes], ..empty(PacketType::PacketData) }
    }

    #[test]
    fn a_full_batch_goes_and_the_rest_waits_to_be_let_go() {
        let (outgoing, mut batches) = mpsc::channel(WAITING);
        let mut batch = Batch::of(&outgoing);
        for id in 0..3 {
            assert!(batch.push(packet(id, BYTES / 2)).is_continue());
        }
        assert_eq!(batches.try_recv().map(|batch| batch.len()).unwrap(), 2, "two of them are all its bytes");
        assert_eq!(batches.try_recv().unwrap_err(), TryRecvError::Empty);
        assert!(batch.flush().is_continue() && batch.flush().is_continue());
        let ids: Vec<u32> =
            batches.try_recv().unwrap().into_iter().map(|packet| packet.unwrap().id).collect();
        assert_eq!(ids, [2]);
        assert_eq!(batches.try_recv().unwrap_err(), TryRecvError::Empty, "an empty batch does not go");
        for id in 0..PACKETS {
            assert!(batch.push(packet(id as u32, 0)).is_continue());
        }
        assert_eq!(batches.try_recv().unwrap().len(), PACKETS);
    }

    #[test]
    fn a_batch_for_nobody_breaks() {
        let (outgoing, batches) = mpsc::channel(WAITING);
        drop(batches);
        let mut batch = Batch::of(&outgoing);
        assert!(batch.flush().is_continue(), "nothing had to go");
        assert!(batch.push(packet(0, BYTES)).is_break());
    }
}
