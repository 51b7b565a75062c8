//! Owns what of a Dockerfile only BuildKit can do: directives, flags, here-documents, sources from git.
//! Leaves to `runner` what becomes of a variant that its builder cannot build.

use super::Need;
use super::lexer::{Instruction, opens_heredoc};
use std::ops::Range;

/// The flags that the classic builder knows, by instruction; all others came with BuildKit.
const CLASSIC: [(&str, &[&str]); 4] =
    [("RUN", &[]), ("COPY", &["from", "chown"]), ("ADD", &["chown"]), ("FROM", &["platform"])];
/// What BuildKit fills in where a platform is named.
const PLATFORM_ARGS: [&str; 2] = ["BUILD", "TARGET"];

/// Another frontend than the builder's own is a matter of BuildKit.
pub(super) fn of_frontend(text: &str, span: &Range<usize>) -> Need {
    let line = text[..span.start].matches('\n').count() + 1;
    Need { stage: 0, line, what: format!("`# syntax={}`", &text[span.clone()]) }
}

/// What an instruction asks for.
pub(super) fn of_instruction(of: &Instruction, escape: char) -> Option<String> {
    let (keyword, known) = CLASSIC.into_iter().find(|(keyword, _)| *keyword == of.keyword)?;
    let words: Vec<&str> = of.words(of.args, Some(escape)).into_iter().map(|word| &of.text[word]).collect();
    let flags = words.iter().map_while(|word| word.strip_prefix("--").filter(|flag| !flag.is_empty()));
    for flag in flags {
        let (key, value) = flag.split_once('=').unwrap_or((flag, ""));
        let filled_in =
            |arg: &&str| value.contains(&format!("${arg}")) || value.contains(&format!("${{{arg}"));
        if !known.contains(&key.to_ascii_lowercase().as_str()) {
            return Some(format!("{keyword} --{key}"));
        }
        if keyword == "FROM" && PLATFORM_ARGS.iter().any(filled_in) {
            return Some(format!("{keyword} --{flag}"));
        }
    }
    let json = super::parse::json_words(of.text[of.args..].trim_start()).is_some();
    if keyword != "FROM" && !json && words.iter().any(|word| opens_heredoc(word)) {
        return Some(format!("a here-document of {keyword}"));
    }
    let git = |word: &&str| ["git@", "git://", "ssh://"].iter().any(|start| word.starts_with(start));
    (keyword == "ADD" && words.iter().any(git)).then(|| "ADD of a git repository".to_owned())
}
