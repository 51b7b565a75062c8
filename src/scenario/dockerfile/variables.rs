//! ARG before FROM: the only variables that an image's name can hold.

use std::collections::BTreeMap;

/// The values of variables; `None` for one that is declared without a value.
pub(super) type Values = BTreeMap<String, Option<String>>;

/// What is wrong, and at which byte of the word.
pub(super) type Wrong = (usize, String);

/// More than any image's name is long; what grows beyond it was not written in earnest.
const LONGEST: usize = 4096;

/// The most variables in one word, and so the deepest that defaults can lie in each other.
const MOST: usize = 64;

/// A word with its variables filled in and its quotes taken off.
/// Only what every engine reads alike is accepted: `$X`, `${X}`, `${X:-word}` and `${X:+word}`.
pub(super) fn expand(word: &str, values: &Values) -> Result<String, Wrong> {
    if word.matches('$').count() > MOST {
        return Err((0, format!("more than {MOST} variables in one word")));
    }
    let mut out = String::new();
    let mut quote = None;
    let mut at = 0;
    while let Some(c) = word[at..].chars().next() {
        match c {
            '\'' | '"' if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            '\\' | '`' => return Err((at, format!("an escape (`{c}`) in a name is not supported"))),
            '$' if quote != Some('\'') => {
                let (value, used) =
                    variable(&word[at..], values).map_err(|(inner, what)| (at + inner, what))?;
                out.push_str(&value);
                at += used;
                continue;
            }
            _ => out.push(c),
        }
        at += c.len_utf8();
    }
    if out.len() > LONGEST {
        return Err((0, format!("the value is longer than {LONGEST} bytes")));
    }
    match quote {
        Some(_) => Err((0, "a quote is not closed".to_owned())),
        None => Ok(out),
    }
}

/// The value of the variable that `text` begins with, and how many bytes name it.
fn variable(text: &str, values: &Values) -> Result<(String, usize), Wrong> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let Some(inner) = text[1..].strip_prefix('{') else {
        let end = text[1..].find(|c| !is_name(c)).map_or(text.len(), |end| end + 1);
        return Ok((set(&text[1..end], values)?.to_owned(), end));
    };
    let mut depth = 0;
    let close = inner.char_indices().find(|(_, c)| {
        depth += i32::from(*c == '{') - i32::from(*c == '}');
        depth < 0
    });
    let Some((close, _)) = close else {
        return Err((0, "`${` is not closed".to_owned()));
    };
    let inner = &inner[..close];
    let end = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let at = 2 + end + 2;
    let value = values.get(name).and_then(Option::as_deref).filter(|value| !value.is_empty());
    let value = if rest.is_empty() {
        set(name, values)?.to_owned()
    } else if let Some(default) = rest.strip_prefix(":-") {
        let default = expand(default, values).map_err(|(inner, what)| (at + inner, what));
        value.map_or(default, |value| Ok(value.to_owned()))?
    } else if let Some(other) = rest.strip_prefix(":+") {
        let other = expand(other, values).map_err(|(inner, what)| (at + inner, what))?;
        value.map_or(String::new(), |_| other)
    } else {
        return Err((0, format!("`${{{inner}}}` is not supported")));
    };
    Ok((value, 2 + close + 1))
}

fn set<'a>(name: &str, values: &'a Values) -> Result<&'a str, Wrong> {
    match values.get(name) {
        Some(Some(value)) => Ok(value),
        Some(None) => Err((0, format!("`{name}` has no value"))),
        None => Err((0, format!("`{name}` is not declared before the first FROM"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_as_engines_do() {
        let values = Values::from([
            ("A".to_owned(), Some("one".to_owned())),
            ("E".to_owned(), Some(String::new())),
            ("N".to_owned(), None),
        ]);
        for (word, expected) in [
            ("golang:$A-alpine", "golang:one-alpine"),
            ("${A}", "one"),
            ("x${E}y", "xy"),
            ("${E:-two}", "two"),
            ("${A:-two}", "one"),
            ("${N:-${A}}z", "onez"),
            ("${X:-d}", "d"),
            ("${A:+yes}${X:+no}", "yes"),
            ("\"$A\"", "one"),
            ("'$A'", "$A"),
        ] {
            assert_eq!(expand(word, &values).as_deref(), Ok(expected), "{word}");
        }
        for (word, at, what) in [
            ("a$X", 1, "`X` is not declared before the first FROM"),
            ("${N}", 0, "`N` has no value"),
            ("${A", 0, "`${` is not closed"),
            ("${A#o}", 0, "`${A#o}` is not supported"),
            ("a\\$A", 1, "an escape (`\\`) in a name is not supported"),
            ("\"a", 0, "a quote is not closed"),
            ("${E:-a$X}", 6, "`X` is not declared before the first FROM"),
        ] {
            assert_eq!(expand(word, &values), Err((at, what.to_owned())), "{word}");
        }
        let many = "${A:-".repeat(100_000);
        assert_eq!(expand(&many, &values), Err((0, "more than 64 variables in one word".to_owned())));
        let long = Values::from([("L".to_owned(), Some("x".repeat(3000)))]);
        assert_eq!(expand("$L$L", &long), Err((0, "the value is longer than 4096 bytes".to_owned())));
    }
}
