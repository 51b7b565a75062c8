//! Owns the grammar of claims: text to variant, metric, phase, comparison and bound.
//! Leaves whether a claim holds to `stats`.

use super::{Metric, Phase, Unit};
use crate::meant::meant;
use std::fmt;

/// How a claim compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `>`
    Above,
    /// `=`
    Equal,
}

impl Op {
    const ALL: [(&'static str, Self); 5] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("<", Self::Below),
        (">", Self::Above),
        ("=", Self::Equal),
    ];

    /// Whether `value OP bound` holds; `=` holds within half a percent of the bound.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::AtMost => value <= bound,
            Self::AtLeast => value >= bound,
            Self::Below => value < bound,
            Self::Above => value > bound,
            Self::Equal => (value - bound).abs() <= bound.abs() * 0.005,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(_, op)| op == self).map_or("", |(text, _)| text))
    }
}

/// What a claim speaks of: a figure of the variant, or by how much it is below the baseline's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    /// The metric's own value, in its base unit.
    Absolute(f64),
    /// `(baseline − variant) / baseline`, in percent.
    Reduction(f64),
}

/// A statement that a run decides: `VARIANT METRIC [in PHASE] [reduction] OP NUMBER [UNIT or %]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The variant that it speaks of.
    pub variant: String,
    /// What is claimed about it.
    pub metric: Metric,
    /// The phase: the one named, else the first that the metric is measured in.
    pub phase: Phase,
    /// The comparison.
    pub op: Op,
    /// The bound, and whether it is absolute or against the baseline.
    pub bound: Quantity,
}

impl Claim {
    /// Parses a claim. The error is a byte offset into `text` and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut words = Words::new(text);
        let (_, variant) = words.next("the name of a variant")?;
        let (at, name) = words.next("a metric")?;
        let metric = Metric::parse(name).ok_or_else(|| {
            let known: Vec<_> = Metric::ALL.iter().map(|m| m.name()).collect();
            let meant = meant(name, &known);
            (at, format!("`{name}` is not a metric; {meant}known are {}", known.join(", ")))
        })?;
        let mut phase = metric.phases().first().copied().unwrap_or(Phase::Cold);
        if words.take("in") {
            let (at, name) = words.next("a phase")?;
            phase = Phase::parse(name).ok_or_else(|| {
                let known = Phase::ALL.map(Phase::name);
                let meant = meant(name, &known);
                (at, format!("`{name}` is not a phase; {meant}known are {}", known.join(", ")))
            })?;
            if !metric.phases().contains(&phase) {
                return Err((
                    at,
                    format!("{metric} is not measured in {phase}; {}", elsewhere(metric, phase)),
                ));
            }
        }
        let reduction = words.take("reduction");
        let (at, op) = words.next("one of <= >= < > =")?;
        let op = Op::ALL
            .iter()
            .find(|(known, _)| *known == op)
            .map(|(_, op)| *op)
            .ok_or_else(|| (at, format!("`{op}` is not one of <= >= < > =")))?;
        let (at, number) = words.next("a number")?;
        let value: f64 = number
            .parse()
            .ok()
            .filter(|n: &f64| *n >= 0.0)
            .ok_or_else(|| (at, format!("`{number}` is not a number")))?;
        let unit = words.optional();
        words.end()?;
        let bound = bound(text, metric, reduction, value, unit)?;
        let (Quantity::Absolute(value) | Quantity::Reduction(value)) = bound;
        if !value.is_finite() {
            return Err((at, format!("`{number}` is too large a number")));
        }
        Ok(Self { variant: variant.to_owned(), metric, phase, op, bound })
    }
}

/// What to write in the place of a phase that the metric is not measured in.
fn elsewhere(metric: Metric, phase: Phase) -> String {
    match metric.phases() {
        [_] => format!("leave `in {phase}` out"),
        _ => format!("it is in {}", metric.phases_in_words()),
    }
}

fn bound(
    text: &str,
    metric: Metric,
    reduction: bool,
    number: f64,
    unit: Option<(usize, &str)>,
) -> Result<Quantity, (usize, String)> {
    let (at, unit) = unit.unwrap_or((text.len(), ""));
    if reduction {
        return if unit == "%" {
            Ok(Quantity::Reduction(number))
        } else {
            Err((at, "a reduction is counted in %".to_owned()))
        };
    }
    let scale = match (metric.unit(), unit) {
        (Unit::Bytes, "B") | (Unit::Ns, "ns") | (Unit::Count, "") => 1.0,
        (Unit::Bytes, "kB") => 1e3,
        (Unit::Bytes, "MB") | (Unit::Ns, "ms") => 1e6,
        (Unit::Bytes, "GB") | (Unit::Ns, "s") => 1e9,
        (Unit::Ns, "min") => 60e9,
        (of, _) => {
            let known = match of {
                Unit::Bytes => "B, kB, MB or GB",
                Unit::Ns => "ns, ms, s or min",
                Unit::Count => "no unit",
            };
            let wrong = if unit.is_empty() {
                "the unit is missing".to_owned()
            } else {
                format!("`{unit}` is not a unit of {metric}")
            };
            return Err((at, format!("{wrong}; {metric} takes {known}")));
        }
    };
    Ok(Quantity::Absolute(number * scale))
}

/// The words of a claim with their offsets; `>=90%` reads as `>= 90 %`.
struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<(usize, &'a str)> {
        let rest = &self.text[self.at..];
        let start = self.at + (rest.len() - rest.trim_start().len());
        let rest = &self.text[start..];
        let class = class_of(rest.chars().next()?);
        let end = rest
            .find(|c: char| c.is_whitespace() || class_of(c) != class && class != 0)
            .unwrap_or(rest.len());
        let end = if class == class_of('0') { end + power(&rest[end..]) } else { end };
        Some((start, &rest[..end]))
    }

    fn optional(&mut self) -> Option<(usize, &'a str)> {
        let word = self.peek()?;
        self.at = word.0 + word.1.len();
        Some(word)
    }

    fn next(&mut self, expected: &str) -> Result<(usize, &'a str), (usize, String)> {
        self.optional()
            .ok_or_else(|| (self.text.len(), format!("the claim ends where {expected} should stand")))
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|(_, w)| w == word);
        if found {
            self.optional();
        }
        found
    }

    fn end(&mut self) -> Result<(), (usize, String)> {
        self.optional().map_or(Ok(()), |(at, word)| Err((at, format!("`{word}` is one word too many"))))
    }
}

/// How much of what follows a number is its power of ten, as `e6` is.
fn power(rest: &str) -> usize {
    let Some(power) = rest.strip_prefix(['e', 'E']) else { return 0 };
    let sign = usize::from(power.starts_with(['+', '-']));
    let digits = power[sign..].bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 { 0 } else { 1 + sign + digits }
}

/// Names are one class; comparison signs and numbers end where their class ends.
fn class_of(c: char) -> u8 {
    match c {
        '<' | '>' | '=' => 1,
        '0'..='9' | '.' => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_claims_parse() {
        let claim = Claim::parse("multi unpacked-size reduction >= 90 %").unwrap();
        assert_eq!(
            claim,
            Claim {
                variant: "multi".into(),
                metric: Metric::UnpackedSize,
                phase: Phase::Cold,
                op: Op::AtLeast,
                bound: Quantity::Reduction(90.0)
            }
        );
        let claim = Claim::parse("tuned build-wall in source-edit <2.5s").unwrap();
        assert_eq!(
            (claim.phase, claim.op, claim.bound),
            (Phase::SourceEdit, Op::Below, Quantity::Absolute(2.5e9))
        );
        let claim = Claim::parse("multi unpacked-size <= 10MB").unwrap();
        assert_eq!(claim.bound, Quantity::Absolute(1e7));
        let claim = Claim::parse("multi unpacked-size <= 2.5e+3kB").unwrap();
        assert_eq!(claim.bound, Quantity::Absolute(2.5e6));
        assert_eq!(Claim::parse("v2 layers = 3").unwrap().variant, "v2");
        let claim = Claim::parse("tuned pull-source-edit-bytes reduction >= 50 %").unwrap();
        assert_eq!(claim.phase, Phase::SourceEdit);
        let claim = Claim::parse("multi update-push-bytes reduction >= 50 %").unwrap();
        assert_eq!(claim.phase, Phase::SourceEdit);
        let claim = Claim::parse("multi update-push-bytes in deps-edit reduction >= 50 %").unwrap();
        assert_eq!(claim.phase, Phase::DepsEdit);
    }

    #[test]
    fn every_mistake_is_placed_and_said() {
        for (text, at, said) in [
            ("", 0, "the claim ends where the name of a variant should stand"),
            ("multi size <= 1 MB", 6, "`size` is not a metric"),
            ("multi layers in warm = 1", 16, "`warm` is not a phase"),
            ("multi packed-size in deps-edit = 1 B", 21, "packed-size is not measured in deps-edit"),
            (
                "multi update-push-wall in cold < 1 s",
                26,
                "update-push-wall is not measured in cold; it is in source-edit and deps-edit",
            ),
            ("multi layers ~ 1", 13, "`~` is not one of"),
            ("multi layers = many", 15, "`many` is not a number"),
            ("multi unpacked-size reduction >= 90", 35, "a reduction is counted in %"),
            (
                "multi unpacked-size <= 10 s",
                26,
                "`s` is not a unit of unpacked-size; unpacked-size takes B, kB, MB or GB",
            ),
            ("multi unpacked-size <= 50", 25, "the unit is missing; unpacked-size takes B, kB, MB or GB"),
            ("multi layers = 1 x y", 19, "`y` is one word too many"),
            ("multi unpacked-size >= 1e400 MB", 23, "`1e400` is too large a number"),
            ("multi unpacked-size >= 1e308 MB", 23, "`1e308` is too large a number"),
            ("multi unpacked-size reduction >= 1e400 %", 33, "`1e400` is too large a number"),
            ("multi layers = 1e", 16, "`e` is not a unit of layers"),
        ] {
            let (offset, message) = Claim::parse(text).unwrap_err();
            assert_eq!(offset, at, "{text}: {message}");
            assert!(message.starts_with(said), "{text}: {message}");
        }
    }

    #[test]
    fn equal_allows_half_a_percent() {
        assert!(Op::Equal.holds(803.9, 800.0));
        assert!(!Op::Equal.holds(805.0, 800.0));
    }
}
