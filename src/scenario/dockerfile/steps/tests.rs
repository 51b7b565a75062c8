//! Steps: what a RUN runs, and which WORKDIR is none.

use super::*;
use crate::scenario::Dockerfile;
use std::collections::BTreeMap;
use std::path::Path;

fn parse(text: &str) -> Result<Dockerfile> {
    Dockerfile::parse(Path::new("Dockerfile"), text, &BTreeMap::new())
}

#[test]
fn what_runs_is_told_as_builders_run_it() {
    let text = "\
FROM a AS one
RUN --mount=type=cache,target=/x --network=none make  all \\
    # in between
    now
RUN [\"sh\", \"-c\", \"a b\"]
SHELL [\"/bin/bash\", \"-eo\", \"pipefail\", \"-c\"]
RUN a | b
RUN <<EOF
first
second
EOF
RUN <<-END
\t#!/usr/bin/env python
\tx
\tEND
RUN cat <<A > /a && cat <<B > /b
1
A
2
B
FROM one
RUN c
FROM b
RUN c
";
    let file = parse(text).unwrap();
    let commands = |stage: usize| {
        let commands = file.stages[stage].steps.iter().filter_map(|step| step.command.clone());
        commands.map(|command| command.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    let bash = "/bin/bash -eo pipefail -c";
    assert_eq!(
        commands(0),
        [
            "/bin/sh -c make all now".to_owned(),
            "sh -c a b".to_owned(),
            format!("{bash} a | b"),
            format!("{bash} first second"),
            format!("{bash} /dev/pipes/END"),
            format!("{bash} cat <<A > /a && cat <<B > /b 1 A 2 B"),
        ]
    );
    assert_eq!((commands(1), commands(2)), (vec![format!("{bash} c")], vec!["/bin/sh -c c".to_owned()]));
    assert_eq!(file.stages[0].steps[3].documents, ["first\nsecond\n"]);
}

#[test]
fn a_folder_that_becomes_the_root_is_a_step_of_its_own_kind() {
    let text = "FROM scratch\nWORKDIR .\nWORKDIR a/b\nWORKDIR ../..\nWORKDIR /\nCOPY x /\nFROM a\nWORKDIR b\nWORKDIR /c\n\
                WORKDIR ..\nWORKDIR d\nWORKDIR $X\nWORKDIR e\n";
    let file = parse(text).unwrap();
    let at_root = |stage: usize| {
        let steps = file.stages[stage].steps.iter().filter(|step| step.kind == StepKind::Root);
        steps.map(|step| step.line).collect::<Vec<_>>()
    };
    assert_eq!((at_root(0), at_root(1)), (vec![2, 4, 5], vec![10]));
}
