//! Warns of Dockerfiles that an old engine's own builder cannot read: their builds fail, and the cause is easily missed,
//! as a line of a here-document is an unknown instruction to it.

use crate::results::Builder;
use crate::scenario::Scenario;

/// The first Docker Engine whose builder reads all of today's Dockerfiles that are read here.
const KNOWS: u32 = 23;

/// What to say of the variants that use what an engine of that version does not know.
pub(super) fn warnings(scenarios: &[Scenario], builders: &[Builder], version: &str) -> Vec<String> {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major >= KNOWS) || !builders.contains(&Builder::Buildkit) {
        return Vec::new();
    }
    let variants = scenarios.iter().flat_map(|scenario| scenario.variants.iter().map(move |v| (scenario, v)));
    let newer = variants.filter_map(|(scenario, variant)| {
        let (news, line) = variant.dockerfile.news().first()?;
        Some(format!(
            "{} {}: line {line} has {news}, which the builder of this engine ({version}) does not know, so its builds will \
             fail; begin the Dockerfile with `# syntax=docker/dockerfile:1`, or take Docker Engine {KNOWS} or newer",
            scenario.name, variant.name
        ))
    });
    newer.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::tests::{SCENARIO, files_of};

    #[test]
    fn only_an_old_engine_is_warned_of_and_only_without_a_syntax_line() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("file");
        let text = "FROM base\nCOPY --link edition /\nRUN <<EOF\ntrue\nEOF\n";
        files_of(&dir, SCENARIO, [text, &format!("# syntax=docker/dockerfile:1\n{text}")]);
        let scenarios = [Scenario::load(&dir).unwrap()];
        assert_eq!(
            warnings(&scenarios, &[Builder::Buildkit], "20.10.24+dfsg1"),
            [
                "file single: line 2 has `--link`, which the builder of this engine (20.10.24+dfsg1) does not know, so its \
              builds will fail; begin the Dockerfile with `# syntax=docker/dockerfile:1`, or take Docker Engine 23 or newer"
            ]
        );
        for version in ["23.0.1", "28.5.2", "dev", ""] {
            assert_eq!(
                warnings(&scenarios, &[Builder::Buildkit], version),
                Vec::<String>::new(),
                "{version}"
            );
        }
        assert_eq!(warnings(&scenarios, &[Builder::Classic], "20.10.24"), Vec::<String>::new());
    }
}
