//! Every shipped scenario loads and is what its documents say. No engine is needed.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers may panic, and with the plain error"
)]

use dbench::results::Builder;
use dbench::scenario::bases::BaseContract;
use dbench::scenario::{Scenario, Variant};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folders(path: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(path)).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn scenarios() -> Vec<Scenario> {
    Scenario::load_all(&root().join("scenarios"), &[]).unwrap_or_else(|error| panic!("{error}"))
}

fn contracts() -> Vec<BaseContract> {
    BaseContract::load_all(&root().join("scenarios/bases")).unwrap_or_else(|error| panic!("{error}"))
}

fn variant<'a>(scenario: &'a Scenario, name: &str) -> &'a Variant {
    let found = scenario.variants.iter().find(|variant| variant.name == name);
    found.unwrap_or_else(|| panic!("{} has no variant {name}", scenario.name))
}

#[test]
fn every_scenario_folder_loads() {
    let names: BTreeSet<_> = scenarios().into_iter().map(|scenario| scenario.name).collect();
    let mut expected = folders("scenarios");
    assert!(expected.remove("bases"));
    assert_eq!(names, expected);
    let five = ["frontend-nginx", "go-scratch", "java-maven", "node-build", "python-venv"];
    assert_eq!(names, five.map(str::to_owned).into());
}

#[test]
fn every_scenario_has_three_variants_two_edits_and_the_documents_claim() {
    for scenario in scenarios() {
        let names: Vec<_> = scenario.variants.iter().map(|variant| variant.name.as_str()).collect();
        assert_eq!(names, ["single", "multi", "tuned"], "{}", scenario.name);
        assert_eq!(scenario.baseline().name, "single", "{}", scenario.name);
        assert!(scenario.source.is_some() && scenario.deps.is_some(), "{}", scenario.name);
        let ninety = |claim: &&_| {
            let claim: &dbench::results::ClaimRecord = claim;
            claim.text == "multi unpacked-size reduction >= 90 %" && claim.says == "90%+ size reduction"
        };
        assert_eq!(scenario.claims.iter().filter(ninety).count(), 1, "{}", scenario.name);
    }
}

/// The Dockerfile of each numbered pattern of the document.
fn patterns() -> Vec<(String, String)> {
    let document = read("docs/multi-stage-patterns.md");
    let sections = document.split("\n## Pattern ").skip(1);
    sections
        .map(|section| {
            let number = section.split(':').next().unwrap().to_owned();
            let block = section.split("```dockerfile\n").nth(1).unwrap().split("```").next().unwrap();
            (number, block.to_owned())
        })
        .collect()
}

#[test]
fn multi_is_the_documents_dockerfile() {
    let mut shipped: Vec<_> = scenarios()
        .iter()
        .map(|scenario| {
            (scenario.pattern.clone().unwrap(), variant(scenario, "multi").dockerfile.text.clone())
        })
        .collect();
    shipped.sort();
    assert_eq!(shipped, patterns());
}

/// What ends `single`, and the lines of it that the final stage of `multi` does not have.
fn tail(scenario: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    match scenario {
        "go-scratch" => (vec!["EXPOSE 8080", r#"CMD ["/app/app"]"#], vec![r#"CMD ["/app/app"]"#]),
        "node-build" => (vec!["EXPOSE 3000", r#"CMD ["node", "dist/server.js"]"#], vec![]),
        "python-venv" => (vec!["COPY app.py .", "EXPOSE 8000", r#"CMD ["python", "app.py"]"#], vec![]),
        "java-maven" => {
            let start = r#"ENTRYPOINT ["java", "-jar", "/build/target/invoices.jar"]"#;
            (vec!["EXPOSE 8080", start], vec![start])
        }
        "frontend-nginx" => {
            let start = r#"CMD ["npm", "run", "preview"]"#;
            (vec!["EXPOSE 80", start], vec![start])
        }
        other => panic!("say what ends `single` of {other}"),
    }
}

#[test]
fn single_is_the_builder_of_multi_and_a_start() {
    for scenario in scenarios() {
        let multi: Vec<_> = variant(&scenario, "multi").dockerfile.text.lines().collect();
        let second = multi.iter().skip(1).position(|line| line.starts_with("FROM ")).unwrap() + 1;
        let (builder, last) = multi.split_at(second);
        let end = builder.iter().rposition(|line| !line.is_empty() && !line.starts_with('#')).unwrap() + 1;
        let (tail, exceptions) = tail(&scenario.name);
        let expected: Vec<_> = [&builder[..end], &[""], &tail].concat();
        let single: Vec<_> = variant(&scenario, "single").dockerfile.text.lines().collect();
        assert_eq!(single, expected, "{}", scenario.name);
        for line in tail.iter().filter(|line| !exceptions.contains(line)) {
            assert!(last.contains(line), "{}: `{line}` is not in the final stage", scenario.name);
        }
        // Exceptions are named in the notes as commands: without the punctuation of the JSON form.
        let plain = |text: &str| text.replace(['[', ']', '"', ','], "");
        let notes = plain(&scenario.notes.join("\n"));
        for line in tail.iter().filter(|line| line.starts_with("COPY ")) {
            assert!(notes.contains(line.trim_end_matches(" .")), "{}: no note names `{line}`", scenario.name);
        }
        for line in exceptions {
            let command = plain(line.split_once(' ').unwrap().1);
            assert!(notes.contains(&command), "{}: no note names `{command}`", scenario.name);
            assert!(
                notes.contains("one exception"),
                "{}: no note says that it is an exception",
                scenario.name
            );
        }
    }
}

/// Lines of a lock that say where something is fetched from; a package's page for donations is none.
fn addresses(lock: &str) -> Vec<&str> {
    let marks = ["\"resolved\"", "--index-url", "--extra-index-url", "--find-links", "<repository>"];
    let is_page = |line: &str| line.trim_start().starts_with("\"url\":") || line.contains("xmlns");
    lock.lines()
        .filter(|line| line.contains("://") && !is_page(line) || marks.iter().any(|mark| line.contains(mark)))
        .collect()
}

#[test]
fn locks_hold_no_addresses() {
    fn look(dir: &Path, seen: &mut usize) {
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                look(&path, seen);
            } else if ["package-lock.json", "go.sum", "requirements.txt", "pom.xml"].contains(&name.as_str())
            {
                *seen += 1;
                let text = fs::read_to_string(&path).unwrap();
                assert_eq!(addresses(&text), Vec::<&str>::new(), "{}", path.display());
            }
        }
    }
    for scenario in scenarios() {
        let mut seen = 0;
        look(&scenario.context, &mut seen);
        look(scenario.deps.as_ref().unwrap().overlay.as_ref().unwrap(), &mut seen);
        assert_eq!(seen, 2, "{}: one lock, and one in the overlay", scenario.name);
    }
}

#[test]
fn bases_and_contracts_agree_both_ways() {
    let contracts = contracts();
    let named: BTreeSet<_> = contracts.iter().map(|contract| contract.folder.clone()).collect();
    assert_eq!(named, folders("scenarios/bases"));
    for contract in &contracts {
        let folder = root().join("scenarios/bases").join(&contract.folder);
        assert!(
            folder.join("Dockerfile").is_file() != folder.join("rootfs").is_file(),
            "{}",
            contract.folder
        );
        assert!(contract.stand_in.starts_with("dbench/stand-in/"), "{}", contract.folder);
    }
    let mut used: BTreeSet<String> = BTreeSet::new();
    for variant in scenarios().iter().flat_map(|scenario| &scenario.variants) {
        let target = variant.dockerfile.target(variant.target.as_deref()).unwrap();
        used.extend(variant.dockerfile.bases(target, Builder::Buildkit));
    }
    // No scenario names these: other roots are built on the first, nodes in a container and relays are made of the others.
    used.extend(["debian:bookworm-slim", "docker:dind", "alpine/socat:latest"].map(str::to_owned));
    let official: BTreeSet<_> = contracts.into_iter().map(|contract| contract.official).collect();
    assert_eq!(used, official);
}

#[test]
fn the_readme_of_the_bases_lists_each_with_its_library() {
    let readme = read("scenarios/bases/README.md");
    let rows: Vec<_> = readme.lines().filter(|line| line.starts_with("| `")).collect();
    for contract in contracts() {
        let row = rows.iter().find(|row| row.contains(&format!("`{}`", contract.official)));
        let row = row.unwrap_or_else(|| panic!("no row for {}", contract.official));
        assert!(row.contains(&format!("| {} |", contract.libc)), "{row}");
    }
}
