//! Owns how text of others (of files, engines and containers) is shown: a terminal or a page must not obey it.
//! What steers a terminal, or turns the direction of writing, is shown as `\u001b`, which JSON reads as the character too.

use std::borrow::Cow;

/// Whether something obeys a character instead of showing it; line ends and tabs are for the caller to judge.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Text of any number of lines; line ends and tabs stay.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    let kept = |c: char| matches!(c, '\n' | '\t') || !steers(c);
    if text.chars().all(kept) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.replace("\r\n", "\n").chars() {
        push(&mut shown, c, kept(c));
    }
    Cow::Owned(shown)
}

/// Text on one line: what ends a line is a space.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.replace("\r\n", "\n").chars() {
        let c = if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c };
        push(&mut shown, c, !steers(c));
    }
    Cow::Owned(shown)
}

fn push(shown: &mut String, c: char, as_it_is: bool) {
    if as_it_is {
        shown.push(c);
    } else {
        shown.push_str(&format!("\\u{:04x}", u32::from(c)));
    }
}

/// Every text of a JSON value on one line.
pub(crate) fn json(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            if let Cow::Owned(shown) = line(text) {
                *text = shown;
            }
        }
        serde_json::Value::Array(all) => all.iter_mut().for_each(json),
        serde_json::Value::Object(all) => all.values_mut().for_each(json),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_and_not_obeyed() {
        let hostile = "a\u{1b}[2Jb\u{9b}1mc\u{7f}\u{202e}d\0\r\n\te\rf";
        assert_eq!(lines(hostile), "a\\u001b[2Jb\\u009b1mc\\u007f\\u202ed\\u0000\n\te\\u000df");
        assert_eq!(line(hostile), "a\\u001b[2Jb\\u009b1mc\\u007f\\u202ed\\u0000  e f");
        for plain in ["", "é – 日本 × 🦀\u{2009}\u{a0}", "a\nb\tc"] {
            assert!(matches!(lines(plain), Cow::Borrowed(text) if text == plain));
        }
    }

    #[test]
    fn shown_text_is_still_json() {
        let shown = lines("[\"\u{9b}31m\"]").into_owned();
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), ["\u{9b}31m"]);
        let mut value = serde_json::json!({ "a": ["x\u{1b}y", 1], "b": "c\nd" });
        json(&mut value);
        assert_eq!(value, serde_json::json!({ "a": ["x\\u001by", 1], "b": "c d" }));
    }
}
