//! Owns the sentences about transfers: the update delta, which a node fetches after an edit, and how long it waits.
//! Leaves the rest of what a report says to `finding`.

use super::document::{Document, Row, Section};
use super::finding::{chosen, incomparable};
use super::format::{THIN, bytes, count, time};
use super::pace;
use crate::results::Metric;

/// The update delta of a variant after a source edit, beside the baseline's.
pub(super) fn of(row: &Row, baseline: &Row) -> Option<String> {
    let edit = row.figure(Metric::PullSourceEditBytes)?;
    let of_baseline = baseline.figure(Metric::PullSourceEditBytes)?;
    Some(format!(
        "the update delta of {} after a source edit is {}, that of {} {}",
        row.name,
        bytes(edit.median()),
        baseline.name,
        bytes(of_baseline.median())
    ))
}

/// How much of the chosen variants moves again after a source edit:
/// `the update delta of multi is 0.1 to 100 % of its cold pull`. `None` where that was not to be measured.
pub(super) fn again<'a>(sections: impl IntoIterator<Item = &'a Section>) -> Option<String> {
    let sections: Vec<&Section> = sections.into_iter().collect();
    let agrees = |section: &&&Section| section.images_agree == Some(true);
    let rows: Vec<&Row> = sections.iter().filter(agrees).filter_map(|section| chosen(section)).collect();
    let chosen = || rows.iter().copied();
    let shares: Vec<f64> = chosen().filter_map(share).collect();
    let updated = sections.iter().filter(|section| section.updated).count();
    let Some((low, high)) =
        shares.iter().copied().reduce(f64::min).zip(shares.iter().copied().reduce(f64::max))
    else {
        return (updated > 0).then(|| "no update delta that can be compared".to_owned());
    };
    let mut names: Vec<&str> = chosen().map(|row| row.name.as_str()).collect();
    names.dedup();
    let who = if let [one] = names.as_slice() { one } else { "the image" };
    let (low, high) = (part(low), part(high));
    let low = if low == high { String::new() } else { format!("{low} to ") };
    let of = || count(sections.len(), "scenario");
    let lacking = match updated.saturating_sub(shares.len()) {
        0 => String::new(),
        1 => format!(" (1 of {} has none to compare)", of()),
        lacking => format!(" ({lacking} of {} have none to compare)", of()),
    };
    Some(format!("the update delta of {who} is {low}{high}{THIN}% of its cold pull{lacking}"))
}

/// A share of a whole in percent, without the sign.
pub(super) fn part(share: f64) -> String {
    match share {
        s if s < 0.1 => "<0.1".to_owned(),
        s if s > 99.9 && s < 100.0 => ">99.9".to_owned(),
        s if s >= 100.0 => format!("{s:.0}"),
        s => format!("{s:.1}"),
    }
}

/// How much of a cold pull moves again after a source edit, in percent.
fn share(row: &Row) -> Option<f64> {
    let (cold, edit) = (row.figure(Metric::PullColdBytes)?, row.figure(Metric::PullSourceEditBytes)?);
    Some(100.0 * edit.median() as f64 / cold.median().max(1) as f64)
}

/// The title of the chart of transfers: how much moves again, and without an edit how much moves.
pub(super) fn title(document: &Document) -> String {
    let moves = |name: &str, own, baseline: &str, base| {
        format!("a pull of {name} fetches {}, of {baseline} {}", bytes(own), bytes(base))
    };
    let said = again(document.leading())
        .or_else(|| beside_the_baselines(document, Metric::PullColdBytes, moves).map(|(said, _)| said))
        .unwrap_or_else(|| incomparable(document, "transfers"));
    let (first, rest) = said.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// The title of the chart of waits.
pub(super) fn wait(document: &Document) -> String {
    let waits = |name: &str, own, baseline: &str, base| {
        format!("{name} is ready after {}, {baseline} after {}", time(own), time(base))
    };
    match beside_the_baselines(document, Metric::PullReady, waits) {
        None => incomparable(document, "waits"),
        Some((said, rounds)) => {
            let basis = pace::basis(&rounds, false).map(|basis| format!(" ({basis})"));
            format!("{said}{}", basis.unwrap_or_default())
        }
    }
}

/// The variant that has the least of a metric beside its baseline, and the one that has more than it, with nothing called
/// better; and the numbers of rounds that the medians come from. `said` is given the variant with its scenario, its median,
/// the baseline and the baseline's.
fn beside_the_baselines(
    document: &Document,
    metric: Metric,
    said: impl Fn(&str, u64, &str, u64) -> String,
) -> Option<(String, Vec<usize>)> {
    let mut found: Vec<(f64, String, usize)> = Vec::new();
    for section in document.leading() {
        let Some((baseline, base)) = section.baseline().and_then(|b| Some((b, b.figure(metric)?))) else {
            continue;
        };
        for row in section.variants.iter().filter(|row| !row.baseline) {
            let Some((figure, ratio)) = row.figure(metric).and_then(|f| Some((f, f.ratio?))) else {
                continue;
            };
            let name = format!("{} {}", section.label, row.name);
            let rounds = figure.spread.n.min(base.spread.n);
            found.push((ratio, said(&name, figure.median(), &baseline.name, base.median()), rounds));
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    match found.as_slice() {
        [] => None,
        [(_, first, of_first), .., (last, said, rounds)] if *last > 1.0 => {
            Some((format!("{first}; {said}"), vec![*of_first, *rounds]))
        }
        [(_, first, rounds), ..] => Some((first.clone(), vec![*rounds])),
    }
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_share_is_neither_rounded_to_all_nor_cut_there() {
        let shares = [0.02, 4.56, 99.95, 100.0, 505.4].map(part);
        assert_eq!(shares, ["<0.1", "4.6", ">99.9", "100", "505"]);
    }
}
