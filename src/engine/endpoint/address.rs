//! The address of an engine as DOCKER_HOST and docker contexts write it.

use crate::error::{Error, Result};
use std::fmt;
use std::path::PathBuf;

/// Where an engine listens if nothing else is said.
const SOCKET: &str = "/var/run/docker.sock";
/// The ports that the docker CLI takes where none is named.
const PORT: u16 = 2375;
const HOST: &str = "localhost";

/// Where an engine answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A unix socket of this machine.
    Unix(PathBuf),
    /// A port, of this machine or another.
    Tcp {
        /// Name or address.
        host: String,
        /// The port.
        port: u16,
        /// How it is encrypted; `None` is plain HTTP.
        tls: Option<Tls>,
    },
    /// The program `docker` on a machine that `ssh` reaches.
    Ssh {
        /// Who logs in; `None` leaves it to the configuration of ssh.
        user: Option<String>,
        /// The machine, as ssh knows it.
        host: String,
        /// The port of its sshd.
        port: Option<u16>,
        /// The engine's socket over there; `None` leaves it to the docker CLI there.
        socket: Option<String>,
    },
}

/// The files of an encrypted connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that may sign the engine's certificate; `None` takes those of this machine.
    pub ca: Option<PathBuf>,
    /// The client's certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether the engine's certificate is checked.
    pub verify: bool,
}

impl Address {
    /// The local engine.
    pub fn local() -> Self {
        Self::Unix(PathBuf::from(SOCKET))
    }

    /// Reads an address as the docker CLI does; `named` says in errors where it stands.
    ///
    /// # Errors
    /// If it is none, or of a scheme that dbench does not speak.
    pub fn parse(text: &str, tls: Option<Tls>, named: &str) -> Result<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or_else(|| {
            // As the docker CLI has it: a path is that of a socket, anything else a host.
            (if text.starts_with(['/', '.']) { "unix" } else { "tcp" }, text)
        });
        match scheme {
            "unix" if rest.is_empty() => Ok(Self::local()),
            "unix" => Ok(Self::Unix(PathBuf::from(rest))),
            "tcp" => tcp(rest, tls).ok_or_else(|| malformed(text, named, "tcp://HOST:PORT")),
            "ssh" => ssh(rest).map_err(|why| malformed(text, named, "ssh://[USER@]HOST[:PORT]").because(why)),
            _ => Err(Error::surroundings(format!(
                "{named} has the scheme `{scheme}`, and dbench speaks only `unix`, `tcp` and `ssh`"
            ))
            .hint(format!(
                "write it as unix:///path/of/docker.sock, tcp://HOST:PORT or ssh://USER@HOST, or unset {named} for the \
                 local engine"
            ))),
        }
    }

    /// The word for the way to it: `unix`, `tcp`, `tls` or `ssh`.
    pub fn way(&self) -> &'static str {
        match self {
            Self::Unix(_) => "unix",
            Self::Tcp { tls: None, .. } => "tcp",
            Self::Tcp { tls: Some(_), .. } => "tls",
            Self::Ssh { .. } => "ssh",
        }
    }
}

fn malformed(text: &str, named: &str, form: &str) -> Error {
    Error::surroundings(format!("{named} is `{text}`, which is no address of an engine"))
        .hint(format!("write it as {form}"))
}

/// A path after the port would be that of a proxy, which connections cannot be carried through.
fn tcp(rest: &str, tls: Option<Tls>) -> Option<Address> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = host_and_port(rest)?;
    let host = if host.is_empty() { HOST.to_owned() } else { host };
    Some(Address::Tcp { host, port: port.unwrap_or(PORT), tls })
}

fn ssh(rest: &str) -> Result<Address, String> {
    if rest.contains(['?', '#']) {
        return Err("it may hold no query and no fragment".to_owned());
    }
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (user, machine) = match authority.rsplit_once('@') {
        Some((user, machine)) => (Some(user.to_owned()), machine),
        None => (None, authority),
    };
    if user.as_ref().is_some_and(|user| user.contains(':')) {
        return Err("it may hold no password; ssh finds keys by itself".to_owned());
    }
    let (host, port) = host_and_port(machine).ok_or("it names no host")?;
    // What begins so would be a flag of ssh.
    if host.is_empty() || host.starts_with('-') || user.as_ref().is_some_and(|u| u.starts_with('-')) {
        return Err("it names no host".to_owned());
    }
    let socket = Some(path).filter(|path| !path.trim_matches('/').is_empty()).map(str::to_owned);
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if let Some(socket) = socket.as_ref().filter(|socket| !socket.chars().all(plain)) {
        return Err(format!("the shell over there would not read `{socket}` as the path of a socket"));
    }
    Ok(Address::Ssh { user, host, port, socket })
}

/// `None` if it is neither `HOST`, `HOST:PORT` nor the same with an address of IPv6 in brackets.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.contains(['/', '?', '#', ' ']) {
        return None;
    }
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    Some((host.to_owned(), port))
}

impl Address {
    /// As DOCKER_HOST would name it.
    pub fn as_host(&self) -> String {
        match self {
            Self::Unix(path) => format!("unix://{}", path.display()),
            Self::Tcp { .. } | Self::Ssh { .. } => self.to_string(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp { host, port, .. } => write!(f, "tcp://{}:{port}", bracketed(host)),
            Self::Ssh { user, host, port, socket } => {
                let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                let socket = socket.as_deref().unwrap_or_default();
                write!(f, "ssh://{user}{}{port}{socket}", bracketed(host))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Address> {
        Address::parse(text, None, "DOCKER_HOST")
    }

    #[test]
    fn addresses_are_read_as_the_docker_cli_reads_them() {
        for (text, shown) in [
            ("unix://", SOCKET),
            ("unix:///a/b.sock", "/a/b.sock"),
            ("/a/b.sock", "/a/b.sock"),
            ("tcp://10.0.0.1:2376", "tcp://10.0.0.1:2376"),
            ("tcp://", "tcp://localhost:2375"),
            ("tcp://:1", "tcp://localhost:1"),
            ("build.example", "tcp://build.example:2375"),
            (" build.example:7 ", "tcp://build.example:7"),
            ("tcp://[::1]:2/", "tcp://[::1]:2"),
            ("tcp://[::1]", "tcp://[::1]:2375"),
            ("ssh://me@host", "ssh://me@host"),
            ("ssh://host:22", "ssh://host:22"),
            ("ssh://me@host/run/user/1000/docker.sock", "ssh://me@host/run/user/1000/docker.sock"),
            ("ssh://host/", "ssh://host"),
        ] {
            assert_eq!(parsed(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_spoken_to_is_refused_with_its_name() {
        for (text, said) in [
            ("npipe:////./pipe/docker_engine", "DOCKER_HOST has the scheme `npipe`, and dbench speaks only"),
            ("fd://", "DOCKER_HOST has the scheme `fd`"),
            (
                "tcp://host:port",
                "DOCKER_HOST is `tcp://host:port`, which is no address of an engine\n  hint: write",
            ),
            ("tcp://host:1/path", "which is no address of an engine"),
            ("tcp://[::1:1", "which is no address of an engine"),
            ("ssh://me:secret@host", "it may hold no password"),
            ("ssh://-oProxyCommand=x", "it names no host"),
            ("ssh://-l@host", "it names no host"),
            ("ssh://", "it names no host"),
            ("ssh://host?a=b", "it may hold no query"),
            ("ssh://host/a;b", "the shell over there would not read `/a;b`"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            assert!(error.advice().is_some(), "{error}");
            assert_eq!(error.exit().code(), 1);
        }
    }
}
