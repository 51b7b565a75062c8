//! Owns which runs stand below a folder, and which of them is the newest.
//! Leaves what a run holds to `folder`.

use super::folder::{RunFolder, read_run};
use super::{Run, Sample};
use crate::error::{Error, Result, files};
use std::path::Path;

/// The runs below a folder.
#[derive(Debug, Default)]
pub struct Runs {
    /// Those that can be read, the newest start first.
    pub readable: Vec<(Run, RunFolder)>,
    /// Why others cannot.
    pub broken: Vec<Error>,
    /// Folders that have samples, and no `run.json` that says of which run.
    pub nameless: Vec<RunFolder>,
}

impl Runs {
    /// What stands below `out`.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn below(out: &Path) -> Result<Self> {
        let mut runs = Self::default();
        let all = if out.is_dir() { files::list(out)? } else { Vec::new() };
        for folder in all.into_iter().map(RunFolder::at) {
            if folder.run().is_file() {
                match read_run(&folder.run()) {
                    Ok(run) => runs.readable.push((run, folder)),
                    Err(error) => runs.broken.push(error),
                }
            } else if folder.samples().is_file() {
                runs.nameless.push(folder);
            }
        }
        runs.readable.sort_by_key(|(run, _)| std::cmp::Reverse(run.started));
        Ok(runs)
    }

    /// The newest that has a row, if there is one, and the newer ones without.
    pub fn newest(&self) -> (Option<RunFolder>, Vec<RunFolder>) {
        let mut passed = Vec::new();
        for (run, folder) in &self.readable {
            // What cannot be read is for the reader to say.
            if Sample::read_all(&folder.samples(), run).is_ok_and(|(rows, _)| rows.is_empty()) {
                passed.push(folder.clone());
            } else {
                return (Some(folder.clone()), passed);
            }
        }
        (None, passed)
    }

    /// The newest that has a row.
    ///
    /// # Errors
    /// If there is none: why one cannot be read, or that `out` has nothing to report.
    pub fn latest(&mut self, out: &Path) -> Result<RunFolder> {
        let (found, passed) = self.newest();
        if let Some(found) = found {
            return Ok(found);
        }
        if !self.broken.is_empty() {
            return Err(self.broken.remove(0));
        }
        let said = match passed.len() {
            0 => format!("no run stands below {}", out.display()),
            _ => format!("no run below {} has anything to report", out.display()),
        };
        Err(Error::input(said).hint("`dbench run` makes one"))
    }
}

/// The folder that RUN names: a folder, an id below `out`, or `latest` (also when nothing is named), which is
/// the newest run that can be read and has a row.
pub fn find_run(out: &Path, name: Option<&str>) -> Result<RunFolder> {
    match name {
        None | Some("latest") => Runs::below(out)?.latest(out),
        Some(name) if Path::new(name).is_dir() => Ok(RunFolder::at(name)),
        Some(name) if !name.contains(['/', '\\']) && name != ".." && out.join(name).is_dir() => {
            Ok(RunFolder::at(out.join(name)))
        }
        Some(name) => Err(Error::input(format!("there is no run `{name}`"))
            .hint(format!("name a folder, `latest`, or a run below {}", out.display()))),
    }
}
