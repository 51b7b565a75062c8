//! What fails in a transfer, and the reason that is given: within its deadline, and with nothing left.

use crate::kept::{pull, push, site};
use crate::lane::Lane;
use crate::little_registry::{Fault, LittleRegistry, noise};
use crate::machine::Machine;
use crate::node::{candidates, engine_process, kill, open, settings};
use dbench::engine::node::{Node, PrivateNode, Settings as NodeSettings, StorePlace};
use dbench::engine::{Engine, Patience};
use dbench::registry::{Limits, Registry, Settings};
use dbench::runner::{Packed, Pulled, Site, Verdict, Way};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LARGE: usize = 32 << 20;
const SHORT: Duration = Duration::from_secs(5);
/// How long after its deadline a transfer may still be ended on a busy machine.
const GRACE: Duration = Duration::from_secs(5);
const HURRIED: Patience = Patience { deadline: SHORT, silence: Duration::from_secs(2) };

fn reason(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Failed(reason) => reason,
        other => panic!("{other:?}"),
    }
}

async fn node(settings: NodeSettings) -> Node {
    Node::Private(Box::new(PrivateNode::start(settings).await.unwrap_or_else(|error| panic!("{error}"))))
}

fn token(site: &Site) -> String {
    match &site.node {
        Some(Node::Private(node)) => node.token().to_owned(),
        _ => panic!("no private node"),
    }
}

/// Pulls from another registry than the site's own.
async fn pull_from(site: &mut Site, registry: &LittleRegistry) -> Pulled {
    let own = std::mem::replace(&mut site.node_way, Way::direct(registry.address));
    let pulled = pull(site, &registry.packed, "tiny/app:1", None).await;
    site.node_way = own;
    pulled
}

/// Why a pull from a faulty registry failed, which is known within the deadline.
async fn reason_in_time(site: &mut Site, registry: &LittleRegistry) -> String {
    let clock = Instant::now();
    let pulled = pull_from(site, registry).await;
    let taken = clock.elapsed();
    assert!(taken < site.patience.deadline + GRACE, "{taken:?}");
    reason(&pulled.verdict).to_owned()
}

/// Faults, and one of what may be said of each.
const FAULTS: [(Fault, &[&str]); 4] = [
    // Engines add the status of their own answer behind that of the registry.
    (Fault::Status(500), &["HTTP status: 500 ", "manifests/1: 500 ", "http status: 500"]),
    (Fault::Status(429), &["HTTP 429 ", "manifests/1: 429 ", "http status: 429", "toomanyrequests: "]),
    (Fault::Stops, &["the engine was silent for 2 s", "timeout", "cancelled at the deadline of 5 s"]),
    (Fault::Wrong, &["verification failed", "unexpected commit digest", "is not what came"]),
];

#[test]
fn our_own_puller_gives_the_reason_of_each_fault_of_a_registry() {
    let Some(lane) = Lane::open() else { return };
    lane.wait_for(async {
        let mut site = site(&lane.path("registry"), None).await;
        site.patience = HURRIED;
        for (fault, said) in FAULTS {
            let reason = reason_in_time(&mut site, &LittleRegistry::faulty(LOOPBACK, 1 << 20, fault)).await;
            eprintln!("{fault:?}: {reason}");
            assert!(said.iter().any(|said| reason.contains(said)), "{fault:?}: {reason}");
        }
        let good = LittleRegistry::start(LOOPBACK, 1 << 20);
        assert!(!matches!(pull_from(&mut site, &good).await.verdict, Verdict::Failed(_)));
        site.close().await.unwrap();
    });
}

#[test]
fn a_node_gives_the_reason_of_each_fault_of_a_registry_and_pulls_again() {
    let Some((lane, folder)) = open() else { return };
    for candidate in candidates() {
        eprintln!("{candidate:?}");
        let before = Machine::look(&folder);
        lane.wait_for(async {
            let mut site =
                site(&lane.path("registry"), Some(node(settings(&folder, &candidate)).await)).await;
            let address = site.node.as_ref().unwrap().registry_address();
            for (fault, said) in FAULTS {
                site.patience = HURRIED;
                let reason =
                    reason_in_time(&mut site, &LittleRegistry::faulty(address, 1 << 20, fault)).await;
                eprintln!("{fault:?}: {reason}");
                assert!(said.iter().any(|said| reason.contains(said)), "{fault:?}: {reason}");
                site.empty().await.unwrap();
            }
            site.patience = crate::kept::PATIENT;
            let good = LittleRegistry::start(address, 1 << 20);
            assert!(!matches!(pull_from(&mut site, &good).await.verdict, Verdict::Failed(_)));
            site.close().await.unwrap();
        });
        before.assert_unchanged();
    }
}

#[test]
fn a_full_store_is_the_reason_of_a_pull_and_the_next_begins_empty() {
    let Some((lane, folder)) = open() else { return };
    for candidate in candidates() {
        let before = Machine::look(&folder);
        lane.wait_for(async {
            let place = StorePlace::Memory(8 << 20);
            let small = NodeSettings { place, ..settings(&folder, &candidate) };
            let mut site = site(&lane.path("registry"), Some(node(small).await)).await;
            let address = site.node.as_ref().unwrap().registry_address();
            let pulled = pull_from(&mut site, &LittleRegistry::start(address, LARGE)).await;
            assert!(reason(&pulled.verdict).contains("no space left on device"), "{:?}", pulled.verdict);
            site.empty().await.unwrap();
            let pulled = pull_from(&mut site, &LittleRegistry::start(address, 1 << 10)).await;
            assert!(!matches!(pulled.verdict, Verdict::Failed(_)), "{:?}", pulled.verdict);
            site.close().await.unwrap();
        });
        before.assert_unchanged();
    }
}

#[test]
fn a_node_that_is_killed_in_a_pull_fails_that_and_comes_back_empty() {
    let Some((lane, folder)) = open() else { return };
    for candidate in candidates() {
        let before = Machine::look(&folder);
        lane.wait_for(async {
            let mut site =
                site(&lane.path("registry"), Some(node(settings(&folder, &candidate)).await)).await;
            let address = site.node.as_ref().unwrap().registry_address();
            let (held, token) = (LittleRegistry::faulty(address, LARGE, Fault::Stops), token(&site));
            let killing = tokio::task::spawn_blocking(move || {
                std::thread::sleep(Duration::from_secs(1));
                kill(engine_process(&token));
            });
            let pulled = pull_from(&mut site, &held).await;
            killing.await.unwrap();
            assert!(reason(&pulled.verdict).contains("broke off"), "{:?}", pulled.verdict);
            let gone = pull_from(&mut site, &held).await;
            // A socket may outlive its process by a moment.
            let said = ["the node's engine is gone", "broke off"];
            assert!(said.iter().any(|said| reason(&gone.verdict).contains(said)), "{:?}", gone.verdict);
            site.empty().await.unwrap();
            let pulled = pull_from(&mut site, &LittleRegistry::start(address, 1 << 20)).await;
            assert!(!matches!(pulled.verdict, Verdict::Failed(_)), "{:?}", pulled.verdict);
            site.close().await.unwrap();
        });
        before.assert_unchanged();
    }
}

/// An image of one layer that does not compress.
fn import_noise(folder: &Path, name: &str, bytes: usize) {
    let archive = folder.join("noise.tar");
    let content = noise(bytes);
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let mut tar = tar::Builder::new(std::fs::File::create(&archive).unwrap());
    tar.append_data(&mut header, "noise", content.as_slice()).unwrap();
    tar.finish().unwrap();
    let mut import = Command::new("docker");
    import.args(["import", archive.to_str().unwrap(), name]).stdout(Stdio::null());
    assert!(import.status().unwrap().success());
    std::fs::remove_file(archive).unwrap();
}

#[test]
fn a_registry_that_goes_in_a_push_fails_it_within_the_deadline() {
    let Some(lane) = Lane::open() else { return };
    let image = format!("dbench/run/{}:gone", lane.token);
    import_noise(&lane.path(""), &image, 100_000_000);
    lane.wait_for(async {
        let mut site = site(&lane.path("registry"), None).await;
        site.patience = Patience { deadline: Duration::from_secs(20), silence: Duration::from_secs(20) };
        let address = (LOOPBACK, 0).into();
        let other = Settings { address, folder: lane.path("other"), limits: Limits::default() };
        let other = Registry::serve(other).await.unwrap();
        site.engine_way = Way::direct(other.address());
        let going = async {
            while other.meter().reading().transfers.iter().all(|transfer| transfer.body < 1 << 20) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drop(other);
        };
        let clock = Instant::now();
        let (pushed, ()) = tokio::join!(site.push(&lane.engine, &image, "tiny/app:1", None), going);
        let (pushed, taken) = (pushed.unwrap(), clock.elapsed());
        assert!(taken < site.patience.deadline + GRACE, "{taken:?}");
        let reason = reason(&pushed.verdict);
        let said = ["connection re", "EOF", "broken pipe", "cancelled at the deadline", "was silent for"];
        assert!(said.iter().any(|said| reason.contains(said)), "{reason}");
        assert_eq!(pushed.packed, None::<Packed>);
        lane.engine.remove_image(&site.name_for_engine("tiny/app:1")).await.unwrap();
        lane.engine.remove_image(&image).await.unwrap();
        site.close().await.unwrap();
    });
}

#[test]
fn a_registry_that_refuses_a_push_is_its_reason_and_the_next_push_counts() {
    let Some(lane) = Lane::open() else { return };
    let image = format!("dbench/run/{}:refused", lane.token);
    import_noise(&lane.path(""), &image, 100_000);
    lane.wait_for(async {
        let mut site = site(&lane.path("registry"), None).await;
        // An engine tries a push again after 5, 10, 15 and 20 s before it gives the registry's status as its reason.
        site.patience = crate::kept::PATIENT;
        let before = lane.engine.image(&image).await.unwrap();
        for (fault, said) in &FAULTS[..2] {
            let registry = LittleRegistry::faulty(LOOPBACK, 1 << 10, *fault);
            let own = std::mem::replace(&mut site.engine_way, Way::direct(registry.address));
            let pushed = push(&lane, &site, &image, "tiny/app:1", None).await;
            site.engine_way = own;
            let reason = reason(&pushed.verdict);
            eprintln!("{fault:?}: {reason}");
            assert!(said.iter().any(|said| reason.contains(said)), "{fault:?}: {reason}");
            assert_eq!(pushed.packed, None::<Packed>);
        }
        let good = push(&lane, &site, &image, "tiny/app:1", None).await;
        assert_eq!(good.verdict, Verdict::Valid);
        assert_eq!(lane.engine.image(&image).await.unwrap().map(|i| i.tags), before.map(|i| i.tags));
        lane.engine.remove_image(&image).await.unwrap();
        site.close().await.unwrap();
    });
}

#[test]
fn a_taken_port_is_said_with_what_to_do() {
    let Some(lane) = Lane::open() else { return };
    let taken = std::net::TcpListener::bind((LOOPBACK, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = lane.dbench(&["registry", "--addr", &address]).expect(1);
    ended.says(&format!("the registry cannot listen on {address}"));
    ended.says("hint: another program listens there: end it, or take another port");
}
