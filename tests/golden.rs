//! A fixed run folder, written down byte for byte as every renderer writes it, and what that must mean.
//! `DBENCH_UPDATE=1 cargo test --test golden` writes the expected files anew.

#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

use dbench::error::files;
use dbench::report::{Document, charts, format};
use dbench::results::{Loaded, Metric, Phase, RunFolder, Sample, Status, StepRow};
use resvg::usvg;
use std::path::{Path, PathBuf};
use unicode_width::UnicodeWidthStr;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn fixed() -> Loaded {
    Loaded::read(RunFolder::at(folder().join("run"))).unwrap()
}

fn same(name: &str, actual: &str) {
    let path = folder().join("expected").join(name);
    if std::env::var_os("DBENCH_UPDATE").is_some() {
        files::create_dir_all(path.parent().unwrap()).unwrap();
        files::write(&path, actual).unwrap();
    }
    let expected = files::read_to_string(&path).unwrap();
    assert!(actual == expected, "{name} is not as expected; it reads\n{actual}");
}

fn drawn(svg: &str) -> usvg::Tree {
    let mut options = usvg::Options::default();
    for font in ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/fonts").join(font);
        options.fontdb_mut().load_font_data(files::read(&path).unwrap());
    }
    options.fontdb_mut().set_sans_serif_family("DejaVu Sans");
    usvg::Tree::from_str(svg, &options).unwrap()
}

fn within_the_picture(name: &str, svg: &str) {
    let tree = drawn(svg);
    for node in tree.root().children() {
        let found = node.abs_bounding_box();
        let inside = found.left() >= 0.0
            && found.top() >= 0.0
            && found.right() <= tree.size().width()
            && found.bottom() <= tree.size().height();
        assert!(inside, "{name}: {found:?} leaves the picture");
    }
    assert!(tree.root().children().len() > 10, "{name} is empty");
}

/// The contents of every `<text>`.
fn texts(svg: &str) -> Vec<String> {
    svg.split("<text ")
        .skip(1)
        .filter_map(|part| Some(part.split_once('>')?.1.split_once("</text>")?.0.trim().to_owned()))
        .collect()
}

fn bars(svg: &str, colour: &str) -> usize {
    svg.lines()
        .filter(|line| line.starts_with("<rect") && line.contains(&format!("fill=\"{colour}\"")))
        .count()
}

#[test]
fn every_renderer_writes_the_expected_bytes_twice() {
    for _ in 0..2 {
        let loaded = fixed();
        let document = Document::new(&loaded);
        for width in [100, 44] {
            same(&format!("terminal-{width}.txt"), &document.terminal(width, false));
        }
        same("report.md", &document.markdown("results/fixed"));
        same("report.json", &document.json());
        for chart in charts(&loaded).unwrap() {
            same(&chart.name, &chart.svg);
        }
    }
}

#[test]
fn no_line_is_wider_than_the_terminal_or_100_columns() {
    let document = Document::new(&fixed());
    for width in 20..140 {
        for line in document.terminal(width, false).lines() {
            assert!(line.width() <= width.min(100), "{width}: {line}");
        }
    }
}

#[test]
fn colour_changes_no_word() {
    let document = Document::new(&fixed());
    let coloured = document.terminal(80, true);
    assert!(coloured.contains("\u{1b}["));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), document.terminal(80, false));
}

#[test]
fn the_last_line_says_what_matters_and_every_table_says_its_bases() {
    let text = Document::new(&fixed()).terminal(100, false);
    let last = text.trim_end().rsplit("\n\n").next().unwrap().replace(['\n', format::THIN], " ");
    assert_eq!(
        last,
        "Images of multi are 0 to 96.9 % smaller than single; the update delta of multi is <0.1 to 100 % of its cold pull; \
         claims: 1 confirmed, 1 refuted, 2 open"
    );
    let said = |words: &str| text.matches(words).count();
    assert_eq!(
        said("on stand-ins for golang:1.21-alpine as dbench/stand-in/golang:1.21-alpine\n"),
        3,
        "{text}"
    );
    assert_eq!(said("bases: mirrored: python:3.11-slim as mirror.example/python:3.11-slim\n"), 3, "{text}");
    assert_eq!(said("official"), 0, "{text}");
}

#[test]
fn a_mirror_is_named_on_every_table_chart_and_decided_claim() {
    let mut loaded = fixed();
    loaded.run.bases[0].stand_in = false;
    loaded.run.bases[0].mapped = Some("mirror.example/go".to_owned());
    let document = Document::new(&loaded);
    let (terminal, markdown) = (document.terminal(100, false), document.markdown("."));
    assert_eq!(terminal.matches("bases: mirrored: golang:1.21-alpine as mirror.example/go\n").count(), 3);
    assert_eq!(markdown.matches("bases: mirrored: `golang:1.21-alpine` as `mirror.example/go`.").count(), 3);
    assert!(
        terminal.contains("= 800 MB: refuted with golang:1.21-alpine as mirror.example/go"),
        "{terminal}"
    );
    assert!(markdown.contains("refuted with `golang:1.21-alpine` as `mirror.example/go`"), "{markdown}");
    for chart in charts(&loaded).unwrap() {
        let shown = texts(&chart.svg).join(" ");
        assert!(shown.contains("golang:1.21-alpine as mirror.example/go"), "{}: {shown}", chart.name);
    }
    assert!(!(terminal + &markdown).contains("official"));
}

#[test]
fn nothing_mapped_is_official() {
    let mut loaded = fixed();
    for base in &mut loaded.run.bases {
        (base.mapped, base.stand_in) = (None, false);
    }
    let document = Document::new(&loaded);
    assert_eq!(document.terminal(100, false).matches("bases: official\n").count(), 6);
    for chart in charts(&loaded).unwrap() {
        assert!(texts(&chart.svg).join(" ").contains("bases: official"), "{}", chart.name);
    }
}

#[test]
fn a_chart_alone_names_its_stand_ins() {
    let mut loaded = fixed();
    for chart in charts(&loaded).unwrap() {
        let shown = texts(&chart.svg).join(" ");
        let said = "bases: stand-ins for golang:1.21-alpine as dbench/stand-in/golang:1.21-alpine";
        assert!(shown.contains(said), "{}: {shown}", chart.name);
    }
    for number in 0..40 {
        let mut base = loaded.run.bases[0].clone();
        base.name = format!("registry/quite-a-long-name-{number}:1");
        loaded.run.scenarios[0].bases.push(base.name.clone());
        loaded.run.bases.push(base);
    }
    for chart in charts(&loaded).unwrap() {
        within_the_picture(&chart.name, &chart.svg);
        let shown = texts(&chart.svg).join(" ");
        assert!(shown.contains("golang:1.21-alpine, registry/") && shown.contains(" more"), "{shown}");
    }
}

/// The fixed run with every sample of its first round in each of so many rounds.
fn with_rounds(rounds: u32) -> Loaded {
    let mut loaded = fixed();
    loaded.run.rounds = rounds;
    loaded.samples.retain(|s| s.round == 1);
    let first = loaded.samples.clone();
    for round in 2..=rounds {
        loaded.samples.extend(first.iter().cloned().map(|sample| Sample { round, ..sample }));
    }
    loaded
}

fn said_anywhere(loaded: &Loaded) -> String {
    let document = Document::new(loaded);
    let mut text = document.terminal(100, false) + &document.markdown(".");
    for chart in charts(loaded).unwrap() {
        text.push_str(&chart.svg);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn below_six_rounds_there_are_medians_and_no_verdict_on_time() {
    for rounds in 1..6 {
        let text = said_anywhere(&with_rounds(rounds));
        for word in ["slower", "sooner", "faster", "× the time", "same time", "overlap", "clear"] {
            assert!(!text.contains(word), "{rounds}: {word}\n{text}");
        }
        let against = if rounds == 1 { "" } else { " (0.041×)" };
        let told = format!("after a source edit tuned takes 1.28 s where single takes 31.4 s{against}; ");
        assert!(text.contains(&told), "{text}");
        assert!(
            text.contains("go-scratch tuned takes 1.28 s after a source edit, single 31.4 s; "),
            "{text}"
        );
        let basis = if rounds == 1 { "one round".to_owned() } else { format!("medians of {rounds} rounds") };
        assert!(text.contains(&format!("{told}{basis}")), "{rounds}\n{text}");
        assert!(text.contains(&format!("({basis})</title>")), "{rounds}\n{text}");
    }
    let one = said_anywhere(&with_rounds(1));
    assert!(one.contains("images · one round") && !one.contains("Images, median"), "{one}");
}

#[test]
fn from_six_rounds_on_a_verdict_needs_its_whole_interval() {
    let mut loaded = with_rounds(6);
    let text = said_anywhere(&loaded);
    assert!(
        text.contains("after a source edit tuned is back 25 × sooner (1.28 s instead of 31.4 s)"),
        "{text}"
    );
    assert!(text.contains("multi builds cold") || text.contains("and builds cold 5.0 % slower"), "{text}");
    // No verdict is given on waits, so their title says what its times are.
    let others = text.replace("single after 4.47 s (medians of ", "");
    assert!(others != text && !others.contains("medians of"), "{text}");
    let edits = |s: &&mut Sample| s.case.phase == Phase::SourceEdit && s.metric == Metric::BuildWall;
    let tuned = loaded.samples.iter_mut().filter(edits).filter(|s| s.case.variant == "tuned");
    for sample in tuned.filter(|s| s.round == 6) {
        sample.value = Some(40_000_000_000);
    }
    let text = said_anywhere(&loaded);
    assert!(
        text.contains("tuned is back in 1.28 s (single 31.4 s, no clear difference in 6 rounds)"),
        "{text}"
    );
}

#[test]
fn a_size_that_is_not_known_is_named_without_blaming_the_build() {
    let mut loaded = fixed();
    let unique = loaded.samples.iter_mut().filter(|s| s.metric == Metric::UnpackedUnique);
    for sample in unique.filter(|s| s.case.variant == "tuned" && s.case.scenario == "go-scratch") {
        (sample.value, sample.status) = (None, Status::Skipped);
        sample.reason = "the base is not known".to_owned();
    }
    let text = Document::new(&loaded).terminal(100, false);
    let said = "tuned cold, rounds 1, 2 and 3: unpacked-unique skipped: the base is not known";
    assert!(text.contains(said), "{text}");
    let time = charts(&loaded).unwrap().into_iter().find(|c| c.name == "time.svg").unwrap();
    assert!(!time.svg.contains("the base is not known"));
}

#[test]
fn images_that_disagree_get_no_ratio_and_no_decided_claim() {
    let mut loaded = fixed();
    for scenario in &mut loaded.run.scenarios {
        scenario.agree = Some(false);
        scenario.disagreement = "multi answers another body".to_owned();
    }
    let document = Document::new(&loaded);
    for text in [document.terminal(100, false), document.markdown(".")] {
        assert!(!text.contains('×') && !text.contains('−'), "{text}");
        assert!(
            text.contains("not every image gave the expected answer: multi answers another body"),
            "{text}"
        );
        assert!(!text.contains("confirmed on") && !text.contains("refuted on"), "{text}");
    }
    assert!(document.json().contains("\"ratio\": null") && !document.json().contains("\"ratio\": 0"));
    for chart in charts(&loaded).unwrap() {
        assert!(!chart.svg.contains('−'), "{}", chart.name);
        let title = texts(&chart.svg).remove(0);
        assert!(chart.name.starts_with("timeline") || title.contains("that can be compared"), "{title}");
    }
}

#[test]
fn a_chart_has_one_bar_per_case_and_its_title_is_the_finding() {
    let loaded = fixed();
    for chart in charts(&loaded).unwrap().iter().filter(|c| !c.name.contains("-dark")) {
        within_the_picture(&chart.name, &chart.svg);
        let title = chart.svg.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        let shown = texts(&chart.svg).join(" ");
        assert!(shown.starts_with(title), "{title}\n{shown}");
        assert!(shown.contains("bases: "), "{shown}");
        assert!(chart.svg.contains("<desc>"), "{}", chart.name);
    }
    let all = charts(&loaded).unwrap();
    let named = |name: &str| all.iter().find(|c| c.name == name).unwrap();
    let size = &named("size.svg").svg;
    for colour in ["#999999", "#0072B2", "#009E73"] {
        assert_eq!(bars(size, colour), loaded.run.scenarios.len(), "{colour}");
    }
    for label in ["go-scratch", "python-venv", "single", "multi", "tuned", "423\u{202f}MB"] {
        assert!(texts(size).iter().any(|text| text == label), "{label}");
    }
    let time = &named("time.svg").svg;
    let valid =
        loaded.samples.iter().filter(|s| s.metric.name() == "build-wall" && s.status == Status::Valid);
    let filled = |colour: &&str| time.matches(&format!("r=\"3\" opacity=\"1\" fill=\"{colour}\"")).count();
    let dots: usize = ["#999999", "#0072B2", "#009E73"].iter().map(filled).sum();
    assert_eq!(dots, valid.count());
    let of = |status: Status| {
        loaded.samples.iter().filter(|s| s.metric == Metric::BuildWall && s.status == status).count()
    };
    let rings = time.matches("<circle").count() - 2 * dots;
    assert_eq!(rings, of(Status::Invalid), "one sign a sample that does not count");
    for text in texts(time).iter().filter(|t| t.starts_with(['○', '×'])) {
        assert!(text.contains("round"), "{text}");
    }
    let steps = loaded.steps.iter().filter(|s| !s.stage.is_empty()).count();
    let timeline = texts(&named("timeline-go-scratch.svg").svg);
    assert!(timeline.len() > steps && timeline.iter().any(|t| t == "cached"), "{timeline:?}");
}

#[test]
fn the_engines_own_steps_have_a_tone_that_is_no_place_on_the_critical_path() {
    let mut loaded = fixed();
    let of_engine = |steps: &mut Vec<StepRow>, name: &str| {
        steps.iter().position(|s| s.name == name && s.case.phase == Phase::Cold).unwrap()
    };
    let export = of_engine(&mut loaded.steps, "exporting to image");
    let started = loaded.steps[export].started_ns.unwrap();
    loaded.steps[export].completed_ns = Some(started + 40_000_000);
    let name = "timeline-go-scratch.svg";
    let drawn = charts(&loaded).unwrap().into_iter().find(|c| c.name == name).unwrap();
    let after = drawn.svg.split("\nexporting to image\n").nth(1).unwrap();
    let bar = after.split("<rect").nth(1).unwrap().split("/>").next().unwrap();
    assert!(!bar.contains("#0072B2") && !bar.contains("#99C7E0"), "{bar}");
    assert!(texts(&drawn.svg).join(" ").contains("grey: the engine"), "{}", drawn.svg);
    assert!(drawn.svg.contains("exporting to image 0.04"), "{}", drawn.svg);
    loaded.steps[export].completed_ns = Some(started + 9_000_000);
    let drawn = charts(&loaded).unwrap().into_iter().find(|c| c.name == name).unwrap();
    assert!(!drawn.svg.contains("exporting to image"), "{}", drawn.svg);
}

#[test]
fn long_names_and_many_problems_stay_in_the_picture() {
    let mut loaded = fixed();
    let long = |name: &str| format!("{name}-{}", "with-a-very-long-name".repeat(4));
    for scenario in &mut loaded.run.scenarios {
        scenario.name = long(&scenario.name);
        for variant in &mut scenario.variants {
            variant.name = long(&variant.name);
        }
    }
    for sample in &mut loaded.samples {
        sample.case.scenario = long(&sample.case.scenario);
        sample.case.variant = long(&sample.case.variant);
        if sample.round == 3 {
            sample.status = Status::Failed;
            sample.reason = "a reason\u{1b}[31m that goes on & on <and> on ".repeat(20);
        }
    }
    for step in &mut loaded.steps {
        step.case.scenario = long(&step.case.scenario);
        step.case.variant = long(&step.case.variant);
        step.name = long(&step.name);
    }
    for chart in charts(&loaded).unwrap() {
        within_the_picture(&chart.name, &chart.svg);
    }
    for line in Document::new(&loaded).terminal(60, false).lines() {
        assert!(line.width() <= 60, "{line}");
    }
}

#[test]
fn a_run_without_samples_is_said_and_drawn_without_failing() {
    let mut loaded = fixed();
    loaded.samples.clear();
    loaded.steps.clear();
    let text = Document::new(&loaded).terminal(100, false);
    assert!(text.starts_with("warning: ") && text.ends_with("\nnothing was measured\n"), "{text}");
    let text = Document::new(&loaded).markdown(".");
    assert!(text.contains("skipped: not measured"), "{text}");
    assert!(text.contains("2 of 2\u{a0}scenarios have no comparison of sizes"), "{text}");
    assert_eq!(charts(&loaded).unwrap(), []);
}

#[path = "golden/transfers.rs"]
mod transfers;
