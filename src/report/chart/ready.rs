//! Owns the chart of the wait from an empty store to the first right answer: download, unpack tail, start.

use super::canvas::{Align, Canvas, MARGIN, WIDTH, Words, colours, cut, foot, picture, rounds, width};
use super::signs;
use super::theme::{Part, Theme};
use crate::error::Result;
use crate::report::document::{Document, Row, Section};
use crate::report::moves::Ready;
use crate::report::problem::Problem;
use crate::report::{format, moved};
use crate::results::{Metric, Phase};

const ROW: i32 = 22;
/// The parts in the order in which they pass.
const PARTS: [(Part, &str); 3] =
    [(Part::Download, "download"), (Part::Unpack, "unpack"), (Part::Start, "start")];
/// The line that names the colours: a part may be too short for its name.
const KEY: i32 = 22;
const SQUARE: i32 = 10;
const GROUP_GAP: i32 = 14;
const NAME: i32 = 15;
const LABEL: i32 = 13;
const SMALL: i32 = 11;
/// How far from its middle a dot reaches.
const DOT: i32 = 4;

/// Draws it.
pub(super) fn draw(document: &Document, theme: &Theme) -> Result<String> {
    let sections: Vec<&Section> = document.sections.iter().collect();
    let rows = || sections.iter().flat_map(|s| &s.variants);
    let height = KEY + ROW * rows().count() as i32 + GROUP_GAP * (sections.len() as i32 - 1).max(0);
    let words = Words {
        title: moved::wait(document),
        subtitle: format!(
            "from a pull into an empty store to the first right answer, from zero: dots are samples, bars the median round{}; \
             unpack: what comes after the last byte{}",
            if rows().any(|row| row.lies_between_two(&[Metric::PullReady])) {
                ", or the mean of the two in the middle"
            } else {
                ""
            },
            signs::explained(rows().map(|row| row.moves.waits.as_slice()))
        ),
        describe: describe(&sections),
        problems: signs::named(&sections, concerns),
        foot: [
            vec![document.puller()],
            foot(document, &document.bases(), &document.builder(), &rounds(document)),
        ]
        .concat(),
    };
    picture(theme, &words, height, |canvas, top| groups(canvas, &sections, top))
}

pub(super) fn has(row: &Row) -> bool {
    row.moves.ready.is_some()
}

fn concerns(_: &Section, problem: &Problem) -> bool {
    let needed = [Metric::PushBytes, Metric::PullColdBytes, Metric::PullReady];
    problem.phase == Phase::Cold && problem.concerns(&needed)
}

fn parts(ready: &Ready) -> [(Part, &'static str, u64); 3] {
    PARTS.map(|(part, name)| match part {
        Part::Download => (part, name, ready.download_ns),
        Part::Unpack => (part, name, ready.unpack_ns),
        Part::Start => (part, name, ready.start_ns),
    })
}

fn label(row: &Row) -> String {
    let Some(ready) = &row.moves.ready else { return "no valid sample".to_owned() };
    let parts = parts(ready).map(|(_, _, ns)| format::time(ns));
    format!("{}\u{2002}({})", format::time(ready.whole_ns()), parts.join(" + "))
}

fn groups(canvas: &Canvas<'_>, sections: &[&Section], top: i32) -> Result<()> {
    let theme = canvas.theme;
    let rows = || sections.iter().flat_map(|s| &s.variants);
    let (mut names, mut variants, mut labels) = (0, 0, 0);
    for section in sections {
        names = names.max(width(&section.label, NAME, true)?.min(200));
    }
    for row in rows() {
        variants = variants.max(width(&row.name, LABEL, false)?.min(110));
        labels = labels.max(width(&label(row), LABEL, false)? + 6 + signs::margin(&row.moves.waits)?);
    }
    let x0 = MARGIN + names + 16 + variants + 10;
    let x1 = WIDTH - MARGIN - labels - 12;
    let wholes = rows().filter_map(|r| r.moves.ready.as_ref()).map(Ready::whole_ns);
    let most = wholes.chain(rows().flat_map(|r| signs::valid(&r.moves.waits))).max().unwrap_or(1).max(1);
    let at = |ns: u64| x0 + (f64::from(x1 - x0) * ns as f64 / most as f64).round() as i32;
    key(canvas, (x0, top + KEY / 2 - 3))?;
    let mut y = top + KEY;
    for section in sections {
        let middle = y + ROW * section.variants.len() as i32 / 2;
        let name = cut(&section.label, NAME, true, names)?;
        canvas.text(&name, (MARGIN, middle), NAME, theme.ink, Align::Left, true)?;
        for (row, colour) in section.variants.iter().zip(colours(theme, &section.variants)) {
            let middle = y + ROW / 2;
            let name = cut(&row.name, LABEL, false, variants)?;
            canvas.text(&name, (x0 - 10, middle), LABEL, theme.soft, Align::Right, false)?;
            let mut sum = 0;
            for (part, name, ns) in row.moves.ready.as_ref().map(parts).into_iter().flatten() {
                let (from, to) = (at(sum), at(sum + ns));
                sum += ns;
                canvas.bar((from, to), (y + 2, y + ROW - 3), theme.part(part), 1.0)?;
                let half = width(name, SMALL, false)? / 2 + 4;
                // A dot on a name would make both unreadable; the key names the colour as well.
                let near = |dot: u64| (at(dot) - (from + to) / 2).abs() < half + DOT;
                let covered = signs::valid(&row.moves.waits).any(near);
                if 2 * half <= to - from && !covered {
                    canvas.text(
                        name,
                        ((from + to) / 2, middle),
                        SMALL,
                        Theme::ON_LAYER,
                        Align::Centre,
                        false,
                    )?;
                }
            }
            let mut end = at(sum);
            for value in signs::valid(&row.moves.waits) {
                canvas.dot((at(value), middle), colour)?;
                end = end.max(at(value) + DOT);
            }
            let (ink, said) = (if row.baseline { theme.soft } else { theme.ink }, label(row));
            canvas.text(&said, (end + 8, middle), LABEL, ink, Align::Left, false)?;
            let margin = end + 8 + width(&said, LABEL, false)? + 6;
            signs::draw(canvas, &row.moves.waits, (margin, middle))?;
            y += ROW;
        }
        y += GROUP_GAP;
    }
    Ok(())
}

/// The parts in their order, each a square of its colour and its name.
fn key(canvas: &Canvas<'_>, (x0, middle): (i32, i32)) -> Result<()> {
    let mut x = x0;
    for (part, name) in PARTS {
        let (colour, half) = (canvas.theme.part(part), SQUARE / 2);
        canvas.bar((x, x + SQUARE), (middle - half, middle + half), colour, 1.0)?;
        x += SQUARE + 5;
        canvas.text(name, (x, middle), SMALL, canvas.theme.soft, Align::Left, false)?;
        x += width(name, SMALL, false)? + 16;
    }
    Ok(())
}

fn describe(sections: &[&Section]) -> String {
    let of_row = |row: &Row| {
        let Some(ready) = &row.moves.ready else { return format!("{} no valid sample", row.name) };
        let parts = parts(ready).map(|(_, name, ns)| format!("{name} {}", format::time(ns)));
        format!("{} {}: {}", row.name, format::time(ready.whole_ns()), parts.join(", "))
    };
    let of_section = |section: &&Section| {
        let rows = section.variants.iter().map(of_row).collect::<Vec<_>>().join("; ");
        format!("{}: {rows}.", section.label)
    };
    sections.iter().map(of_section).collect::<Vec<_>>().join(" ")
}
