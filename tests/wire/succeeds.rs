//! A build that succeeds, replayed: what the real binary makes of its events, its image and its answer.

use crate::common::Folder;
use crate::replay::status::{Vertex, image};
use crate::replay::{Reply, Request, Server};
use dbench::error::files;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicBool, Ordering};

const MS: u64 = 1_000_000;
const ID: &str = "sha256:1a6e";

/// The build's steps: digest, inputs, name, start and end in milliseconds, whether cached, and what it wrote.
type Step = (&'static str, &'static [&'static str], &'static str, (u64, u64), bool, &'static str);
const STEPS: [Step; 7] = [
    ("sha256:a", &[], "[internal] load build definition from single.Dockerfile", (0, 10), false, ""),
    ("sha256:b", &[], "[internal] load metadata for base:1", (10, 30), false, ""),
    ("sha256:c", &[], "[internal] load build context", (30, 60), false, ""),
    ("sha256:d", &[], "[1/3] FROM base:1", (30, 31), true, ""),
    ("sha256:e", &["sha256:c", "sha256:d"], "[2/3] COPY . /", (60, 80), false, ""),
    ("sha256:f", &["sha256:e"], "[3/3] RUN make", (80, 180), false, "compiled\nlinked\n"),
    ("sha256:g", &["sha256:f"], "exporting to image", (180, 200), false, ""),
];

/// Every step is announced, begins, writes and ends.
fn events() -> Vec<String> {
    let mut lines = Vec::new();
    for (digest, inputs, name, (start, end), cached, wrote) in STEPS {
        let announced = Vertex { digest, inputs, name, ..Vertex::default() };
        let (started, completed) = (Some((1000 + start) * MS), Some((1000 + end) * MS));
        let running = Vertex { started, wrote, ..announced };
        let ended = Vertex { started, completed, cached, ..announced };
        lines.extend([announced, running, ended].map(|vertex| vertex.event()));
    }
    lines.push(image(ID));
    lines
}

/// A layer that holds one file of so many bytes.
fn layer(bytes: usize) -> Vec<u8> {
    archive(&[("file", vec![7; bytes])])
}

fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn digest(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// What `docker save` writes: a base of 1,000 bytes, and 23 bytes on it.
fn saved() -> Vec<u8> {
    let (base, top) = (layer(1000), layer(23));
    let config = format!(r#"{{"rootfs":{{"diff_ids":["{}","{}"]}}}}"#, digest(&base), digest(&top));
    let manifest = br#"[{"Config":"config.json","Layers":["base/layer.tar","top/layer.tar"]}]"#;
    archive(&[
        ("config.json", config.into_bytes()),
        ("base/layer.tar", base),
        ("top/layer.tar", top),
        ("manifest.json", manifest.to_vec()),
    ])
}

/// What a container wrote to its standard output, as the engine frames it.
fn log(text: &str) -> Vec<u8> {
    [&[1, 0, 0, 0], (text.len() as u32).to_be_bytes().as_slice(), text.as_bytes()].concat()
}

/// An engine that builds the image, starts it, and has a record of the build cache until that is pruned.
pub fn working() -> impl Fn(&Request) -> Option<Reply> + Send + Sync {
    let (cached, base) = (AtomicBool::new(false), digest(&layer(1000)));
    move |request| {
        let whole = |status, body: &str| Some(Reply::Whole(status, body.to_owned()));
        let is = |method, target| request.is(method, target);
        if is("GET", "/images/base:1/json") {
            whole(200, &format!(r#"{{"Id":"sha256:ba5e","RootFS":{{"Type":"layers","Layers":["{base}"]}}}}"#))
        } else if is("POST", "/build?") {
            cached.store(true, Ordering::Relaxed);
            Some(Reply::Stream(events()))
        } else if is("GET", "/system/df") && cached.load(Ordering::Relaxed) {
            whole(
                200,
                r#"{"BuildCache":[{"ID":"r","Description":"mount / from exec /bin/sh -c make","Size":4096,
                    "CreatedAt":"1970-01-01T00:00:01.08Z"}]}"#,
            )
        } else if is("POST", "/build/prune") {
            cached.store(false, Ordering::Relaxed);
            None
        } else if is("GET", "/images/sha256:1a6e/get") {
            Some(Reply::Bytes(saved()))
        } else if is("POST", "/containers/create") {
            whole(201, r#"{"Id":"c","Warnings":[]}"#)
        } else if is("POST", "/containers/dbench-") || is("DELETE", "/containers/dbench-") {
            whole(204, "")
        } else if is("GET", "/containers/dbench-") && request.target().contains("/logs?") {
            Some(Reply::Bytes(log("edition 0000000000000000\n")))
        } else if is("GET", "/containers/dbench-") {
            whole(200, r#"{"State":{"Running":false,"ExitCode":0}}"#)
        } else {
            None
        }
    }
}

/// A folder with the scenario whose image the engine builds.
pub fn scenario() -> Folder {
    let folder = Folder::new();
    folder.write("scenarios/greet/scenario.toml", include_str!("../common/file.toml"));
    folder.write("scenarios/greet/app/manifest", "# edition 0000000000000000\n");
    folder.write("scenarios/greet/single.Dockerfile", "FROM base:1\nCOPY . /\nRUN make\n");
    folder
}

/// A table of the only run without its head, and without its columns from `cut` on.
fn rows(folder: &Folder, table: &str, cut: usize) -> Vec<String> {
    let runs = files::list(&folder.path("results")).unwrap();
    let text = files::read_to_string(&runs[0].join(table)).unwrap();
    let row = |line: &str| line.split(',').take(cut).collect::<Vec<_>>().join(",");
    text.lines().skip(1).map(row).collect()
}

#[test]
fn a_build_that_succeeds_is_measured_from_its_events_and_its_image() {
    let folder = scenario();
    let socket = folder.path("docker.sock");
    let server = Server::start(&socket, working());
    let host = format!("unix://{}", socket.display());
    let ran = folder.dbench(
        &[("DOCKER_HOST", &host), ("DBENCH_MEASURE", "build,size")],
        &["run", "--phase=cold", "--rounds=1", "--variant=single", "--seed=1"],
    );
    let ran = ran.ends(0);

    let mut measured = rows(&folder, "samples.csv", 10);
    // Clocks of two machines: the wall is ours, and what is left of it depends on it.
    let walls =
        measured.extract_if(.., |row| row.contains("build-wall") || row.contains("build-unattributed"));
    let walls: Vec<_> = walls.collect();
    assert!(walls.len() == 2 && walls.iter().all(|row| row.ends_with(",ns,valid,")), "{walls:#?}");
    let expected = [
        "build-context,40000000,ns",
        "build-resolve,21000000,ns",
        "build-exec,120000000,ns",
        "build-export,20000000,ns",
        "step-sum,120000000,ns",
        "critical-path,120000000,ns",
        "build-cache,4096,bytes",
        "unpacked-size,1023,bytes",
        "unpacked-unique,23,bytes",
        "layers,2,count",
    ];
    assert_eq!(measured, expected.map(|row| format!("greet,single,buildkit,cold,1,{row},valid,")));

    let steps = [
        ",,[internal] load build definition from single.Dockerfile,0,10000000,false,false,",
        ",,[internal] load metadata for base:1,10000000,30000000,false,false,",
        ",,[internal] load build context,30000000,60000000,false,false,",
        ",1,FROM base:1,30000000,31000000,true,false,",
        ",2,COPY . /,60000000,80000000,false,true,",
        ",3,RUN make,80000000,180000000,false,true,",
        ",,exporting to image,180000000,200000000,false,false,",
    ];
    let steps = steps.map(|step| format!("greet,single,buildkit,cold,1,{step}"));
    assert_eq!(rows(&folder, "steps.csv", usize::MAX), steps);

    let runs = files::list(&folder.path("results")).unwrap();
    let log = files::read_to_string(&runs[0].join("logs/greet-single-buildkit-cold-1.log")).unwrap();
    assert!(
        log.contains("[3/3] RUN make | compiled\n[3/3] RUN make | linked\n[3/3] RUN make DONE\n"),
        "{log}"
    );
    assert!(server.saw("DELETE", "/containers/") && server.saw("DELETE", "/images/"), "{ran:#?}");
    assert!(server.saw("POST", "/build/prune"), "{ran:#?}");
}
