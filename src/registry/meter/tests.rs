//! What the meter counts of a connection.

use super::*;

fn peer() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

#[test]
fn taking_keeps_what_lasts_and_begins_open_connections_anew() {
    let meter = Meter::new();
    let (open, closed) = (meter.open(peer()), meter.open(peer()));
    open.read(7);
    closed.written(5);
    closed.closed();
    let (done, lasting) = (meter.begin(&open, Direction::In), meter.begin(&open, Direction::Out));
    done.passed(3);
    done.passed(4);
    done.answered(201);
    drop(done);
    assert_eq!(meter.reading().transfers.len(), 2);
    let taken = meter.take();
    let [transfer] = taken.transfers.as_slice() else { panic!("{taken:?}") };
    assert_eq!((transfer.body, transfer.status, transfer.connection), (7, Some(201), 1));
    assert!(transfer.started_ns <= transfer.first_ns.unwrap() && transfer.first_ns <= transfer.last_ns);
    assert!(transfer.last_ns <= transfer.completed_ns);
    let counts: Vec<_> =
        taken.connections.iter().map(|c| (c.id, c.read, c.written, c.closed_ns.is_some())).collect();
    assert_eq!(counts, [(1, 7, 0, false), (2, 0, 5, true)]);
    drop(lasting);
    let again = meter.take();
    assert_eq!(again.transfers[0].direction, Direction::Out);
    assert_eq!(again.connections.iter().map(|c| (c.id, c.read)).collect::<Vec<_>>(), [(1, 0)]);
    assert_eq!(meter.take().transfers, []);
}

#[test]
fn the_end_of_an_upload_names_all_its_pieces() {
    let meter = Meter::new();
    let socket = meter.open(peer());
    let (piece, other, end) = (
        meter.begin(&socket, Direction::In),
        meter.begin(&socket, Direction::In),
        meter.begin(&socket, Direction::In),
    );
    piece.of_upload("a");
    other.of_upload("b");
    end.of_upload("a");
    end.upload_is("a", &Digest::of(b"x"));
    let named: Vec<_> = meter.reading().transfers.iter().map(|t| t.digest.is_some()).collect();
    assert_eq!(named, [true, false, true]);
}
