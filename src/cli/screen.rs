//! The terminal: what is printed goes to standard output, what is said about the work to standard error.

use super::Colour;
use crate::error::{Error, Result};
use crate::plain;
use anstyle::{AnsiColor, Style};
use std::io::{IsTerminal, Write};
use unicode_width::UnicodeWidthStr;

/// Wider lines are hard to read.
const WIDEST: usize = 100;

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

    /// Says that something is wrong: `error: …` or `warning: …`. Somebody who watches reads folded lines; a file keeps them whole.
    pub(super) fn problem(&self, kind: &str, text: &str) {
        let watched = std::io::stderr().is_terminal() || std::env::var_os("COLUMNS").is_some();
        let folded = watched.then(|| fold(&format!("{kind}: {text}"), self.page(), 4));
        let text =
            folded.as_deref().and_then(|all| all.strip_prefix(kind)?.strip_prefix(": ")).unwrap_or(text);
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

    /// The width of text for people: that of the terminal, and never more than 100.
    pub(super) fn page(&self) -> usize {
        self.width().min(WIDEST)
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

/// Text whose lines are broken between words where they are wider than `width`, and go on behind `indent` spaces. What has no
/// space, such as a path, is left whole.
pub(super) fn fold(text: &str, width: usize, indent: usize) -> String {
    let of_line =
        |line: &str| if line.width() <= width { line.to_owned() } else { broken(line, width, indent) };
    text.split('\n').map(of_line).collect::<Vec<_>>().join("\n")
}

fn broken(line: &str, width: usize, indent: usize) -> String {
    let own = line.len() - line.trim_start_matches(' ').len();
    let (mut text, mut wide) = (" ".repeat(own), own);
    for (at, word) in line.split(' ').filter(|word| !word.is_empty()).enumerate() {
        if at > 0 && wide + 1 + word.width() > width {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            wide = indent;
        } else if at > 0 {
            text.push(' ');
            wide += 1;
        }
        text.push_str(word);
        wide += word.width();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_what_fits_stays_as_it_is() {
        assert_eq!(fold("a  b", 4, 2), "a  b");
        assert_eq!(fold("  hint: one two three", 14, 4), "  hint: one\n    two three");
        assert_eq!(
            fold("see /a/long/path/of/something now", 10, 2),
            "see\n  /a/long/path/of/something\n  now"
        );
        assert_eq!(fold("one two\n\nthree four", 8, 0), "one two\n\nthree\nfour");
    }
}
