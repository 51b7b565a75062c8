//! Reads Dockerfiles of other people and says what dbench made of each: a line of stages, bases and steps, and whether
//! rewriting names by themselves keeps every byte. `scripts/dockerfile-corpus` runs it over public projects.
//!
//! Arguments: a folder, then the paths of Dockerfiles below it. Ends with 1 if a rewrite was not exact.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use dbench::error::files;
use dbench::results::Builder;
use dbench::scenario::{Dockerfile, Origin, Stage, StepKind};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: dockerfiles FOLDER PATH...");
        return ExitCode::from(2);
    };
    let (mut exact, mut refused, mut wrong) = (0, 0, 0);
    println!("file\tstages\tbases\tsteps\tresult");
    for path in arguments {
        let full = Path::new(&folder).join(&path);
        let parsed = files::read_to_string(&full)
            .and_then(|text| Dockerfile::parse(Path::new(&path), &text, &BTreeMap::new()));
        match parsed {
            Ok(file) => {
                let result = check(&file);
                match &result {
                    Ok(()) => exact += 1,
                    Err(_) => wrong += 1,
                }
                let result = result.err().unwrap_or_else(|| "exact".to_owned());
                println!("{path}\t{}\t{}\t{}\t{result}", stages(&file), bases(&file), steps(&file));
            }
            Err(error) => {
                refused += 1;
                let reason = error.reason();
                println!("{path}\t\t\t\trefused: {}", reason.strip_prefix(&path).unwrap_or(&reason));
            }
        }
    }
    println!("{exact} exact, {refused} refused, {wrong} wrong");
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn all_bases(file: &Dockerfile) -> BTreeSet<String> {
    let bases = (0..file.stages.len()).flat_map(|target| file.bases(target, Builder::Buildkit));
    bases.chain(file.frontend().map(str::to_owned)).collect()
}

/// Names that map to themselves must keep every byte; other names must be all that changes.
fn check(file: &Dockerfile) -> Result<(), String> {
    let bases = all_bases(file);
    let identity: BTreeMap<String, String> = bases.iter().map(|base| (base.clone(), base.clone())).collect();
    if file.rewrite(&identity) != file.text || file.rewrite(&BTreeMap::new()) != file.text {
        return Err("wrong: names mapped to themselves change the text".to_owned());
    }
    let mapped = |at: usize| format!("mapped.example/{at}:1");
    let others: BTreeMap<String, String> =
        bases.iter().enumerate().map(|(at, base)| (base.clone(), mapped(at))).collect();
    let text = file.rewrite(&others);
    let again = Dockerfile::parse(Path::new("rewritten"), &text, &BTreeMap::new())
        .map_err(|error| format!("wrong: the rewritten text is refused: {}", error.reason()))?;
    // Names that mean the same image go to the first of its spellings or to their own.
    let foreign = all_bases(&again).into_iter().find(|base| !base.starts_with("mapped.example/"));
    if let Some(base) = foreign {
        return Err(format!("wrong: `{base}` was not rewritten"));
    }
    if (stages(file), steps(file)) != (stages(&again), steps(&again)) {
        return Err("wrong: the rewritten text has other stages or steps".to_owned());
    }
    Ok(())
}

fn stages(file: &Dockerfile) -> String {
    let names =
        file.stages.iter().map(|stage| stage.name.clone().unwrap_or_else(|| format!("#{}", stage.index)));
    names.collect::<Vec<_>>().join(",")
}

fn bases(file: &Dockerfile) -> String {
    file.stages
        .iter()
        .map(|stage| match &stage.from {
            Origin::Scratch => "scratch".to_owned(),
            Origin::Stage(index) => format!("#{index}"),
            Origin::Image(name) => name.clone(),
        })
        .collect::<Vec<_>>()
        .join(",")
}

/// For each stage, how many steps of RUN, COPY and ADD, and WORKDIR, as BuildKit counts them.
fn steps(file: &Dockerfile) -> String {
    let count = |stage: &Stage, kinds: &[StepKind]| {
        stage.steps.iter().filter(|step| kinds.contains(&step.kind)).count()
    };
    let of = |stage| {
        let copies = count(stage, &[StepKind::Copy, StepKind::Add]);
        format!("{}/{copies}/{}", count(stage, &[StepKind::Run]), count(stage, &[StepKind::Workdir]))
    };
    file.stages.iter().map(of).collect::<Vec<_>>().join(",")
}
