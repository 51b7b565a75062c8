//! What dbench holds in memory does not grow with the context.

use crate::lane::{Ended, Lane, row};
use crate::tiny::Tiny;
use dbench::results::{Metric, Phase, Status};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

const MB: u64 = 1 << 20;

/// Runs one cold build with so large a context, and says how much memory the program had at its peak, in bytes.
fn peak(lane: &Lane, builder: &str, megabytes: u64) -> u64 {
    let tiny = Tiny::new(lane, &format!("context-{megabytes}"));
    fill(&tiny.dir.join("app/ballast"), megabytes);
    let (base, name, bytes) = (&lane.base, &tiny.name, megabytes * MB);
    let arrived = format!("RUN : {name} && test $(wc -c < ballast) = {bytes} && cat edition > /edition");
    let stage = format!("FROM {base} AS builder\nWORKDIR /{name}\nCOPY . .\n{arrived}\n");
    tiny.write("multi.Dockerfile", &format!("{stage}FROM {base}\nCOPY --from=builder /edition /edition\n"));
    let running =
        lane.start(&["run", name, "--rounds=1", "--phase=cold", "--variant=multi", "--builder", builder]);
    let mut peak = 0;
    // The kernel's own high-water mark only rises, so its last reading is the peak; what has ended has none.
    while let Some(mark) = high_water(running.id()) {
        peak = mark;
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let ended = Ended::of(running.wait_with_output().unwrap()).expect(0);
    let loaded = lane.loaded();
    let wall = row(&loaded, name, "multi", Phase::Cold, Metric::BuildWall);
    assert_eq!((wall.status, wall.reason.as_str()), (Status::Valid, ""), "{}", ended.stderr);
    fs::remove_dir_all(&tiny.dir).unwrap();
    peak
}

/// No two blocks are the same, and none is a hole.
fn fill(path: &Path, megabytes: u64) {
    let mut file = File::create(path).unwrap();
    let mut block = vec![1; MB as usize];
    for at in 0..megabytes {
        block[..8].copy_from_slice(&at.to_le_bytes());
        file.write_all(&block).unwrap();
    }
}

fn high_water(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    mark.trim().strip_suffix(" kB").unwrap().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[test]
fn a_gigabyte_of_context_takes_no_more_memory_than_a_megabyte() {
    let Some(lane) = Lane::open() else { return };
    assert_memory_is_flat(&lane, "buildkit");
}

#[test]
fn a_gigabyte_of_context_for_the_classic_builder_takes_no_more_memory_than_a_megabyte() {
    let Some(lane) = Lane::open() else { return };
    assert_memory_is_flat(&lane, "classic");
}

fn assert_memory_is_flat(lane: &Lane, builder: &str) {
    let (small, large) = (peak(lane, builder, 1), peak(lane, builder, 1000));
    eprintln!("peak of 1 MB: {} kB, of 1000 MB: {} kB", small / 1024, large / 1024);
    assert!(small > 0, "nothing was measured");
    assert!(large < small + 32 * MB, "{large} bytes with 1000 MB, {small} bytes with 1 MB");
    lane.assert_nothing_with_the_token_is_left();
}
