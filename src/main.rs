//! The `dbench` command: arguments in, exit code out.

fn main() {}
