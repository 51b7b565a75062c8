//! Pulls on private nodes, of every engine that is there.

use crate::lane::PATIENCE;
use crate::little_registry::LittleRegistry;
use crate::machine::Machine;
use crate::node::{candidates, engine_process, import, kill, open, settings};
use dbench::engine::node::{ImageStore, PrivateNode, Settings, StorePlace};
use dbench::engine::{Engine, Patience, PullTrace};
use std::time::Duration;

const PATIENT: Patience = Patience { deadline: PATIENCE, silence: PATIENCE };
const LARGE: usize = 8 << 20;

#[test]
fn a_pull_on_an_empty_node_fetches_and_unpacks_every_layer() {
    let Some((lane, folder)) = open() else { return };
    for candidate in candidates() {
        eprintln!("{candidate:?}");
        let before = Machine::look(&folder);
        lane.wait_for(async {
            let mut node =
                PrivateNode::start(settings(&folder, &candidate)).await.unwrap_or_else(|e| panic!("{e}"));
            let registry = LittleRegistry::start(node.registry_address(), LARGE);
            for time in ["cold", "cold again"] {
                let trace = node
                    .engine()
                    .pull_timed(&registry.name(), PATIENT)
                    .await
                    .unwrap_or_else(|e| panic!("{e}"));
                eprintln!("{time}: {trace:?}");
                assert_eq!(trace.outcome, Ok(registry.digest.clone()));
                assert_eq!(trace.layers.len(), 2);
                for layer in &trace.layers {
                    assert!(layer.downloaded.is_some() && !layer.existed && layer.retries == 0);
                    // The containerd store of Engine 26 does not say when a layer was unpacked.
                    assert!(layer.completed.is_some() || candidate.store == ImageStore::Containerd);
                }
                let end = trace.download_end.unwrap();
                assert_eq!(trace.unpack_tail, Some(trace.wall - end));
                assert!(node.engine().image(&registry.name()).await.unwrap().is_some());

                let again = node.engine().pull_timed(&registry.name(), PATIENT).await.unwrap();
                assert_eq!((again.outcome, again.download_end), (Ok(registry.digest.clone()), None));
                node.empty().await.unwrap_or_else(|e| panic!("{e}"));
            }
            node.stop().await.unwrap_or_else(|e| panic!("{e}"));
        });
        before.assert_unchanged();
    }
}

fn reason(trace: PullTrace) -> String {
    assert_eq!(trace.download_end, None);
    trace.outcome.unwrap_err().message
}

#[test]
fn a_pull_that_fails_gives_the_engines_reason() {
    let Some((lane, folder)) = open() else { return };
    for candidate in candidates() {
        eprintln!("{candidate:?}");
        lane.wait_for(async {
            let small = Settings { place: StorePlace::Memory(4 << 20), ..settings(&folder, &candidate) };
            let node = PrivateNode::start(small).await.unwrap_or_else(|e| panic!("{e}"));
            let nobody = format!("{}:1/tiny/app:1", node.registry_address());
            let refused = reason(node.engine().pull_timed(&nobody, PATIENT).await.unwrap());
            assert!(refused.contains("connection refused"), "{refused}");

            let registry = LittleRegistry::start(node.registry_address(), LARGE);
            let full = reason(node.engine().pull_timed(&registry.name(), PATIENT).await.unwrap());
            assert!(full.contains("no space left on device"), "{full}");

            // A listener that never answers.
            let silent = std::net::TcpListener::bind((node.registry_address(), 0)).unwrap();
            let name = format!("{}/tiny/app:1", silent.local_addr().unwrap());
            let hurried = Patience { deadline: PATIENCE, silence: Duration::from_secs(1) };
            let late = reason(node.engine().pull_timed(&name, hurried).await.unwrap());
            assert_eq!(late, "the engine was silent for 1 s, so it was cancelled");
            let hurried = Patience { deadline: Duration::from_secs(1), silence: PATIENCE };
            let late = reason(node.engine().pull_timed(&name, hurried).await.unwrap());
            assert_eq!(late, "cancelled at the deadline of 1 s");
            node.stop().await.unwrap_or_else(|e| panic!("{e}"));
        });
    }
}

#[test]
fn a_pull_on_a_node_that_is_killed_fails_at_once() {
    let Some((lane, folder)) = open() else { return };
    for candidate in candidates() {
        eprintln!("{candidate:?}");
        let before = Machine::look(&folder);
        lane.wait_for(async {
            let node =
                PrivateNode::start(settings(&folder, &candidate)).await.unwrap_or_else(|e| panic!("{e}"));
            let silent = std::net::TcpListener::bind((node.registry_address(), 0)).unwrap();
            let name = format!("{}/tiny/app:1", silent.local_addr().unwrap());
            let engine = node.engine().clone();
            let pull = tokio::spawn(async move { engine.pull_timed(&name, PATIENT).await });
            let asked =
                tokio::task::spawn_blocking(move || silent.accept().map(|(stream, _)| (silent, stream)));
            let _held = asked.await.unwrap().unwrap();
            kill(engine_process(node.token()));
            let broken = reason(pull.await.unwrap().unwrap());
            assert!(broken.contains("broke off"), "{broken}");
            node.stop().await.unwrap_or_else(|e| panic!("{e}"));
        });
        before.assert_unchanged();
    }
}

#[test]
fn a_push_that_nobody_takes_gives_the_engines_reason() {
    let Some((lane, folder)) = open() else { return };
    for candidate in candidates() {
        eprintln!("{candidate:?}");
        lane.wait_for(async {
            let node =
                PrivateNode::start(settings(&folder, &candidate)).await.unwrap_or_else(|e| panic!("{e}"));
            import(&folder, &node, "tiny:1");
            let name = format!("{}:1/tiny/app:1", node.registry_address());
            let trace = node.engine().push("tiny:1", &name, PATIENT).await.unwrap();
            let refused = trace.outcome.unwrap_err().message;
            assert!(refused.contains("connection refused"), "{refused}");
            let absent = node.engine().push("absent:1", &name, PATIENT).await.unwrap_err().to_string();
            assert!(absent.to_lowercase().contains("no such image"), "{absent}");
            node.stop().await.unwrap_or_else(|e| panic!("{e}"));
        });
    }
}
