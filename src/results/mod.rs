//! Owns what a run leaves on disk and the words it is written in: Metric, Case, Sample, Step, Claim, Run;
//! CSV and JSON. Leaves to `stats` what the numbers mean and to `runner` how they came about.

mod claim;
mod folder;
mod metric;
mod run;
mod runs;
mod sample;
mod sound;
mod step;
mod table;
mod transfer;

pub use claim::{Claim, Op, Quantity};
pub use folder::{Loaded, RunFolder, Writer};
pub use metric::{Direction, Metric, Unit, nanoseconds};
pub use run::{
    BaseRecord, ClaimRecord, EngineRecord, Host, MOST_ROUNDS, Measure, NodeKind, NodeRecord, Revision, Run,
    SCHEMA, ScenarioRecord, VariantRecord,
};
pub use runs::{Runs, find_run};
pub use sample::{Builder, Case, Phase, RELAYED, Sample, Status};
pub use step::StepRow;
pub use transfer::TransferRow;
