//! Owns how numbers are written: units, digits, signs and spaces.
//! Leaves which number stands where to the renderers.

use crate::results::Unit;

/// Stands between a number and its unit: narrow, and no line ends at it.
pub const THIN: char = '\u{202f}';
const MINUS: char = '\u{2212}';

/// Bytes in decimal units with three significant digits, as in `13.1 MB`.
pub fn bytes(value: u64) -> String {
    let mut scaled = value as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if unit == "B" && value < 1000 {
            return format!("{value}{THIN}B");
        }
        if scaled < 999.5 && unit != "B" {
            return format!("{}{THIN}{unit}", three_digits(scaled));
        }
        scaled /= 1000.0;
    }
    format!("{}{THIN}TB", three_digits(scaled))
}

/// Nanoseconds as `0.012 s`, `0.31 s`, `12.4 s`, `3 min 20 s` or `1 h 5 min`.
pub fn time(ns: u64) -> String {
    let seconds = ns as f64 / 1e9;
    let whole = ns.saturating_add(500_000_000) / 1_000_000_000;
    if ns > 0 && seconds < 0.0005 {
        format!("<0.001{THIN}s")
    } else if seconds < 0.0995 {
        format!("{seconds:.3}{THIN}s")
    } else if seconds < 9.995 {
        format!("{seconds:.2}{THIN}s")
    } else if seconds < 59.95 {
        format!("{seconds:.1}{THIN}s")
    } else if whole < 3600 {
        format!("{}{THIN}min{THIN}{}{THIN}s", whole / 60, whole % 60)
    } else {
        format!("{}{THIN}h{THIN}{}{THIN}min", whole / 3600, whole % 3600 / 60)
    }
}

/// A range of times; the unit stands once where both have the same. Ends that look alike are written all the same.
pub fn time_range(min: u64, max: u64) -> String {
    joined(&time(min), &time(max))
}

/// A range of bytes, or the one value where both look alike.
pub fn bytes_range(min: u64, max: u64) -> String {
    let (low, high) = (bytes(min), bytes(max));
    if low == high { low } else { joined(&low, &high) }
}

/// A value in its unit.
pub fn value(value: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => bytes(value),
        Unit::Ns => time(value),
        Unit::Count => value.to_string(),
    }
}

/// A range in its unit, or the one value where both ends look alike.
pub fn range(min: u64, max: u64, unit: Unit) -> String {
    let (low, high) = (value(min, unit), value(max, unit));
    if low == high { low } else { joined(&low, &high) }
}

fn joined(min: &str, max: &str) -> String {
    let simple = |text: &str| text.matches(THIN).count() == 1;
    match (min.split_once(THIN), max.split_once(THIN)) {
        (Some((low, a)), Some((_, b))) if a == b && simple(min) && simple(max) => format!("{low}–{max}"),
        _ => format!("{min}–{max}"),
    }
}

/// A share without sign, as in `95.8 %`; nothing but 100 itself is written as 100.
pub fn percent(value: f64) -> String {
    let value = value.abs();
    if value > 99.9 && value < 100.0 {
        format!("{:.2}{THIN}%", (value * 100.0).floor() / 100.0)
    } else {
        format!("{value:.1}{THIN}%")
    }
}

/// A reduction in percent written as the change it is: `−95.8 %`, `+3.0 %`, `±0.0 %`.
pub fn change(reduction: f64) -> String {
    let sign = if reduction.abs() < 0.05 {
        '±'
    } else if reduction > 0.0 {
        MINUS
    } else {
        '+'
    };
    format!("{sign}{}", percent(reduction))
}

/// A change that is compared with a bound: written longer where it would else look like the bound.
pub fn change_against(reduction: f64, bound: f64) -> String {
    if reduction == bound || (reduction - bound).abs() >= 0.1 {
        return change(reduction);
    }
    let sign = if reduction < 0.0 { '+' } else { MINUS };
    format!("{sign}{:.4}{THIN}%", reduction.abs())
}

/// A ratio to the baseline, as in `0.98×`, `0.043×` or `21.3×`.
pub fn ratio(value: f64) -> String {
    if value > 0.0 && value < 0.0005 {
        "<0.001×".to_owned()
    } else if value < 0.0995 {
        format!("{value:.3}×")
    } else if value < 9.995 {
        format!("{value:.2}×")
    } else if value < 99.95 {
        format!("{value:.1}×")
    } else {
        format!("{value:.0}×")
    }
}

/// A compression ratio, as in `2.91:1`.
pub fn compression(value: f64) -> String {
    format!("{value:.2}:1")
}

/// How many times, in a sentence: `2.1 ×`, `21 ×`.
pub fn times(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}{THIN}×") } else { format!("{value:.0}{THIN}×") }
}

/// `1 round`, `3 rounds`.
pub fn count(n: usize, one: &str) -> String {
    format!("{n}\u{a0}{one}{}", if n == 1 { "" } else { "s" })
}

/// Names as in `a, b and c`.
pub fn list<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<_> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

/// Text of others on one line, without the characters that steer a terminal or that XML does not know.
pub fn clean(text: &str) -> String {
    let text = text.replace(|c: char| c.is_whitespace() && c.is_control(), " ");
    let kept = |c: &char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars()
        .filter(kept)
        .collect::<String>()
        .split(' ')
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn three_digits(value: f64) -> String {
    if value < 9.995 {
        format!("{value:.2}")
    } else if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        text.replace([THIN, '\u{a0}'], " ")
    }

    #[test]
    fn bytes_have_three_digits_and_carry_into_the_next_unit() {
        let shown: Vec<_> = [0, 999, 1000, 9_996, 13_120_000, 999_600_000, 1_230_000_000, 2_000_000_000_000]
            .map(|b| plain(&bytes(b)))
            .into();
        assert_eq!(shown, ["0 B", "999 B", "1.00 kB", "10.0 kB", "13.1 MB", "1.00 GB", "1.23 GB", "2.00 TB"]);
        assert_eq!(plain(&bytes_range(999_000, 1_000_000)), "999 kB–1.00 MB");
        assert_eq!(plain(&bytes_range(5_000_000, 7_000_000)), "5.00–7.00 MB");
    }

    #[test]
    fn times_change_their_unit_with_their_length() {
        let shown: Vec<_> = [
            4_000_000,
            86_400_000,
            310_000_000,
            9_996_000_000,
            12_440_000_000,
            59_960_000_000,
            200_000_000_000,
        ]
        .map(|t| plain(&time(t)))
        .into();
        assert_eq!(shown, ["0.004 s", "0.086 s", "0.31 s", "10.0 s", "12.4 s", "1 min 0 s", "3 min 20 s"]);
        assert_eq!(plain(&time(135_000)), "<0.001 s");
        assert_eq!(plain(&time(3_900_000_000_000)), "1 h 5 min");
        assert_eq!(plain(&time_range(28_400_000_000, 31_500_000_000)), "28.4–31.5 s");
        assert_eq!(plain(&time_range(58_000_000_000, 61_000_000_000)), "58.0 s–1 min 1 s");
        assert_eq!(plain(&time_range(61_000_000_000, 62_000_000_000)), "1 min 1 s–1 min 2 s");
    }

    #[test]
    fn shares_never_round_up_to_all() {
        assert_eq!(plain(&percent(99.996)), "99.99 %");
        assert_eq!(plain(&change(95.84)), "−95.8 %");
        assert_eq!(plain(&change(-3.0)), "+3.0 %");
        assert_eq!(plain(&change(0.0)), "±0.0 %");
        assert_eq!(plain(&change_against(89.98, 90.0)), "−89.9800 %");
        assert_eq!(plain(&change_against(90.0, 90.0)), "−90.0 %");
        assert_eq!(plain(&change_against(50.0, 90.0)), "−50.0 %");
        assert_eq!(
            (ratio(0.0433), ratio(1.0), ratio(21.34)),
            ("0.043×".into(), "1.00×".into(), "21.3×".into())
        );
        assert_eq!((ratio(0.0002), ratio(0.0)), ("<0.001×".into(), "0.000×".into()));
        assert_eq!((plain(&times(2.13)), plain(&times(21.3))), ("2.1 ×".into(), "21 ×".into()));
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[31m b\n\tc\u{0}"), "a[31m b c");
    }

    #[test]
    fn lists_end_with_and() {
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(plain(&count(1, "round")), "1 round");
    }
}
