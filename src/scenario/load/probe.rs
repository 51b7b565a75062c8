//! The probe, and what a variant changes of it.

use super::Place;
use crate::error::Result;
use crate::scenario::{Expect, Nonce, Probe, disk};
use std::collections::BTreeMap;
use toml::Spanned;

fn port(place: &Place, port: &Spanned<u16>) -> Result<u16> {
    match *port.get_ref() {
        0 => Err(place.error(
            port.span().start,
            "0 is not a port",
            "name the port that the program listens on",
        )),
        port => Ok(port),
    }
}

/// The probe that all variants share. `edited` says whether the answer must tell one build from another.
pub(super) fn shared(place: &Place, disk: Spanned<disk::Probe>, edited: bool) -> Result<Probe> {
    let at = disk.span().start;
    let hint = "describe it in [probe.http], or else in [probe.command]";
    let disk = disk.into_inner();
    let must_hold_nonce = |what: &str, text: &Spanned<String>| {
        if !edited || text.get_ref().contains(Nonce::PLACE) {
            return Ok(());
        }
        let message = format!("the {what} does not hold `{{nonce}}`, so no edit could be seen in it");
        let hint = "have the program answer with the line that is edited, and write `{nonce}` where its value stands";
        Err(place.error(text.span().start, message, hint))
    };
    match (disk.http, disk.command) {
        (None, None) => Err(place.error(at, "the probe says nothing", hint)),
        (Some(_), Some(second)) => {
            Err(place.error(second.span().start, "the probe is both over HTTP and a command", hint))
        }
        (None, Some(command)) => {
            let command = command.into_inner();
            must_hold_nonce("output", &command.output)?;
            let run = Some(command.run).filter(|run| !run.is_empty());
            let expect = Expect::Output { text: command.output.into_inner() };
            Ok(Probe { env: BTreeMap::new(), command: run, expect })
        }
        (Some(http), None) => {
            let at = http.span().start;
            let http = http.into_inner();
            let Some(given) = &http.port else {
                let hint = "add `port = …` with the port that the program listens on";
                return Err(place.error(at, "the probe has no port", hint));
            };
            let port = port(place, given)?;
            if let Some(path) = http.path.as_ref().filter(|path| !path.get_ref().starts_with('/')) {
                let message = format!("the path `{}` does not begin with `/`", path.get_ref());
                return Err(place.error(path.span().start, message, "write the path from the server's root"));
            }
            if let Some(status) = http.status.as_ref().filter(|s| !(200..600).contains(s.get_ref())) {
                let message = format!("{} is not a final HTTP status", status.get_ref());
                return Err(place.error(status.span().start, message, "name a status from 200 to 599"));
            }
            must_hold_nonce("body", &http.body)?;
            let expect = Expect::Http {
                port,
                path: http.path.map_or_else(|| "/".to_owned(), Spanned::into_inner),
                status: http.status.map_or(200, Spanned::into_inner),
                body: http.body.into_inner(),
            };
            Ok(Probe { env: BTreeMap::new(), command: None, expect })
        }
    }
}

/// The shared probe with a variant's changes.
pub(super) fn of_variant(place: &Place, shared: &Probe, changes: disk::Changes) -> Result<Probe> {
    let mut probe = Probe { env: changes.env, ..shared.clone() };
    if let Some(command) = changes.command {
        probe.command = Some(command);
    }
    if let Some(given) = &changes.port {
        let new = port(place, given)?;
        match &mut probe.expect {
            Expect::Http { port, .. } => *port = new,
            Expect::Output { .. } => {
                let hint = "leave the port out, or probe over HTTP";
                return Err(place.error(given.span().start, "a probe by command has no port", hint));
            }
        }
    }
    Ok(probe)
}
