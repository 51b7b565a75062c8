//! Owns tables of plain text: columns as wide as their widest cell; those that do not fit stand in further tables below.
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

/// A column; the first of a table is left-aligned and stands in each part of it.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) head: String,
    pub(super) cells: Vec<Cell>,
    /// Columns with higher numbers go below first; 0 never does.
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
}

/// Lays columns out within `width`, in as many tables as that takes; and the heads of those that are wider alone.
pub(super) fn lay(columns: Vec<Column>, width: usize) -> (Vec<Laid>, Vec<String>) {
    let (first, mut rest): (Vec<Column>, Vec<Column>) = columns.into_iter().partition(|c| c.drop == 0);
    let beside = |shown: &[Column]| [first.clone(), shown.to_vec()].concat();
    let (mut tables, mut too_wide) = (Vec::new(), Vec::new());
    loop {
        let (mut shown, mut below) = (std::mem::take(&mut rest), Vec::new());
        while total(&beside(&shown)) > width {
            let least = shown.iter().enumerate().max_by_key(|(_, c)| c.drop).map(|(at, _)| at);
            let Some(at) = least else { break };
            below.push(shown.remove(at));
        }
        // Nothing fits, not even what was tried last and alone.
        if shown.is_empty() {
            too_wide.extend(below.pop().map(|column| column.head));
        }
        let last = below.is_empty();
        if !shown.is_empty() || last && tables.is_empty() {
            tables.push(table(&beside(&shown), width));
        }
        if last {
            return (tables, too_wide);
        }
        // What matters most stands first, in each table.
        below.sort_by_key(|column| column.drop);
        rest = below;
    }
}

fn table(columns: &[Column], width: usize) -> Laid {
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
    Laid { head, lines }
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
    fn numbers_stand_right_and_the_highest_number_goes_below_first() {
        let columns = vec![
            column("", &["single", "x"], 0),
            column("cold", &["1 s", "10 s"], 1),
            column("warm", &["2 s", ""], 2),
        ];
        let (whole, _) = lay(columns.clone(), 80);
        assert_eq!(whole[0].head, "           cold   warm");
        assert_eq!(
            whole[0].lines,
            [(true, "  single    1 s    2 s".into()), (true, "  x        10 s".into())]
        );
        let (narrow, too_wide) = lay(columns.clone(), 16);
        assert_eq!(narrow.len(), 2);
        assert_eq!((narrow[0].head.trim(), narrow[1].head.trim()), ("cold", "warm"));
        assert_eq!(narrow[0].lines[1].1, "  x        10 s");
        assert_eq!(narrow[1].lines[0].1, "  single    2 s");
        assert_eq!(too_wide, Vec::<String>::new());
        let (none, too_wide) = lay(columns, 10);
        assert_eq!(too_wide, ["cold", "warm"]);
        assert_eq!(none[0].lines[0].1, "  single");
    }

    #[test]
    fn a_column_that_is_wider_alone_keeps_no_other_from_its_table() {
        let columns = vec![
            column("", &["single"], 0),
            column("cold", &["a very long cell of a table"], 1),
            column("warm", &["2 s"], 2),
        ];
        let (tables, too_wide) = lay(columns, 20);
        assert_eq!(tables.len(), 1);
        assert_eq!((tables[0].head.trim(), too_wide), ("warm", vec!["cold".to_owned()]));
    }

    #[test]
    fn text_is_broken_between_words_and_long_words_are_cut() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible", 6), ["incom…"]);
    }
}
