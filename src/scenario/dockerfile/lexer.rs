//! Text → instructions, by the rules of BuildKit's parser: comments, the `escape` directive, continued lines, here-documents.
//! Every character of an instruction knows where it stands in the file.

use crate::error::{Error, Result};
use std::ops::Range;
use std::path::Path;

/// A Dockerfile's text and the name that errors give it.
pub(super) struct Source<'a> {
    pub path: &'a Path,
    pub text: &'a str,
}

impl Source<'_> {
    /// What is wrong at that byte of the file.
    pub fn error(&self, at: usize, message: impl Into<String>, hint: &str) -> Error {
        Error::input(message).at_offset(self.path, self.text, at).hint(hint)
    }
}

/// One instruction, its lines joined.
pub(super) struct Instruction {
    /// Upper case.
    pub keyword: String,
    /// Keyword and arguments on one line.
    pub text: String,
    /// Where each byte of `text` stands in the file.
    places: Vec<usize>,
    /// Where the arguments begin in `text`.
    pub args: usize,
    /// The line it begins on, from 1.
    pub line: usize,
    /// The here-documents that it opens.
    pub heredocs: Vec<Heredoc>,
}

impl Instruction {
    /// Where a byte of `text` stands in the file.
    pub fn place(&self, at: usize) -> usize {
        let last = self.places.last().map_or(0, |last| last + 1);
        self.places.get(at).copied().unwrap_or(last)
    }

    /// Where a piece of `text` stands in the file, with continuations that fall inside it.
    pub fn span(&self, piece: &Range<usize>) -> Range<usize> {
        match piece.end.checked_sub(1).and_then(|last| self.places.get(last)) {
            Some(last) if !piece.is_empty() => self.place(piece.start)..last + 1,
            _ => self.place(piece.start)..self.place(piece.start),
        }
    }

    /// The pieces between white space, from `start` on; quotes and escapes count only if `quoted`.
    pub fn words(&self, start: usize, quoted: Option<char>) -> Vec<Range<usize>> {
        let mut words = Vec::new();
        let (mut begin, mut quote, mut escaped) = (None, None, false);
        for (at, c) in self.text.char_indices().filter(|(at, _)| *at >= start) {
            // Without quotes builders cut at these alone.
            let blank = if quoted.is_some() { c.is_whitespace() } else { "\t\u{b}\u{c}\r ".contains(c) };
            if blank && quote.is_none() && !escaped {
                words.extend(begin.take().map(|b| b..at));
                continue;
            }
            begin.get_or_insert(at);
            if let Some(escape) = quoted {
                match quote {
                    _ if escaped => escaped = false,
                    Some('\'') if c == '\'' => quote = None,
                    Some('\'') => {}
                    _ if c == escape => escaped = true,
                    Some(open) if c == open => quote = None,
                    None if c == '"' || c == '\'' => quote = Some(c),
                    _ => {}
                }
            }
        }
        words.extend(begin.map(|b| b..self.text.len()));
        words
    }
}

struct Line<'a> {
    at: usize,
    number: usize,
    body: &'a str,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    text.split_inclusive('\n').enumerate().map(move |(index, whole)| {
        let mut line = Line { at, number: index + 1, body: whole.trim_end_matches(['\r', '\n']) };
        at += whole.len();
        if let (0, Some(body)) = (index, line.body.strip_prefix('\u{feff}')) {
            line = Line { at: '\u{feff}'.len_utf8(), number: 1, body };
        }
        line
    })
}

fn is_comment(body: &str) -> bool {
    body.trim_start().starts_with('#')
}

/// The comments in front that steer a builder.
pub(super) struct Directives {
    /// What escapes a character and continues a line.
    pub escape: char,
    /// Where the image stands that reads the file in the builder's place.
    pub syntax: Option<Range<usize>>,
}

/// `# key = value`, and where the value begins and ends in the file.
fn directive<'a>(source: &Source<'a>, line: &Line<'a>) -> Option<(String, Range<usize>)> {
    let body = line.body.trim_start();
    let (key, value) = body.strip_prefix('#')?.split_once('=')?;
    let key = key.trim();
    let value = line.at + line.body.len() - value.trim_start().len()..line.at + line.body.trim_end().len();
    let named =
        key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.chars().all(|c| c.is_ascii_alphanumeric());
    (named && value.start < value.end && source.text.is_char_boundary(value.start))
        .then(|| (key.to_ascii_lowercase(), value))
}

/// Reads the directives, which end at the first line that is none. Where builders disagree on what that is, the file
/// is refused.
pub(super) fn directives(source: &Source<'_>) -> Result<Directives> {
    let mut found = Directives { escape: '\\', syntax: None };
    let mut seen: Vec<String> = Vec::new();
    let mut shebang = false;
    for line in lines(source.text) {
        if line.number == 1 && line.body.starts_with("#!") {
            shebang = true;
            continue;
        }
        let Some((key, value)) = directive(source, &line) else { break };
        let known = matches!(key.as_str(), "syntax" | "escape" | "check");
        let text = &source.text[value.clone()];
        if known && seen.contains(&key) {
            let message = format!("there are two `{key}` directives");
            return Err(source.error(line.at, message, "keep the first"));
        }
        let late = seen.iter().any(|key| key == "check" || key == "?");
        let hidden = if key == "syntax" { !line.body.starts_with('#') } else { shebang };
        if matches!(key.as_str(), "syntax" | "escape") && (late || hidden) {
            let message = format!("not every builder reads `{key}` here");
            return Err(source.error(line.at, message, "write it in the first line of the file"));
        }
        match key.as_str() {
            "escape" if text == "\\" => {}
            "escape" if text == "`" => found.escape = '`',
            "escape" => {
                let message = format!("`{text}` cannot be the escape character");
                return Err(source.error(line.at, message, "write `# escape=\\` or # escape=`"));
            }
            "syntax" => {
                let end = text.find(' ').map_or(value.end, |end| value.start + end);
                found.syntax = Some(value.start..end);
            }
            _ => {}
        }
        seen.push(if known { key } else { "?".to_owned() });
    }
    Ok(found)
}

/// Where a continued line is cut; `None` if it ends the instruction.
fn cut(body: &str, escape: char) -> Option<usize> {
    let before = body.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
    (!before.ends_with(escape)).then_some(before.len())
}

/// The instructions of a file, in its order.
pub(super) fn instructions(source: &Source<'_>, escape: char) -> Result<Vec<Instruction>> {
    let mut found = Vec::new();
    let mut rest = lines(source.text);
    while let Some(first) = rest.next() {
        if first.body.trim().is_empty() || is_comment(first.body) {
            continue;
        }
        let (mut text, mut places) = (String::new(), Vec::new());
        let indent = first.body.len() - first.body.trim_start().len();
        let mut next =
            Some(Line { at: first.at + indent, number: first.number, body: &first.body[indent..] });
        while let Some(line) = next {
            let continued =
                if line.number != first.number && (line.body.trim().is_empty() || is_comment(line.body)) {
                    true
                } else {
                    let end = cut(line.body, escape);
                    let body = &line.body[..end.unwrap_or(line.body.len())];
                    text.push_str(body);
                    places.extend(line.at..line.at + body.len());
                    end.is_some()
                };
            next = if continued { rest.next() } else { None };
        }
        text.truncate(text.trim_end().len());
        places.truncate(text.len());
        // A first line of nothing but the escape character leaves the second one's indent.
        let blank = text.len() - text.trim_start().len();
        text.drain(..blank);
        places.drain(..blank);
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let args = text.len() - text[end..].trim_start().len();
        let mut instruction = Instruction {
            keyword: text[..end].to_ascii_uppercase(),
            args,
            text,
            places,
            line: first.number,
            heredocs: Vec::new(),
        };
        for mut heredoc in heredocs(&instruction) {
            let mut ended = false;
            for line in rest.by_ref() {
                let body = if heredoc.chomp { line.body.trim_start_matches('\t') } else { line.body };
                ended = body == heredoc.name;
                if ended {
                    break;
                }
                heredoc.content.push_str(line.body);
                heredoc.content.push('\n');
            }
            if !ended {
                return Err(source.error(
                    instruction.place(heredoc.at),
                    format!("the here-document never ends: no line is `{}`", heredoc.name),
                    "end it with a line that holds that word and nothing else",
                ));
            }
            instruction.heredocs.push(heredoc);
        }
        found.push(instruction);
    }
    Ok(found)
}

/// Text that stands in the lines after an instruction.
pub(super) struct Heredoc {
    /// The word that ends it.
    pub name: String,
    /// Its lines.
    pub content: String,
    /// Whether tabs in front of its lines do not count.
    pub chomp: bool,
    at: usize,
}

/// The here-documents that an instruction opens: words `<<NAME`, `<<-NAME` or `3<<"NAME"` of RUN, COPY and ADD.
/// Builders read them with a backslash as the escape, whatever the file's own is.
fn heredocs(instruction: &Instruction) -> Vec<Heredoc> {
    let mut start = instruction.args;
    let mut keyword = instruction.keyword.clone();
    if keyword == "ONBUILD" {
        let inner = &instruction.text[start..];
        let end = inner.find(char::is_whitespace).unwrap_or(inner.len());
        keyword = inner[..end].to_ascii_uppercase();
        start += end;
    }
    let args = instruction.text[start..].trim_start();
    if !matches!(keyword.as_str(), "RUN" | "COPY" | "ADD") || super::parse::json_words(args).is_some() {
        return Vec::new();
    }
    let words = instruction.words(start, Some('\\'));
    words.into_iter().filter_map(|word| heredoc(&instruction.text[word.clone()], word.start)).collect()
}

fn heredoc(word: &str, at: usize) -> Option<Heredoc> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (chomp, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    if rest.contains('<') {
        return None;
    }
    let name: String = rest.chars().filter(|c| !matches!(c, '"' | '\'' | '\\')).collect();
    (!name.is_empty()).then_some(Heredoc { name, content: String::new(), chomp, at })
}

/// Whether a word opens a here-document.
pub(super) fn opens_heredoc(word: &str) -> bool {
    heredoc(word, 0).is_some()
}
