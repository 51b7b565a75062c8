//! The embedded registry over loopback: what it keeps, what it refuses, what it counts, and the command that serves it alone.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is missing")]

mod alone;
mod client;
mod content;
mod limits;
mod lists;
mod meter;
mod refusals;
