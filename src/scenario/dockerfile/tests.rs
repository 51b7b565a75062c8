//! Dockerfiles as text: stages, steps, the names of images, and what rewriting leaves alone.

use super::*;
use crate::results::Builder;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

fn parse(text: &str) -> Result<Dockerfile> {
    Dockerfile::parse(Path::new("Dockerfile"), text, &BTreeMap::new())
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

fn image(name: &str) -> Origin {
    Origin::Image(name.to_owned())
}

#[test]
fn stages_steps_and_what_they_take() {
    let text = "\
# syntax=docker/dockerfile:1
# a comment
ARG GO=1.21
FROM --platform=$BUILDPLATFORM golang:${GO}-alpine as Builder
WORKDIR /src
COPY --chown=1:1 go.mod go.sum ./
RUN --mount=type=cache,target=/go --mount=target=/src,source=. \\
    # in between

    go build -o /out/app .
ENV X=1
FROM builder AS tests
COPY [\"a b\", \"*.go\", \"./\"]
FROM scratch
COPY --from=BUILDER /out/app /app
COPY --from=1 /x /x
COPY --from=alpine:3.21 /etc/passwd /etc/
RUN --mount=type=bind,from=busybox,source=/bin,target=/b /b/sh
ADD https://example.org/f local.tar /
";
    let file = parse(text).unwrap();
    let kinds: Vec<Vec<_>> = file
        .stages
        .iter()
        .map(|stage| stage.steps.iter().map(|step| (step.kind, step.line)).collect())
        .collect();
    assert_eq!(
        kinds,
        [
            vec![(StepKind::Workdir, 5), (StepKind::Copy, 6), (StepKind::Run, 7)],
            vec![(StepKind::Copy, 13)],
            vec![
                (StepKind::Copy, 15),
                (StepKind::Copy, 16),
                (StepKind::Copy, 17),
                (StepKind::Run, 18),
                (StepKind::Add, 19)
            ],
        ]
    );
    assert_eq!(file.stages[0].name.as_deref(), Some("builder"));
    assert_eq!(file.stages[0].line, 4);
    assert_eq!(file.stages[0].from, image("golang:1.21-alpine"));
    assert_eq!(file.stages[1].from, Origin::Stage(0));
    assert_eq!(file.stages[2].from, Origin::Scratch);
    assert_eq!(file.stages[0].steps[1].takes.context, ["go.mod", "go.sum"]);
    assert_eq!(file.stages[0].steps[2].takes.context, ["."]);
    assert_eq!(
        file.stages[0].steps[2].text,
        "RUN --mount=type=cache,target=/go --mount=target=/src,source=.     go build -o /out/app ."
    );
    assert_eq!(file.stages[1].steps[0].takes.context, ["a b", "*.go"]);
    assert_eq!(file.stages[2].steps[0].takes.stages, [0]);
    assert_eq!(file.stages[2].steps[1].takes.stages, [1]);
    assert_eq!(file.stages[2].steps[2].takes.images, ["alpine:3.21"]);
    assert_eq!(file.stages[2].steps[3].takes.images, ["busybox"]);
    assert_eq!(file.stages[2].steps[4].takes.context, ["local.tar"]);
    assert_eq!(
        file.transfers()[3],
        Transfer { stage: 2, line: 18, from: image("busybox"), sources: vec!["/bin".to_owned()] }
    );
}

#[test]
fn targets_needs_and_bases() {
    let file = parse("FROM a AS one\nFROM b AS two\nFROM one AS three\nFROM scratch\nCOPY --from=two /x /\n")
        .unwrap();
    assert_eq!(file.target(None).unwrap(), 3);
    assert_eq!(file.target(Some("THREE")).unwrap(), 2);
    assert_eq!(file.target(Some("1")).unwrap(), 1);
    assert_eq!(
        file.target(Some("four")).unwrap_err().to_string(),
        "Dockerfile has no stage `four`\n  hint: its named stages are one, two, three"
    );
    assert_eq!(
        parse("FROM a").unwrap().target(Some("7")).unwrap_err().to_string(),
        "Dockerfile has no stage `7`\n  hint: name a stage with `FROM … AS <name>`, or leave the target out"
    );
    assert_eq!(file.needed(3), BTreeSet::from([1, 3]));
    assert_eq!(file.needed(2), BTreeSet::from([0, 2]));
    assert_eq!(file.bases(3, Builder::Buildkit), BTreeSet::from(["b".to_owned()]));
    assert_eq!(file.final_base(2), Some("a"));
    assert_eq!(file.final_base(3), None);
}

#[test]
fn arguments_beat_defaults() {
    let args = map(&[("V", "20"), ("UNDECLARED", "x")]);
    let file = Dockerfile::parse(
        Path::new("Dockerfile"),
        "ARG V=18\nARG OS=\"alpine\" IMAGE=node:$V-${OS}\nFROM $IMAGE\nARG IMAGE=other\nFROM ${IMAGE:-x}\n",
        &args,
    )
    .unwrap();
    assert_eq!(file.bases(0, Builder::Buildkit), BTreeSet::from(["node:20-alpine".to_owned()]));
    assert_eq!(file.bases(1, Builder::Buildkit), BTreeSet::from(["node:20-alpine".to_owned()]));
}

#[test]
fn here_documents_are_skipped() {
    let text = "FROM a\nRUN <<EOF\nFROM no\nEOF\nCOPY <<-\"END\" x.txt /to/\n\tFROM no\n\tEND\nRUN cat <<< x\nRUN echo $((1 << 2))\n\
                RUN [\"cat\", \"<<EOF\"]\nONBUILD RUN <<X\nFROM no\nX\nFROM b\n";
    let file = parse(text).unwrap();
    assert_eq!(file.stages.len(), 2);
    assert_eq!(file.stages[0].steps[1].takes.context, ["x.txt"]);
    assert_eq!(file.stages[0].steps.len(), 5);
}

#[test]
fn the_image_that_reads_the_file_is_named_and_rewritten() {
    let text =
        "# Syntax = docker/dockerfile:1 # and more\r\n# escape=`\r\nFROM docker/dockerfile:1 `\r\n AS b\r\n";
    let file = parse(text).unwrap();
    assert_eq!(file.frontend(), Some("docker/dockerfile:1"));
    assert_eq!(file.bases(0, Builder::Buildkit), BTreeSet::from(["docker/dockerfile:1".to_owned()]));
    assert_eq!(
        file.rewrite(&map(&[("docker/dockerfile:1", "m/d:1")])),
        text.replace("docker/dockerfile:1", "m/d:1")
    );
    assert_eq!(parse("#!/usr/bin/env x\n# syntax=a\nFROM b\n").unwrap().frontend(), Some("a"));
    for without in ["# a comment\n# syntax=a\nFROM b\n", "\n# syntax=a\nFROM b\n", "FROM b\n# syntax=a\n"] {
        assert_eq!(parse(without).unwrap().frontend(), None, "{without}");
    }
}

#[test]
fn what_old_builders_do_not_know_is_told_unless_another_reads_the_file() {
    let text = "FROM a\nCOPY --link x /\nRUN --network=none x\nRUN <<EOF\nx\nEOF\nADD --checksum=sha256:0 https://x/y /\n";
    let file = parse(text).unwrap();
    let news = [(News::Link, 2), (News::Network, 3), (News::HereDocument, 4), (News::Checksum, 7)];
    assert_eq!(file.news(), news);
    assert_eq!(parse(&format!("# syntax=d\n{text}")).unwrap().news(), []);
    assert_eq!(
        parse("FROM a\nCOPY --chown=1 --chmod=1 x /\nRUN --mount=type=cache,target=/x y\n").unwrap().news(),
        []
    );
}

#[test]
fn an_instruction_may_begin_below_an_escape_and_keeps_other_blanks() {
    let file = parse("\\\n  FROM a\nCOPY a\u{a0}b /\n").unwrap();
    assert_eq!(file.stages[0].from, image("a"));
    assert_eq!(file.stages[0].steps[0].takes.context, ["a\u{a0}b"]);
    assert_eq!(file.rewrite(&map(&[("a", "z")])), file.text.replace("FROM a", "FROM z"));
}

#[test]
fn other_escapes_line_ends_and_marks_are_read() {
    let file =
        parse("\u{feff}# escape=`\r\nFROM a `\r\n  AS b\r\nWORKDIR c:\\\r\nRUN x `\r\n  y\r\n").unwrap();
    assert_eq!(file.stages[0].name.as_deref(), Some("b"));
    assert_eq!(file.stages[0].steps[0].text, "WORKDIR c:\\");
    assert_eq!(file.stages[0].steps[1].text, "RUN x   y");
    assert_eq!(file.rewrite(&map(&[("a", "z")])), file.text.replace("FROM a", "FROM z"));
    // After an ordinary comment a directive is a comment.
    assert_eq!(parse("# hello\n# escape=`\nFROM a\\\n:1\n").unwrap().stages[0].from, image("a:1"));
}

#[test]
fn what_cannot_be_read_exactly_is_refused() {
    let take = "\n  hint: take from a stage further up, or from an image";
    let first = "\n  hint: write it in the first line of the file";
    let plain = "\n  hint: write it without variables, quotes and escapes";
    for (text, expected) in [
        ("", "1:1: there is no FROM\n  hint: begin a stage with `FROM <image>`".to_owned()),
        ("RUN x\n", "1:1: RUN stands before the first FROM\n  hint: only ARG may stand before FROM".to_owned()),
        ("FROM a\nCOPPY . .\n", "2:1: `COPPY` is not an instruction\n  hint: correct its spelling".to_owned()),
        ("FROM a b\n", "1:1: FROM takes an image, or an image and a name\n  hint: write `FROM <image> AS <name>`".to_owned()),
        (
            "FROM a:$X\n",
            "1:8: `X` is not declared before the first FROM\n  hint: declare it with a default before the first FROM: `ARG NAME=value`".to_owned(),
        ),
        (
            "ARG A=x$Y\nFROM a\n",
            "1:8: `Y` is not declared before the first FROM\n  hint: give the ARG a plain value".to_owned(),
        ),
        ("ARG A=\nFROM $A\n", "2:6: `` is not an image\n  hint: name an image or a stage".to_owned()),
        (
            "FROM a AS 1b\n",
            "1:11: `1b` cannot be the name of a stage\n  hint: use letters, digits, `-`, `_` and `.`, a letter first".to_owned(),
        ),
        (
            "FROM a AS b\nFROM a AS B\n",
            "2:11: two stages are called `b`\n  hint: give each stage a name of its own".to_owned(),
        ),
        (
            "FROM a\nCOPY \\\n  --from=$X a b\n",
            "3:10: a variable in `from` is not read by all engines\n  hint: name the stage or image itself, or give the image a stage: `FROM <image> AS <name>`".to_owned(),
        ),
        (
            "FROM a\nCOPY --from=\"b\" a b\n",
            "2:13: `from` needs a plain name\n  hint: name a stage or an image, without quotes".to_owned(),
        ),
        ("FROM a\nCOPY --from=0 a b\n", format!("2:13: there is no stage 0 further up{take}")),
        ("FROM a AS b\nCOPY --from=b a b\n", format!("2:13: a stage cannot take from itself{take}")),
        ("FROM a\nCOPY --from=scratch a b\n", format!("2:13: `scratch` is not an image{take}")),
        ("FROM a\nADD --from=b a b\n", "2:5: ADD --from is not supported here\n  hint: copy files and folders by name".to_owned()),
        ("FROM a\nCOPY --exclude=x . .\n", "2:6: COPY --exclude is not supported here\n  hint: copy files and folders by name".to_owned()),
        ("FROM a\nCOPY x\n", "2:6: COPY needs a source and a destination\n  hint: name what is copied and where to".to_owned()),
        ("FROM a\nCOPY x $Y z\n", format!("2:8: the source `$Y` is not a plain path or pattern{plain}")),
        ("FROM a\nRUN --mount=source=$Y,target=/x z\n", format!("2:20: the source `$Y` is not a plain path or pattern{plain}")),
        (
            "FROM a\nRUN --mount=\"source=a,b\" z\n",
            "2:5: a mount with quotes is not supported\n  hint: write it without quotes".to_owned(),
        ),
        (
            "FROM a\nRUN <<EOF\nx\n",
            "2:5: the here-document never ends: no line is `EOF`\n  hint: end it with a line that holds that word and nothing else".to_owned(),
        ),
        ("# escape=`\n# escape=`\nFROM a\n", "2:1: there are two `escape` directives\n  hint: keep the first".to_owned()),
        ("# version=1\n# syntax=a\nFROM a\n", format!("2:1: not every builder reads `syntax` here{first}")),
        (" # syntax=a\nFROM a\n", format!("1:1: not every builder reads `syntax` here{first}")),
        ("#!/bin/x\n# escape=`\nFROM a\n", format!("2:1: not every builder reads `escape` here{first}")),
        (
            "FROM a AS b\nONBUILD RUN x\nFROM b\n",
            "3:6: the ONBUILD of line 2 runs here, and its steps cannot be told from the stage's own\n  hint: write its \
             instruction into this stage, and leave the ONBUILD out".to_owned(),
        ),
        (
            "FROM a\nWORKDIR .\n",
            "2:9: the folder `.` depends on that of the image below\n  hint: write the path from the root".to_owned(),
        ),
        (
            "FROM Alpine:3.21\n",
            "1:6: `Alpine:3.21` is not the name of an image: names of images are in lower case\n  hint: write \
             NAME[:TAG][@DIGEST]".to_owned(),
        ),
        (
            "FROM a\nCOPY --from=a:3:1 /x /\n",
            "2:13: `a:3:1` is not the name of an image: its tag is not made of letters, digits, `_`, `.` and `-`\n  \
             hint: write NAME[:TAG][@DIGEST]".to_owned(),
        ),
        (
            "# syntax=docker//dockerfile\nFROM a\n",
            "1:10: `docker//dockerfile` is not the name of an image: a part of it is not made of letters and digits, \
             joined by `.`, `_`, `__` or `-`\n  hint: write NAME[:TAG][@DIGEST]".to_owned(),
        ),
        ("# escape=x\nFROM a\n", "1:1: `x` cannot be the escape character\n  hint: write `# escape=\\` or # escape=`".to_owned()),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), format!("Dockerfile:{expected}"));
    }
}

#[test]
fn images_are_replaced_at_their_place_and_nowhere_else() {
    let text = "ARG B=golang\r\nARG V=1.21\r\n# golang:1.21\r\nFROM  --platform=linux/amd64\tdocker.io/library/golang:1.21 AS golang\r\n\
                RUN echo golang:1.21 alpine\r\nFROM ${B}:$V\r\nCOPY --from=golang /golang:1.21 /\r\n\
                COPY --from=alp\\\r\nine /x /\r\nRUN --mount=from=alpine:latest,target=/x ls\r\nFROM other";
    let file = parse(text).unwrap();
    let mapped = file.rewrite(&map(&[("golang:1.21", "m/go:1"), ("alpine", "m/alpine:edge")]));
    assert_eq!(
        mapped,
        "ARG B=golang\r\nARG V=1.21\r\n# golang:1.21\r\nFROM  --platform=linux/amd64\tm/go:1 AS golang\r\n\
         RUN echo golang:1.21 alpine\r\nFROM m/go:1\r\nCOPY --from=golang /golang:1.21 /\r\n\
         COPY --from=m/alpine:edge /x /\r\nRUN --mount=from=m/alpine:edge,target=/x ls\r\nFROM other"
    );
    assert_eq!(parse(&mapped).unwrap().stages.len(), 3);
}

proptest! {
    #[test]
    fn nothing_panics_and_identity_keeps_every_byte(
        lines in proptest::collection::vec(
            prop_oneof![
                "FROM [a-c$]{1,3}( AS [d-f])?",
                "(COPY|ADD) (--from=[a-f0-2$]{1,2} )?[a-z.*\\\\]{1,3} /",
                "RUN (--mount=(from=[a-f]|type=[a-z]{2}|source=.),target=/x )?[a-z <\"'\\\\]{0,6}",
                "ARG [a-c](=[a-c$]{0,2})?",
                "[ #\\\\`\t]{0,3}[ -~é]{0,6}",
            ],
            0..12,
        ),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just(" \\\n")],
    ) {
        let text = lines.join(end);
        if let Ok(file) = parse(&text) {
            prop_assert_eq!(&file.rewrite(&BTreeMap::new()), &text);
            let last = file.target(None).unwrap();
            let all: BTreeMap<_, _> = (0..=last).flat_map(|t| file.bases(t, Builder::Buildkit)).map(|b| (b.clone(), b)).collect();
            prop_assert_eq!(&file.rewrite(&all), &text);
        }
    }
}

#[test]
fn what_needs_buildkit_is_found_with_its_line() {
    let lacking = |text: &str| parse(text).unwrap().lacking(0, Builder::Classic).unwrap_or_default();
    for (text, said) in [
        ("FROM a\nRUN --mount=type=cache,target=/x make\n", "line 2: RUN --mount needs BuildKit"),
        ("FROM a\nRUN --network=none make\n", "line 2: RUN --network needs BuildKit"),
        ("FROM a\nCOPY a b\nCOPY --chown=1 --link a b\n", "line 3: COPY --link needs BuildKit"),
        ("FROM a\nCOPY --chmod=755 a b\n", "line 2: COPY --chmod needs BuildKit"),
        ("FROM a\nADD --checksum=sha256:1 https://x/y b\n", "line 2: ADD --checksum needs BuildKit"),
        ("FROM a\nADD git@host:x/y.git b\n", "line 2: ADD of a git repository needs BuildKit"),
        ("FROM a\nRUN <<EOF\nmake\nEOF\n", "line 2: a here-document of RUN needs BuildKit"),
        ("FROM a\nCOPY <<EOF /x\nmake\nEOF\n", "line 2: a here-document of COPY needs BuildKit"),
        ("FROM --platform=$BUILDPLATFORM a\n", "line 1: FROM --platform=$BUILDPLATFORM needs BuildKit"),
        ("# syntax=docker/dockerfile:1\nFROM a\n", "line 1: `# syntax=docker/dockerfile:1` needs BuildKit"),
        ("# escape=\\\n# Syntax = x\nFROM a\n", "line 2: `# syntax=x` needs BuildKit"),
    ] {
        assert_eq!(lacking(text), said, "{text}");
        assert_eq!(parse(text).unwrap().lacking(0, Builder::Buildkit), None, "{text}");
    }
    for text in [
        "# a comment\n# syntax=docker/dockerfile:1\nFROM a\n",
        "FROM --platform=linux/amd64 a\nCOPY --chown=1:1 a b\nADD --chown=1 a b\nRUN cat <<< x --mount\n",
        "FROM a\nRUN [\"sh\", \"-c\", \"cat <<EOF\"]\nHEALTHCHECK --interval=1s CMD x\n",
        "FROM a\nRUN make\nFROM a\nRUN --mount=type=cache,target=/x make\n",
    ] {
        assert_eq!(lacking(text), "", "{text}");
    }
}

#[test]
fn the_classic_builder_takes_the_bases_of_stages_that_nothing_needs() {
    let file = parse("FROM a AS x\nFROM b\nFROM c\n").unwrap();
    assert_eq!(file.bases(1, Builder::Buildkit), BTreeSet::from(["b".to_owned()]));
    assert_eq!(file.bases(1, Builder::Classic), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
}
