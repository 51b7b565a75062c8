//! Owns the place of the results in somebody's Markdown file.
//! Leaves reading and writing the file to its caller.

use crate::error::{Error, Result};
use std::path::Path;

const BEGIN: &str = "<!-- dbench:results -->";
const END: &str = "<!-- /dbench:results -->";

/// `text`, which is the content of `file`, with what stands between the markers replaced by `results`.
pub fn splice(file: &Path, text: &str, results: &str) -> Result<String> {
    let begin = only(file, text, BEGIN)?;
    let end = only(file, text, END)?;
    let after_begin = begin + BEGIN.len();
    if end < after_begin {
        return Err(Error::input(format!("`{END}` stands before `{BEGIN}`"))
            .at_offset(file, text, end)
            .hint("swap the two markers"));
    }
    let spliced = format!("\n\n{}\n\n", results.trim());
    // A document keeps the line ends that it has.
    let spliced = if text.contains("\r\n") { spliced.replace('\n', "\r\n") } else { spliced };
    Ok(format!("{}{spliced}{}", &text[..after_begin], &text[end..]))
}

fn only(file: &Path, text: &str, marker: &str) -> Result<usize> {
    let mut found = text.match_indices(marker).map(|(at, _)| at);
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        (_, Some(second)) => Err(Error::input(format!("`{marker}` stands here a second time"))
            .at_offset(file, text, second)
            .hint("leave one pair of markers")),
        (None, _) => Err(Error::input(format!("the marker `{marker}` is missing"))
            .in_file(file)
            .hint(format!("put `{BEGIN}` and `{END}` on lines of their own where the results should stand"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spliced(text: &str) -> Result<String> {
        splice(Path::new("README.md"), text, "new\n")
    }

    #[test]
    fn what_stands_between_the_markers_is_replaced_and_twice_is_the_same() {
        let once = spliced("a\n<!-- dbench:results -->\nold\n<!-- /dbench:results -->\nb\n").unwrap();
        assert_eq!(once, "a\n<!-- dbench:results -->\n\nnew\n\n<!-- /dbench:results -->\nb\n");
        assert_eq!(spliced(&once).unwrap(), once);
    }

    #[test]
    fn a_document_keeps_its_line_ends() {
        let once = spliced("a\r\n<!-- dbench:results -->\r\n<!-- /dbench:results -->\r\n").unwrap();
        assert_eq!(once, "a\r\n<!-- dbench:results -->\r\n\r\nnew\r\n\r\n<!-- /dbench:results -->\r\n");
        assert_eq!(spliced(&once).unwrap(), once);
    }

    #[test]
    fn missing_doubled_and_swapped_markers_are_named_with_their_line() {
        for (text, said) in [
            ("x\n", "README.md: the marker `<!-- dbench:results -->` is missing\n  hint: put "),
            (
                "<!-- dbench:results -->\n",
                "README.md: the marker `<!-- /dbench:results -->` is missing\n  hint: put ",
            ),
            (
                "<!-- dbench:results -->\n<!-- dbench:results -->\n",
                "README.md:2:1: `<!-- dbench:results -->` stands here a second time\n  hint: leave one pair",
            ),
            (
                "<!-- /dbench:results -->\n<!-- dbench:results -->\n",
                "README.md:1:1: `<!-- /dbench:results -->` stands before `<!-- dbench:results -->`\n  hint: swap",
            ),
        ] {
            let error = spliced(text).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
