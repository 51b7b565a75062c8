//! `dbench report --timeline`: which build is meant, held to what the run has, and its timeline.

use super::report::{drawn, write_charts};
use super::run::phase;
use super::screen::Screen;
use crate::error::{Error, Result, shown};
use crate::meant::meant;
use crate::report::one_build;
use crate::results::{Builder, Case, Loaded, Phase};

/// The build that `--timeline` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    scenario: String,
    variant: String,
    phase: Phase,
    /// `None` for the one that the report takes first.
    builder: Option<Builder>,
    /// `None` for the median one.
    round: Option<u32>,
}

/// The value of `--timeline`.
pub(super) fn parse(text: &str) -> Result<Wanted, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let named = parts.get(3).and_then(|text| Builder::parse(text));
    let (names, round) = match (parts.as_slice(), named) {
        ([scenario, variant, phase], _) | ([scenario, variant, phase, _], Some(_)) => {
            ([scenario, variant, phase], None)
        }
        ([scenario, variant, phase, round], None) | ([scenario, variant, phase, _, round], Some(_)) => {
            ([scenario, variant, phase], Some(round))
        }
        _ => {
            return Err(
                "write SCENARIO/VARIANT/PHASE[/BUILDER][/ROUND], for example go-scratch/multi/cold or \
                        go-scratch/multi/cold/classic/1"
                    .to_owned(),
            );
        }
    };
    let [scenario, variant, of_phase] = names;
    let is_round = |round: &u32| *round > 0;
    let round = round.map(|text| {
        let number = text.parse().ok().filter(is_round);
        number.ok_or_else(|| format!("`{text}` is not a round; rounds count from 1"))
    });
    Ok(Wanted {
        scenario: (*scenario).to_owned(),
        variant: (*variant).to_owned(),
        phase: phase(of_phase).map_err(|why| format!("phase `{of_phase}`: {why}"))?,
        builder: named,
        round: round.transpose()?,
    })
}

/// Draws it into the folder of the run, and prints where.
pub(super) fn draw(loaded: &Loaded, wanted: &Wanted, with_png: bool, screen: &Screen) -> Result<()> {
    let case = case(loaded, wanted)?;
    let (charts, round) = one_build(loaded, &case, wanted.round)?;
    let files = drawn(loaded, charts, with_png)?;
    write_charts(loaded, &files)?;
    screen.say(&format!("{case}, {round}"));
    let paths = files.iter().map(|(path, _)| format!("{}\n", shown(path).display()));
    screen.print(&paths.collect::<String>())
}

/// The case of the run that is meant.
fn case(loaded: &Loaded, wanted: &Wanted) -> Result<Case> {
    let run = &loaded.run;
    let unknown = |what: &str, name: &str, known: Vec<&str>| {
        Error::input(format!("the run has no {what} `{name}`"))
            .in_file(shown(loaded.folder.path()))
            .hint(format!("{}it has {}", meant(name, &known), known.join(", ")))
    };
    let scenario = run.scenarios.iter().find(|s| s.name == wanted.scenario).ok_or_else(|| {
        unknown("scenario", &wanted.scenario, run.scenarios.iter().map(|s| s.name.as_str()).collect())
    })?;
    let variants: Vec<&str> = scenario.variants.iter().map(|v| v.name.as_str()).collect();
    if !variants.contains(&wanted.variant.as_str()) {
        return Err(unknown("variant", &wanted.variant, variants));
    }
    if !run.phases.contains(&wanted.phase) {
        let phases = run.phases.iter().map(|phase| phase.name()).collect();
        return Err(unknown("phase", wanted.phase.name(), phases));
    }
    let builder = wanted.builder.unwrap_or(run.builder);
    let builders = run.all_builders();
    if !builders.contains(&builder) {
        let names = builders.iter().map(|builder| builder.name()).collect();
        return Err(unknown("builder", builder.name(), names));
    }
    Ok(Case {
        scenario: wanted.scenario.clone(),
        variant: wanted.variant.clone(),
        builder,
        phase: wanted.phase,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_named_with_its_round_or_without() {
        let wanted = |round| Wanted {
            scenario: "go-scratch".to_owned(),
            variant: "multi".to_owned(),
            phase: Phase::SourceEdit,
            builder: None,
            round,
        };
        assert_eq!(parse("go-scratch/multi/source-edit"), Ok(wanted(None)));
        assert_eq!(parse("go-scratch/multi/source-edit/2"), Ok(wanted(Some(2))));
        let by = |builder, round| Wanted { builder: Some(builder), ..wanted(round) };
        assert_eq!(parse("go-scratch/multi/source-edit/classic"), Ok(by(Builder::Classic, None)));
        assert_eq!(parse("go-scratch/multi/source-edit/buildkit/2"), Ok(by(Builder::Buildkit, Some(2))));
        for (text, said) in [
            ("go-scratch", "write SCENARIO/VARIANT/PHASE[/BUILDER][/ROUND], "),
            ("a/b/cold/1/2", "write SCENARIO/VARIANT/PHASE[/BUILDER][/ROUND], "),
            ("a/b/cold/0", "`0` is not a round; rounds count from 1"),
            (
                "a/b/cod",
                "phase `cod`: it is not one of cold, unchanged, source-edit, deps-edit; did you mean `cold`?",
            ),
        ] {
            assert!(parse(text).unwrap_err().starts_with(said), "{:?}", parse(text));
        }
    }
}
