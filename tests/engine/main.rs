//! The engine lane: the real binary and the library on a real Docker Engine, with scenarios that take seconds.
//! `DBENCH_DOCKER=require` makes a missing engine fail, `off` leaves the lane out, otherwise it is left out only
//! where no engine answers.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test's helpers may panic, and with the plain error"
)]

mod alongside;
mod begun;
mod building;
mod classic;
#[path = "../common/commands.rs"]
mod commands;
mod container_node;
mod doctor;
mod ended;
mod endpoints;
mod failing;
mod faults;
mod faulty_nodes;
mod ignored;
mod kept;
mod killed;
mod killed_node;
mod lane;
mod little_registry;
mod machine;
// It reads what the kernel of Linux says of processes.
mod far;
#[cfg(target_os = "linux")]
mod memory;
mod needed;
mod node;
mod other_builders;
mod other_engines;
mod private_registry;
mod proxies;
mod pull;
mod readme;
mod relayed;
mod secrets;
mod shipped;
mod spoiled;
mod spoiled_transfer;
mod spoiler;
mod ssh;
mod tiny;
mod transfer;
mod transfer_bytes;
mod users;
mod visited;
mod web;
mod whole;
