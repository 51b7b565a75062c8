//! `dbench man`: the manual, made of what `--help` says: one page for dbench and one for each of its subcommands.

use super::screen::Screen;
use crate::error::{Error, Exit, Result, files, shown};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  dbench man                                the page of dbench itself, for `man -l -`
  dbench man run                            the page of one subcommand
  dbench man --dir ~/.local/share/man/man1  every page, where `man` finds it";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The subcommand whose page is printed; that of dbench itself if left out
    #[arg(value_name = "SUBCOMMAND", conflicts_with = "dir")]
    subcommand: Option<String>,
    /// Write every page into this folder, and print none
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn man(arguments: &Arguments, command: clap::Command, screen: &Screen) -> Result<Exit> {
    let pages = pages(command);
    if let Some(folder) = &arguments.dir {
        files::create_dir_all(folder)?;
        for page in &pages {
            files::replace(&folder.join(page.filename()), page.text()?)?;
        }
        screen.print(&format!("{} pages written to {}\n", pages.len(), shown(folder).display()))?;
        return Ok(Exit::Done);
    }
    let name = arguments.subcommand.as_deref();
    let page = pages.iter().find(|page| page.subcommand.as_deref() == name);
    let page = page.ok_or_else(|| {
        let known: Vec<_> = pages.iter().filter_map(|page| page.subcommand.as_deref()).collect();
        let name = name.unwrap_or_default();
        let meant = crate::meant::meant(name, &known);
        Error::input(format!("there is no subcommand `{name}`"))
            .hint(format!("{meant}there is {}", known.join(", ")))
    })?;
    screen.print(&page.text()?)?;
    Ok(Exit::Done)
}

/// One page of the manual.
struct Page {
    /// `None` for dbench itself.
    subcommand: Option<String>,
    command: clap::Command,
}

/// The page of dbench, then those of its subcommands.
fn pages(command: clap::Command) -> Vec<Page> {
    let mut command = command.disable_help_subcommand(true);
    // This gives every subcommand the flags of all and its whole name.
    command.build();
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let subs = shown.map(|sub| Page { subcommand: Some(sub.get_name().to_owned()), command: sub.clone() });
    let mut pages: Vec<_> = subs.collect();
    pages.insert(0, Page { subcommand: None, command });
    pages
}

impl Page {
    fn name(&self) -> String {
        match &self.subcommand {
            Some(subcommand) => format!("dbench-{subcommand}"),
            None => "dbench".to_owned(),
        }
    }

    fn filename(&self) -> String {
        format!("{}.1", self.name())
    }

    /// The page in roff. No date and no width of a terminal is in it: the same program gives the same bytes.
    fn text(&self) -> Result<String> {
        let manual = concat!("dbench ", env!("CARGO_PKG_VERSION"));
        let man = Man::new(self.command.clone());
        let mut roff = Vec::new();
        // The library leaves an empty date out, and what stands behind it would be taken for one.
        roff.extend_from_slice(
            format!(".TH {} 1 \"\" \"{manual}\" \"dbench manual\"\n", self.name()).as_bytes(),
        );
        man.render_name_section(&mut roff)
            .and_then(|()| man.render_synopsis_section(&mut roff))
            .and_then(|()| man.render_description_section(&mut roff))
            .and_then(|()| man.render_options_section(&mut roff))
            .map_err(unwritten)?;
        if self.subcommand.is_none() {
            man.render_subcommands_section(&mut roff).map_err(unwritten)?;
        }
        let more = self.command.get_after_help().map(ToString::to_string).unwrap_or_default();
        sections(&more).to_writer(&mut roff).map_err(unwritten)?;
        Ok(String::from_utf8_lossy(&roff).into_owned())
    }
}

fn unwritten(cause: std::io::Error) -> Error {
    Error::surroundings("cannot write a page of the manual").because(cause)
}

/// The tables below the flags of a help as sections: a title that ends with `:`, then lines of two columns, at least two
/// blanks apart.
fn sections(more: &str) -> Roff {
    let mut roff = Roff::new();
    for line in more.lines().filter(|line| !line.trim().is_empty()) {
        match line.strip_prefix("  ") {
            None => {
                roff.control("SH", [line.trim_end_matches(':').to_uppercase().as_str()]);
            }
            Some(row) => {
                let (left, right) = row.split_once("  ").unwrap_or((row, ""));
                roff.control("TP", []);
                roff.text([bold(left.trim())]);
                roff.text([roman(right.trim())]);
            }
        }
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_below_a_help_become_sections_with_a_paragraph_a_row() {
        let roff = sections("Exit codes:\n  0    done; all is there\n  130  interrupted").render();
        let after = roff.split(".SH ").nth(1).unwrap();
        assert_eq!(
            after,
            "\"EXIT CODES\"\n.TP\n\\fB0\\fR\ndone; all is there\n.TP\n\\fB130\\fR\ninterrupted\n"
        );
    }
}
