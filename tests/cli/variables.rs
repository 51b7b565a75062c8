//! Values that come from the environment: who is blamed for a wrong one.

use super::common::Folder;

#[test]
fn a_wrong_value_of_the_environment_is_laid_on_its_variable() {
    let folder = Folder::new();
    for (variable, value, wrong, flag) in [
        ("DBENCH_ROUNDS", "abc", "abc", "--rounds <N>"),
        ("DBENCH_MEASURE", "build,noise", "noise", "--measure <PART>"),
        ("DBENCH_COLOR", "red", "red", "--color <COLOR>"),
    ] {
        let said = folder.dbench(&[(variable, value)], &["run", "--plan"]).ends(2).err;
        let expected = format!("error: invalid value '{wrong}' for '{variable} of the environment ({flag})'");
        assert!(said.starts_with(&expected), "{said}");
    }
    for flag in [&["--rounds=abc"][..], &["--rounds", "abc"]] {
        let said = folder.dbench(&[("DBENCH_ROUNDS", "2")], &[&["run"], flag].concat()).ends(2).err;
        assert!(said.starts_with("error: invalid value 'abc' for '--rounds <N>': "), "{said}");
    }
}
