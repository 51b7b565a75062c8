//! The `dbench` command: arguments in, exit code out.

fn main() -> std::process::ExitCode {
    dbench::cli::main().code().into()
}
