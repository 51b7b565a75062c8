//! Owns the chart of unpacked sizes: a group of bars a scenario, the change in percent beside each.

use super::canvas::{Align, Canvas, MARGIN, WIDTH, Words, colours, cut, foot, picture, rounds, width};
use super::signs;
use super::theme::Theme;
use crate::error::Result;
use crate::report::document::{Document, Figure, Section};
use crate::report::problem::Problem;
use crate::report::{finding, format};
use crate::results::{Metric, Phase};

const ROW: i32 = 19;
const GROUP_GAP: i32 = 16;
const NAME: i32 = 15;
const LABEL: i32 = 13;

/// Draws it.
pub(super) fn draw(document: &Document, theme: &Theme) -> Result<String> {
    let sections: Vec<&Section> = document.sections.iter().collect();
    let rows: usize = sections.iter().map(|s| s.variants.len()).sum();
    let height = ROW * rows as i32 + GROUP_GAP * (sections.len() as i32 - 1).max(0);
    let baseline = sections.first().and_then(|s| s.baseline()).map_or("baseline", |b| b.name.as_str());
    let words = Words {
        title: finding::sizes(document),
        subtitle: format!(
            "unpacked size of the final image, median, from zero; the percentage is the change against {baseline}"
        ),
        describe: describe(&sections),
        problems: signs::named(&sections, concerns),
        foot: foot(document, &document.bases(), &document.builder(), &rounds(document)),
    };
    picture(theme, &words, height, |canvas, top| groups(canvas, &sections, top))
}

/// What spoils the image whose size is shown.
fn concerns(section: &Section, problem: &Problem) -> bool {
    let phase = section.image_phase.unwrap_or(Phase::Cold);
    problem.phase == phase && problem.concerns(&[Metric::UnpackedSize])
}

fn label(figure: Option<&Figure>) -> String {
    let Some(figure) = figure else { return "no valid sample".to_owned() };
    let change = figure.reduction().map(|r| format!("\u{2002}{}", format::change(r))).unwrap_or_default();
    format!("{}{change}", format::bytes(figure.median()))
}

fn groups(canvas: &Canvas<'_>, sections: &[&Section], top: i32) -> Result<()> {
    let theme = canvas.theme;
    let rows = || sections.iter().flat_map(|s| &s.variants);
    let mut names = 0;
    for section in sections {
        names = names.max(width(&section.label, NAME, true)?);
    }
    let names = names.min(200);
    let (mut variants, mut labels) = (0, 0);
    for row in rows() {
        variants = variants.max(width(&row.name, LABEL, false)?.min(110));
        labels = labels.max(width(&label(row.unpacked_size.as_ref()), LABEL, false)?);
    }
    let x0 = MARGIN + names + 16 + variants + 10;
    let x1 = WIDTH - MARGIN - labels - 8;
    let most = rows().filter_map(|r| r.unpacked_size.as_ref()).map(Figure::median).max().unwrap_or(1).max(1);
    let mut y = top;
    for section in sections {
        let middle = y + ROW * section.variants.len() as i32 / 2;
        let name = cut(&section.label, NAME, true, names)?;
        canvas.text(&name, (MARGIN, middle), NAME, theme.ink, Align::Left, true)?;
        for (row, colour) in section.variants.iter().zip(colours(theme, &section.variants)) {
            let middle = y + ROW / 2;
            let name = cut(&row.name, LABEL, false, variants)?;
            canvas.text(&name, (x0 - 10, middle), LABEL, theme.soft, Align::Right, false)?;
            let mut end = x0;
            if let Some(figure) = &row.unpacked_size {
                end = x0 + (f64::from(x1 - x0) * figure.median() as f64 / most as f64).round() as i32;
                canvas.bar((x0, end), (y + 2, y + ROW - 3), colour, 1.0)?;
            }
            let ink = if row.baseline { theme.soft } else { theme.ink };
            let said = label(row.unpacked_size.as_ref());
            canvas.text(&said, (end + 8, middle), LABEL, ink, Align::Left, false)?;
            y += ROW;
        }
        y += GROUP_GAP;
    }
    Ok(())
}

fn describe(sections: &[&Section]) -> String {
    let of_section = |section: &&Section| {
        let rows = section.variants.iter().map(|row| {
            let figure = label(row.unpacked_size.as_ref());
            format!("{} {}", row.name, figure.split_whitespace().collect::<Vec<_>>().join(" "))
        });
        format!("{}: {}.", section.label, rows.collect::<Vec<_>>().join(", "))
    };
    sections.iter().map(of_section).collect::<Vec<_>>().join(" ")
}
