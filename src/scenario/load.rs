//! `scenario.toml` → [`Scenario`]. Everything that can be wrong is found here, before anything is built.

mod edits;
mod probe;
mod secrets;
#[cfg(test)]
mod tests;

use super::bases::{BaseContract, check_libc};
use super::{Dockerfile, Scenario, Variant, disk, hash};
use crate::error::{Error, Result, files, line_and_column};
use crate::meant::{meant, meant_key};
use crate::results::{Claim, ClaimRecord, Phase, Quantity};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use toml::Spanned;

const FILE: &str = "scenario.toml";
/// The folder of bases beside those of scenarios.
const BASES: &str = "bases";

/// The file that is read, and the folder that nothing may lead out of.
struct Place {
    dir: PathBuf,
    root: PathBuf,
    file: PathBuf,
    text: String,
}

impl Place {
    fn error(&self, at: usize, message: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::input(message).at_offset(&self.file, &self.text, at).hint(hint)
    }

    fn line_and_column(&self, at: usize) -> (usize, usize) {
        line_and_column(&self.text, at)
    }

    /// The line and column of what is allowed, if it is.
    fn allowed(&self, what: Option<&Spanned<bool>>) -> Option<(usize, usize)> {
        let said = what.filter(|said| *said.get_ref())?;
        Some(self.line_and_column(said.span().start))
    }

    /// A path of the file, which must exist and stay inside the scenario, symbolic links followed.
    fn inside(&self, what: &str, path: &str, at: usize) -> Result<PathBuf> {
        self.below(&self.dir, what, path, at)
    }

    fn below(&self, folder: &Path, what: &str, path: &str, at: usize) -> Result<PathBuf> {
        let hint = "keep everything that a scenario builds from in its own folder";
        let outside = || self.error(at, format!("the {what} `{path}` is outside the scenario"), hint);
        if Path::new(path).components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir))
        {
            return Err(outside());
        }
        let full = folder.join(path);
        let real = full.canonicalize().map_err(|cause| {
            self.error(
                at,
                format!("the {what} `{path}` does not exist"),
                "correct the path or add what is missing",
            )
            .because(cause)
        })?;
        if real.starts_with(&self.root) { Ok(full) } else { Err(outside()) }
    }
}

/// Whether a scenario or a variant may be called so.
pub(super) fn is_name(name: &str) -> bool {
    let mut rest = name.chars();
    rest.next().is_some_and(|c| c.is_ascii_lowercase())
        && rest.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

impl Scenario {
    /// Loads one scenario and checks all of it.
    pub fn load(dir: &Path) -> Result<Self> {
        let file = dir.join(FILE);
        let no_scenario = "name a folder that holds a scenario.toml";
        let root = dir.canonicalize().map_err(|cause| {
            Error::input(format!("there is no scenario {}", dir.display())).because(cause).hint(no_scenario)
        })?;
        if !file.is_file() {
            return Err(Error::input("the file does not exist").in_file(file).hint(no_scenario));
        }
        let folder = dir.file_name().or(root.file_name());
        let name = folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !is_name(&name) {
            return Err(Error::input(format!("`{name}` cannot be the name of a scenario"))
                .in_file(file)
                .hint("name the folder with lower-case letters, digits and `-`, a letter first"));
        }
        let text = files::read_to_string(&file)?;
        let place = Place { dir: dir.to_owned(), root, file, text };
        let disk: disk::Scenario = toml::from_str(&place.text).map_err(|cause| syntax(&place, &cause))?;
        build(&place, name, disk)
    }

    /// Loads every folder below `dir` that holds a `scenario.toml`, sorted by name, and holds them to the contracts of
    /// bases below `dir/bases`. Where all of `names` are among them, these alone are loaded, and where one is not, those that
    /// can be: what is wrong with another one is not in the way.
    pub fn load_all(dir: &Path, names: &[String]) -> Result<Vec<Self>> {
        let hint = "name the folder of the scenarios with --scenarios";
        if !dir.is_dir() {
            return Err(Error::input(format!("there is no folder {}", dir.display())).hint(hint));
        }
        let mut folders = files::list(dir)?;
        folders.retain(|folder| folder.join(FILE).is_file());
        let is = |folder: &PathBuf, name: &String| folder.file_name().is_some_and(|own| own == name.as_str());
        if !names.iter().all(|name| folders.iter().any(|folder| is(folder, name))) {
            // Which one is not there is said of those that load: what is wrong with the others would hide it.
            let sound: Vec<Self> = folders.iter().filter_map(|folder| Self::load(folder).ok()).collect();
            if !sound.is_empty() {
                return Ok(sound);
            }
        } else if !names.is_empty() {
            folders.retain(|folder| names.iter().any(|name| is(folder, name)));
        }
        let scenarios = folders.iter().map(|folder| Self::load(folder)).collect::<Result<Vec<_>>>()?;
        if scenarios.is_empty() {
            return Err(
                Error::input(format!("no folder in {} holds a scenario.toml", dir.display())).hint(hint)
            );
        }
        check_libc(&scenarios, &BaseContract::load_all(&dir.join(BASES))?)?;
        Ok(scenarios)
    }

    /// Every scenario below `dir` by itself, and what is wrong with each that does not load.
    pub fn load_each(dir: &Path) -> Result<Vec<Result<Self>>> {
        let mut folders = files::list(dir)?;
        folders.retain(|folder| folder.join(FILE).is_file());
        Ok(folders.iter().map(|folder| Self::load(folder)).collect())
    }

    /// The folders below `dir` that one would take for scenarios and that hold no `scenario.toml`.
    pub fn unmarked(dir: &Path) -> Result<Vec<PathBuf>> {
        let mut folders = files::list(dir)?;
        let hidden =
            |folder: &Path| folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        folders.retain(|folder| {
            folder.is_dir() && !folder.ends_with(BASES) && !hidden(folder) && !folder.join(FILE).is_file()
        });
        Ok(folders)
    }
}

fn syntax(place: &Place, cause: &toml::de::Error) -> Error {
    let message = cause.message();
    let at = cause.span().map_or(0, |span| span.start);
    let hint = if message.starts_with("unknown field") {
        &format!("{}correct the key's spelling, or remove it", meant_key(message))
    } else if message.starts_with("missing field") {
        "add the key"
    } else if message.ends_with("expected u16") {
        if key(&place.text, at) == "port" { "write a port from 1 to 65535" } else { "write a smaller number" }
    } else {
        "correct the line; strings stand in quotes"
    };
    place.error(at, message, hint)
}

/// The key whose value stands at that place.
fn key(text: &str, value: usize) -> &str {
    let before = text.get(..value).unwrap_or_default().trim_end().trim_end_matches('=').trim_end();
    before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()
}

fn build(place: &Place, name: String, disk: disk::Scenario) -> Result<Scenario> {
    let context = match &disk.context {
        Some(path) => place.inside("context", path.get_ref(), path.span().start)?,
        None => place.inside("context", "app", 0)?,
    };
    if !context.is_dir() {
        let (shown, at) =
            disk.context.as_ref().map_or(("app", 0), |path| (path.get_ref(), path.span().start));
        return Err(place.error(
            at,
            format!("the context `{shown}` is not a folder"),
            "name a folder of files",
        ));
    }
    let (source, deps) = (disk.edits.source, disk.edits.deps);
    let source = source.map(|edit| edits::edit(place, &context, edit)).transpose()?;
    let deps = deps.map(|edit| edits::edit(place, &context, edit)).transpose()?;
    let overlays = [&source, &deps].into_iter().flatten().filter_map(|edit| edit.overlay.clone());
    let sent: Vec<PathBuf> = std::iter::once(context.clone()).chain(overlays).collect();
    let shared = Shared {
        secrets: secrets::list(place, &sent, &disk.secrets)?,
        ssh: place.allowed(disk.ssh.as_ref()),
        probe: probe::shared(place, disk.probe, source.is_some() || deps.is_some())?,
    };
    let at = disk.variants.first().map_or(0, |variant| variant.span().start);
    let mut variants: Vec<Variant> = Vec::new();
    for one in disk.variants {
        let span = one.span();
        let name = one.get_ref().name.clone();
        let variant = variant(place, &sent, one.into_inner(), &shared)?;
        if variants.iter().any(|other| other.name == variant.name) {
            let message = format!("two variants are called `{}`", variant.name);
            return Err(place.error(name.span().start, message, "give each variant a name of its own"));
        }
        if let Some(first) = variants.iter().find(|other| variant.baseline && other.baseline) {
            let message = format!("`{}` and `{}` are both the baseline", first.name, variant.name);
            return Err(place.error(
                baseline_at(place, &span),
                message,
                "keep `baseline = true` in one variant",
            ));
        }
        variants.push(variant);
    }
    if let [only] = variants.as_slice() {
        let message = format!("`{}` is the only variant, so there is nothing to compare it with", only.name);
        return Err(place.error(at, message, "add a second [[variants]]"));
    }
    if !variants.iter().any(|variant| variant.baseline) {
        return Err(place.error(at, "no variant is the baseline", "add `baseline = true` to one variant"));
    }
    let mut scenario = Scenario {
        name,
        dir: place.dir.clone(),
        title: disk.title,
        language: disk.language,
        pattern: disk.pattern,
        context,
        variants,
        source,
        deps,
        claims: vec![],
        notes: disk.notes,
        hash: String::new(),
    };
    scenario.claims =
        disk.claims.into_iter().map(|one| claim(place, &scenario, one)).collect::<Result<_>>()?;
    scenario.hash = hash::of(&scenario)?;
    Ok(scenario)
}

/// Where `baseline` stands in a variant's table.
fn baseline_at(place: &Place, variant: &Range<usize>) -> usize {
    let rest = place.text.get(variant.start..).unwrap_or_default();
    rest.find("\nbaseline").map_or(variant.start, |at| variant.start + at + 1)
}

/// What all variants share, unless they say otherwise.
struct Shared {
    secrets: Vec<super::Secret>,
    ssh: Option<(usize, usize)>,
    probe: super::Probe,
}

fn variant(place: &Place, sent: &[PathBuf], disk: disk::Variant, shared: &Shared) -> Result<Variant> {
    let name = disk.name.get_ref();
    if !is_name(name) {
        let message = format!("`{name}` cannot be the name of a variant");
        let hint = "use lower-case letters, digits and `-`, a letter first";
        return Err(place.error(disk.name.span().start, message, hint));
    }
    let path = place.inside("Dockerfile", disk.dockerfile.get_ref(), disk.dockerfile.span().start)?;
    if !path.is_file() {
        let message = format!("the Dockerfile `{}` is not a file", disk.dockerfile.get_ref());
        return Err(place.error(disk.dockerfile.span().start, message, "name the Dockerfile itself"));
    }
    let dockerfile = Dockerfile::parse(&path, &files::read_to_string(&path)?, &disk.args)?;
    if let Some(target) = &disk.target {
        dockerfile.target(Some(target.get_ref())).map_err(|cause| {
            let message = format!("`{}` has no stage `{}`", disk.dockerfile.get_ref(), target.get_ref());
            place.error(target.span().start, message, cause.advice().unwrap_or_default())
        })?;
    }
    Ok(Variant {
        probe: probe::of_variant(place, &shared.probe, disk.probe)?,
        secrets: secrets::merged(&shared.secrets, secrets::list(place, sent, &disk.secrets)?),
        ssh: disk.ssh.as_ref().map_or(shared.ssh, |own| place.allowed(Some(own))),
        name: disk.name.into_inner(),
        baseline: disk.baseline,
        path,
        dockerfile,
        target: disk.target.map(Spanned::into_inner),
        args: disk.args,
        notes: disk.notes,
    })
}

fn claim(place: &Place, scenario: &Scenario, disk: disk::Claim) -> Result<ClaimRecord> {
    let at = disk.text.span().start;
    let text = disk.text.get_ref();
    let grammar = "write VARIANT METRIC [in PHASE] [reduction] OP NUMBER [UNIT or %], such as \
                   `multi unpacked-size reduction >= 90 %`";
    let claim = Claim::parse(text).map_err(|(inner, what)| {
        // Inside a plain string the place is exact; with escapes or three quotes its beginning has to do.
        let plain = place.text.get(at + 1..).is_some_and(|rest| rest.starts_with(text.as_str()));
        place.error(
            if plain { at + 1 + inner } else { at },
            format!("the claim does not parse: {what}"),
            grammar,
        )
    })?;
    let Some(variant) = scenario.variants.iter().find(|variant| variant.name == claim.variant) else {
        let names: Vec<_> = scenario.variants.iter().map(|variant| variant.name.as_str()).collect();
        let message = format!("the claim speaks of `{}`, which is not a variant", claim.variant);
        let meant = meant(&claim.variant, &names);
        return Err(place.error(at, message, format!("{meant}the variants are {}", names.join(", "))));
    };
    if variant.baseline && matches!(claim.bound, Quantity::Reduction(_)) {
        let message = format!("the claim compares the baseline `{}` with itself", claim.variant);
        return Err(place.error(at, message, "a reduction is claimed of another variant"));
    }
    if matches!(claim.phase, Phase::SourceEdit | Phase::DepsEdit) && scenario.edit(claim.phase).is_none() {
        let table = claim.phase.name().trim_end_matches("-edit");
        let message = format!("the claim speaks of {}, but nothing is edited for it", claim.phase);
        return Err(place.error(at, message, format!("describe the edit in [edits.{table}]")));
    }
    Ok(ClaimRecord { text: disk.text.into_inner(), says: disk.says })
}
