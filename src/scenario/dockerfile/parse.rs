//! Instructions → stages.

use super::lexer::{self, Instruction, Source};
use super::variables::{self, Values};
use super::{Dockerfile, ImageName, Need, Origin, Stage, Step, StepKind, Takes, Transfer, needs};
use crate::error::Result;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

const OTHERS: [&str; 12] = [
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
];

/// No Dockerfile is longer that was written in earnest; stages are looked up one by one.
const LONGEST: usize = 256 << 10;

impl Dockerfile {
    /// Parses a Dockerfile; `args` beat the defaults of ARG before FROM. `path` is what errors call it.
    pub fn parse(path: &Path, text: &str, args: &BTreeMap<String, String>) -> Result<Self> {
        let source = Source { path, text };
        if text.len() > LONGEST {
            let message = format!("the Dockerfile is longer than {} KiB", LONGEST >> 10);
            return Err(source.error(0, message, "keep what it writes into files in files of the context"));
        }
        let escape = lexer::escape(&source)?;
        let mut parser = Parser {
            source,
            escape,
            args,
            values: Values::new(),
            stages: vec![],
            names: vec![],
            transfers: vec![],
            needs: needs::of_directives(text),
        };
        for instruction in lexer::instructions(&parser.source, escape)? {
            parser.instruction(&instruction)?;
        }
        if parser.stages.is_empty() {
            return Err(parser.source.error(
                text.len(),
                "there is no FROM",
                "begin a stage with `FROM <image>`",
            ));
        }
        let Parser { stages, names, transfers, needs, .. } = parser;
        Ok(Self { text: text.to_owned(), stages, path: path.to_owned(), names, transfers, needs })
    }
}

/// The words of the JSON form of an instruction's arguments, if that is what they are.
pub(super) fn json_words(args: &str) -> Option<Vec<String>> {
    args.starts_with('[').then(|| serde_json::from_str(args).ok()).flatten()
}

/// An option such as `--from=builder`: its whole word, and its value.
struct Flag {
    key: String,
    value: Range<usize>,
    word: Range<usize>,
}

struct Parser<'a> {
    source: Source<'a>,
    escape: char,
    args: &'a BTreeMap<String, String>,
    values: Values,
    stages: Vec<Stage>,
    names: Vec<ImageName>,
    transfers: Vec<Transfer>,
    needs: Vec<Need>,
}

impl Parser<'_> {
    fn wrong<T>(&self, of: &Instruction, at: usize, message: impl Into<String>, hint: &str) -> Result<T> {
        Err(self.source.error(of.place(at), message, hint))
    }

    fn instruction(&mut self, of: &Instruction) -> Result<()> {
        let stage = self.stages.len() - usize::from(of.keyword != "FROM" && !self.stages.is_empty());
        let what = needs::of_instruction(of, self.escape).into_iter();
        self.needs.extend(what.map(|what| Need { stage, line: of.line, what }));
        let known = OTHERS.contains(&of.keyword.as_str());
        match of.keyword.as_str() {
            "FROM" => return self.from(of),
            "ARG" if self.stages.is_empty() => return self.global_arg(of),
            "ARG" => return Ok(()),
            "RUN" | "COPY" | "ADD" | "WORKDIR" => {}
            _ if known => {}
            _ => {
                let message = format!("`{}` is not an instruction", &of.text[..of.keyword.len()]);
                return self.wrong(of, 0, message, "correct its spelling");
            }
        }
        if self.stages.is_empty() {
            let message = format!("{} stands before the first FROM", of.keyword);
            return self.wrong(of, 0, message, "only ARG may stand before FROM");
        }
        let (kind, takes) = match of.keyword.as_str() {
            "RUN" => (StepKind::Run, self.run(of)?),
            "COPY" => (StepKind::Copy, self.copy(of)?),
            "ADD" => (StepKind::Add, self.copy(of)?),
            "WORKDIR" => (StepKind::Workdir, Takes::default()),
            _ => return Ok(()),
        };
        let step = Step { kind, line: of.line, text: of.text.clone(), takes };
        if let Some(stage) = self.stages.last_mut() {
            stage.steps.push(step);
        }
        Ok(())
    }

    /// The options in front of the arguments, and where the arguments go on.
    fn flags(&self, of: &Instruction) -> (Vec<Flag>, usize) {
        let mut flags = Vec::new();
        let mut end = of.args;
        for word in of.words(of.args, Some(self.escape)) {
            let text = &of.text[word.clone()];
            let Some(flag) = text.strip_prefix("--").filter(|flag| !flag.is_empty()) else {
                if text == "--" {
                    return (flags, word.end);
                }
                return (flags, word.start);
            };
            end = word.end;
            let (key, value) = match flag.split_once('=') {
                Some((key, _)) => (key, word.start + 2 + key.len() + 1..word.end),
                None => (flag, word.end..word.end),
            };
            flags.push(Flag { key: key.to_ascii_lowercase(), value, word });
        }
        (flags, end)
    }

    fn global_arg(&mut self, of: &Instruction) -> Result<()> {
        for word in of.words(of.args, Some(self.escape)) {
            let text = &of.text[word.clone()];
            let (name, default) =
                text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
            let value = match (self.args.get(name), default) {
                (Some(value), _) => Some(value.clone()),
                (None, None) => None,
                (None, Some(default)) => match variables::expand(default, &self.values) {
                    Ok(value) => Some(value),
                    Err((at, what)) => {
                        let at = word.start + name.len() + 1 + at;
                        return self.wrong(of, at, what, "give the ARG a plain value");
                    }
                },
            };
            self.values.insert(name.to_owned(), value);
        }
        Ok(())
    }

    fn from(&mut self, of: &Instruction) -> Result<()> {
        let (_, start) = self.flags(of);
        let words = of.words(start, None);
        let (image, name) = match words.as_slice() {
            [image] => (image.clone(), None),
            [image, word, name] if of.text[word.clone()].eq_ignore_ascii_case("as") => {
                (image.clone(), Some(name.clone()))
            }
            _ => {
                return self.wrong(
                    of,
                    0,
                    "FROM takes an image, or an image and a name",
                    "write `FROM <image> AS <name>`",
                );
            }
        };
        let written = match variables::expand(&of.text[image.clone()], &self.values) {
            Ok(written) => written,
            Err((at, what)) => {
                let hint = "declare it with a default before the first FROM: `ARG NAME=value`";
                return self.wrong(of, image.start + at, what, hint);
            }
        };
        if written.is_empty() || written.contains(char::is_whitespace) {
            return self.wrong(
                of,
                image.start,
                format!("`{written}` is not an image"),
                "name an image or a stage",
            );
        }
        let from = match self.stage_named(&written) {
            Some(index) => Origin::Stage(index),
            None if written == "scratch" => Origin::Scratch,
            None => {
                self.names.push(ImageName { span: of.span(&image), name: written.clone() });
                Origin::Image(written)
            }
        };
        let name = match name {
            Some(at) => Some(self.stage_name(of, at)?),
            None => None,
        };
        self.stages.push(Stage { index: self.stages.len(), name, from, steps: vec![], line: of.line });
        Ok(())
    }

    fn stage_name(&self, of: &Instruction, at: Range<usize>) -> Result<String> {
        let name = of.text[at.clone()].to_lowercase();
        let mut rest = name.chars();
        let good = rest.next().is_some_and(|c| c.is_ascii_lowercase())
            && rest.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c));
        if !good || name == "scratch" || name == "context" {
            let message = format!("`{name}` cannot be the name of a stage");
            return self.wrong(
                of,
                at.start,
                message,
                "use letters, digits, `-`, `_` and `.`, a letter first",
            );
        }
        if self.stage_named(&name).is_some() {
            let message = format!("two stages are called `{name}`");
            return self.wrong(of, at.start, message, "give each stage a name of its own");
        }
        Ok(name)
    }

    fn stage_named(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        self.stages.iter().position(|stage| stage.name.as_ref() == Some(&name))
    }

    /// What `--from=` or `from=` means. An image's place is kept for rewriting.
    fn origin(&mut self, of: &Instruction, at: Range<usize>) -> Result<Origin> {
        let text = of.text[at.clone()].to_owned();
        if text.contains('$') {
            let hint = "name the stage or image itself, or give the image a stage: `FROM <image> AS <name>`";
            return self.wrong(of, at.start, "a variable in `from` is not read by all engines", hint);
        }
        if text.is_empty() || text.contains(['"', '\'', self.escape]) {
            return self.wrong(
                of,
                at.start,
                "`from` needs a plain name",
                "name a stage or an image, without quotes",
            );
        }
        let here = self.stages.len().saturating_sub(1);
        let own = self.stages.get(here).and_then(|stage| stage.name.as_ref());
        let earlier = "take from a stage further up, or from an image";
        if let Ok(index) = text.parse::<usize>() {
            if index >= here {
                return self.wrong(of, at.start, format!("there is no stage {index} further up"), earlier);
            }
            return Ok(Origin::Stage(index));
        }
        if own == Some(&text.to_lowercase()) {
            return self.wrong(of, at.start, "a stage cannot take from itself", earlier);
        }
        if let Some(index) = self.stage_named(&text) {
            return Ok(Origin::Stage(index));
        }
        if text == "scratch" || text == "context" {
            return self.wrong(of, at.start, format!("`{text}` is not an image"), earlier);
        }
        self.names.push(ImageName { span: of.span(&at), name: text.clone() });
        Ok(Origin::Image(text))
    }

    fn take(&mut self, of: &Instruction, from: Origin, sources: Vec<String>, takes: &mut Takes) {
        match &from {
            Origin::Scratch => {}
            Origin::Stage(index) => takes.stages.push(*index),
            Origin::Image(name) => takes.images.push(name.clone()),
        }
        let stage = self.stages.len().saturating_sub(1);
        self.transfers.push(Transfer { stage, line: of.line, from, sources });
    }

    fn copy(&mut self, of: &Instruction) -> Result<Takes> {
        let (flags, start) = self.flags(of);
        let mut takes = Takes::default();
        let mut from = None;
        for flag in flags {
            match flag.key.as_str() {
                "from" if of.keyword == "COPY" && from.is_none() => from = Some(self.origin(of, flag.value)?),
                "from" | "exclude" | "parents" => {
                    let message = format!("{} --{} is not supported here", of.keyword, flag.key);
                    return self.wrong(of, flag.word.start, message, "copy files and folders by name");
                }
                _ => {}
            }
        }
        let args = &of.text[start..];
        let at = start + args.len() - args.trim_start().len();
        let mut sources = match json_words(args.trim_start()) {
            Some(words) => words.into_iter().map(|word| (at, word)).collect(),
            None => {
                let words = of.words(start, None).into_iter();
                words.map(|word| (word.start, of.text[word].to_owned())).collect::<Vec<_>>()
            }
        };
        if sources.len() < 2 {
            let message = format!("{} needs a source and a destination", of.keyword);
            return self.wrong(of, at, message, "name what is copied and where to");
        }
        sources.pop();
        sources.retain(|(_, source)| !lexer::opens_heredoc(source));
        if let Some(from) = from {
            let sources = sources.into_iter().map(|(_, source)| source).collect();
            self.take(of, from, sources, &mut takes);
            return Ok(takes);
        }
        for (at, source) in sources {
            if of.keyword == "ADD" && is_remote(&source) {
                continue;
            }
            self.check_source(of, at, &source)?;
            takes.context.push(source);
        }
        Ok(takes)
    }

    /// The context's files decide whether an edit reaches a step: a source must say exactly which they are.
    fn check_source(&self, of: &Instruction, at: usize, source: &str) -> Result<()> {
        if source.contains(['$', '"', '\'', '\\', self.escape]) {
            let message = format!("the source `{source}` is not a plain path or pattern");
            return self.wrong(of, at, message, "write it without variables, quotes and escapes");
        }
        Ok(())
    }

    fn run(&mut self, of: &Instruction) -> Result<Takes> {
        let mut takes = Takes::default();
        for flag in self.flags(of).0.into_iter().filter(|flag| flag.key == "mount") {
            let text = &of.text[flag.value.clone()];
            if text.contains(['"', '\'', self.escape]) {
                return self.wrong(
                    of,
                    flag.word.start,
                    "a mount with quotes is not supported",
                    "write it without quotes",
                );
            }
            let (mut kind, mut from, mut source) = ("bind", None, None);
            let mut at = flag.value.start;
            for field in text.split(',') {
                let (key, value) = field.split_once('=').unwrap_or((field, ""));
                let place = at + field.len() - value.len()..at + field.len();
                match key.to_ascii_lowercase().as_str() {
                    "type" => kind = value,
                    "from" => from = Some(place),
                    "source" | "src" => source = Some((place.start, value.to_owned())),
                    _ => {}
                }
                at += field.len() + 1;
            }
            match from {
                Some(place) => {
                    let from = self.origin(of, place)?;
                    let whole = source.map_or_else(|| "/".to_owned(), |(_, source)| source);
                    self.take(of, from, vec![whole], &mut takes);
                }
                None if kind == "bind" => {
                    let (at, source) = source.unwrap_or((at, ".".to_owned()));
                    self.check_source(of, at, &source)?;
                    takes.context.push(source);
                }
                None => {}
            }
        }
        Ok(takes)
    }
}

fn is_remote(source: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@"].iter().any(|start| source.starts_with(start))
}
