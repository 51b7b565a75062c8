//! The classic builder's text: what steps, times and images come out of it.

use super::*;

/// Takes in pieces of text, the first at 10, each of the others 10 later; what was heard.
fn read(pieces: &[&str]) -> (Reading, Vec<String>) {
    let mut reading = Reading::begin(0);
    let mut heard = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let mut hear = |event: Heard<'_>| {
            heard.push(match event {
                Heard::Running { name, .. } => name.to_owned(),
                Heard::Made(id) => format!("made {id}"),
            });
        };
        reading.take(piece, 10 * (at as u64 + 1), &mut hear);
    }
    (reading, heard)
}

/// Stage, number, name, start, end, cached.
type Row<'a> = (&'a str, Option<u32>, &'a str, u64, Option<u64>, bool);

fn rows(reading: &Reading) -> Vec<Row<'_>> {
    let row = |step: &'_ crate::engine::Step| {
        let (start, end) = step.span().unwrap_or_default();
        (start, end, step.cached())
    };
    let steps = reading.trace.steps().iter();
    steps
        .map(|step| {
            let (start, end, cached) = row(step);
            (step.stage.as_str(), step.number, step.name.as_str(), start, end, cached)
        })
        .collect()
}

const BUILD: [&str; 14] = [
    "Step 1/6 : FROM base AS Builder",
    "\n",
    " ---> aaaaaaaaaaaa\n",
    "Step 2/6 : ENV A=b",
    "\n ---> Running in 012345678901\n",
    " ---> bbbbbbbbbbbb\n",
    "Step 3/6 : RUN make",
    "\n ---> Running in 112345678901\nStep 4/6 : this is what make writes\n",
    "Removing intermediate container 112345678901\n ---> cccccccccccc\n",
    "Step 4/6 : FROM scratch\n",
    " ---> \n",
    "Step 5/6 : COPY --from=builder /a /a\n",
    " ---> Using cache\n ---> dddddddddddd\n",
    "Step 6/6 : LABEL run=r\n",
];

#[test]
fn steps_have_the_times_of_their_lines_and_the_stages_that_they_stand_in() {
    let (mut reading, heard) = read(&BUILD);
    reading.take(" ---> eeeeeeeeeeee\n", 150, &mut |_| {});
    reading.take("Successfully built eeeeeeeeeeee\n", 160, &mut |_| {});
    reading.image(Some("sha256:eeee".into()));
    reading.end(170);
    assert_eq!(
        rows(&reading),
        [
            ("", None, "sending the build context", 0, Some(10), false),
            ("builder", Some(1), "FROM base AS Builder", 10, Some(40), false),
            ("builder", None, "ENV A=b", 40, Some(70), false),
            ("builder", Some(2), "RUN make", 70, Some(100), false),
            ("stage-1", None, "FROM scratch", 100, Some(120), false),
            ("stage-1", Some(1), "COPY --from=builder /a /a", 120, Some(140), true),
            ("stage-1", None, "LABEL run=r", 140, Some(160), false),
            ("", None, "exporting: naming the image", 160, Some(170), false),
        ]
    );
    let parts = reading.trace.parts();
    assert_eq!((parts.context, parts.resolve, parts.exec, parts.export), (10, 50, 100, 10));
    // Every step waits for the one before it, so all of them are the critical path.
    assert_eq!(reading.trace.critical_path(), (100, vec![2, 3, 5, 6]));
    assert_eq!(reading.trace.step_sum(), 100);
    assert_eq!(
        heard[..5],
        ["FROM base AS Builder", "ENV A=b", "made bbbbbbbbbbbb", "RUN make", "made cccccccccccc"]
    );
    let made: Vec<_> = reading.made.iter().map(String::as_str).collect();
    assert_eq!(
        made,
        ["bbbbbbbbbbbb", "cccccccccccc", "eeeeeeeeeeee"],
        "neither bases nor what came from the cache"
    );
    assert_eq!(reading.outcome(None), Ok("sha256:eeee".to_owned()));
}

#[test]
fn a_step_that_a_run_writes_of_is_none() {
    let (reading, _) = read(&[
        "Step 1/3 : FROM base\n",
        " ---> aaaaaaaaaaaa\n",
        "Step 2/3 : RUN docker build .\n",
        "Step 3/3 : COPY a b\n",
        "Step 1/9 : FROM other\n",
        "Successfully built ffffffffffff\n",
    ]);
    assert_eq!(reading.trace.steps().len(), 3);
    assert_eq!(reading.outcome(None).unwrap_err().message, "the engine's text ended without an image");
}

#[test]
fn an_argument_before_the_first_stage_comes_to_no_image() {
    let (reading, _) = read(&["Step 1/3 : ARG V=1", "\n", "Step 2/3 : FROM base:${V}", "\n"]);
    assert_eq!(
        rows(&reading)[1..],
        [("", None, "ARG V=1", 10, Some(30), false), ("stage-0", Some(1), "FROM base:${V}", 30, None, false)]
    );
}

#[test]
fn what_a_base_triggers_is_made_by_the_build() {
    let (reading, heard) = read(&[
        "Step 1/1 : FROM base\n",
        "# Executing 1 build trigger\n ---> aaaaaaaaaaaa\n ---> Running in 012345678901\n ---> bbbbbbbbbbbb\n",
    ]);
    assert_eq!(heard, ["FROM base", "made bbbbbbbbbbbb"]);
    assert_eq!(reading.made.len(), 1);
}

#[test]
fn a_stage_from_a_stage_counts_from_its_first_step() {
    let (reading, _) = read(&[
        "Step 1/4 : FROM base AS a\n",
        " ---> aaaaaaaaaaaa\n",
        "Step 2/4 : FROM --platform=linux/amd64 A as b\n",
        " ---> aaaaaaaaaaaa\n",
        "Step 3/4 : workdir /x\n",
        " ---> bbbbbbbbbbbb\n",
    ]);
    let places: Vec<_> = rows(&reading).iter().map(|row| (row.0, row.1)).collect();
    assert_eq!(places, [("", None), ("a", Some(1)), ("b", None), ("b", Some(1))]);
}

#[test]
fn a_failure_belongs_to_the_step_that_goes_on_and_keeps_what_was_made() {
    let (mut reading, _) = read(&BUILD[..8]);
    reading.fail("The command '/bin/sh -c make' returned a non-zero code: 2".into(), 90);
    reading.fail("the connection is gone".into(), 95);
    reading.end(99);
    let failure = reading.outcome(None).unwrap_err();
    assert_eq!(failure.step.as_deref(), Some("builder 2 RUN make"));
    assert_eq!(failure.message, "The command '/bin/sh -c make' returned a non-zero code: 2");
    assert_eq!(rows(&reading)[3].4, Some(90));
    assert_eq!(reading.made, BTreeSet::from(["bbbbbbbbbbbb".to_owned()]));
    let log = String::from_utf8(reading.log.clone()).unwrap();
    assert!(log.ends_with("ERROR: the connection is gone\n"), "{log}");
}

#[test]
fn a_text_that_ends_early_has_no_image() {
    let (mut reading, _) = read(&BUILD[..6]);
    // The engine names the image of every stage; only the end of the text says that it was the last.
    reading.image(Some("sha256:cccc".into()));
    reading.end(99);
    let failure = reading.outcome(None).unwrap_err();
    assert_eq!(failure.message, "the engine's text ended without an image");
    assert_eq!(reading.outcome(Some("cannot read app/x".into())).unwrap_err().message, "cannot read app/x");
}
