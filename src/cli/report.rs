//! `dbench report`: shows a run again from its files alone, and puts it into documents.

use super::config::Config;
use super::screen::Screen;
use super::timeline::{self, Wanted};
use crate::error::{Error, Exit, Result, files, shown};
use crate::report::{Chart, Document, charts, png, splice};
use crate::results::{Loaded, RunFolder, Runs, Status, find_run};
use crate::runner;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  dbench report                                   the latest run, as tables
  dbench report latest --format markdown          the same as Markdown
  dbench report latest --png                      every chart as PNG as well
  dbench report --timeline go-scratch/multi/cold  where the time of one build went, as a chart
  dbench report --into README.md                  between the markers of a document
  dbench report --into README.md --check          for CI: exit code 4 if it says something else";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A run: its folder, its id, or `latest`
    run: Option<String>,
    /// The folder of runs
    #[arg(long, env = "DBENCH_OUT", value_name = "DIR")]
    out: Option<PathBuf>,
    /// Put the results as Markdown between the markers of this file
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Change and print nothing, and end with exit code 4 if the charts or the file of `--into` would change
    #[arg(long)]
    check: bool,
    /// Only draw the timeline of this build, SCENARIO/VARIANT/PHASE[/BUILDER][/ROUND]; else the median round
    #[arg(long, value_name = "BUILD", value_parser = timeline::parse, conflicts_with_all = ["into", "check", "format"])]
    timeline: Option<Wanted>,
    /// Draw every chart as PNG as well, at twice its size
    #[arg(long)]
    png: bool,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Form::Text, conflicts_with_all = ["into", "check"])]
    format: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Tables for the terminal.
    Text,
    /// Markdown.
    Markdown,
    /// For programs.
    Json,
}

pub(super) fn report(arguments: &Arguments, config: &Config, screen: &Screen) -> Result<Exit> {
    let out = config.out(&arguments.out).value;
    let latest = matches!(arguments.run.as_deref(), None | Some("latest"));
    let loaded = if latest {
        let mut runs = Runs::below(&out)?;
        say_what_is_no_run(&runs, screen);
        let loaded = Loaded::read(runs.latest(&out)?)?;
        for folder in runs.newest().1 {
            let run = shown(folder.path());
            screen
                .problem("warning", &format!("{} has nothing to report and was passed over", run.display()));
        }
        say_what_is_broken(&runs, screen);
        loaded
    } else {
        Loaded::read(find_run(&out, arguments.run.as_deref())?)?
    };
    for warning in &loaded.warnings {
        screen.problem("warning", warning);
    }
    say_if_it_goes_on(&loaded, screen);
    if let Some(wanted) = &arguments.timeline {
        return timeline::draw(&loaded, wanted, arguments.png, screen).map(|()| Exit::Done);
    }
    let document = Document::new(&loaded);
    let files = drawn(&loaded, charts(&loaded)?, arguments.png)?;
    let into = arguments.into.as_ref().map(|file| spliced(file, &document, &loaded)).transpose()?;
    if arguments.check {
        let larger = arguments.into.as_ref().map(|file| larger(file, &out, &loaded)).transpose()?.flatten();
        let files: Vec<_> = into.into_iter().chain(files).collect();
        return check(&files, loaded.folder.path(), arguments.into.as_deref(), larger.as_deref(), screen);
    }
    let written = write_charts(&loaded, &files);
    if let Some((file, text)) = into {
        // A document that shows charts is not changed before these are there.
        written?;
        return write(&file, &text).map(|()| Exit::Done);
    }
    screen.print_styled(&match arguments.format {
        Form::Text => in_words(&document, &loaded, written.is_ok() && !files.is_empty(), screen),
        Form::Markdown => document.markdown(&loaded.folder.path().to_string_lossy()),
        Form::Json => document.json(),
    })?;
    written.map(|()| Exit::Done)
}

/// Warns of folders that hold samples of a run, and nothing that says which.
pub(super) fn say_what_is_no_run(runs: &Runs, screen: &Screen) {
    for folder in &runs.nameless {
        let path = shown(folder.path());
        let path = path.display();
        screen.problem("warning", &format!("{path} has samples and no run.json, and was passed over"));
    }
}

/// Warns of runs that cannot be read where another one was taken.
pub(super) fn say_what_is_broken(runs: &Runs, screen: &Screen) {
    for broken in &runs.broken {
        screen.problem("warning", &format!("a run was passed over: {}", broken.reason()));
    }
}

/// Warns that a run without an end may have more to come.
pub(super) fn say_if_it_goes_on(loaded: &Loaded, screen: &Screen) {
    let state = runner::state_folder().ok().filter(|_| loaded.run.ended.is_none());
    if let Some(holder) = state.and_then(|state| runner::measuring(&state, loaded.folder.path())) {
        screen.problem("warning", &format!("this run goes on ({holder}): what has no sample may still come"));
    }
}

/// The report for a terminal, with what says which run it is above it.
pub(super) fn in_words(document: &Document, loaded: &Loaded, has_charts: bool, screen: &Screen) -> String {
    let charts = shown(&loaded.folder.charts()).display().to_string();
    let charts = has_charts.then(|| crate::plain::line(&charts));
    let heading = document.heading(charts.as_deref(), screen.width());
    format!("{heading}{}", document.terminal(screen.width(), screen.colours()))
}

fn read_document(file: &Path) -> Result<String> {
    if !file.exists() {
        return Err(Error::input("there is no such file to put the results into").in_file(file).hint(
            "make it, with `<!-- dbench:results -->` and `<!-- /dbench:results -->` on lines of their own",
        ));
    }
    files::read_to_string(file)
}

/// Charts of a run with the paths that they belong at, each as PNG as well if asked for.
pub(super) fn drawn(loaded: &Loaded, charts: Vec<Chart>, with_png: bool) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = loaded.folder.charts();
    let mut files = Vec::new();
    for Chart { name, svg } in charts {
        let path = folder.join(name);
        if with_png {
            files.push((path.with_extension("png"), png(&svg)?));
        }
        files.push((path, svg.into_bytes()));
    }
    Ok(files)
}

/// The document with the run in it.
fn spliced(file: &Path, document: &Document, loaded: &Loaded) -> Result<(PathBuf, Vec<u8>)> {
    let text = read_document(file)?;
    let results = document.markdown(&between(file, loaded.folder.path()));
    Ok((file.to_owned(), splice(file, &text, &results)?.into_bytes()))
}

/// Writes the charts of a run.
pub(super) fn write_charts(loaded: &Loaded, charts: &[(PathBuf, Vec<u8>)]) -> Result<()> {
    if charts.is_empty() {
        return Ok(());
    }
    let folder = loaded.folder.charts();
    files::no_symlink(&folder)?;
    files::create_dir_all(&folder)
        .map_err(|error| error.hint("charts are drawn into that folder; the tables need none of it"))?;
    charts.iter().try_for_each(|(path, content)| write(path, content))
}

/// Writes what is not there yet: a run that nobody may write to can be reported as long as its charts are right.
fn write(path: &Path, content: &[u8]) -> Result<()> {
    if is_there(path, content)? { Ok(()) } else { files::replace(path, content) }
}

fn is_there(path: &Path, content: &[u8]) -> Result<bool> {
    Ok(path.is_file() && files::read(path)? == content)
}

/// What speaks against writing this run over the one that a document shows: that it is not whole, or has fewer samples.
fn larger(file: &Path, out: &Path, own: &Loaded) -> Result<Option<String>> {
    let text = read_document(file)?;
    let Some(id) = text.split("\n| Run | `").nth(1).and_then(|rest| rest.split('`').next()) else {
        return Ok(None);
    };
    let folder = RunFolder::at(out.join(id));
    if id == own.run.id || id.contains(['/', '\\']) || !folder.run().is_file() {
        return Ok(None);
    }
    let valid = |loaded: &Loaded| loaded.samples.iter().filter(|s| s.status == Status::Valid).count();
    let kept = Loaded::read(folder)?;
    let (mine, theirs) = (valid(own), valid(&kept));
    let partial = !own.run.is_whole() && kept.run.is_whole();
    if !partial && mine >= theirs {
        return Ok(None);
    }
    let how = if partial { "was not brought to its end and " } else { "" };
    Ok(Some(format!(
        "{} shows run {id} with {theirs} valid samples, and run {} {how}has {mine}\n  hint: \
         `dbench report {id} --into {} --check` checks it against its own run; `dbench report {} --into {}` would \
         replace the larger run by the smaller one",
        file.display(),
        own.run.id,
        file.display(),
        own.run.id,
        file.display()
    )))
}

fn check(
    files: &[(PathBuf, Vec<u8>)],
    run: &Path,
    into: Option<&Path>,
    larger: Option<&str>,
    screen: &Screen,
) -> Result<Exit> {
    let flag = into.map(|file| format!(" --into {}", file.display())).unwrap_or_default();
    let png = if files.iter().any(|(path, _)| path.extension().is_some_and(|e| e == "png")) {
        " --png"
    } else {
        ""
    };
    let again = format!("dbench report {}{flag}{png}", run.display());
    let charts = format!("dbench report {}{png}", run.display());
    let mut wrong = Vec::new();
    for (path, content) in files {
        if !is_there(path, content)? {
            wrong.push(path.as_path());
        }
    }
    let exit = if wrong.is_empty() { Exit::Done } else { Exit::Refuted };
    if let (Some(said), Some(at)) = (larger, wrong.iter().position(|path| into == Some(path))) {
        screen.problem("error", said);
        wrong.remove(at);
    }
    let again = if larger.is_some() { &charts } else { &again };
    let first = wrong.first().map(|path| path.display());
    let named = match (first, wrong.len()) {
        (None, _) => return Ok(exit),
        (Some(one), 1) => format!("{one} is"),
        (Some(first), number) => format!("{first} and {} more are", number - 1),
    };
    screen.problem("error", &format!("{named} not what the run says; run `{again}`"));
    Ok(exit)
}

/// The run's folder as a document in `file` names it.
fn between(file: &Path, folder: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let (file, folder) = (absolute(file), absolute(folder));
    let base = file.parent().unwrap_or(Path::new(""));
    let common = base.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = base.components().skip(common).map(|_| "..".to_owned());
    let down = folder.components().skip(common).map(|c| c.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_as_its_document_sees_it() {
        assert_eq!(between(Path::new("/a/README.md"), Path::new("/a/results/r")), "results/r");
        assert_eq!(between(Path::new("/a/docs/x.md"), Path::new("/a/results/r")), "../results/r");
    }
}
