//! dbench shows, with evidence, what a multi-stage Docker build buys and what it costs.
//!
//! Two halves that meet only in files: one measures and needs a Docker Engine, the other reads and needs none.
//!
//! ```text
//! scenario.toml + Dockerfiles + app            (what to compare)
//!         │ scenario
//!         ▼
//!       plan ──► runner ──► engine / registry / image      (make it happen, look at what came out)
//!                  │
//!                  ▼
//!       results/<run>/{run.json, samples.csv, steps.csv}   (the only bridge)
//!                  │
//!                  ▼
//!       stats ──► report (tables, Markdown, charts)
//! ```
//!
//! Arrows between the rooms only go down this list: `cli`, `runner`, `engine`, `registry`, `context`, `scenario`, `image`,
//! `report`, `stats`, `results`, `error`.

pub mod cli;
pub mod context;
pub mod engine;
pub mod error;
mod hex;
pub mod image;
mod meant;
mod plain;
pub mod registry;
pub mod report;
pub mod results;
pub mod runner;
pub mod scenario;
pub mod stats;
