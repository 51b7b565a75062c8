//! Owns the chart of what moves: a cold pull above the update delta of a one-line edit, layer by layer.

use super::canvas::{Align, Canvas, MARGIN, WIDTH, Words, cut, foot, picture, rounds, width};
use super::theme::Theme;
use crate::error::Result;
use crate::report::document::{Document, Row, Section};
use crate::report::moves::Segment;
use crate::report::{format, moved};

const BAR: i32 = 16;
const ROW: i32 = 2 * BAR + 10;
const GROUP_GAP: i32 = 14;
const NAME: i32 = 15;
const LABEL: i32 = 13;
const SMALL: i32 = 11;

/// Draws it.
pub(super) fn draw(document: &Document, theme: &Theme) -> Result<String> {
    let sections: Vec<&Section> = document.sections.iter().filter(|s| s.variants.iter().any(has)).collect();
    let rows: usize = sections.iter().map(|s| s.variants.len()).sum();
    let height = ROW * rows as i32 + GROUP_GAP * (sections.len() as i32 - 1).max(0);
    let words = Words {
        title: moved::title(document),
        subtitle:
            "bytes that a node fetches, from zero: above a cold pull, below the update delta after a one-line edit; \
                   a segment is a layer, numbered from the lowest"
                .to_owned(),
        describe: describe(&sections),
        problems: Vec::new(),
        foot: [vec![document.puller()], foot(document, &document.bases(), &rounds(document))].concat(),
    };
    picture(theme, &words, height, |canvas, top| groups(canvas, &sections, top))
}

pub(super) fn has(row: &Row) -> bool {
    row.moves.layers.is_some()
}

fn total(segments: &[Segment]) -> u64 {
    segments.iter().map(|segment| segment.bytes).sum()
}

fn cold_label(row: &Row) -> String {
    row.moves.layers.as_ref().map_or("no valid pull".to_owned(), |layers| format::bytes(total(&layers.cold)))
}

fn edit_label(row: &Row) -> String {
    let Some(layers) = &row.moves.layers else { return String::new() };
    let Some(edit) = &layers.edit else { return "no valid update delta".to_owned() };
    let (moved, whole) = (total(edit), total(&layers.cold));
    let share = 100.0 * moved as f64 / whole.max(1) as f64;
    format!("update delta {}, {}{}%", format::bytes(moved), moved::part(share), format::THIN)
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
        for label in [cold_label(row), edit_label(row)] {
            labels = labels.max(width(&label, LABEL, false)?);
        }
    }
    let x0 = MARGIN + names + 16 + variants + 10;
    let x1 = WIDTH - MARGIN - labels - 8;
    let most =
        rows().filter_map(|r| r.moves.layers.as_ref()).map(|l| total(&l.cold)).max().unwrap_or(1).max(1);
    let scale = f64::from(x1 - x0) / most as f64;
    let mut y = top;
    for section in sections {
        let middle = y + ROW * section.variants.len() as i32 / 2;
        let name = cut(&section.label, NAME, true, names)?;
        canvas.text(&name, (MARGIN, middle), NAME, theme.ink, Align::Left, true)?;
        for row in &section.variants {
            let name = cut(&row.name, LABEL, false, variants)?;
            canvas.text(&name, (x0 - 10, y + BAR), LABEL, theme.soft, Align::Right, false)?;
            let layers = row.moves.layers.as_ref();
            let cold = layers.map_or(&[][..], |layers| &layers.cold);
            let edit = layers.and_then(|layers| layers.edit.as_deref()).unwrap_or_default();
            let above = (y + 1, y + BAR - 1);
            let below = (y + BAR + 1, y + 2 * BAR - 1);
            let end = bar(canvas, cold, (x0, scale), above)?;
            canvas.text(&cold_label(row), (end + 8, y + BAR / 2), LABEL, theme.ink, Align::Left, false)?;
            let end = bar(canvas, edit, (x0, scale), below)?;
            canvas.text(
                &edit_label(row),
                (end + 8, y + BAR + BAR / 2),
                LABEL,
                theme.soft,
                Align::Left,
                false,
            )?;
            y += ROW;
        }
        y += GROUP_GAP;
    }
    Ok(())
}

/// The layers side by side, each with its number where there is room for it; where the bar ends.
fn bar(canvas: &Canvas<'_>, segments: &[Segment], (x0, scale): (i32, f64), y: (i32, i32)) -> Result<i32> {
    let mut sum = 0;
    let at = |bytes: u64| x0 + (scale * bytes as f64).round() as i32;
    for segment in segments {
        let (from, to) = (at(sum), at(sum + segment.bytes));
        sum += segment.bytes;
        if to == from {
            continue;
        }
        canvas.bar((from, to), y, canvas.theme.layer(segment.layer), 1.0)?;
        canvas.bar((to - 1, to), y, canvas.theme.ground, 1.0)?;
        let Some(layer) = segment.layer else { continue };
        let long = format!("{layer}: {}", format::bytes(segment.bytes));
        let fits = [long, layer.to_string()]
            .into_iter()
            .find(|text| width(text, SMALL, false).is_ok_and(|wide| wide + 6 <= to - from));
        if let Some(text) = fits {
            let middle = ((from + to) / 2, (y.0 + y.1) / 2);
            canvas.text(&text, middle, SMALL, Theme::ON_LAYER, Align::Centre, false)?;
        }
    }
    Ok(at(sum))
}

fn describe(sections: &[&Section]) -> String {
    let plain = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let of_section = |section: &&Section| {
        let rows = section
            .variants
            .iter()
            .map(|row| plain(format!("{} {} cold, {}", row.name, cold_label(row), edit_label(row))));
        format!("{}: {}.", section.label, rows.collect::<Vec<_>>().join("; "))
    };
    sections.iter().map(of_section).collect::<Vec<_>>().join(" ")
}
