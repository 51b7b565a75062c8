//! The terminal: what is printed goes to standard output, what is said about the work to standard error.

use super::Colour;
use crate::error::{Error, Result};
use crate::plain;
use anstyle::{AnsiColor, Style};
use std::io::{IsTerminal, Write};

/// Where and how a command speaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    colour: Colour,
}

impl Screen {
    pub(super) fn new(colour: Colour) -> Self {
        let choice = match colour {
            Colour::Auto => anstream::ColorChoice::Auto,
            Colour::Always => anstream::ColorChoice::Always,
            Colour::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        Self { colour }
    }

    /// Prints data, in which text of others steers nothing.
    pub(super) fn print(&self, text: &str) -> Result<()> {
        self.print_styled(&plain::lines(text))
    }

    /// Prints text whose colours are ours. A reader that closes the pipe early has what it wanted.
    pub(super) fn print_styled(&self, text: &str) -> Result<()> {
        let mut out = anstream::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(cause) if cause.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Error::surroundings("cannot print").because(cause))
            }
            _ => Ok(()),
        }
    }

    /// Says one thing about the work.
    pub(super) fn say(&self, text: &str) {
        self.say_styled(&plain::lines(text));
    }

    fn say_styled(&self, text: &str) {
        // Who closed standard error does not want to hear it.
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// Says that something is wrong: `error: …` or `warning: …`.
    pub(super) fn problem(&self, kind: &str, text: &str) {
        let colour = if kind == "error" { AnsiColor::Red } else { AnsiColor::Yellow };
        let style = Style::new().bold().fg_color(Some(colour.into()));
        self.say_styled(&format!("{style}{kind}{style:#}: {}", plain::lines(text)));
    }

    /// The width of the terminal, 100 if there is none.
    pub(super) fn width(&self) -> usize {
        let from_environment = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let from_terminal =
            rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col));
        from_environment.or(from_terminal).filter(|width| *width > 0).unwrap_or(100)
    }

    /// Whether tables may be coloured.
    pub(super) fn colours(&self) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            }
        }
    }

    /// Which colour is in force, and where that came from.
    pub(super) fn colour_and_source(&self) -> String {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self.colour {
            Colour::Always => "always (flag or environment)".to_owned(),
            Colour::Never => "never (flag or environment)".to_owned(),
            Colour::Auto if set("NO_COLOR") => "never (NO_COLOR)".to_owned(),
            Colour::Auto if set("DBENCH_COLOR") => "auto (flag or environment)".to_owned(),
            Colour::Auto => "auto (built in)".to_owned(),
        }
    }

    /// Whether somebody watches the work go on: a live line makes sense there, and nowhere else.
    pub(super) fn is_live(&self) -> bool {
        std::io::stderr().is_terminal() && std::env::var_os("CI").is_none()
    }
}
