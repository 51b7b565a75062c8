//! CSV as dbench reads it: fixed columns, every mistake named by file and line, and a torn last line (a killed
//! run) dropped with a warning.

use crate::error::{Error, Result, files, shown};
use crate::plain;
use std::borrow::Cow;
use std::path::Path;

/// One line of a table, for reading its fields by column name.
pub(super) struct Row<'a> {
    path: &'a Path,
    columns: &'a [&'a str],
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    pub(super) fn text(&self, column: &str) -> Result<&str> {
        self.columns
            .iter()
            .position(|c| *c == column)
            .and_then(|at| self.record.get(at))
            .ok_or_else(|| self.error(column, "is missing"))
    }

    pub(super) fn parse<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        let text = self.text(column)?;
        parse(text).ok_or_else(|| self.error(column, &format!("`{text}` is not a value of this column")))
    }

    pub(super) fn optional<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        if self.text(column)?.is_empty() { Ok(None) } else { self.parse(column, parse).map(Some) }
    }

    pub(super) fn number(&self, column: &str) -> Result<u32> {
        self.parse(column, |text| text.parse().ok())
    }

    pub(super) fn error(&self, column: &str, what: &str) -> Error {
        let line = self.record.position().map_or(1, |p| p.line() as usize);
        Error::input(format!("column `{column}`: {what}")).at(shown(self.path), line, 1).hint(
            "the file was changed by hand or made by another version; take the run from its source again",
        )
    }
}

/// Reads a table with exactly these columns. A last line without its line end is dropped and warned of.
pub(super) fn read<T>(
    path: &Path,
    columns: &[&str],
    mut convert: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<(Vec<T>, Option<String>)> {
    if !files::is_plain(path) {
        let what = if path.is_symlink() {
            "a symlink stands where a file of the run belongs"
        } else {
            "the folder of the run lacks this file"
        };
        return Err(Error::input(what)
            .in_file(shown(path))
            .hint("take the run from its source again, or measure anew with `dbench run`"));
    }
    let mut bytes = files::read(path)?;
    let torn = drop_torn_line(path, &mut bytes)?;
    let warning =
        torn.then(|| format!("{}: the last line has no line end and was dropped", shown(path).display()));
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes.as_slice());
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut first = true;
    loop {
        let more = reader.read_record(&mut record).map_err(|cause| malformed(path, &cause))?;
        if first && (!more || record != *columns) {
            return Err(Error::input("the header does not name the expected columns")
                .at(shown(path), 1, 1)
                .hint(format!("the first line must read {}", columns.join(","))));
        }
        if !more {
            return Ok((rows, warning));
        }
        if !first {
            // Whatever shows it must not obey it.
            if record.iter().any(|field| matches!(plain::line(field), Cow::Owned(_))) {
                let position = record.position().cloned();
                record = record.iter().map(|field| plain::line(field).into_owned()).collect();
                record.set_position(position);
            }
            let row = Row { path, columns, record: &record };
            if record.len() != columns.len() {
                let what = format!("{} instead of {} fields", record.len(), columns.len());
                return Err(row.error(columns[0], &what));
            }
            rows.push(convert(&row)?);
        }
        first = false;
    }
}

fn malformed(path: &Path, cause: &csv::Error) -> Error {
    let line = cause.position().map_or(1, |p| p.line() as usize);
    Error::input(cause.to_string())
        .at(shown(path), line, 1)
        .hint("the file was changed by hand or is not a table of dbench")
}

/// How many bytes are whole lines. A row is one line and is written whole with its line end, so what follows the last one is
/// torn, and nothing else is. A quote that a line leaves open would swallow the rows after it, so it is a mistake.
pub(super) fn whole_rows(path: &Path, bytes: &[u8]) -> Result<usize> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    match bytes[..whole].split(|byte| *byte == b'\n').position(|line| !encloses_fields(line)) {
        None => Ok(whole),
        Some(before) => Err(Error::input("the quotes of this line do not enclose whole fields")
            .at(shown(path), before + 1, 1)
            .hint("the file was changed by hand or is not a table of dbench; take the run from its source again")),
    }
}

/// Whether every quote of a line opens a field, closes one, or is doubled in one.
fn encloses_fields(line: &[u8]) -> bool {
    let (mut quoted, mut before) = (false, b',');
    for byte in line {
        if *byte == b'"' {
            if !quoted && !matches!(before, b',' | b'"') {
                return false;
            }
            quoted = !quoted;
        }
        before = *byte;
    }
    !quoted
}

fn drop_torn_line(path: &Path, bytes: &mut Vec<u8>) -> Result<bool> {
    let whole = whole_rows(path, bytes)?;
    let torn = whole < bytes.len() && whole > 0;
    if torn {
        bytes.truncate(whole);
    }
    Ok(torn)
}

#[cfg(test)]
mod tests;
