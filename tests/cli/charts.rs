//! Charts beside those of a report: as PNG, and the timeline of any one build.

use super::common::{Folder, Ran};
use super::report::golden;
use dbench::error::files;
use resvg::tiny_skia::{Pixmap, PremultipliedColorU8};
use std::collections::BTreeSet;

/// Gives the golden run one more build with the steps of the one that it has; the case stands as in a row.
pub fn give_steps(folder: &Folder, case: &str) {
    let rows = files::read_to_string(&folder.path("results/kept/steps.csv")).unwrap();
    let of_first = rows.lines().filter_map(|row| row.strip_prefix("go-scratch,multi,buildkit,cold,1,"));
    let more: String = of_first.map(|rest| format!("{case}{rest}\n")).collect();
    folder.write("results/kept/steps.csv", &(rows.clone() + &more));
}

fn charts(folder: &Folder) -> BTreeSet<String> {
    let all = files::list(&folder.path("results/kept/charts")).unwrap().into_iter();
    all.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

fn svg(folder: &Folder, name: &str) -> String {
    files::read_to_string(&folder.path(&format!("results/kept/charts/{name}.svg"))).unwrap()
}

fn pixels(folder: &Folder, name: &str) -> Pixmap {
    let png = files::read(&folder.path(&format!("results/kept/charts/{name}.png"))).unwrap();
    Pixmap::decode_png(&png).unwrap()
}

/// A number of the head of an SVG.
fn of_head(svg: &str, key: &str) -> u32 {
    svg.split(&format!(" {key}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
}

/// The pixels of a part of a picture, in its SVG's measure, that are not of its ground.
fn inked(pixels: &Pixmap, x: std::ops::Range<u32>, y: std::ops::Range<u32>) -> usize {
    let ground: PremultipliedColorU8 = pixels.pixel(1, 1).unwrap();
    let all = (y.start * 2..y.end * 2).flat_map(|y| (x.start * 2..x.end * 2).map(move |x| (x, y)));
    all.filter(|(x, y)| pixels.pixel(*x, *y).unwrap() != ground).count()
}

#[test]
fn every_chart_is_drawn_as_png_at_twice_its_size_and_the_same_each_time() {
    let folder = golden();
    folder.dbench(&[], &["report", "kept"]).ends(0);
    let drawn = charts(&folder);
    assert!(drawn.len() >= 8 && drawn.iter().all(|name| name.ends_with(".svg")), "{drawn:?}");
    folder.dbench(&[], &["report", "kept", "--png"]).ends(0);
    let names: Vec<_> = drawn.iter().map(|name| name.trim_end_matches(".svg").to_owned()).collect();
    for name in &names {
        let (svg, png) = (svg(&folder, name), pixels(&folder, name));
        assert_eq!((png.width(), png.height()), (2 * of_head(&svg, "width"), 2 * of_head(&svg, "height")));
        assert!(png.pixels().iter().all(|pixel| pixel.alpha() == 255), "{name} has holes");
        let dark = png.pixel(1, 1).unwrap().red() < 100;
        assert_eq!(dark, name.ends_with("-dark"), "{name}");
        // The title stands in the first line, over much of the width; the foot in the last.
        let foot = png.height() / 2;
        let (title, foot) = (inked(&png, 24..400, 16..44), inked(&png, 24..400, foot - 28..foot - 10));
        assert!(title > 2000 && foot > 1000, "{name}: {title} and {foot} pixels of text");
    }
    let all = || names.iter().map(|name| pixels(&folder, name).data().to_vec()).collect::<Vec<_>>();
    let first = all();
    assert_eq!(folder.dbench(&[], &["report", "kept", "--png", "--check"]).ends(0).err, "");
    folder.dbench(&[("LANG", "C"), ("HOME", "/nonexistent")], &["report", "kept", "--png"]).ends(0);
    assert!(all() == first);
    folder.write("results/kept/charts/size.png", "no picture");
    assert_eq!(
        folder.dbench(&[], &["report", "kept", "--png", "--check"]).ends(4).err,
        "error: results/kept/charts/size.png is not what the run says; run `dbench report results/kept --png`\n"
    );
}

#[test]
fn glyphs_are_those_of_the_font_in_the_program() {
    // Two words of one length differ where they stand and nowhere else.
    let drawn = |word: &str| {
        let text =
            format!("<text x=\"10\" y=\"30\" font-family=\"sans-serif\" font-size=\"20\">{word}</text>");
        let svg =
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"50\">{text}</svg>");
        let png = dbench::report::png(&svg).unwrap();
        Pixmap::decode_png(&png).unwrap()
    };
    let (one, other, none) = (drawn("size"), drawn("time"), drawn(""));
    assert_eq!(inked(&none, 0..200, 0..50), 0);
    assert!(inked(&one, 0..200, 0..50) > 300 && one != other);
    assert_eq!(inked(&one, 100..200, 0..50), 0, "four letters end before the middle");
    let said = dbench::report::png("<svg").unwrap_err().to_string();
    assert!(said.starts_with("cannot draw a chart as PNG\n  cause: "), "{said}");
}

fn timeline(folder: &Folder, build: &str, code: i32) -> Ran {
    folder.dbench(&[], &["report", "kept", "--timeline", build]).ends(code)
}

#[test]
fn the_timeline_of_a_case_is_that_of_its_median_round() {
    let folder = golden();
    // Of 31.9, 29.4 and 30.3 s the last is the median.
    give_steps(&folder, "go-scratch,multi,buildkit,cold,3,");
    let ran = timeline(&folder, "go-scratch/multi/cold", 0);
    let path = "results/kept/charts/timeline-go-scratch_multi_cold";
    assert_eq!(ran.out, format!("{path}.svg\n{path}-dark.svg\n"));
    assert_eq!(ran.err, "go-scratch/multi cold, round 3, the median of 3\n");
    let drawn = svg(&folder, "timeline-go-scratch_multi_cold");
    assert!(drawn.contains("round 3, the median of 3; the build took "), "{drawn}");
    assert!(drawn.contains("<title>go-scratch multi, cold: RUN npm ci"), "{drawn}");
    assert_eq!(charts(&folder).len(), 2, "nothing else is drawn");
}

#[test]
fn the_timeline_of_a_named_round_says_whether_the_build_counts() {
    let folder = golden();
    give_steps(&folder, "python-venv,tuned,buildkit,source-edit,2,");
    let ran = timeline(&folder, "python-venv/tuned/source-edit/2", 0);
    assert_eq!(ran.err, "python-venv/tuned source-edit, round 2\n");
    let drawn = svg(&folder, "timeline-python-venv_tuned_source-edit_2-dark");
    assert!(drawn.contains("python-venv tuned, source-edit: RUN npm ci"), "{drawn}");
    assert!(drawn.contains("this build does not count: invalid: `RUN pip install` was cached"), "{drawn}");
    folder.dbench(&[], &["report", "kept", "--png", "--timeline", "go-scratch/multi/cold/1"]).ends(0);
    assert!(pixels(&folder, "timeline-go-scratch_multi_cold_1").width() == 1720);
    // The baseline has a colour of its own.
    give_steps(&folder, "go-scratch,single,buildkit,cold,1,");
    timeline(&folder, "go-scratch/single/cold/1", 0);
    let bars = |name: &str, colour: &str| svg(&folder, name).matches(&format!("fill=\"{colour}\"")).count();
    assert!(bars("timeline-go-scratch_single_cold_1", "#999999") > 0);
    assert_eq!(bars("timeline-go-scratch_multi_cold_1", "#999999"), 0);
}

#[test]
fn a_build_that_the_run_does_not_have_is_named_with_what_it_has() {
    let folder = golden();
    let kept = "error: results/kept: the run has no ";
    for (build, said) in [
        ("go-scrach/multi/cold", format!("{kept}scenario `go-scrach`\n  hint: did you mean `go-scratch`? it has go-scratch, python-venv\n")),
        ("go-scratch/mutli/cold", format!("{kept}variant `mutli`\n  hint: did you mean `multi`? it has single, multi, tuned\n")),
        ("go-scratch/multi/unchanged", format!("{kept}phase `unchanged`\n  hint: it has cold, source-edit\n")),
        (
            "go-scratch/multi/cold/9",
            "error: no step of go-scratch/multi cold, round 9, is known\n  hint: steps are known of the rounds 1\n".to_owned(),
        ),
        (
            "python-venv/multi/source-edit",
            "error: no build of python-venv/multi source-edit counts: failed: step `RUN npm ci` ended with exit code 1\n  \
             hint: no build of it ran; name another\n".to_owned(),
        ),
    ] {
        assert_eq!(timeline(&folder, build, 2).err, said, "{build}");
    }
    let said = timeline(&folder, "go-scratch/multi/wrm", 2).err;
    assert!(said.contains("'--timeline <BUILD>': phase `wrm`: it is not one of cold, "), "{said}");
    let both = ["report", "kept", "--timeline", "go-scratch/multi/cold/1", "--check"];
    let said = folder.dbench(&[], &both).ends(2).err;
    assert!(said.contains("'--timeline <BUILD>' cannot be used with '--check'"), "{said}");
    assert!(!folder.path("results/kept/charts").exists());
}
