//! Owns what the secrets of a run hold: read once, before anything is built, so that a missing one costs nothing.
//! Leaves to the scenario where they come from, and to the engine that they are kept out of what it says.

use super::mounted;
use crate::engine::{LONGEST_SECRET, SHORTEST_SECRET, Secret};
use crate::error::{Error, Result, files};
use crate::results::Builder;
use crate::scenario::{Scenario, SecretSource, Variant};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Where the user's SSH agent listens.
const AGENT: &str = "SSH_AUTH_SOCK";

/// What the builds of one variant may read.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Its secrets.
    pub secrets: Vec<Secret>,
    /// The socket of the SSH agent, if it reaches one.
    pub agent: Option<PathBuf>,
}

/// What the builds of each variant may read.
#[derive(Clone, Debug, Default)]
pub struct Secrets(BTreeMap<(String, String), Given>);

/// The environment of the user, by the name of a variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Secrets {
    /// Reads everything that the variants name.
    ///
    /// # Errors
    /// If something is not there, is empty, or cannot be kept secret.
    pub fn resolve(
        scenarios: &[Scenario],
        builders: &[Builder],
        environment: Environment<'_>,
    ) -> Result<Self> {
        let mut all = BTreeMap::new();
        // The classic builder has no secrets, and skips the variants that need some.
        if !builders.contains(&Builder::Buildkit) {
            return Ok(Self(all));
        }
        for scenario in scenarios {
            for variant in &scenario.variants {
                let given = of_variant(scenario, variant, environment)?;
                all.insert((scenario.name.clone(), variant.name.clone()), given);
            }
        }
        Ok(Self(all))
    }

    /// What the builds of a variant may read.
    pub(super) fn of(&self, scenario: &Scenario, variant: &Variant) -> Given {
        self.0.get(&(scenario.name.clone(), variant.name.clone())).cloned().unwrap_or_default()
    }
}

fn of_variant(scenario: &Scenario, variant: &Variant, environment: Environment<'_>) -> Result<Given> {
    let file = scenario.dir.join("scenario.toml");
    let wrong = |what: String, hint: String| {
        Error::input(format!("the variant `{}`: {what}", variant.name)).hint(hint)
    };
    mounted::refuse(variant)?;
    let mut given = Given::default();
    for secret in &variant.secrets {
        let (id, (line, column)) = (&secret.id, secret.named);
        let wrong = |what, hint| wrong(what, hint).at(&file, line, column);
        let value = value(scenario, &secret.source, environment)
            .map_err(|(what, hint)| wrong(format!("the secret `{id}` is not there: {what}"), hint))?;
        if let Some((what, hint)) = unfit(&value) {
            return Err(wrong(format!("the secret `{id}` {what}"), hint.to_owned()));
        }
        given.secrets.push(Secret { id: id.clone(), value });
    }
    if let Some((line, column)) = variant.ssh {
        let reached = agent(environment);
        given.agent = Some(reached.map_err(|(what, hint)| wrong(what, hint).at(&file, line, column))?);
    }
    Ok(given)
}

/// What is wrong, and what to do about it.
type Wrong = (String, String);

fn variable(name: &str, environment: Environment<'_>, hint: &str) -> Result<OsString, Wrong> {
    let set = environment(name).filter(|value| !value.is_empty());
    set.ok_or_else(|| (format!("the variable {name} is not set"), hint.to_owned()))
}

fn value(scenario: &Scenario, source: &SecretSource, environment: Environment<'_>) -> Result<Vec<u8>, Wrong> {
    let leave_out = "or choose variants without it with --variant";
    match source {
        SecretSource::Env(name) => {
            let hint = format!("set it for this command: {name}=… dbench run; {leave_out}");
            Ok(variable(name, environment, &hint)?.into_vec())
        }
        SecretSource::FileEnv(name) => {
            let hint = format!("set it to the path of the file: {name}=… dbench run; {leave_out}");
            let path = PathBuf::from(variable(name, environment, &hint)?);
            read(&path).map_err(|cause| (format!("the variable {name} names a file: {cause}"), hint))
        }
        SecretSource::File(file) => {
            let path = scenario.dir.join(file);
            let hint = format!("put the file there; {leave_out}");
            let real = path.canonicalize().map_err(|cause| {
                (format!("the file {} cannot be read: {cause}", file.display()), hint.clone())
            })?;
            if let Some(why) = misplaced(scenario, &real) {
                let hint =
                    "keep the file itself in the scenario's folder, or name it by a variable with `file-env`";
                return Err((format!("the file {} {why}", file.display()), hint.to_owned()));
            }
            read(&real).map_err(|cause| (cause, hint))
        }
    }
}

/// A scenario may read its own files alone, and what is sent to the engine with the context is no secret.
fn misplaced(scenario: &Scenario, real: &Path) -> Option<&'static str> {
    let holds = |folder: &Path| folder.canonicalize().is_ok_and(|folder| real.starts_with(folder));
    if !holds(&scenario.dir) {
        return Some("leads out of the scenario");
    }
    let overlays =
        [&scenario.source, &scenario.deps].into_iter().flatten().filter_map(|edit| edit.overlay.as_ref());
    let sent = std::iter::once(&scenario.context).chain(overlays).any(|folder| holds(folder));
    sent.then_some("is in the context, and would be sent with it")
}

/// No more than a secret can be long.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut value = Vec::new();
    let file = files::open(path).map_err(|error| error.reason())?;
    let read = file.take(LONGEST_SECRET as u64 + 1).read_to_end(&mut value);
    read.map_err(|cause| format!("cannot read {}: {cause}", path.display()))?;
    Ok(value)
}

fn unfit(value: &[u8]) -> Option<(String, &'static str)> {
    let length = value.trim_ascii().len();
    if length < SHORTEST_SECRET {
        let what = format!("is shorter than {SHORTEST_SECRET} bytes, so that no log could be told from it");
        return Some((what, "give it its real value, or one that is long enough"));
    }
    let too_long = value.len() > LONGEST_SECRET;
    let what = || format!("is longer than {} KiB, which no engine takes", LONGEST_SECRET >> 10);
    too_long.then(|| (what(), "give it a smaller file"))
}

/// The agent's socket, if something listens there.
fn agent(environment: Environment<'_>) -> Result<PathBuf, Wrong> {
    let hint = "start an agent and give it the key: eval \"$(ssh-agent)\" && ssh-add";
    let path = PathBuf::from(
        variable(AGENT, environment, hint)
            .map_err(|(what, hint)| (format!("there is no SSH agent: {what}"), hint))?,
    );
    UnixStream::connect(&path).map_err(|cause| {
        (format!("no SSH agent answers at {AGENT}, {}: {cause}", path.display()), hint.to_owned())
    })?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::tests::{SCENARIO, files_of};
    use tempfile::TempDir;

    /// A folder `s` with a scenario that has that line on top.
    fn scenario(line: &str) -> (TempDir, Scenario) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s");
        files_of(&dir, &format!("{line}\n{SCENARIO}"), ["FROM base\nCOPY edition /\n"; 2]);
        let scenario = Scenario::load(&dir).unwrap();
        (folder, scenario)
    }

    fn resolve(scenario: &Scenario, environment: &[(&str, &str)]) -> Result<Given> {
        let get =
            |name: &str| environment.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
        let secrets = Secrets::resolve(std::slice::from_ref(scenario), &[Builder::Buildkit], &get)?;
        Ok(secrets.of(scenario, &scenario.variants[1]))
    }

    /// What is wrong, without the folder in front.
    fn wrong(scenario: &Scenario, environment: &[(&str, &str)]) -> String {
        let error = resolve(scenario, environment).unwrap_err();
        assert_eq!(error.exit().code(), 2, "{error}");
        let (first, _) =
            error.to_string().split_once("\n  hint: ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        first.replace(&format!("{}/", scenario.dir.display()), "")
    }

    #[test]
    fn secrets_are_read_from_where_they_are_said_to_be() {
        let (folder, scenario) = scenario(
            "secrets = [{ id = \"a\", env = \"A\" }, { id = \"b\", file = \"keys\" }, { id = \"c\", file-env = \"C\" }]",
        );
        files::write(&scenario.dir.join("keys"), "of the file\n").unwrap();
        let outside = folder.path().join("outside");
        files::write(&outside, "of the user").unwrap();
        let given =
            resolve(&scenario, &[("A", "of the environment"), ("C", outside.to_str().unwrap())]).unwrap();
        let values: Vec<_> = given
            .secrets
            .iter()
            .map(|s| (s.id.as_str(), String::from_utf8(s.value.clone()).unwrap()))
            .collect();
        assert_eq!(
            values,
            [("a", "of the environment".into()), ("b", "of the file\n".into()), ("c", "of the user".into())]
        );
        assert_eq!(given.agent, None);
    }

    #[test]
    fn what_is_not_there_is_wrong_input_that_names_it() {
        let (_folder, of_environment) = scenario("secrets = [{ id = \"a\", env = \"A_TOKEN\" }]");
        let lead = "scenario.toml:1:12: the variant `single`: the secret `a` ";
        let missing = format!("{lead}is not there: the variable A_TOKEN is not set");
        assert_eq!(wrong(&of_environment, &[]), missing);
        assert_eq!(wrong(&of_environment, &[("A_TOKEN", "")]), missing);
        assert_eq!(
            wrong(&of_environment, &[("A_TOKEN", "abc\n")]),
            format!("{lead}is shorter than 4 bytes, so that no log could be told from it")
        );
        assert_eq!(
            wrong(&of_environment, &[("A_TOKEN", &"x".repeat(LONGEST_SECRET + 1))]),
            format!("{lead}is longer than 500 KiB, which no engine takes")
        );
        let (_folder, of_file) = scenario("secrets = [{ id = \"a\", file-env = \"A_FILE\" }]");
        let said = wrong(&of_file, &[("A_FILE", "/nonexistent/key")]);
        let expected =
            format!("{lead}is not there: the variable A_FILE names a file: cannot open /nonexistent/key: ");
        assert!(said.starts_with(&expected), "{said}");
    }

    #[test]
    fn a_file_of_a_scenario_leads_neither_out_of_it_nor_into_the_context() {
        let (folder, scenario) = scenario("secrets = [{ id = \"a\", file = \"key\" }]");
        let lead = "scenario.toml:1:12: the variant `single`: the secret `a` is not there: the file key ";
        let said = wrong(&scenario, &[]);
        assert!(said.starts_with(&format!("{lead}cannot be read: No such file")), "{said}");
        files::write(&folder.path().join("outside"), "secret").unwrap();
        let key = scenario.dir.join("key");
        std::os::unix::fs::symlink("../outside", &key).unwrap();
        assert_eq!(wrong(&scenario, &[]), format!("{lead}leads out of the scenario"));
        files::remove(&key).unwrap();
        std::os::unix::fs::symlink("app/edition", &key).unwrap();
        assert_eq!(wrong(&scenario, &[]), format!("{lead}is in the context, and would be sent with it"));
        files::remove(&key).unwrap();
        std::os::unix::fs::symlink("single.Dockerfile", &key).unwrap();
        assert_eq!(resolve(&scenario, &[]).unwrap().secrets[0].value, b"FROM base\nCOPY edition /\n");
    }

    #[test]
    fn an_agent_must_listen_where_the_environment_says() {
        let (folder, scenario) = scenario("ssh = true");
        let lead = "scenario.toml:1:7: the variant `single`: ";
        assert_eq!(
            wrong(&scenario, &[]),
            format!("{lead}there is no SSH agent: the variable SSH_AUTH_SOCK is not set")
        );
        let socket = folder.path().join("agent");
        let given = [("SSH_AUTH_SOCK", socket.to_str().unwrap())];
        let said = wrong(&scenario, &given);
        let expected =
            format!("{lead}no SSH agent answers at SSH_AUTH_SOCK, {}: No such file", socket.display());
        assert!(said.starts_with(&expected), "{said}");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(resolve(&scenario, &given).unwrap().agent, Some(socket.clone()));
    }
}
