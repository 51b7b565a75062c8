//! The secrets that a scenario names, by their sources alone. What they hold is read when a run begins, and only then.

use super::Place;
use crate::error::Result;
use crate::scenario::{Secret, SecretSource, disk};
use std::path::{Component, Path, PathBuf};
use toml::Spanned;

/// The secrets of a list; each has an id of its own and one source. `sent` are the folders that go to the engine.
pub(super) fn list(place: &Place, sent: &[PathBuf], disk: &[Spanned<disk::Secret>]) -> Result<Vec<Secret>> {
    let mut secrets: Vec<Secret> = Vec::new();
    for one in disk {
        let secret = secret(place, sent, one)?;
        if secrets.iter().any(|other| other.id == secret.id) {
            let message = format!("two secrets have the id `{}`", secret.id);
            return Err(place.error(
                one.get_ref().id.span().start,
                message,
                "give each secret an id of its own",
            ));
        }
        secrets.push(secret);
    }
    Ok(secrets)
}

/// The secrets of a scenario, with those of a variant in their place or beside them.
pub(super) fn merged(shared: &[Secret], own: Vec<Secret>) -> Vec<Secret> {
    let kept = shared.iter().filter(|secret| own.iter().all(|other| other.id != secret.id)).cloned();
    kept.chain(own.clone()).collect()
}

fn secret(place: &Place, sent: &[PathBuf], disk: &Spanned<disk::Secret>) -> Result<Secret> {
    let at = disk.span().start;
    let disk = disk.get_ref();
    let id = disk.id.get_ref();
    if id.is_empty() || id.contains(|c: char| c.is_whitespace() || c == ',' || c.is_control()) {
        let message = format!("`{id}` cannot be the id of a secret");
        return Err(place.error(
            disk.id.span().start,
            message,
            "write it as in `RUN --mount=type=secret,id=…`",
        ));
    }
    let source = match (&disk.env, &disk.file, &disk.file_env) {
        (Some(name), None, None) => SecretSource::Env(variable(place, name)?),
        (None, None, Some(name)) => SecretSource::FileEnv(variable(place, name)?),
        (None, Some(file), None) => SecretSource::File(file_of(place, sent, file)?),
        _ => {
            let message = format!("the secret `{id}` needs one source");
            let hint = "name a variable of the environment with `env`, a file of the scenario with `file`, or a variable \
                        that holds the path of a file with `file-env`";
            return Err(place.error(at, message, hint));
        }
    };
    Ok(Secret { id: id.clone(), source, named: place.line_and_column(at) })
}

fn variable(place: &Place, name: &Spanned<String>) -> Result<String> {
    let text = name.get_ref();
    if text.is_empty() || text.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control()) {
        let message = format!("`{text}` cannot be the name of a variable");
        return Err(place.error(
            name.span().start,
            message,
            "name a variable of the environment, such as TOKEN",
        ));
    }
    Ok(text.clone())
}

/// The file need not be there yet, as secrets are not kept with a scenario. It is looked for again, links followed,
/// when it is read.
fn file_of(place: &Place, sent: &[PathBuf], file: &Spanned<String>) -> Result<PathBuf> {
    let (text, at) = (file.get_ref(), file.span().start);
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if text.is_empty() || !Path::new(text).components().all(inside) {
        let message = format!("the secret file `{text}` is outside the scenario");
        let hint = "name a file of the scenario's folder, or a variable that holds the path with `file-env`";
        return Err(place.error(at, message, hint));
    }
    let relative: PathBuf =
        Path::new(text).components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let full = place.dir.join(&relative);
    if sent.iter().any(|folder| full.starts_with(folder)) {
        let message = format!("the secret file `{text}` is in the context, and would be sent with it");
        return Err(place.error(
            at,
            message,
            "keep it beside the context's folder, or elsewhere with `file-env`",
        ));
    }
    Ok(relative)
}
