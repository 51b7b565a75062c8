//! The examples below the help of every subcommand: each is typed as it stands there, or as near to it as goes without
//! an engine. The engine lane types those that need one, see `every_command_of_the_readme_does_what_it_says`.

use super::charts::give_steps;
use super::manual::subcommands;
use super::report::golden;

/// The commands of `Examples:` below a help.
fn examples(help: &str) -> Vec<String> {
    let rows = help.split("\nExamples:\n").nth(1).unwrap_or_default().lines();
    let rows = rows.take_while(|line| line.starts_with("  "));
    rows.map(|row| row.trim().split("  ").next().unwrap().to_owned()).collect()
}

#[test]
fn every_subcommand_has_examples_that_do_what_they_say() {
    let folder = golden();
    folder.write("README.md", "<!-- dbench:results -->\n<!-- /dbench:results -->\n");
    give_steps(&folder, "go-scratch,multi,buildkit,cold,3,");
    // The shipped scenarios' names stand in the examples.
    for part in ["scenario.toml", "single.Dockerfile", "multi.Dockerfile", "app/edition"] {
        let text =
            dbench::error::files::read_to_string(&folder.path(&format!("scenarios/greet/{part}"))).unwrap();
        folder.write(&format!("scenarios/go-scratch/{part}"), &text);
        folder.write(&format!("examples/greet/{part}"), &text);
    }
    let home = folder.path("home").to_string_lossy().into_owned();
    let environment = [("HOME", home.as_str()), ("DOCKER_HOST", "unix:///nonexistent")];
    for subcommand in subcommands(&folder) {
        let help = folder.dbench(&[], &[&subcommand, "--help"]).ends(0).out;
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{subcommand} has no examples");
        let mut rows = help.split("\nExamples:\n").nth(1).unwrap().lines();
        assert!(rows.all(|row| row.starts_with("  dbench ")), "an example does not fit into a line: {help}");
        for example in examples {
            let typed = example.replace('~', &home);
            let words: Vec<_> = typed.split_whitespace().collect();
            assert_eq!(words[..2], ["dbench", &subcommand], "{example}");
            let (more, code, said) = match subcommand.as_str() {
                "run" if words.contains(&"--plan") => (&[][..], 0, ""),
                "run" => (&["--plan"][..], 0, ""),
                // They get as far as asking for the engine.
                "clean" => (&[][..], 1, "error: no Docker Engine answers at /nonexistent"),
                "doctor" => (&[][..], 1, ""),
                "new" => (&[][..], 0, "change it, then: dbench run "),
                "report" if words.contains(&"--timeline") => (&[][..], 0, "go-scratch/multi cold, round 3"),
                // It would go on until it is told to end.
                "registry" => (&["--help"][..], 0, ""),
                _ => (&[][..], 0, ""),
            };
            let ran = folder.dbench(&environment, &[&words[1..], more].concat()).ends(code);
            assert!(
                ran.err.starts_with(said) && ran.err.is_empty() == said.is_empty(),
                "{example}: {ran:#?}"
            );
            assert!(subcommand == "clean" || !ran.out.is_empty() || example.contains("--into"), "{example}");
        }
    }
}
