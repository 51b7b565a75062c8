//! The commands that a document tells its readers to type.

use dbench::error::files;
use std::path::Path;

/// Every command of a document's shell blocks, in its order, without the comments.
pub fn commands(document: &str) -> Vec<String> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = files::read_to_string(&document).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap().trim());
    lines.map(str::to_owned).collect()
}
