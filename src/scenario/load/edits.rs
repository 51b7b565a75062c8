//! Edits, and the proof that each changes something.

use super::Place;
use crate::error::{Result, files};
use crate::scenario::{Edit, EditLine, Nonce, disk};
use std::path::{Component, Path};
use toml::Spanned;

/// An edit whose lines all stand exactly once in the unedited context with the overlay laid over it.
pub(super) fn edit(place: &Place, context: &Path, disk: Spanned<disk::Edit>) -> Result<Edit> {
    let at = disk.span().start;
    let disk = disk.into_inner();
    if disk.lines.is_empty() {
        let hint = "name a line that carries `{nonce}`: lines = [{ file = \"…\", line = \"…{nonce}…\" }]";
        return Err(place.error(at, "the edit changes no line", hint));
    }
    let overlay = match &disk.overlay {
        None => None,
        Some(path) => {
            let full = place.inside("overlay", path.get_ref(), path.span().start)?;
            if !full.is_dir() {
                let message = format!("the overlay `{}` is not a folder", path.get_ref());
                return Err(place.error(path.span().start, message, "name a folder of files"));
            }
            Some(full)
        }
    };
    let lines =
        disk.lines.iter().map(|one| line(place, context, overlay.as_deref(), one)).collect::<Result<_>>()?;
    Ok(Edit { overlay, lines })
}

fn line(place: &Place, context: &Path, overlay: Option<&Path>, disk: &disk::Line) -> Result<EditLine> {
    let wanted = disk.line.get_ref().trim();
    let at = disk.line.span().start;
    if wanted.matches(Nonce::PLACE).count() != 1 || wanted.contains('\n') {
        let hint = "write `{nonce}` once, where the program has sixteen zeros";
        return Err(place.error(at, "the edit's line changes nothing without one `{nonce}`", hint));
    }
    let file = disk.file.get_ref();
    let over = overlay.filter(|overlay| overlay.join(file).symlink_metadata().is_ok());
    let path = place.below(over.unwrap_or(context), "file", file, disk.file.span().start)?;
    if !path.is_file() {
        let message = format!("`{file}` is not a file");
        return Err(place.error(disk.file.span().start, message, "name a file of the context"));
    }
    let unedited = Nonce::unedited().fill(wanted);
    let found = files::read_to_string(&path)?.lines().filter(|line| line.trim() == unedited).count();
    if found != 1 {
        let message = format!("the line stands {found} times in `{file}`, not once: {unedited}");
        let hint = "the unedited file must hold the line once, with sixteen zeros where `{nonce}` stands";
        return Err(place.error(at, message, hint));
    }
    // `./main.go` and `main.go` are one file, and must be one in lists of what changed.
    let file = Path::new(file).components().filter(|part| matches!(part, Component::Normal(_))).collect();
    Ok(EditLine { file, line: wanted.to_owned() })
}
