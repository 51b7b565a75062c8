//! Secrets that a Dockerfile mounts and its variant does not have: a build that needs one is refused before it begins, one that
//! can do without is warned of, as a mistyped id would measure another build than the one that is meant.

use crate::error::{Error, Result};
use crate::meant::meant;
use crate::results::Builder;
use crate::scenario::{Scenario, SecretMount, Variant};

/// A secret that a build mounts without having it.
struct Mounted<'a> {
    line: usize,
    secret: &'a SecretMount,
}

impl Mounted<'_> {
    fn said(&self, variant: &Variant) -> String {
        format!("the secret `{}` is none of those of the variant `{}`", self.secret.id, variant.name)
    }

    fn hint(&self, variant: &Variant) -> String {
        let known: Vec<&str> = variant.secrets.iter().map(|secret| secret.id.as_str()).collect();
        format!("{}name it under `secrets` in scenario.toml", meant(&self.secret.id, &known))
    }
}

/// Those of the stages that are built for a variant.
fn without(variant: &Variant) -> Result<Vec<Mounted<'_>>> {
    let file = &variant.dockerfile;
    let built = file.built(file.target(variant.target.as_deref())?, Builder::Buildkit);
    let steps = built.into_iter().filter_map(|index| file.stages.get(index)).flat_map(|stage| &stage.steps);
    let mounted =
        steps.flat_map(|step| step.takes.secrets.iter().map(|secret| Mounted { line: step.line, secret }));
    Ok(mounted.filter(|one| variant.secrets.iter().all(|own| own.id != one.secret.id)).collect())
}

/// Refuses a variant one of whose steps would fail without a secret.
pub(super) fn refuse(variant: &Variant) -> Result<()> {
    match without(variant)?.iter().find(|one| one.secret.required) {
        Some(one) => {
            Err(Error::input(one.said(variant)).at(&variant.path, one.line, 1).hint(one.hint(variant)))
        }
        None => Ok(()),
    }
}

/// What to say of the secrets that builds do without.
///
/// # Errors
/// If a target is no stage.
pub fn unnamed_secrets(scenarios: &[Scenario], builders: &[Builder]) -> Result<Vec<String>> {
    let mut said = Vec::new();
    if !builders.contains(&Builder::Buildkit) {
        return Ok(said);
    }
    for scenario in scenarios {
        for variant in &scenario.variants {
            let file = variant.path.file_name().unwrap_or_default().to_string_lossy();
            // One that a step needs is refused.
            said.extend(without(variant)?.iter().filter(|one| !one.secret.required).map(|one| {
                format!(
                    "{}: {file}, line {}: {}, so the step runs without it; {}",
                    scenario.name,
                    one.line,
                    one.said(variant),
                    one.hint(variant)
                )
            }));
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::tests::{SCENARIO, files_of};

    /// The scenario with that Dockerfile, and the secret `token`.
    fn of(run: &str) -> (tempfile::TempDir, Scenario) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("file");
        let text = format!("FROM base\nCOPY edition /\nRUN {run} true\n");
        let toml = format!("secrets = [{{ id = \"token\", env = \"TOKEN\" }}]\n{SCENARIO}");
        files_of(&dir, &toml, [&text, "FROM base\nCOPY edition /\n"]);
        let scenario = Scenario::load(&dir).unwrap();
        (folder, scenario)
    }

    fn refused(run: &str) -> Option<String> {
        let (_folder, scenario) = of(run);
        let wrong = scenario.variants.iter().find_map(|variant| refuse(variant).err())?.to_string();
        Some(wrong.replace(&format!("{}/", scenario.dir.display()), ""))
    }

    #[test]
    fn a_step_that_needs_a_secret_that_the_variant_has_not_is_refused_at_its_line() {
        assert_eq!(refused("--mount=type=secret,id=token,required=true"), None);
        assert_eq!(refused("--mount=type=secret,id=tokens"), None, "it can do without");
        assert_eq!(refused("--mount=type=secret,id=$TOKEN,required=true"), None, "nobody knows which it is");
        let said = refused("--mount=type=secret,id=tokens,required=true").unwrap();
        assert!(
            said.contains(".Dockerfile:3:1: the secret `tokens` is none of those of the variant"),
            "{said}"
        );
        assert!(
            said.ends_with("hint: did you mean `token`? name it under `secrets` in scenario.toml"),
            "{said}"
        );
        let said = refused("--mount=type=secret,target=/run/npmrc,required").unwrap();
        assert!(said.contains("the secret `npmrc` is none"), "a mount is called by its target: {said}");
    }

    #[test]
    fn a_step_that_can_do_without_is_warned_of() {
        let (_folder, scenario) = of("--mount=type=secret,id=tokens");
        let scenarios = std::slice::from_ref(&scenario);
        let said = unnamed_secrets(scenarios, &[Builder::Buildkit]).unwrap();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("file: ") && said[0].contains("line 3: the secret `tokens`"), "{said:?}");
        let (_folder, needed) = of("--mount=type=secret,id=tokens,required=true");
        let said = unnamed_secrets(std::slice::from_ref(&needed), &[Builder::Buildkit]).unwrap();
        assert_eq!(said, Vec::<String>::new(), "it is refused, and no step runs without it");
        assert_eq!(unnamed_secrets(scenarios, &[Builder::Classic]).unwrap(), Vec::<String>::new());
    }
}
