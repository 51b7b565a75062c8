//! Owns the chart of what moves: a cold pull above the update delta of a one-line edit, layer by layer.

use super::canvas::{Align, Canvas, MARGIN, WIDTH, Words, cut, foot, picture, rounds, width};
use super::segments::{Bar, fitting};
use super::signs;
use super::theme::Theme;
use crate::error::Result;
use crate::report::document::{Document, Row, Section};
use crate::report::moves::Move;
use crate::report::problem::Problem;
use crate::report::{format, moved};
use crate::results::{Metric, Phase};

const BAR: i32 = 16;
const ROW: i32 = 2 * BAR + 10;
const GROUP_GAP: i32 = 14;
const NAME: i32 = 15;
const LABEL: i32 = 13;
/// What the bars show.
const PULLS: [Metric; 2] = [Metric::PullColdBytes, Metric::PullSourceEditBytes];
/// What a bar needs, by the figure that each step is known by.
const NEEDED: [Metric; 4] =
    [Metric::PushBytes, Metric::PullColdBytes, Metric::UpdatePushBytes, Metric::PullSourceEditBytes];

/// Draws it.
pub(super) fn draw(document: &Document, theme: &Theme) -> Result<String> {
    let sections: Vec<&Section> = document.sections.iter().collect();
    let rows = || sections.iter().flat_map(|s| &s.variants);
    let height = ROW * rows().count() as i32 + GROUP_GAP * (sections.len() as i32 - 1).max(0);
    let words = Words {
        title: moved::title(document),
        subtitle: format!(
            "bytes that a node fetches, from zero: {}; median rounds{}; layers are numbered from the lowest, and those \
             without room for a label stand behind their bar",
            if sections.iter().any(|section| section.updated) {
                "above a cold pull, below the update delta after a one-line edit"
            } else {
                "a cold pull"
            },
            if rows().any(|row| row.lies_between_two(&PULLS)) {
                ", of two in the middle the lower"
            } else {
                ""
            }
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
    row.moves.layers.cold.is_some() || row.moves.layers.edit.is_some()
}

fn concerns(_: &Section, problem: &Problem) -> bool {
    let shown = matches!(problem.phase, Phase::Cold | Phase::SourceEdit);
    shown && problem.concerns(&NEEDED)
}

fn bar(of: Option<&Move>, said: String) -> Bar<'_> {
    let lacking = of.filter(|of| of.lacks_layers());
    let said = lacking.map_or(said.clone(), |_| format!("{said}, its layers are not known"));
    let (segments, bytes) = of.map_or((&[][..], 0), |of| (&of.segments, of.bytes));
    Bar { segments, bytes, said }
}

/// The bar of the cold pull.
fn cold(row: &Row) -> Bar<'_> {
    let cold = row.moves.layers.cold.as_ref();
    bar(cold, cold.map_or("no valid pull".to_owned(), |cold| format::bytes(cold.bytes)))
}

/// The bar of the pull after the edit; no word of it where that phase was not to be measured.
fn edit(row: &Row) -> Bar<'_> {
    let layers = &row.moves.layers;
    let said = match (&layers.edit, &layers.cold) {
        (None, _) if row.builds.iter().all(|build| build.phase != Phase::SourceEdit) => String::new(),
        (None, _) => "no valid update delta".to_owned(),
        (Some(edit), None) => format!("update delta {}", format::bytes(edit.bytes)),
        (Some(edit), Some(cold)) => {
            let share = 100.0 * edit.bytes as f64 / cold.bytes.max(1) as f64;
            let (moved, part) = (format::bytes(edit.bytes), moved::part(share));
            format!("update delta {moved}, {part}{}%", format::THIN)
        }
    };
    bar(layers.edit.as_ref(), said)
}

fn groups(canvas: &Canvas<'_>, sections: &[&Section], top: i32) -> Result<()> {
    let theme = canvas.theme;
    let rows = || sections.iter().flat_map(|s| &s.variants);
    let (mut names, mut variants) = (0, 0);
    for section in sections {
        names = names.max(width(&section.label, NAME, true)?.min(200));
    }
    for row in rows() {
        variants = variants.max(width(&row.name, LABEL, false)?.min(110));
    }
    let (x0, right) = (MARGIN + names + 16 + variants + 10, WIDTH - MARGIN);
    let bars: Vec<Bar<'_>> = rows().flat_map(|row| [cold(row), edit(row)]).collect();
    let scale = fitting(&bars, x0, right)?;
    let mut y = top;
    for section in sections {
        let middle = y + ROW * section.variants.len() as i32 / 2;
        let name = cut(&section.label, NAME, true, names)?;
        canvas.text(&name, (MARGIN, middle), NAME, theme.ink, Align::Left, true)?;
        for row in &section.variants {
            let name = cut(&row.name, LABEL, false, variants)?;
            canvas.text(&name, (x0 - 10, y + BAR), LABEL, theme.soft, Align::Right, false)?;
            let at = (x0, scale, right);
            cold(row).draw(canvas, at, (y + 1, y + BAR - 1), theme.ink)?;
            edit(row).draw(canvas, at, (y + BAR + 1, y + 2 * BAR - 1), theme.soft)?;
            y += ROW;
        }
        y += GROUP_GAP;
    }
    Ok(())
}

fn describe(sections: &[&Section]) -> String {
    let plain = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let of_row = |row: &Row| {
        let edit = Some(edit(row).said).filter(|said| !said.is_empty());
        let edit = edit.map(|said| format!(", {said}")).unwrap_or_default();
        plain(format!("{} {} cold{edit}", row.name, cold(row).said))
    };
    let of_section = |section: &&Section| {
        let rows: Vec<_> = section.variants.iter().map(of_row).collect();
        format!("{}: {}.", section.label, rows.join("; "))
    };
    sections.iter().map(of_section).collect::<Vec<_>>().join(" ")
}
