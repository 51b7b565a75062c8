//! Owns the one wildcard matcher of contexts, in the two dialects that builds use: an ignore file's, where `**` crosses
//! folders, and Go's `filepath.Match` for one part of a `COPY` source or a requested path.
//! Written by hand instead of translated to a regular expression: a few kinds of token and no dependency; matching keeps
//! a set of states, so it is linear in the path for any pattern.

/// A parsed pattern.
#[derive(Clone, Debug)]
pub(super) struct Glob(Vec<Token>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Exactly this character.
    One(char),
    /// `?`: any character but the slash.
    Any,
    /// `*`: any number of characters but the slash.
    Star,
    /// `**` before something may be nothing: a choice between the next token, always `Folders`, and the one after it.
    MaybeFolders,
    /// Anything that ends with a slash.
    Folders,
    /// `**` at the end: anything.
    Rest,
    /// `[a-z]`, `[^a-z]`.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// Which wildcards there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `.dockerignore`: `**` crosses folders.
    Ignore,
    /// One part between slashes: `**` is two stars.
    Part,
}

impl Glob {
    /// Reads a pattern; the error says what is wrong with it.
    pub(super) fn parse(pattern: &str, dialect: Dialect) -> Result<Self, &'static str> {
        let mut tokens = Vec::new();
        let mut rest = pattern.chars().peekable();
        while let Some(char) = rest.next() {
            let token = match char {
                '*' if dialect == Dialect::Ignore && rest.peek() == Some(&'*') => {
                    rest.next();
                    if rest.peek() == Some(&'/') {
                        rest.next();
                    }
                    if rest.peek().is_some() {
                        tokens.push(Token::MaybeFolders);
                        Token::Folders
                    } else {
                        Token::Rest
                    }
                }
                '*' => Token::Star,
                '?' => Token::Any,
                '\\' => Token::One(rest.next().ok_or("a backslash at the end escapes nothing")?),
                '[' => class(&mut rest)?,
                other => Token::One(other),
            };
            tokens.push(token);
        }
        Ok(Self(tokens))
    }

    /// Whether the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.walk(text, false)
    }

    /// Whether the path, or a folder that it is in, matches: in one pass, however deep it is.
    pub(super) fn matches_or_parent(&self, path: &str) -> bool {
        self.walk(path, true)
    }

    fn walk(&self, text: &str, parents: bool) -> bool {
        let tokens = &self.0;
        // `at[i]`: the text so far may be followed by what matches from token `i` on.
        let mut at = vec![false; tokens.len() + 1];
        at[0] = true;
        skip(tokens, &mut at);
        let mut next = vec![false; tokens.len() + 1];
        for char in text.chars() {
            if parents && char == '/' && at[tokens.len()] {
                return true;
            }
            next.fill(false);
            for (i, token) in tokens.iter().enumerate().filter(|(i, _)| at[*i]) {
                let (stays, goes) = match token {
                    Token::One(one) => (false, *one == char),
                    Token::Any => (false, char != '/'),
                    Token::Star => (char != '/', false),
                    Token::Rest => (true, false),
                    Token::MaybeFolders => (false, false),
                    Token::Folders => (true, char == '/'),
                    Token::Class { negated, ranges } => {
                        (false, ranges.iter().any(|(low, high)| (*low..=*high).contains(&char)) != *negated)
                    }
                };
                next[i] |= stays;
                next[i + 1] |= goes;
            }
            skip(tokens, &mut next);
            std::mem::swap(&mut at, &mut next);
        }
        at[tokens.len()]
    }
}

/// Adds the states that are reachable without a character.
fn skip(tokens: &[Token], at: &mut [bool]) {
    for (i, token) in tokens.iter().enumerate() {
        if !at[i] {
            continue;
        }
        match token {
            Token::Star | Token::Rest => at[i + 1] = true,
            Token::MaybeFolders => {
                at[i + 1] = true;
                at[i + 2] = true;
            }
            _ => {}
        }
    }
}

/// The rest of a character class, with the strictness of Go's `filepath.Match`.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Token, &'static str> {
    const OPEN: &str = "a character class is not closed by `]`";
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if rest.peek() == Some(&']') && !ranges.is_empty() {
            rest.next();
            return Ok(Token::Class { negated, ranges });
        }
        let low = member(rest, OPEN)?;
        let high = if rest.next_if_eq(&'-').is_some() { member(rest, OPEN)? } else { low };
        if high < low {
            return Err("a range in a character class runs backwards");
        }
        ranges.push((low, high));
    }
}

fn member(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    open: &'static str,
) -> Result<char, &'static str> {
    match rest.next().ok_or(open)? {
        '\\' => rest.next().ok_or(open),
        ']' | '-' => Err("`]` and `-` in a character class need a backslash"),
        other => Ok(other),
    }
}
