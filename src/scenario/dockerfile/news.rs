//! What a Dockerfile uses that not every engine's own builder knows, so that a build that must fail can be told of.

use super::Dockerfile;
use super::lexer::Instruction;
use super::parse::Parser;
use std::fmt;

/// Something that came into Dockerfiles later than BuildKit into engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// `RUN <<EOF`, `COPY <<EOF`, `ADD <<EOF`
    HereDocument,
    /// `COPY --link`, `ADD --link`
    Link,
    /// `RUN --network`
    Network,
    /// `ADD --checksum`
    Checksum,
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HereDocument => "a here-document",
            Self::Link => "`--link`",
            Self::Network => "`RUN --network`",
            Self::Checksum => "`ADD --checksum`",
        })
    }
}

impl Parser<'_> {
    /// Keeps what is new in an instruction.
    pub(super) fn note_news(&mut self, of: &Instruction) {
        if !of.heredocs.is_empty() {
            self.news.push((News::HereDocument, of.line));
        }
        for flag in self.flags(of).0 {
            match (of.keyword.as_str(), flag.key.as_str()) {
                ("COPY" | "ADD", "link") => self.news.push((News::Link, of.line)),
                ("RUN", "network") => self.news.push((News::Network, of.line)),
                ("ADD", "checksum") => self.news.push((News::Checksum, of.line)),
                _ => {}
            }
        }
    }
}

impl Dockerfile {
    /// What the engine's own builder must know to build the file, with its lines: of an engine whose builder is that of
    /// Docker Engine 20.10, none of it. Nothing if the file names the builder that reads it.
    pub fn news(&self) -> &[(News, usize)] {
        if self.frontend.is_some() { &[] } else { &self.news }
    }
}
