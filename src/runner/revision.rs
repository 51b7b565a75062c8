//! Which revision the numbers of a run were made by: that of the checkout, if this program was built from what stands in it.

use crate::error::files;
use crate::results::Revision;
use include_dir::{Dir, include_dir};
use std::path::Path;
use std::process::Command;

/// What this program was built from.
static SOURCES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src");
const MANIFEST: &str = include_str!("../../Cargo.toml");
const LOCK: &str = include_str!("../../Cargo.lock");

/// What of a checkout decides what this program measures.
const DECIDING: [&str; 3] = ["src", "Cargo.toml", "Cargo.lock"];

/// The git revision of the sources that this program was built from: the last commit that changed them in the folder where it was
/// built, if this is a checkout that still holds these very sources. The folder that dbench runs in may be anybody's.
pub fn of_this_program() -> Option<Revision> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !is_built_from(checkout) {
        return None;
    }
    let git = |args: &[&str]| {
        let command = Command::new("git").arg("-C").arg(checkout).args(args).output();
        String::from_utf8(command.ok().filter(|o| o.status.success())?.stdout).ok()
    };
    // Below another checkout it would tell of that.
    git(&["rev-parse", "--show-prefix"]).filter(|prefix| prefix.trim().is_empty())?;
    let of_sources = |args: &[&str]| git(&[args, &["--"], &DECIDING].concat());
    let commit = of_sources(&["log", "-1", "--format=%H"])?.trim().to_owned();
    let changes = of_sources(&["status", "--porcelain"])?;
    (!commit.is_empty()).then(|| Revision { commit, clean: changes.trim().is_empty() })
}

/// Whether the sources in a folder are those of this program. One that it does not have is named by none of them.
fn is_built_from(checkout: &Path) -> bool {
    let is =
        |path: &Path, content: &[u8]| path.is_file() && files::read(path).is_ok_and(|read| read == content);
    let mut open = vec![&SOURCES];
    while let Some(folder) = open.pop() {
        let source = |path: &Path| checkout.join("src").join(path);
        if !folder.files().all(|file| is(&source(file.path()), file.contents())) {
            return false;
        }
        open.extend(folder.dirs());
    }
    is(&checkout.join("Cargo.toml"), MANIFEST.as_bytes()) && is(&checkout.join("Cargo.lock"), LOCK.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(to: &Path, folder: &Dir<'_>) {
        files::create_dir_all(&to.join(folder.path())).unwrap();
        folder.files().for_each(|file| files::write(&to.join(file.path()), file.contents()).unwrap());
        folder.dirs().for_each(|folder| write(to, folder));
    }

    #[test]
    fn a_program_is_built_from_its_sources_and_not_from_changed_ones() {
        let folder = tempfile::tempdir().unwrap();
        let checkout = folder.path();
        write(&checkout.join("src"), &SOURCES);
        files::write(&checkout.join("Cargo.toml"), MANIFEST).unwrap();
        files::write(&checkout.join("Cargo.lock"), LOCK).unwrap();
        assert!(is_built_from(checkout));
        for (path, other) in
            [("src/runner/host.rs", "//! Another.\n"), ("Cargo.toml", ""), ("Cargo.lock", "")]
        {
            let path = checkout.join(path);
            let own = files::read(&path).unwrap();
            files::write(&path, other).unwrap();
            assert!(!is_built_from(checkout), "{}", path.display());
            files::write(&path, own).unwrap();
        }
        files::remove(&checkout.join("src/lib.rs")).unwrap();
        assert!(!is_built_from(checkout));
    }
}
