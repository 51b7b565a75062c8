//! Which endpoint wins: `--context`, DOCKER_HOST, DOCKER_CONTEXT, the current context, the local engine, in that order,
//! which is the docker CLI's. The context `default` stands for DOCKER_HOST or the local engine.

use super::context::Folder;
use super::{Address, Endpoint, Tls};
use crate::error::Result;
use std::path::PathBuf;

/// The context that every machine has.
const DEFAULT: &str = "default";
/// Where the CLI looks for an engine if TLS is asked for and no host is named.
const WITH_TLS: &str = "tcp://localhost:2376";

/// Reads a variable of the environment.
pub(super) type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

pub(super) fn choose(context: Option<&str>, variable: Variable<'_>) -> Result<Endpoint> {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let folder = Folder::of(variable);
    let (name, by) = if let Some(name) = context {
        (name.to_owned(), "--context".to_owned())
    } else if set("DOCKER_HOST").is_some() {
        return default_context(variable, "");
    } else if let Some(name) = set("DOCKER_CONTEXT") {
        (name, "DOCKER_CONTEXT".to_owned())
    } else {
        match folder.current()? {
            Some((name, file)) => (name, format!("currentContext of {}", file.display())),
            None => return default_context(variable, ""),
        }
    };
    if name == DEFAULT {
        return default_context(variable, &format!(", as {by} names the context `{DEFAULT}`"));
    }
    let address = folder.endpoint(&name, context.is_some())?;
    let besides = ["DOCKER_HOST"].into_iter().find(|other| context.is_some() && set(other).is_some());
    let besides = besides.map(|other| format!("; it beats {other}")).unwrap_or_default();
    Ok(Endpoint { address, because: format!("docker context `{name}`, from {by}{besides}") })
}

/// What DOCKER_HOST says, or the local engine.
fn default_context(variable: Variable<'_>, why: &str) -> Result<Endpoint> {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let tls = tls(variable);
    let (host, because) = match (set("DOCKER_HOST"), &tls) {
        (Some(host), _) => (host, "DOCKER_HOST".to_owned()),
        (None, Some(_)) => {
            (WITH_TLS.to_owned(), "where the docker CLI looks with DOCKER_TLS_VERIFY".to_owned())
        }
        (None, None) => {
            return Ok(Endpoint { address: Address::local(), because: format!("built in{why}") });
        }
    };
    let besides = if why.is_empty() && set("DOCKER_CONTEXT").is_some() && because == "DOCKER_HOST" {
        "; it beats DOCKER_CONTEXT"
    } else {
        ""
    };
    let address = Address::parse(&host, tls, "DOCKER_HOST")?;
    Ok(Endpoint { address, because: format!("{because}{besides}{why}") })
}

/// As the CLI has it: any value of DOCKER_TLS_VERIFY asks for TLS and for a check, DOCKER_TLS alone for TLS without one.
/// The authority must be there; a client certificate need not.
fn tls(variable: Variable<'_>) -> Option<Tls> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let verify = set("DOCKER_TLS_VERIFY").is_some();
    if !verify && set("DOCKER_TLS").is_none() {
        return None;
    }
    let folder = set("DOCKER_CERT_PATH").map_or_else(|| Folder::of(variable).path, PathBuf::from);
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let identity = (cert.is_file() || key.is_file()).then_some((cert, key));
    let ca = folder.join("ca.pem");
    Some(Tls { ca: (verify || ca.is_file()).then_some(ca), identity, verify })
}
