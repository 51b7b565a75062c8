//! Instructions → stages.

use super::lexer::{self, Directives, Instruction, Source};
use super::news::News;
use super::steps::Ambient;
use super::variables::{self, Values};
use super::{Dockerfile, ImageName, Need, Origin, Stage, Transfer, needs};
use crate::error::Result;
use crate::image::{NAME_FORM, not_a_name};
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
        let Directives { escape, syntax } = lexer::directives(&source)?;
        let frontend = syntax.map(|span| ImageName::read(&source, &text[span.clone()], span)).transpose()?;
        let needs = frontend.iter().map(|image| needs::of_frontend(text, &image.span)).collect();
        let mut parser = Parser {
            source,
            escape,
            args,
            values: Values::new(),
            stages: vec![],
            ambient: vec![],
            names: frontend.iter().cloned().collect(),
            transfers: vec![],
            needs,
            news: vec![],
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
        let Parser { stages, names, transfers, needs, news, .. } = parser;
        let (text, path) = (text.to_owned(), path.to_owned());
        let frontend = frontend.map(|image| image.name);
        Ok(Self { text, stages, path, names, transfers, needs, frontend, news })
    }
}

impl ImageName {
    /// What a text at that place names, by its value.
    fn read(source: &Source<'_>, name: &str, span: Range<usize>) -> Result<Self> {
        match not_a_name(name) {
            Some(wrong) => Err(source.error(span.start, wrong, NAME_FORM)),
            None => Ok(Self { name: name.to_owned(), span }),
        }
    }
}

/// The words of the JSON form of an instruction's arguments, if that is what they are.
pub(super) fn json_words(args: &str) -> Option<Vec<String>> {
    args.starts_with('[').then(|| serde_json::from_str(args).ok()).flatten()
}

/// An option such as `--from=builder`: its whole word, and its value.
pub(super) struct Flag {
    pub key: String,
    pub value: Range<usize>,
    pub word: Range<usize>,
}

pub(super) struct Parser<'a> {
    source: Source<'a>,
    pub escape: char,
    args: &'a BTreeMap<String, String>,
    values: Values,
    pub stages: Vec<Stage>,
    /// For each stage, what its instructions have set.
    pub ambient: Vec<Ambient>,
    pub names: Vec<ImageName>,
    pub transfers: Vec<Transfer>,
    /// What older builders do not know, with its line.
    pub news: Vec<(News, usize)>,
    needs: Vec<Need>,
}

impl Parser<'_> {
    pub(super) fn wrong<T>(
        &self,
        of: &Instruction,
        at: usize,
        message: impl Into<String>,
        hint: &str,
    ) -> Result<T> {
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
        self.step(of)
    }

    /// The options in front of the arguments, and where the arguments go on.
    pub(super) fn flags(&self, of: &Instruction) -> (Vec<Flag>, usize) {
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
                self.image(of, &image, &written)?;
                Origin::Image(written)
            }
        };
        let name = match name {
            Some(at) => Some(self.stage_name(of, at)?),
            None => None,
        };
        let ambient = match &from {
            Origin::Scratch => Ambient::of_scratch(),
            Origin::Image(_) => Ambient::default(),
            Origin::Stage(index) => self.ambient.get(*index).cloned().unwrap_or_default(),
        };
        if let Some(line) = ambient.onbuild {
            let message = format!(
                "the ONBUILD of line {line} runs here, and its steps cannot be told from the stage's own"
            );
            return self.wrong(
                of,
                image.start,
                message,
                "write its instruction into this stage, and leave the ONBUILD out",
            );
        }
        self.ambient.push(ambient);
        self.stages.push(Stage { index: self.stages.len(), name, from, steps: vec![], line: of.line });
        Ok(())
    }

    /// Notes where an image is named.
    pub(super) fn image(&mut self, of: &Instruction, at: &Range<usize>, name: &str) -> Result<()> {
        self.names.push(ImageName::read(&self.source, name, of.span(at))?);
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

    pub(super) fn stage_named(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        self.stages.iter().position(|stage| stage.name.as_ref() == Some(&name))
    }
}
