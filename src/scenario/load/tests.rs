//! Scenario files: what a good one gives, and every mistake with its place.

use super::*;
use crate::scenario::{Edit, EditLine, Expect, Secret, SecretSource};
use std::collections::BTreeMap;
use tempfile::TempDir;

const GOOD: &str = r#"title = "T"
language = "Go"
notes = ["n"]

[[variants]]
name = "single"
baseline = true
dockerfile = "single.Dockerfile"

[[variants]]
name = "multi"
dockerfile = "multi.Dockerfile"
target = "final"
args = { V = "2" }
probe = { port = 81, env = { A = "b" }, command = ["x"] }

[probe.http]
port = 80
body = "edition {nonce}"

[edits.source]
lines = [{ file = "main.go", line = 'const edition = "{nonce}"' }]

[edits.deps]
overlay = "deps"
lines = [{ file = "go.mod", line = "// {nonce}" }]

[[claims]]
text = "multi unpacked-size reduction >= 90 %"
says = "90%+"
"#;

/// A folder that holds a scenario `case`, and a secret beside it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("../secret/main.go", "x");
        folder.write("scenario.toml", GOOD);
        folder.write("single.Dockerfile", "FROM a\n");
        folder.write("multi.Dockerfile", "ARG V=1\nFROM a:$V AS final\n");
        folder.write("app/main.go", "package main\n\n  const edition = \"0000000000000000\"\r\n");
        folder.write("app/go.mod", "module x\n");
        folder.write("deps/go.mod", "module x\n// 0000000000000000\n");
        folder
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("case")
    }

    fn write(&self, path: &str, text: &str) {
        files::create_dir_all(&self.dir()).unwrap();
        let path = self.dir().join(path);
        files::create_dir_all(path.parent().unwrap()).unwrap();
        files::write(&path, text).unwrap();
    }

    fn link(&self, path: &str, to: &str) {
        let path = self.dir().join(path);
        if path.is_dir() {
            files::remove_dir_all(&path).unwrap();
        } else if path.exists() {
            files::remove(&path).unwrap();
        }
        std::os::unix::fs::symlink(self.0.path().join(to), path).unwrap();
    }

    fn with(&self, from: &str, to: &str) {
        assert_eq!(GOOD.matches(from).count(), 1, "{from}");
        self.write("scenario.toml", &GOOD.replace(from, to));
    }

    fn load(&self) -> Result<Scenario> {
        Scenario::load(&self.dir())
    }

    /// The message, without the folder in front.
    fn message(&self) -> String {
        let error = self.load().unwrap_err();
        assert_eq!(error.exit().code(), 2, "{error}");
        error.to_string().replace(&format!("{}/", self.dir().display()), "")
    }
}

#[test]
fn a_good_scenario_loads_exactly() {
    let folder = Folder::new();
    let scenario = folder.load().unwrap();
    assert_eq!(
        (scenario.name.as_str(), scenario.title.as_str(), scenario.language.as_str()),
        ("case", "T", "Go")
    );
    assert_eq!((scenario.pattern.as_deref(), &scenario.notes), (None, &vec!["n".to_owned()]));
    assert_eq!((&scenario.dir, &scenario.context), (&folder.dir(), &folder.dir().join("app")));
    assert_eq!(scenario.baseline().name, "single");
    let http = |port| Expect::Http { port, path: "/".into(), status: 200, body: "edition {nonce}".into() };
    assert_eq!(
        scenario.variants[0].probe,
        crate::scenario::Probe { env: BTreeMap::new(), command: None, expect: http(80) }
    );
    let multi = &scenario.variants[1];
    assert_eq!(
        (multi.name.as_str(), multi.target.as_deref(), &multi.path),
        ("multi", Some("final"), &folder.dir().join("multi.Dockerfile"))
    );
    assert_eq!(multi.dockerfile.final_base(0), Some("a:2"));
    assert_eq!(multi.probe.env, BTreeMap::from([("A".to_owned(), "b".to_owned())]));
    assert_eq!((multi.probe.command.clone(), &multi.probe.expect), (Some(vec!["x".to_owned()]), &http(81)));
    let line = |file: &str, line: &str| EditLine { file: file.into(), line: line.to_owned() };
    assert_eq!(scenario.edit(Phase::Cold), None);
    assert_eq!(scenario.edit(Phase::Unchanged), None);
    assert_eq!(
        scenario.edit(Phase::SourceEdit),
        Some(&Edit { overlay: None, lines: vec![line("main.go", "const edition = \"{nonce}\"")] })
    );
    assert_eq!(
        scenario.edit(Phase::DepsEdit),
        Some(&Edit { overlay: Some(folder.dir().join("deps")), lines: vec![line("go.mod", "// {nonce}")] })
    );
    assert_eq!(scenario.claims[0].says, "90%+");
}

#[test]
fn a_scenario_is_called_as_its_folder_and_an_edited_file_has_one_spelling() {
    let folder = Folder::new();
    folder.with("\"main.go\"", "\"./main.go\"");
    let link = folder.0.path().join("alias");
    std::os::unix::fs::symlink(folder.dir(), &link).unwrap();
    let scenario = Scenario::load(&link).unwrap();
    assert_eq!(scenario.name, "alias");
    assert_eq!(scenario.source.unwrap().lines[0].file, Path::new("main.go"));
}

#[test]
fn secrets_of_the_scenario_and_of_a_variant_come_together() {
    let folder = Folder::new();
    let text = GOOD
        .replace(
            "notes = [\"n\"]",
            "ssh = true\nsecrets = [{ id = \"a\", env = \"A\" }, { id = \"b\", file = \"./keys/b\" }]",
        )
        .replace("target =", "ssh = false\nsecrets = [{ id = \"a\", file-env = \"A_FILE\" }]\ntarget =");
    folder.write("scenario.toml", &text);
    let scenario = folder.load().unwrap();
    let secret = |id: &str, source, named| Secret { id: id.to_owned(), source, named };
    let b = secret("b", SecretSource::File("keys/b".into()), (4, 37));
    let shared = secret("a", SecretSource::Env("A".into()), (4, 12));
    let own = secret("a", SecretSource::FileEnv("A_FILE".into()), (15, 12));
    assert_eq!(scenario.variants[0].secrets, [shared, b.clone()]);
    assert_eq!(scenario.variants[1].secrets, [b, own]);
    assert_eq!((scenario.variants[0].ssh, scenario.variants[1].ssh), (Some((3, 7)), None));
}

#[test]
fn a_probe_by_command_loads() {
    let folder = Folder::new();
    folder.with("[probe.http]\nport = 80\nbody = ", "[probe.command]\nrun = [\"cat\", \"/e\"]\noutput = ");
    assert_eq!(
        folder.message(),
        "scenario.toml:15:18: a probe by command has no port\n  hint: leave the port out, or probe over HTTP"
    );
    let text =
        GOOD.replace("port = 81, ", "").replace("[probe.http]\nport = 80\nbody", "[probe.command]\noutput");
    folder.write("scenario.toml", &text);
    let probe = folder.load().unwrap().variants[0].probe.clone();
    assert_eq!((probe.command, probe.expect), (None, Expect::Output { text: "edition {nonce}".to_owned() }));
}

#[test]
fn every_mistake_in_the_file_is_shown_with_its_place() {
    let name = "use lower-case letters, digits and `-`, a letter first";
    let own = "keep everything that a scenario builds from in its own folder";
    let there =
        "\n  cause: No such file or directory (os error 2)\n  hint: correct the path or add what is missing";
    let probe = "describe it in [probe.http], or else in [probe.command]";
    let once = "the unedited file must hold the line once, with sixteen zeros where `{nonce}` stands";
    let source = "name a variable of the environment with `env`, a file of the scenario with `file`, or a variable that holds the path of a file with `file-env`";
    let elsewhere = "name a file of the scenario's folder, or a variable that holds the path with `file-env`";
    let zeros = "write `{nonce}` once, where the program has sixteen zeros";
    let claim = "the claim does not parse: ";
    let grammar = "write VARIANT METRIC [in PHASE] [reduction] OP NUMBER [UNIT or %], such as `multi unpacked-size reduction >= 90 %`";
    for (from, to, expected) in [
        ("notes =", "note =", "3:1: unknown field `note`, expected one of `title`, `language`, `pattern`, `context`, `notes`, `secrets`, `ssh`, `variants`, `probe`, `edits`, `claims`\n  hint: did you mean `notes`? correct the key's spelling, or remove it".to_owned()),
        ("title = \"T\"\n", "", "1:1: missing field `title`\n  hint: add the key".to_owned()),
        ("= \"T\"", "= T", "1:9: invalid boolean, expected `true`\n  hint: correct the line; strings stand in quotes".to_owned()),
        ("name = \"multi\"", "name = \"../multi\"", format!("11:8: `../multi` cannot be the name of a variant\n  hint: {name}")),
        ("name = \"multi\"", "name = \"single\"", "11:8: two variants are called `single`\n  hint: give each variant a name of its own".to_owned()),
        ("target =", "baseline = true\ntarget =", "13:1: `single` and `multi` are both the baseline\n  hint: keep `baseline = true` in one variant".to_owned()),
        ("baseline = true\n", "", "5:1: no variant is the baseline\n  hint: add `baseline = true` to one variant".to_owned()),
        ("\"multi.Dockerfile\"", "\"none.Dockerfile\"", format!("12:14: the Dockerfile `none.Dockerfile` does not exist{there}")),
        ("\"multi.Dockerfile\"", "\"app\"", "12:14: the Dockerfile `app` is not a file\n  hint: name the Dockerfile itself".to_owned()),
        ("\"multi.Dockerfile\"", "\"../x\"", format!("12:14: the Dockerfile `../x` is outside the scenario\n  hint: {own}")),
        ("language = \"Go\"", "language = \"Go\"\nsecrets = [{ id = \"a b\", env = \"X\" }]", "3:19: `a b` cannot be the id of a secret\n  hint: write it as in `RUN --mount=type=secret,id=…`".to_owned()),
        ("language = \"Go\"", "language = \"Go\"\nsecrets = [{ id = \"a\" }]", format!("3:12: the secret `a` needs one source\n  hint: {source}")),
        ("target =", "secrets = [{ id = \"a\", env = \"X\", file = \"x\" }]\ntarget =", format!("13:12: the secret `a` needs one source\n  hint: {source}")),
        ("target =", "secrets = [{ id = \"a\", env = \"X=Y\" }]\ntarget =", "13:30: `X=Y` cannot be the name of a variable\n  hint: name a variable of the environment, such as TOKEN".to_owned()),
        ("target =", "secrets = [{ id = \"a\", file = \"../secret/main.go\" }]\ntarget =", format!("13:31: the secret file `../secret/main.go` is outside the scenario\n  hint: {elsewhere}")),
        ("target =", "secrets = [{ id = \"a\", file = \"/etc/passwd\" }]\ntarget =", format!("13:31: the secret file `/etc/passwd` is outside the scenario\n  hint: {elsewhere}")),
        ("target =", "secrets = [{ id = \"a\", file = \"./app/key\" }]\ntarget =", "13:31: the secret file `./app/key` is in the context, and would be sent with it\n  hint: keep it beside the context's folder, or elsewhere with `file-env`".to_owned()),
        ("target =", "secrets = [{ id = \"a\", env = \"X\" }, { id = \"a\", file-env = \"Y\" }]\ntarget =", "13:44: two secrets have the id `a`\n  hint: give each secret an id of its own".to_owned()),
        ("\"final\"", "\"finale\"", "13:10: `multi.Dockerfile` has no stage `finale`\n  hint: its named stages are final".to_owned()),
        ("port = 81", "port = 70000", "15:18: invalid value: integer `70000`, expected u16\n  hint: write a port from 1 to 65535".to_owned()),
        ("port = 81", "port = 0", "15:18: 0 is not a port\n  hint: name the port that the program listens on".to_owned()),
        ("[probe.http]\nport = 80\nbody = \"edition {nonce}\"\n", "[probe]\n", format!("17:1: the probe says nothing\n  hint: {probe}")),
        ("[edits.source]", "[probe.command]\noutput = \"{nonce}\"\n\n[edits.source]", format!("21:1: the probe is both over HTTP and a command\n  hint: {probe}")),
        ("port = 80\n", "", "17:1: the probe has no port\n  hint: add `port = …` with the port that the program listens on".to_owned()),
        ("port = 80\n", "port = 80\npath = \"x\"\n", "19:8: the path `x` does not begin with `/`\n  hint: write the path from the server's root".to_owned()),
        ("port = 80\n", "port = 80\nstatus = 99\n", "19:10: 99 is not a final HTTP status\n  hint: name a status from 200 to 599".to_owned()),
        ("edition {nonce}\"", "edition\"", "19:8: the body does not hold `{nonce}`, so no edit could be seen in it\n  hint: have the program answer with the line that is edited, and write `{nonce}` where its value stands".to_owned()),
        ("language = \"Go\"", "language = \"Go\"\ncontext = \"../secret\"", format!("3:11: the context `../secret` is outside the scenario\n  hint: {own}")),
        ("language = \"Go\"", "language = \"Go\"\ncontext = \"/etc\"", format!("3:11: the context `/etc` is outside the scenario\n  hint: {own}")),
        ("language = \"Go\"", "language = \"Go\"\ncontext = \"none\"", format!("3:11: the context `none` does not exist{there}")),
        ("language = \"Go\"", "language = \"Go\"\ncontext = \"single.Dockerfile\"", "3:11: the context `single.Dockerfile` is not a folder\n  hint: name a folder of files".to_owned()),
        ("\"deps\"", "\"../secret\"", format!("25:11: the overlay `../secret` is outside the scenario\n  hint: {own}")),
        ("\"deps\"", "\"single.Dockerfile\"", "25:11: the overlay `single.Dockerfile` is not a folder\n  hint: name a folder of files".to_owned()),
        ("lines = [{ file = \"main.go\", line = 'const edition = \"{nonce}\"' }]", "", "21:1: the edit changes no line\n  hint: name a line that carries `{nonce}`: lines = [{ file = \"…\", line = \"…{nonce}…\" }]".to_owned()),
        ("\"// {nonce}\"", "\"// x\"", format!("26:36: the edit's line changes nothing without one `{{nonce}}`\n  hint: {zeros}")),
        ("\"// {nonce}\"", "\"# {nonce}\"", format!("26:36: the line stands 0 times in `go.mod`, not once: # 0000000000000000\n  hint: {once}")),
        ("\"main.go\"", "\"none.go\"", format!("22:19: the file `none.go` does not exist{there}")),
        ("\"main.go\"", "\"../../secret/main.go\"", format!("22:19: the file `../../secret/main.go` is outside the scenario\n  hint: {own}")),
        ("\"multi unpacked-size reduction >= 90 %\"", "\"multi weight < 1 B\"", format!("29:15: {claim}`weight` is not a metric; known are {}\n  hint: {grammar}", metrics())),
        ("\"multi unpacked-size reduction >= 90 %\"", "'multi unpacked-size ~ 1 B'", format!("29:29: {claim}`~` is not one of <= >= < > =\n  hint: {grammar}")),
        ("\"multi unpacked-size reduction >= 90 %\"", "\"\"\"multi unpacked-size ~ 1 B\"\"\"", format!("29:8: {claim}`~` is not one of <= >= < > =\n  hint: {grammar}")),
        ("multi unpacked-size red", "tuned unpacked-size red", "29:8: the claim speaks of `tuned`, which is not a variant\n  hint: the variants are single, multi".to_owned()),
        ("multi unpacked-size red", "single unpacked-size red", "29:8: the claim compares the baseline `single` with itself\n  hint: a reduction is claimed of another variant".to_owned()),
    ] {
        let folder = Folder::new();
        folder.with(from, to);
        assert_eq!(folder.message(), format!("scenario.toml:{expected}"));
    }
}

fn metrics() -> String {
    crate::results::Metric::ALL.iter().map(|metric| metric.name()).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_line_that_stands_twice_and_a_claim_without_its_edit_are_refused() {
    let folder = Folder::new();
    folder.write("deps/go.mod", "// 0000000000000000\n// 0000000000000000\n");
    assert_eq!(
        folder.message(),
        "scenario.toml:26:36: the line stands 2 times in `go.mod`, not once: // 0000000000000000\n  \
         hint: the unedited file must hold the line once, with sixteen zeros where `{nonce}` stands"
    );
    let text = GOOD.replace(
        "[edits.deps]\noverlay = \"deps\"\nlines = [{ file = \"go.mod\", line = \"// {nonce}\" }]",
        "",
    );
    folder.write("scenario.toml", &text.replace("unpacked-size red", "build-wall in deps-edit red"));
    assert_eq!(
        folder.message(),
        "scenario.toml:27:8: the claim speaks of deps-edit, but nothing is edited for it\n  \
         hint: describe the edit in [edits.deps]"
    );
}

#[test]
fn links_that_lead_out_are_refused() {
    let own = "keep everything that a scenario builds from in its own folder";
    for (path, expected) in [
        ("app", "1:1: the context `app`"),
        ("deps", "25:11: the overlay `deps`"),
        ("app/main.go", "22:19: the file `main.go`"),
        ("multi.Dockerfile", "12:14: the Dockerfile `multi.Dockerfile`"),
    ] {
        let folder = Folder::new();
        folder.link(path, if path.contains('.') { "secret/main.go" } else { "secret" });
        assert_eq!(
            folder.message(),
            format!("scenario.toml:{expected} is outside the scenario\n  hint: {own}")
        );
    }
}

#[test]
fn a_folder_with_a_wrong_name_or_without_a_scenario_is_refused() {
    let folder = Folder::new();
    let parent = folder.0.path();
    let load = |dir: &str| {
        let message = Scenario::load(&parent.join(dir)).unwrap_err().to_string();
        message.replace(&format!("{}/", parent.display()), "")
    };
    folder.write("../Bad_Name/scenario.toml", GOOD);
    assert_eq!(
        load("Bad_Name"),
        "Bad_Name/scenario.toml: `Bad_Name` cannot be the name of a scenario\n  \
         hint: name the folder with lower-case letters, digits and `-`, a letter first"
    );
    let hint = "\n  hint: name a folder that holds a scenario.toml";
    assert_eq!(load("secret"), format!("secret/scenario.toml: the file does not exist{hint}"));
    assert_eq!(
        load("none"),
        format!("there is no scenario none\n  cause: No such file or directory (os error 2){hint}")
    );
    let hint = "\n  hint: name the folder of the scenarios with --scenarios";
    let all = |dir: &Path| Scenario::load_all(dir, &[]).unwrap_err().to_string();
    assert_eq!(all(Path::new("/none")), format!("there is no folder /none{hint}"));
    let empty = parent.join("secret");
    assert_eq!(all(&empty), format!("no folder in {} holds a scenario.toml{hint}", empty.display()));
}

#[test]
fn what_is_wrong_with_a_scenario_is_not_in_the_way_of_the_others() {
    let folder = Folder::new();
    let parent = folder.0.path();
    folder.write("../broken/scenario.toml", "title = 1\n");
    folder.write("../empty/app/file", "");
    folder.write("../.git/file", "");
    folder.write("../bases/alpine/file", "");
    let good = folder.load().unwrap().name;
    let load = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Scenario::load_all(parent, &names).map(|all| all.into_iter().map(|one| one.name).collect::<Vec<_>>())
    };
    assert_eq!(load(&[&good]).unwrap(), [good.as_str()]);
    assert_eq!(
        load(&[&good, "unheard-of"]).unwrap(),
        [good.as_str()],
        "which one is unheard of is said later"
    );
    for names in [&[][..], &["broken"], &[&good, "broken"]] {
        let said = load(names).unwrap_err().to_string();
        assert!(said.contains("broken/scenario.toml:1:9: invalid type"), "{names:?}: {said}");
    }
    let unmarked = Scenario::unmarked(parent).unwrap();
    assert!(unmarked.contains(&parent.join("empty")), "{unmarked:?}");
    let marked = [&good, "broken", "bases", ".git"].map(|name| parent.join(name));
    assert!(marked.iter().all(|folder| !unmarked.contains(folder)), "{unmarked:?}");
}

#[test]
fn one_variant_is_nothing_to_compare() {
    let folder = Folder::new();
    let first = GOOD.find("[[variants]]").unwrap();
    let second = first + 1 + GOOD[first + 1..].find("[[variants]]").unwrap();
    let end = GOOD[second..].find("\n\n").map_or(GOOD.len(), |at| second + at + 1);
    folder.write("scenario.toml", &[&GOOD[..second], &GOOD[end..]].concat());
    let message = folder.message();
    assert!(
        message
            .contains(" is the only variant, so there is nothing to compare it with\n  hint: add a second"),
        "{message}"
    );
}

#[test]
fn a_mistake_in_a_dockerfile_is_shown_there() {
    let folder = Folder::new();
    folder.write("multi.Dockerfile", "FROM a\nFRM b\n");
    assert_eq!(
        folder.message(),
        "multi.Dockerfile:2:1: `FRM` is not an instruction\n  hint: correct its spelling"
    );
}

#[test]
fn the_hash_sees_what_builds_depend_on_and_nothing_else() {
    let folder = Folder::new();
    let hash = || folder.load().unwrap().hash;
    let first = hash();
    assert_eq!(first.len(), 64);
    folder.with("notes = [\"n\"]", "notes = [\"m\"]");
    assert_eq!(hash(), first);
    let mut seen = vec![first];
    let mut expect_new = || {
        let new = hash();
        assert!(!seen.contains(&new));
        seen.push(new);
    };
    folder.with("V = \"2\"", "V = \"3\"");
    expect_new();
    folder.with("port = 80\n", "port = 82\n");
    expect_new();
    folder.write("scenario.toml", &format!("ssh = true\n{GOOD}"));
    expect_new();
    folder.write("scenario.toml", &format!("secrets = [{{ id = \"a\", env = \"A\" }}]\n{GOOD}"));
    expect_new();
    folder.write("scenario.toml", &format!("secrets = [{{ id = \"a\", file-env = \"A\" }}]\n{GOOD}"));
    expect_new();
    folder.write("scenario.toml", GOOD);
    for path in ["app/x", "deps/y", "multi.Dockerfile.dockerignore", "app/.dockerignore"] {
        folder.write(path, "x");
        expect_new();
    }
    folder.write("multi.Dockerfile", "FROM b AS final\n");
    expect_new();
}
