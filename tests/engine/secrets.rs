//! What a build may read and nobody may keep: secrets and an SSH agent.

use crate::lane::{Ended, Lane, row, until};
use crate::tiny::Tiny;
use dbench::error::files;
use dbench::results::{Metric, Phase, Status};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// Every value has words that a log could show on their own.
const TOKEN: &str = "tok3n-of-the-environment";
const NPMRC: &str = "registry=https://npm.example/\n//npm.example/:_authToken=npm-t0ken-in-a-file\n";
const KEY: &str = "-----BEGIN KEY-----\nYSBrZXkgdGhhdCBpcyBub25l\n-----END KEY-----\n";
/// What of them must be found nowhere.
const WORDS: [&str; 4] = [TOKEN, "npm-t0ken-in-a-file", "YSBrZXkgdGhhdCBpcyBub25l", "BEGIN KEY"];

const SECRETS: &str = r#"secrets = [
    { id = "token", env = "GREETER_TOKEN" },
    { id = "npmrc", file = "npmrc" },
    { id = "key", file-env = "GREETER_KEY_FILE" },
]
"#;

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A scenario whose builds get the secrets: `multi` checks and shows them, `single` shows one and fails, and the image
/// of `baked` holds one.
fn scenario(lane: &Lane) -> Tiny {
    let tiny = Tiny::new(lane, "secret");
    let text = fs::read_to_string(tiny.dir.join("scenario.toml")).unwrap();
    let baked = "[[variants]]\nname = \"baked\"\ndockerfile = \"baked.Dockerfile\"\n\n[probe.command]";
    tiny.write("scenario.toml", &format!("{SECRETS}{}", text.replacen("[probe.command]", baked, 1)));
    tiny.write("npmrc", NPMRC);
    fs::write(lane.path("key"), KEY).unwrap();
    let (base, name) = (&lane.base, &tiny.name);
    let mounts = "--mount=type=secret,id=token,required=true --mount=type=secret,id=npmrc --mount=type=secret,id=key,\
                  target=/key --mount=type=secret,id=none,target=/none";
    let check = |file: &str, value: &str| format!("echo '{}  {file}' | sha256sum -c", hash(value));
    tiny.write(
        "multi.Dockerfile",
        &format!(
            "FROM {base}\nCOPY edition /edition\n\
             RUN {mounts} echo {name}-multi && {} && {} && {} && test ! -e /none && \
             cat /run/secrets/token /run/secrets/npmrc /key && base64 /run/secrets/token\n\
             RUN echo {name}-after && test ! -s /run/secrets/token && test ! -s /key\n",
            check("/run/secrets/token", TOKEN),
            check("/run/secrets/npmrc", NPMRC),
            check("/key", KEY),
        ),
    );
    let shown =
        "printf 'so far ' && head -c 9 /run/secrets/token && sleep 0.3 && tail -c +10 /run/secrets/token";
    tiny.write(
        "single.Dockerfile",
        &format!(
            "FROM {base}\nCOPY edition /edition\nRUN {mounts} echo {name}-single && {shown} && exit 3\n"
        ),
    );
    tiny.write(
        "baked.Dockerfile",
        &format!("FROM {base}\nRUN {mounts} echo {name}-baked && cp /run/secrets/token /edition\n"),
    );
    tiny
}

fn run(lane: &Lane, environment: &[(&str, &Path)]) -> Ended {
    let mut command = lane.command(&["run", "--rounds", "1", "--phase", "cold,unchanged"]);
    command.env_remove("SSH_AUTH_SOCK").env_remove("GREETER_TOKEN");
    Ended::of(command.envs(environment.iter().copied()).output().unwrap())
}

/// The text of every file below a folder, with its path.
fn texts(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for path in files::list(folder).unwrap() {
        if path.is_dir() {
            texts(&path, found);
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            found.push((path, text));
        }
    }
}

#[test]
fn secrets_reach_the_build_and_nothing_that_is_kept_or_said() {
    let Some(lane) = Lane::open() else { return };
    let _tiny = scenario(&lane);
    let key = lane.path("key");
    let ended = run(&lane, &[("GREETER_TOKEN", Path::new(TOKEN)), ("GREETER_KEY_FILE", &key)]).expect(3);

    let loaded = lane.loaded();
    let name = loaded.run.scenarios[0].name.clone();
    let wall = |variant: &str| row(&loaded, &name, variant, Phase::Cold, Metric::BuildWall);
    assert_eq!((wall("multi").status, wall("multi").reason.as_str()), (Status::Valid, ""));
    assert_eq!(row(&loaded, &name, "multi", Phase::Unchanged, Metric::BuildWall).status, Status::Valid);
    assert_eq!(wall("single").status, Status::Failed);
    assert!(wall("baked").reason.contains("the command printed `***` where"), "{}", wall("baked").reason);

    let mut kept = vec![("standard output".into(), ended.stdout), ("standard error".into(), ended.stderr)];
    texts(&lane.path("results"), &mut kept);
    texts(&lane.path("state"), &mut kept);
    let encoded = "dG9rM24tb2YtdGhlLWVudmlyb25tZW50";
    for word in WORDS.iter().chain([&encoded]) {
        let holding: Vec<_> = kept.iter().filter(|(_, text)| text.contains(word)).collect();
        assert!(holding.is_empty(), "{word} stands in {holding:#?}");
    }
    let log = |variant: &str| {
        let file = format!("{name}-{variant}-buildkit-cold-1.log");
        kept.iter().find(|(path, _)| path.ends_with(&file)).unwrap_or_else(|| panic!("no {file}")).1.clone()
    };
    assert!(log("multi").contains("/key: OK\n"), "{}", log("multi"));
    assert!(
        log("multi").contains(" | registry=***") || log("multi").contains(" | ***\n"),
        "{}",
        log("multi")
    );
    assert!(log("single").contains(" | so far ***\n"), "{}", log("single"));
    lane.assert_nothing_with_the_token_is_left();
}

#[test]
fn a_secret_or_an_agent_that_is_not_there_is_wrong_input_and_nothing_is_built() {
    let Some(lane) = Lane::open() else { return };
    let tiny = scenario(&lane);
    let ended = run(&lane, &[("GREETER_KEY_FILE", &lane.path("key"))]).expect(2);
    ended.says(
        "scenario.toml:2:5: the variant `single`: the secret `token` is not there: the variable GREETER_TOKEN is not set\n",
    );
    tiny.write("scenario.toml", include_str!("../common/file.toml"));
    let ended = run(&lane, &[]).expect(2);
    ended.says("single.Dockerfile:3:1: the secret `token` is none of those of the variant `single`\n");
    for variant in ["single", "multi"] {
        let dockerfile = format!("FROM {}\nCOPY edition /edition\n", lane.base);
        tiny.write(&format!("{variant}.Dockerfile"), &dockerfile);
    }
    tiny.write("scenario.toml", &format!("ssh = true\n{}", include_str!("../common/file.toml")));
    let ended = run(&lane, &[]).expect(2);
    ended.says("scenario.toml:1:7: the variant `single`: there is no SSH agent: the variable SSH_AUTH_SOCK is not set\n");
    assert!(!lane.path("results").exists());
    lane.assert_nothing_with_the_token_is_left();
}

const SSH_ADD: &str = "ssh-add";

/// This machine's `ssh-add` with all that it needs to run in any image, and a public key.
fn tools(folder: &Path, key: &Path) {
    fs::create_dir_all(folder).unwrap();
    let found = Command::new("sh").args(["-c", &format!("command -v {SSH_ADD}")]).output().unwrap();
    let program = String::from_utf8(found.stdout).unwrap();
    let output = Command::new("ldd").arg(program.trim()).output().unwrap();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let Some(library) = line.split_whitespace().find(|word| word.starts_with('/')) else { continue };
        let name = library.rsplit('/').next().unwrap();
        let name = if name.starts_with("ld-") { "loader" } else { name };
        fs::copy(library, folder.join(name)).unwrap();
    }
    fs::copy(program.trim(), folder.join(SSH_ADD)).unwrap();
    fs::copy(key, folder.join("id.pub")).unwrap();
}

/// An agent with one key, which ends with the test.
struct Agent {
    process: Child,
    socket: PathBuf,
}

impl Agent {
    /// `None` where OpenSSH is not installed.
    fn start(lane: &Lane) -> Option<Self> {
        if Command::new(SSH_ADD).arg("-?").output().is_err() {
            eprintln!("left out: needs {SSH_ADD} and ssh-agent");
            return None;
        }
        let (socket, key) = (lane.path("agent"), lane.path("id"));
        let mut ssh_agent = Command::new("ssh-agent");
        let process =
            ssh_agent.arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::null()).spawn().unwrap();
        let agent = Self { process, socket };
        let comment = format!("key-of-{}", lane.token);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f"]).arg(&key);
        assert!(keygen.status().unwrap().success());
        until("the agent listens", || agent.socket.exists().then_some(()));
        agent.add(&["-q", key.to_str().unwrap()]);
        Some(agent)
    }

    fn add(&self, arguments: &[&str]) -> String {
        let output =
            Command::new(SSH_ADD).args(arguments).env("SSH_AUTH_SOCK", &self.socket).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_build_reaches_the_users_ssh_agent_and_can_change_nothing_in_it() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "ssh");
    tiny.write("scenario.toml", &format!("ssh = true\n{}", include_str!("../common/file.toml")));
    let (base, name) = (&lane.base, &tiny.name);
    let ssh_add = format!("/tools/loader --library-path /tools /tools/{SSH_ADD}");
    tiny.write(
        "single.Dockerfile",
        &format!(
            "FROM {base}\nCOPY edition /edition\nCOPY tools /tools\n\
             RUN --mount=type=ssh,required=true echo {name}-single && {ssh_add} -l | grep key-of-{} && \
             {ssh_add} -T /tools/id.pub && ! {ssh_add} -D && ! {ssh_add} -x\n\
             RUN echo {name}-after && test -z \"$SSH_AUTH_SOCK\"\n",
            lane.token,
        ),
    );
    let Some(agent) = Agent::start(&lane) else { return };
    tools(&tiny.dir.join("app/tools"), &lane.path("id.pub"));
    let mut command = lane.command(&["run", "--rounds", "1", "--phase", "cold", "--variant", "single"]);
    Ended::of(command.env("SSH_AUTH_SOCK", &agent.socket).output().unwrap()).expect(0);
    assert!(agent.add(&["-l"]).contains(&format!("key-of-{}", lane.token)));
    lane.assert_nothing_with_the_token_is_left();
}
