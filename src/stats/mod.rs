//! Owns what samples mean: median and range, ratio and reduction against the baseline, the outcome of a claim.
//! Pure numbers; leaves how they are written and drawn to `report`.

mod cases;
mod claim;
mod spread;
mod unmeasured;

pub use cases::{Cases, Problem, median_round};
pub use claim::{Observed, Outcome, Verdict, judge};
pub use spread::{DECIDING_ROUNDS, Spread, interval, ratio, reduction};
pub use unmeasured::Asked;
