//! The commands that the README tells its readers to type.

use dbench::error::files;
use std::path::Path;

/// Every command of the README's shell blocks, in its order, without the comments.
pub fn commands() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = files::read_to_string(&readme).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap().trim());
    lines.map(str::to_owned).collect()
}
