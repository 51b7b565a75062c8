//! Owns the signs of samples and what a chart says of those that do not count: a dot where one counts, a ring or a
//! cross at the margin, and a line below that names the reason.

use super::canvas::{Align, Canvas, width};
use crate::error::Result;
use crate::report::document::{Dot, Section};
use crate::report::problem::{self, Problem};

const LABEL: i32 = 12;
const MARK: i32 = 10;
/// More of one kind are told by their number.
const MARKS: usize = 3;
const NAMED_PROBLEMS: usize = 6;

/// The values that count.
pub(super) fn valid(samples: &[Dot]) -> impl Iterator<Item = u64> {
    samples.iter().filter(|sample| sample.status == "valid").filter_map(|sample| sample.value)
}

/// The samples that do not count, by status.
fn marks(samples: &[Dot]) -> Vec<(&'static str, usize)> {
    let of = |status| (status, samples.iter().filter(|s| s.status == status).count());
    ["invalid", "failed"].map(of).into_iter().filter(|(_, count)| *count > 0).collect()
}

/// How wide the marks of so many samples are: many are one mark and their number.
fn marked(count: usize) -> Result<i32> {
    if count <= MARKS {
        return Ok(MARK * count as i32);
    }
    Ok(MARK + width(&count.to_string(), LABEL, false)? + 4)
}

/// How wide the margin of these samples is.
pub(super) fn margin(samples: &[Dot]) -> Result<i32> {
    marks(samples).into_iter().map(|(_, count)| marked(count)).sum()
}

/// What a subtitle says of the margin, if anything stands there.
pub(super) fn explained<'a>(mut samples: impl Iterator<Item = &'a [Dot]>) -> &'static str {
    if samples.any(|samples| !marks(samples).is_empty()) { "; at the margin: not counted" } else { "" }
}

/// What does not count, from `at` on: it stands at the margin alone, so that no length is read off it.
pub(super) fn draw(canvas: &Canvas<'_>, samples: &[Dot], (mut at, middle): (i32, i32)) -> Result<()> {
    for (status, count) in marks(samples) {
        let each = if count > MARKS { 1 } else { count };
        for place in 0..each {
            let at = (at + 3 + MARK * place as i32, middle);
            if status == "invalid" { canvas.ring(at)? } else { canvas.cross(at)? }
        }
        if count > MARKS {
            let colour = canvas.theme.alert;
            canvas.text(&count.to_string(), (at + MARK, middle), LABEL, colour, Align::Left, false)?;
        }
        at += marked(count)?;
    }
    Ok(())
}

/// What does not count of that which a chart shows, one line a case, the first few.
pub(super) fn named(sections: &[&Section], concerns: impl Fn(&Section, &Problem) -> bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for section in sections {
        for told in problem::told(section.problems.iter().filter(|one| concerns(section, one))) {
            let sign = match told.status {
                "invalid" => "○ ",
                "failed" => "× ",
                _ => "",
            };
            lines.push(format!("{sign}{} {}", section.label, told.sentence()));
        }
    }
    if lines.len() > NAMED_PROBLEMS {
        let more = lines.len() - NAMED_PROBLEMS;
        lines.truncate(NAMED_PROBLEMS);
        lines.push(format!("and {more} more that do not count; the tables name them"));
    }
    lines
}
