//! Owns the question whether the clock of this machine jumped while something went on: engines tell the times of steps by
//! that clock. What dbench measures itself it measures on a clock that never jumps.

use jiff::Timestamp;
use std::time::{Duration, Instant};

/// Less than this is the everyday work of a time service, and no figure shows it.
const LITTLE: Duration = Duration::from_millis(10);
/// A time service slows or hastens a clock by less than one part in so many.
const SLEWING: u32 = 1000;

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    wall: Timestamp,
    steady: Instant,
}

impl Clocks {
    /// At this moment.
    pub(super) fn now() -> Self {
        Self { wall: Timestamp::now(), steady: Instant::now() }
    }

    /// What is to be said if the one that can jump did, from this moment to a later one.
    pub(super) fn jumped(&self, later: &Self) -> Option<String> {
        let steady = later.steady.duration_since(self.steady);
        let wall = later.wall.duration_since(self.wall);
        let ahead = wall.as_nanos() - i128::try_from(steady.as_nanos()).unwrap_or(i128::MAX);
        let most = LITTLE.max(steady / SLEWING).as_nanos();
        (ahead.unsigned_abs() > most).then(|| {
            let milliseconds = ahead.unsigned_abs() / 1_000_000;
            let way = if ahead > 0 { "forward" } else { "back" };
            format!("the clock of this machine jumped {way} by {milliseconds} ms during the build")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `steady` milliseconds went by while the wall clock went on by `wall`.
    fn jumped(steady: u64, wall: i64) -> Option<String> {
        let begin = Clocks { wall: Timestamp::UNIX_EPOCH, steady: Instant::now() };
        let end = Clocks {
            wall: Timestamp::from_millisecond(wall).unwrap(),
            steady: begin.steady + Duration::from_millis(steady),
        };
        begin.jumped(&end)
    }

    #[test]
    fn a_jump_is_told_from_the_work_of_a_time_service() {
        assert_eq!(jumped(1000, 1000), None);
        assert_eq!(jumped(1000, 1009), None);
        assert_eq!(jumped(600_000, 600_500), None, "half a part in a thousand");
        let said = |way: &str| Some(format!("the clock of this machine jumped {way} ms during the build"));
        assert_eq!(jumped(1000, 3_601_000), said("forward by 3600000"));
        assert_eq!(jumped(1000, 900), said("back by 100"));
        assert_eq!(jumped(1000, -5000), said("back by 6000"));
    }
}
