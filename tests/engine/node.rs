//! Private nodes: what they are, what they reach, how they end, and that nothing is left of them.
//! `DBENCH_NODE_ROOTS` names a folder of root file systems with other engines: the tests run on each of them too.

use crate::lane::{Lane, PATIENCE, until};
use crate::machine::{Machine, cgroups, is_root, until_gone};
use dbench::engine::Engine;
use dbench::engine::docker::DockerEngine;
use dbench::engine::node::{ImageStore, PrivateNode, Settings, StorePlace, sweep};
use dbench::results::NodeKind;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const MEMORY: StorePlace = StorePlace::Memory(256 << 20);
/// Names the folder of the node that the helper below holds.
const HOLD: &str = "DBENCH_TEST_HOLD_NODE";

pub fn settings(folder: &Path, engine: &Candidate) -> Settings {
    Settings {
        folder: folder.to_owned(),
        root: engine.root.clone(),
        image_store: engine.store,
        place: MEMORY,
        deadline: PATIENCE,
    }
}

/// An engine that a node can be made of.
#[derive(Debug)]
pub struct Candidate {
    pub root: Option<PathBuf>,
    pub store: ImageStore,
}

/// This machine's engine with the graph drivers, and each root with both stores.
pub fn candidates() -> Vec<Candidate> {
    let mut found = vec![Candidate { root: None, store: ImageStore::Graph }];
    match std::env::var_os("DBENCH_NODE_ROOTS") {
        None => eprintln!("only this machine's engine: DBENCH_NODE_ROOTS names no folder of roots"),
        Some(folder) => {
            let mut roots: Vec<_> =
                fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            roots.sort();
            for root in
                roots.into_iter().filter(|root| !root.file_name().unwrap().to_string_lossy().starts_with('.'))
            {
                for store in [ImageStore::Graph, ImageStore::Containerd] {
                    found.push(Candidate { root: Some(root.clone()), store });
                }
            }
        }
    }
    found
}

/// The lane, and a folder for nodes; nothing where this is not root.
pub fn open() -> Option<(Lane, PathBuf)> {
    let lane = Lane::open()?;
    if !is_root() {
        eprintln!("left out: private nodes need root");
        return None;
    }
    let folder = lane.path("node");
    Some((lane, folder))
}

/// Runs a program in the network of a node's engine.
fn in_network_of(node: &PrivateNode, program: &[&str]) -> (bool, String) {
    let engine = engine_process(node.token());
    let output = Command::new("nsenter")
        .args([&format!("--net=/proc/{engine}/ns/net"), "--"])
        .args(program)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// The process of a node's engine, as this machine numbers it.
pub fn engine_process(token: &str) -> u32 {
    process(token, "dockerd\0")
}

fn supervisor_process(token: &str) -> u32 {
    process(token, "bash\0")
}

/// The first process whose command line begins so and holds the token.
fn process(token: &str, begins: &str) -> u32 {
    until("a node has a process", || {
        let processes =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        processes.filter_map(|name| name.parse::<u32>().ok()).find(|id| {
            let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).into_owned();
            command.starts_with(begins) && command.contains(token)
        })
    })
}

#[test]
fn a_start_that_is_given_up_at_any_moment_has_left_nothing_when_that_is_done() {
    let Some((lane, folder)) = open() else { return };
    let candidate = Candidate { root: None, store: ImageStore::Graph };
    let before = Machine::look(&folder);
    for milliseconds in [1, 30, 100, 300, 600] {
        let given_up = Duration::from_millis(milliseconds);
        let start = PrivateNode::start(settings(&folder, &candidate));
        let started = lane.wait_for(async { tokio::time::timeout(given_up, start).await });
        drop(started);
        let left = fs::read_dir(&folder).unwrap().count();
        assert_eq!(left, 0, "given up after {milliseconds} ms");
    }
    before.assert_unchanged();
}

#[test]
fn a_private_node_is_empty_reaches_only_the_host_and_leaves_nothing() {
    let Some((lane, folder)) = open() else { return };
    for candidate in candidates() {
        eprintln!("{candidate:?}");
        let before = Machine::look(&folder);
        lane.wait_for(async {
            let mut node =
                PrivateNode::start(settings(&folder, &candidate)).await.unwrap_or_else(|e| panic!("{e}"));
            eprintln!("{:?}", node.about());
            assert_eq!(node.about().kind, NodeKind::Private);
            assert_eq!(node.about().file_system, "tmpfs");
            assert_eq!(node.about().engine.store, candidate.store.name());
            assert_ne!(node.engine().about().await.unwrap().id, lane.engine.about().await.unwrap().id);
            assert_empty(node.engine()).await;
            reaches_only_the_host(&node);

            import(&folder, &node, "kept:1");
            assert!(node.engine().image("kept:1").await.unwrap().is_some());
            node.empty().await.unwrap_or_else(|e| panic!("{e}"));
            assert_empty(node.engine()).await;
            reaches_only_the_host(&node);
            node.stop().await.unwrap_or_else(|e| panic!("{e}"));
        });
        before.assert_unchanged();
    }
}

pub async fn assert_empty(engine: &DockerEngine) {
    let names = engine.containers("").await.unwrap();
    assert_eq!(names, Vec::<String>::new());
    let output = docker(engine, &["image", "ls", "--all", "--quiet"]);
    assert_eq!(output, "");
}

fn docker(engine: &DockerEngine, arguments: &[&str]) -> String {
    let host = format!("unix://{}", engine.socket().display());
    let output = Command::new("docker").args(["--host", &host]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub fn import(folder: &Path, node: &PrivateNode, name: &str) {
    let archive = folder.join("one-file.tar");
    let mut tar = tar::Builder::new(fs::File::create(&archive).unwrap());
    tar.append_path_with_name("/etc/hostname", "file").unwrap();
    tar.finish().unwrap();
    docker(node.engine(), &["import", archive.to_str().unwrap(), name]);
    fs::remove_file(archive).unwrap();
}

fn reaches_only_the_host(node: &PrivateNode) {
    let listener = TcpListener::bind((node.registry_address(), 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = |address: &str, port: u16| {
        let script = format!("exec 3<>/dev/tcp/{address}/{port}");
        in_network_of(node, &["timeout", "5", "bash", "-c", &script])
    };
    let (reached, said) = connect(&node.registry_address().to_string(), port);
    assert!(reached, "{said}");
    for elsewhere in ["192.0.2.1", "1.1.1.1", "198.18.255.1"] {
        let (reached, said) = connect(elsewhere, 80);
        assert!(!reached && said.contains("Network is unreachable"), "{elsewhere}: {said}");
    }
    let (_, routes) = in_network_of(node, &["ip", "-4", "route"]);
    assert!(!routes.contains("default"), "{routes}");
    let (_, addresses) = in_network_of(node, &["ip", "-6", "-o", "addr", "show", "dev", "eth0"]);
    assert_eq!(addresses, "");
}

/// Not a test of its own: the process that the next test kills.
#[test]
fn a_process_that_holds_a_node() {
    let Some(folder) = std::env::var_os(HOLD).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let engine = Candidate { root: None, store: ImageStore::Graph };
    let node = runtime.block_on(PrivateNode::start(settings(&folder, &engine))).unwrap();
    eprintln!("\nheld: {}", node.token());
    std::thread::sleep(PATIENCE);
}

/// The token of the node that a helper says it holds.
pub fn said_token(holder: &mut Child) -> String {
    let mut said = BufReader::new(holder.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut before = Vec::new();
    let token = said.find_map(|line| {
        let token = line.strip_prefix("held: ").map(str::to_owned);
        before.push(line);
        token
    });
    token.unwrap_or_else(|| panic!("the holder ended before it held a node:\n{}", before.join("\n")))
}

#[test]
fn a_node_ends_with_a_process_that_is_killed() {
    let Some((_lane, folder)) = open() else { return };
    let before = Machine::look(&folder);
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "node::a_process_that_holds_a_node", "--nocapture"])
        .env(HOLD, &folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let token = said_token(&mut holder);
    assert!(folder.join(&token).join("docker.sock").exists());
    engine_process(&token);
    holder.kill().unwrap();
    holder.wait().unwrap();
    until_gone(&folder);
    before.assert_unchanged();
}

/// Kills a process and waits until it is gone, or waits for its parent to ask.
pub fn kill(process: u32) {
    let process = process.to_string();
    let command = Path::new("/proc").join(&process).join("cmdline");
    assert!(Command::new("kill").args(["-KILL", &process]).status().unwrap().success());
    until("the process is gone", || fs::read(&command).unwrap_or_default().is_empty().then_some(()));
}

#[test]
fn a_killed_engine_comes_back_empty() {
    let Some((lane, folder)) = open() else { return };
    let before = Machine::look(&folder);
    lane.wait_for(async {
        let engine = Candidate { root: None, store: ImageStore::Graph };
        let mut node = PrivateNode::start(settings(&folder, &engine)).await.unwrap();
        kill(engine_process(node.token()));
        node.empty().await.unwrap_or_else(|e| panic!("{e}"));
        assert_empty(node.engine()).await;
        node.stop().await.unwrap();
    });
    before.assert_unchanged();
}

#[test]
fn a_store_on_the_disk_is_thrown_away_too() {
    let Some((lane, folder)) = open() else { return };
    let before = Machine::look(&folder);
    lane.wait_for(async {
        let engine = Candidate { root: None, store: ImageStore::Graph };
        let settings = Settings { place: StorePlace::Disk, ..settings(&folder, &engine) };
        let mut node = PrivateNode::start(settings).await.unwrap();
        assert_ne!((node.about().file_system.as_str(), "tmpfs"), ("", "tmpfs"));
        import(&folder, &node, "kept:1");
        node.empty().await.unwrap_or_else(|e| panic!("{e}"));
        assert_empty(node.engine()).await;
        node.stop().await.unwrap();
    });
    before.assert_unchanged();
}

#[test]
fn a_node_that_does_not_come_up_says_why_and_leaves_nothing() {
    let Some((lane, folder)) = open() else { return };
    let root = lane.path("root");
    fs::create_dir_all(root.join("usr/sbin")).unwrap();
    let start = |root: PathBuf, deadline: Duration| {
        let engine = Candidate { root: Some(root), store: ImageStore::Graph };
        let settings = Settings { deadline, ..settings(&folder, &engine) };
        lane.wait_for(PrivateNode::start(settings)).map(|node| node.token().to_owned())
    };
    let none = start(root.clone(), PATIENCE).unwrap_err().to_string();
    assert!(none.contains("holds no `dockerd`"), "{none}");

    let before = Machine::look(&folder);
    fs::write(root.join("usr/sbin/dockerd"), "no program").unwrap();
    let broken = start(root, PATIENCE).unwrap_err().to_string();
    assert!(broken.starts_with("the engine of a private node ended before it answered\n"), "{broken}");
    assert!(broken.contains("mount"), "the last lines of the log: {broken}");
    before.assert_unchanged();

    let engine = Candidate { root: None, store: ImageStore::Graph };
    let hurried = Settings { deadline: Duration::from_millis(1), ..settings(&folder, &engine) };
    let late = lane
        .wait_for(PrivateNode::start(hurried))
        .map(|node| node.token().to_owned())
        .unwrap_err()
        .to_string();
    assert!(late.starts_with("the engine of a private node did not answer within 0 s\n"), "{late}");
    before.assert_unchanged();
}

#[test]
fn a_store_that_the_engine_does_not_have_is_refused() {
    let Some((lane, folder)) = open() else { return };
    let output = Command::new("dockerd").arg("--version").env("PATH", "/usr/bin:/usr/sbin").output().unwrap();
    let mut version = String::new();
    output.stdout.as_slice().read_to_string(&mut version).unwrap();
    if !version.contains("version 20.10") {
        eprintln!("left out: this engine may have both stores: {version}");
        return;
    }
    let before = Machine::look(&folder);
    let engine = Candidate { root: None, store: ImageStore::Containerd };
    let error =
        lane.wait_for(PrivateNode::start(settings(&folder, &engine))).map(|node| node.token().to_owned());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("has the image store `graph`, and `containerd` was asked for"), "{error}");
    before.assert_unchanged();
}

#[test]
fn containers_on_a_node_are_reached_at_its_address_and_leave_nothing() {
    let Some((lane, folder)) = open() else { return };
    let archive = lane.path("base.tar");
    docker(&lane.engine, &["save", "--output", archive.to_str().unwrap(), &lane.base]);
    for candidate in candidates() {
        eprintln!("{candidate:?}");
        let before = Machine::look(&folder);
        lane.wait_for(async {
            let node =
                PrivateNode::start(settings(&folder, &candidate)).await.unwrap_or_else(|e| panic!("{e}"));
            docker(node.engine(), &["load", "--input", archive.to_str().unwrap()]);
            let serve =
                ["run", "--detach", "--publish", "8080:8080", &lane.base, "httpd", "-f", "-p", "8080"];
            docker(node.engine(), &serve);
            let address = (node.address(), 8080);
            until("the container answers", || std::net::TcpStream::connect(address).ok());
            let groups = format!("dbench-node-{}", node.token());
            assert!(cgroups().iter().any(|group| group.ends_with(&groups)), "no {groups}");
            node.stop().await.unwrap_or_else(|e| panic!("{e}"));
        });
        before.assert_unchanged();
    }
}

#[test]
fn what_a_killed_supervisor_leaves_is_swept() {
    let Some((lane, folder)) = open() else { return };
    let before = Machine::look(&folder);
    lane.wait_for(async {
        let engine = Candidate { root: None, store: ImageStore::Graph };
        let node = PrivateNode::start(settings(&folder, &engine)).await.unwrap();
        let token = node.token().to_owned();
        assert_eq!(sweep(&folder).unwrap(), Vec::<String>::new(), "a living node is left alone");
        kill(supervisor_process(&token));
        until("the node is swept", || (sweep(&folder).unwrap() == [token.as_str()]).then_some(()));
        drop(node);
    });
    before.assert_unchanged();
}
