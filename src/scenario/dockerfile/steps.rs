//! Steps: what RUN, COPY, ADD and WORKDIR take in, and what RUN runs.

use super::lexer::{self, Instruction};
use super::parse::{Parser, json_words};
use super::{Origin, SecretMount, Step, StepKind, Takes, Transfer};
use crate::error::Result;
use std::ops::Range;

/// The shell of a stage that names none.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// What instructions of a stage have set for those after them.
#[derive(Clone, Debug, Default)]
pub(super) struct Ambient {
    /// `None` for the base's own.
    shell: Option<Vec<String>>,
    /// The folder, if it is known.
    folder: Option<String>,
    /// The line of an instruction that runs in stages that stand on this one.
    pub onbuild: Option<usize>,
}

impl Ambient {
    /// Nothing is below that could have set anything.
    pub(super) fn of_scratch() -> Self {
        Self { folder: Some("/".to_owned()), ..Self::default() }
    }
}

impl Parser<'_> {
    /// An instruction within a stage.
    pub(super) fn step(&mut self, of: &Instruction) -> Result<()> {
        let (kind, takes) = match of.keyword.as_str() {
            "RUN" => (StepKind::Run, self.run(of)?),
            "COPY" => (StepKind::Copy, self.copy(of)?),
            "ADD" => (StepKind::Add, self.copy(of)?),
            "WORKDIR" if self.leads_to_the_root(of)? => (StepKind::Root, Takes::default()),
            "WORKDIR" => (StepKind::Workdir, Takes::default()),
            _ => {
                self.set(of);
                return Ok(());
            }
        };
        let command = (kind == StepKind::Run).then(|| self.command(of));
        let documents = of.heredocs.iter().map(|heredoc| heredoc.content.clone()).collect();
        let step = Step { kind, line: of.line, text: of.text.clone(), documents, command, takes };
        if let Some(stage) = self.stages.last_mut() {
            stage.steps.push(step);
        }
        Ok(())
    }

    /// SHELL and ONBUILD, which matter to what follows.
    fn set(&mut self, of: &Instruction) {
        let Some(ambient) = self.ambient.last_mut() else { return };
        match of.keyword.as_str() {
            "SHELL" => ambient.shell = json_words(&of.text[of.args..]),
            "ONBUILD" => ambient.onbuild = ambient.onbuild.or(Some(of.line)),
            _ => {}
        }
    }

    /// Whether the folder becomes the root, which BuildKit does not count as a step.
    fn leads_to_the_root(&mut self, of: &Instruction) -> Result<bool> {
        let path = &of.text[of.args..];
        let folder = self.ambient.last().and_then(|ambient| ambient.folder.clone());
        let (folder, root) = if path.contains(['$', '"', '\'', self.escape]) {
            // Unknown, but hardly the root; the engine's own report of the steps is compared with ours.
            (None, false)
        } else {
            let known = if path.starts_with('/') { Some("") } else { folder.as_deref() };
            let joined = joined(known.unwrap_or_default(), path);
            if known.is_none() && joined == "/" {
                let message = format!("the folder `{path}` depends on that of the image below");
                return self.wrong(of, of.args, message, "write the path from the root");
            }
            let root = joined == "/";
            (known.is_some().then_some(joined), root)
        };
        if let Some(ambient) = self.ambient.last_mut() {
            ambient.folder = folder;
        }
        Ok(root)
    }

    /// What a RUN runs, as builders hand it to the kernel.
    fn command(&self, of: &Instruction) -> String {
        let text = of.text[self.flags(of).1..].trim_start();
        if let Some(words) = json_words(text) {
            return words.join(" ");
        }
        let shell = self.ambient.last().and_then(|ambient| ambient.shell.clone());
        let shell = shell.unwrap_or_else(|| SHELL.map(str::to_owned).to_vec()).join(" ");
        match of.heredocs.as_slice() {
            [] => format!("{shell} {text}"),
            // A document alone is a script for the shell, or for the program that its first line names.
            [script] if lexer::opens_heredoc(text) && !text.contains(char::is_whitespace) => {
                let content =
                    if script.chomp { script.content.trim_start_matches('\t') } else { &script.content };
                if content.starts_with("#!") {
                    format!("{shell} /dev/pipes/{}", script.name)
                } else {
                    format!("{shell} {content}")
                }
            }
            several => several.iter().fold(format!("{shell} {text}"), |text, document| {
                format!("{text}\n{}{}", document.content, document.name)
            }),
        }
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
        self.image(of, &at, &text)?;
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
        self.note_news(of);
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
        self.note_news(of);
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
            let (mut id, mut target, mut required) = (None, None, false);
            let mut at = flag.value.start;
            for field in text.split(',') {
                let (key, value) = field.split_once('=').unwrap_or((field, ""));
                let place = at + field.len() - value.len()..at + field.len();
                match key.to_ascii_lowercase().as_str() {
                    "type" => kind = value,
                    "from" => from = Some(place),
                    "source" | "src" => source = Some((place.start, value.to_owned())),
                    "id" => id = Some(value),
                    "target" | "dst" | "destination" => target = value.rsplit('/').next(),
                    "required" => required = matches!(value, "" | "true" | "1"),
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
                None if kind == "secret" => {
                    // What a variable holds is the builder's to say.
                    let id = id.or(target).filter(|id| !id.contains('$')).map(str::to_owned);
                    takes.secrets.extend(id.map(|id| SecretMount { id, required }));
                }
                None => {}
            }
        }
        Ok(takes)
    }
}

/// A path from the root, its `.` and `..` resolved.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn is_remote(source: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@"].iter().any(|start| source.starts_with(start))
}

#[cfg(test)]
mod tests;
