//! Owns the sentences about transfers: the update delta, which a node fetches after an edit, and how long it waits.
//! Leaves the rest of what a report says to `finding`.

use super::document::{Document, Row, Section};
use super::finding::{chosen, incomparable};
use super::format::{THIN, bytes, count, time};
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
/// `the update delta of multi is 0.1 to 100 % of a cold pull`.
pub(super) fn again<'a>(sections: impl IntoIterator<Item = &'a Section>) -> Option<String> {
    let sections: Vec<&Section> = sections.into_iter().collect();
    let agrees = |section: &&&Section| section.images_agree == Some(true);
    let rows: Vec<&Row> = sections.iter().filter(agrees).filter_map(|section| chosen(section)).collect();
    let chosen = || rows.iter().copied();
    let shares: Vec<f64> = chosen().filter_map(share).collect();
    let low = shares.iter().copied().reduce(f64::min)?;
    let high = shares.iter().copied().reduce(f64::max)?;
    let mut names: Vec<&str> = chosen().map(|row| row.name.as_str()).collect();
    names.dedup();
    let who = if let [one] = names.as_slice() { one } else { "the image" };
    let (low, high) = (part(low), part(high));
    let low = if low == high { String::new() } else { format!("{low} to ") };
    let lacking = sections.iter().filter(|section| section.updated).count().saturating_sub(shares.len());
    let lacking = match lacking {
        0 => String::new(),
        1 => format!(" (1 of {} has none)", count(sections.len(), "scenario")),
        _ => format!(" ({lacking} of {} have none)", count(sections.len(), "scenario")),
    };
    Some(format!("the update delta of {who} is {low}{high}{THIN}% of a cold pull{lacking}"))
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

/// The title of the chart of transfers.
pub(super) fn title(document: &Document) -> String {
    again(document.leading())
        .map_or_else(|| "No transfers that can be compared".to_owned(), |said| said.replacen("the", "The", 1))
}

/// The title of the chart of waits: the shortest and the longest beside their baselines, with nothing called better.
pub(super) fn wait(document: &Document) -> String {
    let mut found: Vec<(f64, String)> = Vec::new();
    for section in document.leading() {
        let Some(baseline) = section.baseline().and_then(|b| Some((b, b.figure(Metric::PullReady)?))) else {
            continue;
        };
        for row in section.variants.iter().filter(|row| !row.baseline) {
            let Some((figure, ratio)) = row.figure(Metric::PullReady).and_then(|f| Some((f, f.ratio?)))
            else {
                continue;
            };
            let (own, base) = (time(figure.median()), time(baseline.1.median()));
            let (name, baseline) = (&section.label, &baseline.0.name);
            found.push((ratio, format!("{name} {} is ready after {own}, {baseline} after {base}", row.name)));
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    match found.as_slice() {
        [] => incomparable(document, "waits"),
        [(_, one)] => one.clone(),
        [(_, first), .., (last, said)] if *last > 1.0 => format!("{first}; {said}"),
        [(_, first), ..] => first.clone(),
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
