//! Files that somebody else wrote, and wrote in bad faith: whatever stands in them, nothing panics, hangs, steers the terminal or
//! leads out of its folder. Kept files are changed at random from a seed; `DBENCH_FUZZ_SECONDS` says how long for each kind of file
//! and `DBENCH_FUZZ_SEED` from which seed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends where something is missing, and says what it tried"
)]

use dbench::context::Patterns;
use dbench::error::{Exit, Result, files};
use dbench::report::{Document, charts};
use dbench::results::{Loaded, RunFolder};
use dbench::scenario::{Dockerfile, Scenario};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What mistakes, and attacks, are made of.
const PIECES: [&str; 40] = [
    "\u{1b}[2J",
    "\u{9b}31m",
    "\u{202e}",
    "\0",
    "\r",
    "\n",
    "\t",
    "\"",
    "'",
    "\\",
    "`",
    "$",
    "${",
    "${A:-",
    "}",
    "[[",
    "]]",
    "[",
    "{",
    "<<EOF\n",
    "../",
    "/etc/passwd",
    "~",
    "**/",
    "**",
    "*",
    "!",
    "#",
    ",",
    ",,",
    "=",
    "-1",
    "0",
    "4294967296",
    "18446744073709551616",
    "1e309",
    "\u{feff}",
    "FROM scratch AS a\n",
    "COPY --from=a / /\n",
    "escape=",
];
/// An input that takes longer than this has no end.
const ENDLESS: Duration = Duration::from_secs(60);

fn setting(name: &str, or: u64) -> u64 {
    std::env::var(name).map_or(or, |text| text.parse().unwrap_or_else(|why| panic!("{name}: {why}")))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Texts of files below a folder of the project whose name ends so.
fn corpus(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    for path in files::list(&root().join(folder)).unwrap() {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(corpus(&name, ending));
        } else if name.ends_with(ending) {
            found.push(files::read_to_string(&path).unwrap());
        }
    }
    found
}

/// One change of a text, at the boundaries of characters.
fn change(text: &mut String, others: &[String], random: &mut ChaCha8Rng) {
    let at =
        |text: &str, random: &mut ChaCha8Rng| text.floor_char_boundary(random.random_range(0..=text.len()));
    let (a, b) = (at(text, random), at(text, random));
    let (from, to) = (a.min(b), a.max(b).min(text.floor_char_boundary(a.min(b) + 200)));
    match random.random_range(0..7) {
        0 => text.replace_range(from..to, ""),
        1 => text.insert_str(from, PIECES.choose(random).unwrap()),
        2 => text.replace_range(from..to, PIECES.choose(random).unwrap()),
        3 => {
            let piece = text[from..to].to_owned();
            text.insert_str(a, &piece);
        }
        4 => {
            let piece = text[from..to].repeat(random.random_range(2..50));
            text.insert_str(from, &piece);
        }
        5 => {
            let other = others.choose(random).unwrap();
            let cut = other.floor_char_boundary(random.random_range(0..=other.len()));
            text.replace_range(from.., &other[cut..]);
        }
        _ => {
            let line =
                text.lines().nth(random.random_range(0..text.lines().count().max(1))).map(str::to_owned);
            let end = text[from..].find('\n').map_or(text.len(), |end| from + end + 1);
            text.insert_str(end, &line.map(|line| line + "\n").unwrap_or_default());
        }
    }
}

/// Hands out changed texts until the time is over; says from which seed the last came if one panics.
fn try_all(what: &str, corpus: &[String], mut one: impl FnMut(&str)) {
    let (seconds, seed) = (setting("DBENCH_FUZZ_SECONDS", 3), setting("DBENCH_FUZZ_SEED", 1));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut tried = 0;
    while Instant::now() < end {
        let this = seed.wrapping_mul(1_000_003).wrapping_add(tried);
        let mut random = ChaCha8Rng::seed_from_u64(this);
        let mut text = corpus.choose(&mut random).unwrap().clone();
        for _ in 0..random.random_range(0..6) {
            change(&mut text, corpus, &mut random);
        }
        let clock = Instant::now();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| one(&text)));
        assert!(outcome.is_ok(), "{what} {this} failed; the text was:\n{text:?}");
        assert!(clock.elapsed() < ENDLESS, "{what} {this} has no end; the text was:\n{text:?}");
        tried += 1;
    }
    eprintln!("{what}: {tried} texts in {seconds} s");
    assert!(tried > 0);
}

/// A mistake in a file is one of the input, or of a disk that has no such file.
fn is_a_mistake<T>(read: Result<T>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(matches!(error.exit(), Exit::Input | Exit::Surroundings), "{error}");
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

#[test]
fn no_dockerfile_makes_the_parser_panic_or_lose_a_byte() {
    let corpus = corpus("scenarios", "Dockerfile");
    let args = BTreeMap::from([("A".to_owned(), "a".to_owned())]);
    try_all("Dockerfile", &corpus, |text| {
        let Some(parsed) = is_a_mistake(Dockerfile::parse(Path::new("Dockerfile"), text, &args)) else {
            return;
        };
        assert_eq!(parsed.rewrite(&BTreeMap::new()), text);
        let last = parsed.target(None).unwrap();
        for target in 0..=last {
            assert!(parsed.needed(target).contains(&target));
            parsed.bases(target, dbench::results::Builder::Buildkit);
            parsed.final_base(target);
        }
    });
}

#[test]
fn no_scenario_leads_out_of_its_folder() {
    let corpus = corpus("scenarios", "scenario.toml");
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("go-scratch");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(root().join("scenarios/go-scratch"))
        .arg(&home)
        .status();
    assert!(copied.unwrap().success());
    let home = home.canonicalize().unwrap();
    try_all("scenario.toml", &corpus, |text| {
        files::write(&home.join("scenario.toml"), text).unwrap();
        let Some(scenario) = is_a_mistake(Scenario::load(&home)) else { return };
        let inside =
            |path: &Path| assert!(path.canonicalize().unwrap().starts_with(&home), "{}", path.display());
        inside(&scenario.context);
        scenario.variants.iter().for_each(|variant| inside(&variant.path));
        for edit in [&scenario.source, &scenario.deps].into_iter().flatten() {
            edit.overlay.iter().for_each(|overlay| inside(overlay));
            assert!(edit.lines.iter().all(|line| line.file.is_relative() && !line.file.starts_with("..")));
        }
    });
}

#[test]
fn no_ignore_file_takes_for_ever() {
    let corpus = [
        "# a comment\n*\n!src/**/*.go\n!go.[ms]*\n\\#file\n".to_owned(),
        "**/node_modules\n**/*.log\n!keep.log\nbuild/**\n?.tmp\n[a-z]*/[^b]\\*\n".to_owned(),
        format!("{}\n", "**/*a".repeat(300)),
    ];
    let deep = "a/".repeat(200) + "file.go";
    let paths = ["a", "src/main.go", "node_modules/x/y.log", "é/日本", deep.as_str(), &"a".repeat(4000)];
    try_all("ignore file", &corpus, |text| {
        let Some(patterns) = is_a_mistake(Patterns::parse(text)) else { return };
        for path in paths {
            patterns.excludes(path);
            patterns.may_hold_included(path);
        }
    });
}

/// A run folder of few rows; one of its files is what is tried.
fn run_folder() -> (tempfile::TempDir, RunFolder) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["run.json", "samples.csv", "steps.csv", "transfers.csv"] {
        let text = files::read_to_string(&root().join("tests/golden/run").join(name)).unwrap();
        let most = if name.ends_with("csv") { 150 } else { usize::MAX };
        let some: String = text.split_inclusive('\n').take(most).collect();
        files::write(&folder.path().join(name), some).unwrap();
    }
    let run = RunFolder::at(folder.path());
    (folder, run)
}

/// Everything that is made of a run steers nothing and stays in its folder.
fn report(folder: &RunFolder) {
    let Some(loaded) = is_a_mistake(Loaded::read(folder.clone())) else { return };
    let document = Document::new(&loaded);
    let texts = [document.terminal(80, false), document.markdown("results/r"), document.json()];
    for text in texts {
        let steers = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.contains(steers), "{text:?}");
    }
    for chart in charts(&loaded).unwrap() {
        assert!(!chart.name.contains(['/', '\\', '\0']) && chart.name.ends_with(".svg"), "{}", chart.name);
        assert!(!chart.svg.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{}", chart.name);
    }
}

fn try_table(what: &str, of: fn(&RunFolder) -> PathBuf) {
    let (_folder, run) = run_folder();
    let corpus = [files::read_to_string(&of(&run)).unwrap()];
    try_all(what, &corpus, |text| {
        files::write(&of(&run), text).unwrap();
        report(&run);
    });
}

#[test]
fn no_table_of_samples_makes_a_report_panic_or_steer_a_terminal() {
    try_table("samples.csv", RunFolder::samples);
}

#[test]
fn no_table_of_steps_or_transfers_makes_a_report_panic_or_steer_a_terminal() {
    try_table("steps.csv", RunFolder::steps);
    try_table("transfers.csv", RunFolder::transfers);
}

#[test]
fn no_run_json_makes_a_report_panic_or_write_outside_of_its_folder() {
    try_table("run.json", RunFolder::run);
}

#[test]
fn names_that_lead_elsewhere_and_symlinks_are_refused() {
    let (_folder, run) = run_folder();
    let text = files::read_to_string(&run.run()).unwrap();
    for (name, hostile) in
        [("go-scratch", "../../go"), ("tuned", "a/b"), ("single", ".."), ("go-scratch", "")]
    {
        files::write(&run.run(), text.replace(&format!("\"{name}\""), &format!("\"{hostile}\""))).unwrap();
        let error = Loaded::read(run.clone()).unwrap_err();
        assert_eq!(error.exit(), Exit::Input);
        assert!(
            error.to_string().contains(&format!("`{hostile}` cannot be a name of a run\n  hint: ")),
            "{error}"
        );
    }
    files::write(&run.run(), text.replacen("\"rounds\": ", "\"rounds\": 100", 1)).unwrap();
    assert!(
        Loaded::read(run.clone()).unwrap_err().to_string().contains("rounds are more than the 1000 of a run")
    );
    files::write(&run.run(), &text).unwrap();
    files::remove(&run.samples()).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", run.samples()).unwrap();
    let error = Loaded::read(run).unwrap_err();
    assert!(error.to_string().contains("a symlink stands where a file of the run belongs"), "{error}");
}

#[test]
fn what_is_too_long_is_refused_before_it_takes_long() {
    let stages = "FROM a\n".repeat(50_000);
    let error = Dockerfile::parse(Path::new("Dockerfile"), &stages, &BTreeMap::new()).unwrap_err();
    assert!(
        error.to_string().starts_with("Dockerfile:1:1: the Dockerfile is longer than 256 KiB\n  hint: "),
        "{error}"
    );
    let error = Patterns::parse(&"a\n".repeat(10_001)).unwrap_err();
    assert!(
        error.to_string().starts_with("line 10001 of the ignore patterns: more than 10000 lines"),
        "{error}"
    );
    let error = Patterns::parse(&"*".repeat(5000)).unwrap_err();
    assert!(error.to_string().contains("or 4096 bytes in one"), "{error}");
}

/// The real binary in a folder.
fn dbench(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dbench"));
    let output = command.args(arguments).current_dir(folder).env("DBENCH_COLOR", "never").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn what_a_file_says_reaches_the_terminal_without_steering_it() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("scenarios");
    files::create_dir_all(&home).unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(root().join("scenarios/go-scratch"))
        .arg(&home)
        .status();
    assert!(copied.unwrap().success());
    let file = home.join("go-scratch/scenario.toml");
    let text = files::read_to_string(&file).unwrap();
    let title = text.find("title = \"").unwrap() + "title = \"".len();
    let hostile = format!("{}\\u001b[2J\\u009b31m\\u202e{}", &text[..title], &text[title..]);
    files::write(&file, hostile).unwrap();
    let (code, said) = dbench(folder.path(), &["list"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("go-scratch  \\u001b[2J\\u009b31m\\u202e"), "{said:?}");
    files::write(&file, "title = 1\u{9b}31m\n").unwrap();
    let (code, said) = dbench(folder.path(), &["list"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");

    let (run, loaded) = run_folder();
    let text = files::read_to_string(&loaded.run()).unwrap();
    files::write(&loaded.run(), text.replacen("\"title\": \"", "\"title\": \"\\u001b]0;mine\\u0007", 1))
        .unwrap();
    for form in ["text", "markdown", "json"] {
        let (code, said) = dbench(folder.path(), &["report", run.path().to_str().unwrap(), "--format", form]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("u001b") && said.contains("0;mine"), "{form}: {said:?}");
        assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{form}: {said:?}");
    }
    files::remove_dir_all(&loaded.charts()).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    files::create_dir_all(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, loaded.charts()).unwrap();
    let (code, said) = dbench(folder.path(), &["report", run.path().to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("charts: a symlink stands where something is to be written\n  hint: "), "{said}");
    assert_eq!(files::list(&elsewhere).unwrap(), Vec::<PathBuf>::new());
}
