//! Owns tables of plain text: columns as wide as their widest cell, dropped from a given order when too narrow.
//! Leaves what stands in them to `terminal`.

use unicode_width::UnicodeWidthStr;

/// One cell: its lines are right-aligned below each other; an empty line is left out where all are empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell(pub(super) Vec<String>);

impl Cell {
    pub(super) fn line(text: impl Into<String>) -> Self {
        Self(vec![text.into()])
    }

    fn width(&self) -> usize {
        self.0.iter().map(|line| line.width()).max().unwrap_or(0)
    }
}

/// A column; the first of a table is left-aligned and never dropped.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) head: String,
    pub(super) cells: Vec<Cell>,
    /// Columns with higher numbers are dropped first; 0 is never dropped.
    pub(super) drop: u8,
}

const GAP: usize = 3;
const INDENT: usize = 2;

/// A laid out table.
#[derive(Clone, Debug)]
pub(super) struct Laid {
    /// The line of heads.
    pub(super) head: String,
    /// Lines of cells, with whether the line is the first of its row.
    pub(super) lines: Vec<(bool, String)>,
    /// The heads of the columns that did not fit.
    pub(super) dropped: Vec<String>,
}

/// Lays columns out within `width`.
pub(super) fn lay(mut columns: Vec<Column>, width: usize) -> Laid {
    let mut dropped = Vec::new();
    while total(&columns) > width {
        let next = columns.iter().enumerate().filter(|(_, c)| c.drop > 0).max_by_key(|(_, c)| c.drop);
        let Some(at) = next.map(|(at, _)| at) else { break };
        dropped.push(columns.remove(at).head);
    }
    let widths: Vec<usize> = columns.iter().map(width_of).collect();
    let heads = columns.iter().map(|c| c.head.clone());
    let head = line(heads, &widths, width);
    let rows = columns.iter().map(|c| c.cells.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for row in 0..rows {
        let height = columns.iter().filter_map(|c| c.cells.get(row)).map(|c| c.0.len()).max().unwrap_or(0);
        for at in 0..height {
            let of = |c: &Column| c.cells.get(row).and_then(|c| c.0.get(at)).cloned().unwrap_or_default();
            let text = line(columns.iter().map(of), &widths, width);
            if at == 0 || !text.trim().is_empty() {
                lines.push((at == 0, text));
            }
        }
    }
    Laid { head, lines, dropped }
}

fn width_of(column: &Column) -> usize {
    column.cells.iter().map(Cell::width).max().unwrap_or(0).max(column.head.width())
}

fn total(columns: &[Column]) -> usize {
    INDENT + columns.iter().map(width_of).sum::<usize>() + GAP * columns.len().saturating_sub(1)
}

fn line(cells: impl Iterator<Item = String>, widths: &[usize], width: usize) -> String {
    let mut text = " ".repeat(INDENT);
    for (at, (cell, wide)) in cells.zip(widths).enumerate() {
        let pad = " ".repeat(wide.saturating_sub(cell.width()));
        if at == 0 {
            text.push_str(&cell);
            text.push_str(&pad);
        } else {
            text.push_str(&" ".repeat(GAP));
            text.push_str(&pad);
            text.push_str(&cell);
        }
    }
    fit(text.trim_end(), width)
}

/// `text` cut to `width` columns, with an ellipsis where something is missing.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        if cut.width() + c.to_string().width() + 1 > width {
            break;
        }
        cut.push(c);
    }
    format!("{}…", cut.trim_end())
}

/// `text` broken between words into lines of at most `width` columns.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, width)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(head: &str, cells: &[&str], drop: u8) -> Column {
        Column { head: head.into(), cells: cells.iter().map(|c| Cell::line(*c)).collect(), drop }
    }

    #[test]
    fn numbers_stand_right_and_the_highest_number_goes_first() {
        let columns = vec![
            column("", &["single", "x"], 0),
            column("cold", &["1 s", "10 s"], 1),
            column("warm", &["2 s", ""], 2),
        ];
        let whole = lay(columns.clone(), 80);
        assert_eq!(whole.head, "           cold   warm");
        assert_eq!(whole.lines, [(true, "  single    1 s    2 s".into()), (true, "  x        10 s".into())]);
        let narrow = lay(columns, 16);
        assert_eq!(narrow.dropped, ["warm"]);
        assert_eq!(narrow.lines[1].1, "  x        10 s");
    }

    #[test]
    fn text_is_broken_between_words_and_long_words_are_cut() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible", 6), ["incom…"]);
    }
}
