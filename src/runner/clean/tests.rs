//! Names that are ours, and what is left alone.

use super::*;

#[test]
fn a_name_in_a_registry_is_known_by_what_follows_it() {
    assert_eq!(without_registry("127.0.0.1:5000/dbench/run/x:1"), "dbench/run/x:1");
    assert_eq!(without_registry("dbench/run/x:1"), "dbench/run/x:1");
}

#[tokio::test]
async fn only_journalled_networks_of_ours_are_removed() {
    let engine = crate::engine::fake::FakeEngine::default();
    let networks = ["bridge", "dbench-0123"].map(str::to_owned).into();
    let ledger = Ledger { networks, ..Ledger::default() };
    let mut cleaned = Cleaned::default();
    assert!(remove_networks(&engine, &ledger, &mut cleaned).await.unwrap());
    assert_eq!(cleaned.networks, ["dbench-0123"]);
    assert_eq!(*engine.calls.borrow(), ["remove network dbench-0123"]);
}
