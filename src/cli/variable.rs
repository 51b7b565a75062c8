//! Owns which variable of the environment a value came from that clap refuses: clap names the flag, which nobody gave.

use clap::Command;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use std::ffi::OsString;

/// Names the variable instead of the flag where the value is the variable's.
pub(super) fn named(mut error: Error, command: &Command, given: impl Iterator<Item = OsString>) -> Error {
    let wrong = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg).filter(|_| wrong) else {
        return error;
    };
    let words: Vec<OsString> = given.skip(1).collect();
    let called = |command: &&Command| words.iter().any(|word| word == command.get_name());
    let commands = command.get_subcommands().filter(called).chain([command]);
    let argument = commands.flat_map(Command::get_arguments).find(|argument| argument.to_string() == *shown);
    let variable = argument.and_then(|argument| argument.get_env()).filter(|name| {
        let flag = argument.and_then(|argument| argument.get_long()).map(|long| format!("--{long}"));
        std::env::var_os(name).is_some() && !flag.is_some_and(|flag| words.iter().any(|word| is(word, &flag)))
    });
    if let Some(variable) = variable {
        let said = format!("{} of the environment ({shown})", variable.to_string_lossy());
        error.insert(ContextKind::InvalidArg, ContextValue::String(said));
    }
    error
}

/// Whether a word is that flag, with a value or before one.
fn is(word: &OsString, flag: &str) -> bool {
    let word = word.to_string_lossy();
    word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}
