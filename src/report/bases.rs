//! Owns what numbers rest on, in words: stand-ins, mirrors and official images, and what was used instead.
//! Leaves to the renderers how much room there is.

use super::format;
use crate::results::BaseRecord;

/// How much is said of what was used instead of a base.
#[derive(Clone, Copy)]
enum Detail {
    /// The base and the image that was used.
    Used,
    /// The bases, and the folder that all used images stand in.
    Folder,
    /// The bases.
    Names,
    /// The first so many bases, and the number of the others.
    First(usize),
    /// The number of bases.
    Count,
}

/// Everything that can be said of these bases with each name as `quoted` writes it.
pub(super) fn whole(bases: &[&BaseRecord], quoted: fn(&str) -> String) -> String {
    said(bases, Detail::Used, quoted).unwrap_or_default()
}

/// As much as `fits`; the least there is to say where nothing does.
pub(super) fn fitting(bases: &[&BaseRecord], fits: impl Fn(&str) -> bool) -> String {
    let fewer = (1..bases.len()).rev().map(Detail::First);
    let details = [Detail::Used, Detail::Folder, Detail::Names].into_iter().chain(fewer);
    let forms = details.filter_map(|detail| said(bases, detail, str::to_owned));
    let least = || said(bases, Detail::Count, str::to_owned).unwrap_or_default();
    forms.into_iter().find(|form| fits(form)).unwrap_or_else(least)
}

/// What a decided claim rests on where that is not the official images: ` on stand-ins`, or the mirrors by name.
pub(super) fn caveat(bases: &[&BaseRecord], quoted: fn(&str) -> String) -> String {
    if bases.iter().any(|base| base.stand_in) {
        return " on stand-ins".to_owned();
    }
    let mirrors: Vec<String> =
        bases.iter().filter(|b| is_mirror(b)).map(|b| item(b, Detail::Used, quoted)).collect();
    if mirrors.is_empty() { String::new() } else { format!(" with {}", format::list(&mirrors)) }
}

fn is_mirror(base: &BaseRecord) -> bool {
    !base.stand_in && base.mapped.is_some()
}

fn said(bases: &[&BaseRecord], detail: Detail, quoted: fn(&str) -> String) -> Option<String> {
    if bases.is_empty() {
        return Some("none".to_owned());
    }
    let of = |kind: fn(&BaseRecord) -> bool| bases.iter().copied().filter(|b| kind(b)).collect::<Vec<_>>();
    let (stand_ins, mirrors) = (of(|b| b.stand_in), of(is_mirror));
    let mut parts = Vec::new();
    for (lead, group) in [("stand-ins for ", &stand_ins), ("mirrored: ", &mirrors)] {
        if !group.is_empty() {
            parts.push(format!("{lead}{}", names(group, detail, quoted)?));
        }
    }
    if stand_ins.len() + mirrors.len() < bases.len() {
        parts.push(if parts.is_empty() { "official" } else { "the others official" }.to_owned());
    }
    Some(parts.join("; "))
}

fn names(group: &[&BaseRecord], detail: Detail, quoted: fn(&str) -> String) -> Option<String> {
    let all = || group.iter().map(|base| item(base, detail, quoted)).collect::<Vec<_>>();
    match detail {
        Detail::Used | Detail::Names => Some(format::list(&all())),
        Detail::Folder => Some(format!("{} (as {}…)", format::list(&all()), folder(group)?)),
        Detail::First(most) if most < group.len() => {
            Some(format!("{} and {} more", all()[..most].join(", "), group.len() - most))
        }
        Detail::First(_) => Some(format::list(&all())),
        Detail::Count => Some(format::count(group.len(), "base")),
    }
}

fn item(base: &BaseRecord, detail: Detail, quoted: fn(&str) -> String) -> String {
    let name = quoted(&base.name);
    match (detail, &base.mapped) {
        (Detail::Used, Some(used)) => format!("{name} as {}", quoted(used)),
        _ => name,
    }
}

/// What all images that were used begin with, up to a slash.
fn folder(group: &[&BaseRecord]) -> Option<String> {
    let first = group.first()?.mapped.as_deref()?;
    let folder = &first[..=first.rfind('/')?];
    group
        .iter()
        .all(|b| b.mapped.as_deref().is_some_and(|m| m.starts_with(folder)))
        .then(|| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(name: &str, mapped: Option<&str>, stand_in: bool) -> BaseRecord {
        let mapped = mapped.map(str::to_owned);
        BaseRecord { name: name.to_owned(), mapped, stand_in, image: String::new(), digest: None }
    }

    fn said(bases: &[BaseRecord], width: usize) -> String {
        let bases: Vec<_> = bases.iter().collect();
        fitting(&bases, |text| text.chars().count() <= width).replace('\u{a0}', " ")
    }

    #[test]
    fn only_what_is_not_mapped_is_official() {
        let plain = base("a:1", None, false);
        let mirror = base("b:1", Some("mirror.example/b:1"), false);
        assert_eq!(said(&[], 99), "none");
        assert_eq!(said(std::slice::from_ref(&plain), 99), "official");
        assert_eq!(said(std::slice::from_ref(&mirror), 99), "mirrored: b:1 as mirror.example/b:1");
        let both = [plain, mirror.clone()];
        assert_eq!(said(&both, 99), "mirrored: b:1 as mirror.example/b:1; the others official");
        assert_eq!(caveat(&[&mirror], str::to_owned), " with b:1 as mirror.example/b:1");
        assert_eq!(caveat(&[&both[0]], str::to_owned), "");
        assert_eq!(caveat(&[&base("c", Some("d"), true)], str::to_owned), " on stand-ins");
    }

    #[test]
    fn less_room_says_less_and_never_nothing() {
        let all: Vec<_> = ["a:1", "b:1", "c:1"].map(|n| base(n, Some(&format!("stand-in/{n}")), true)).into();
        assert_eq!(
            said(&all, 99),
            "stand-ins for a:1 as stand-in/a:1, b:1 as stand-in/b:1 and c:1 as stand-in/c:1"
        );
        assert_eq!(said(&all, 60), "stand-ins for a:1, b:1 and c:1 (as stand-in/…)");
        assert_eq!(said(&all, 30), "stand-ins for a:1, b:1 and c:1");
        assert_eq!(said(&all, 29), "stand-ins for a:1 and 2 more");
        assert_eq!(said(&all, 3), "stand-ins for 3 bases");
    }
}
