//! What the project ships, on the engine: the stand-ins keep their contracts, and every variant builds and answers.

use crate::lane::{Lane, root, until};
use dbench::engine::{ContainerSpec, Engine, Removal};
use dbench::scenario::bases::BaseContract;
use std::collections::BTreeMap;
use std::fs;

/// Says what is missing. It looks for programs on PATH by itself, as shells name their own commands without a path.
const LOOK: &str = r#"
for user in $USERS; do grep -q "^$user:" /etc/passwd || echo "user $user"; done
for path in $PATHS; do [ -e "$path" ] || echo "path $path"; done
for tool in $TOOLS; do
  found=
  IFS=:
  for folder in $PATH; do [ -x "$folder/$tool" ] && [ ! -d "$folder/$tool" ] && found=1; done
  unset IFS
  [ -n "$found" ] || echo "tool $tool"
done
echo done
"#;

#[test]
fn stand_ins_have_the_users_paths_and_tools_of_their_contracts() {
    let Some(lane) = Lane::open() else { return };
    let contracts = BaseContract::load_all(&root().join("scenarios/bases")).unwrap();
    let mapped = fs::read_to_string(root().join("dbench.toml")).unwrap_or_default();
    for (at, contract) in contracts.iter().enumerate() {
        let image = &contract.stand_in;
        if lane.wait_for(lane.engine.image(image)).unwrap().is_none() {
            assert!(!mapped.contains(image.as_str()), "{image} is not in the engine, though set-up maps it");
            eprintln!("left out: {image} is not in the engine, whose bases are the official ones");
            continue;
        }
        let name = format!("contract-{}-{at}", lane.token);
        let env = [("USERS", &contract.users), ("PATHS", &contract.paths), ("TOOLS", &contract.tools)];
        let spec = ContainerSpec {
            name: &name,
            image,
            env: &env.map(|(name, words)| (name.to_owned(), words.join(" "))).into(),
            command: Some(&["sh".to_owned(), "-c".to_owned(), LOOK.to_owned()]),
            port: None,
            labels: &BTreeMap::new(),
        };
        lane.wait_for(lane.engine.start(&spec)).unwrap_or_else(|error| panic!("{image}: {error}"));
        until(image, || lane.wait_for(lane.engine.exit_code(&name)).unwrap());
        let (said, _) = lane.wait_for(lane.engine.logs(&name)).unwrap();
        assert_eq!(lane.wait_for(lane.engine.remove_container(&name)).unwrap(), Removal::Removed);
        assert_eq!(said, "done\n", "missing in {image}");
    }
}

#[test]
fn shipped_scenarios_build_and_probe() {
    let Some(lane) = Lane::open() else { return };
    let scenarios = root().join("scenarios");
    let arguments = ["run", "--rounds", "1", "--phase", "cold", "--scenarios", scenarios.to_str().unwrap()];
    let ended = lane.dbench_on_shipped_bases(&arguments).expect(0);
    let loaded = lane.loaded();
    assert_eq!(loaded.run.scenarios.len(), 5);
    for scenario in &loaded.run.scenarios {
        assert_eq!(scenario.agree, Some(true), "{}: {}", scenario.name, scenario.disagreement);
    }
    assert!(!ended.stdout.contains("no ratios"), "{}", ended.stdout);
}
