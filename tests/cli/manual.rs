//! The help of every subcommand, and what a shell and `man` learn of the program.

use super::common::Folder;
use dbench::error::files;
use std::path::Path;
use std::process::{Command, Stdio};

/// The names of the subcommands, as the help lists them.
pub fn subcommands(folder: &Folder) -> Vec<String> {
    let help = folder.dbench(&[], &["--help"]).ends(0).out;
    let list = help.split("\nCommands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    // What does not fit into one line goes on farther to the right.
    let names = list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty()).map(str::to_owned);
    names.filter(|name| name != "help").collect()
}

#[test]
fn help_is_as_it_was_written_down() {
    let folder = Folder::new();
    let subcommands = subcommands(&folder);
    for command in [""].into_iter().chain(subcommands.iter().map(String::as_str)) {
        let arguments: Vec<_> = [command, "--help"].into_iter().filter(|a| !a.is_empty()).collect();
        let ran = folder.dbench(&[], &arguments).ends(0);
        assert_eq!(ran.err, "");
        let name = if command.is_empty() { "help.txt".to_owned() } else { format!("help-{command}.txt") };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(&name);
        if std::env::var_os("DBENCH_UPDATE").is_some() {
            files::write(&path, &ran.out).unwrap();
        }
        assert_eq!(ran.out, files::read_to_string(&path).unwrap(), "{name}");
        assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{name} is too wide");
    }
}

#[test]
fn the_completions_of_every_shell_know_every_subcommand() {
    let folder = Folder::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = folder.dbench(&[], &["completions", shell]).ends(0).out;
        for word in subcommands(&folder) {
            assert!(script.contains(&word), "{shell} does not know `{word}`");
        }
        for flag in ["check-claims", "into", "scenarios"] {
            assert!(script.contains(flag), "{shell} does not know `--{flag}`");
        }
    }
    let said = folder.dbench(&[], &["completions", "bsh"]).ends(2).err;
    assert!(said.contains("a similar value exists: 'bash'"), "{said}");
}

#[test]
fn a_mistake_in_the_configuration_stops_neither_completions_nor_the_manual() {
    let folder = Folder::new();
    folder.write("dbench.toml", "nonsense");
    folder.dbench(&[], &["completions", "bash"]).ends(0);
    folder.dbench(&[], &["man"]).ends(0);
    folder.dbench(&[], &["list"]).ends(2);
}

/// What bash offers for a line, the last word of which is being typed.
fn offered(script: &str, line: &str) -> Vec<String> {
    let words: Vec<_> = line.split(' ').map(|word| format!("'{word}'")).collect();
    let last = words.len() - 1;
    let asked = format!(
        "{script}\nCOMP_WORDS=({}); COMP_CWORD={last}\n_dbench dbench {} {}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        words.join(" "),
        words[last],
        words[last - 1]
    );
    let output = Command::new("bash").args(["-c", &asked]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_subcommands_flags_and_values() {
    let script = Folder::new().dbench(&[], &["completions", "bash"]).ends(0).out;
    assert_eq!(offered(&script, "dbench re"), ["report", "registry"]);
    assert_eq!(offered(&script, "dbench run --pla"), ["--platform", "--plan"]);
    assert_eq!(offered(&script, "dbench report --format m"), ["markdown"]);
}

#[test]
fn the_manual_has_a_page_for_dbench_and_each_subcommand() {
    let folder = Folder::new();
    let said = folder.dbench(&[], &["man", "--dir", "manual/man1"]).ends(0).out;
    let names = subcommands(&folder);
    assert_eq!(said, format!("{} pages written to manual/man1\n", names.len() + 1));
    let page = |name: &str| files::read_to_string(&folder.path(&format!("manual/man1/{name}.1"))).unwrap();
    let whole = page("dbench");
    assert_eq!(whole, folder.dbench(&[], &["man"]).ends(0).out, "the page is printed as it is written");
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SUBCOMMANDS", "\"EXIT CODES\""] {
        assert!(whole.contains(&format!("\n.SH {section}\n")), "{section}\n{whole}");
    }
    for name in names {
        let whole_name = format!("dbench-{name}");
        let text = page(&whole_name);
        assert!(whole.contains(&format!("dbench\\-{name}(1)")), "{name} is not listed\n{whole}");
        assert!(text.contains(&format!(".TH dbench-{name} 1 \"\" \"dbench ")), "{text}");
        assert!(text.contains(".SH EXAMPLES\n.TP\n\\fBdbench "), "{text}");
        assert_eq!(text, folder.dbench(&[("COLUMNS", "30")], &["man", &name]).ends(0).out);
    }
    let said = folder.dbench(&[], &["man", "repot"]).ends(2).err;
    assert!(
        said.starts_with("error: there is no subcommand `repot`\n  hint: did you mean `report`? there is "),
        "{said}"
    );
}

#[test]
fn a_formatter_of_manuals_has_nothing_to_say_against_the_pages() {
    if Command::new("groff").arg("--version").stdout(Stdio::null()).status().is_err() {
        return;
    }
    let folder = Folder::new();
    folder.dbench(&[], &["man", "--dir", "pages"]).ends(0);
    for path in files::list(&folder.path("pages")).unwrap() {
        let output =
            Command::new("groff").args(["-man", "-Tascii", "-ww", "-z"]).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{}: {said}", path.display());
    }
}
