//! Owns a bar of layers: where each begins and ends, which have room for a label, and what is said of the others.

use super::canvas::{Align, Canvas, cut, width};
use super::theme::Theme;
use crate::error::Result;
use crate::report::format;
use crate::report::moves::Segment;
use plotters::style::RGBColor;

const LABEL: i32 = 13;
const SMALL: i32 = 11;
/// Between a bar and its words, and between these.
const GAP: i32 = 8;

/// A bar of layers and what is said at its end.
pub(super) struct Bar<'a> {
    /// The layers; none where they are not known.
    pub(super) segments: &'a [Segment],
    /// All of it.
    pub(super) bytes: u64,
    pub(super) said: String,
}

/// A segment as it is drawn, with its label if there is room for one.
struct Drawn<'a> {
    segment: &'a Segment,
    from: i32,
    to: i32,
    label: Option<String>,
}

impl Bar<'_> {
    /// The layers side by side from `x0` on.
    fn drawn(&self, (x0, scale): (i32, f64)) -> Result<Vec<Drawn<'_>>> {
        let at = |bytes: u64| x0 + (scale * bytes as f64).round() as i32;
        let mut sum = 0;
        let mut all = Vec::new();
        for segment in self.segments {
            let (from, to) = (at(sum), at(sum + segment.bytes));
            sum += segment.bytes;
            all.push(Drawn { segment, from, to, label: label(segment, to - from)? });
        }
        Ok(all)
    }

    /// What stands behind the bar: the words, then the segments that have no label.
    fn behind(&self, drawn: &[Drawn<'_>]) -> Result<(i32, String)> {
        let words = width(&self.said, LABEL, false)?;
        Ok((words, others(drawn)))
    }

    /// How much room the words behind the bar take at a scale.
    fn room(&self, at: (i32, f64)) -> Result<i32> {
        let (words, others) = self.behind(&self.drawn(at)?)?;
        let small = if others.is_empty() { 0 } else { GAP + width(&others, SMALL, false)? };
        Ok(GAP + words + small)
    }

    /// Draws it; what does not fit up to `right` is cut.
    pub(super) fn draw(
        &self,
        canvas: &Canvas<'_>,
        (x0, scale, right): (i32, f64, i32),
        y: (i32, i32),
        ink: RGBColor,
    ) -> Result<()> {
        let drawn = self.drawn((x0, scale))?;
        let middle = (y.0 + y.1) / 2;
        for Drawn { segment, from, to, label } in drawn.iter().filter(|drawn| drawn.to > drawn.from) {
            canvas.bar((*from, *to), y, canvas.theme.layer(segment.layer), 1.0)?;
            canvas.bar((to - 1, *to), y, canvas.theme.ground, 1.0)?;
            if let Some(label) = label {
                let at = ((from + to) / 2, middle);
                canvas.text(label, at, SMALL, Theme::ON_LAYER, Align::Centre, false)?;
            }
        }
        let whole = x0 + (scale * self.bytes as f64).round() as i32;
        if drawn.is_empty() && whole > x0 {
            // No colour of a layer, because none is known.
            canvas.bar((x0, whole), y, canvas.theme.soft, 1.0)?;
        }
        let mut end = whole + GAP;
        let (words, others) = self.behind(&drawn)?;
        canvas.text(&self.said, (end, middle), LABEL, ink, Align::Left, false)?;
        end += words + GAP;
        let others = cut(&others, SMALL, false, right - end)?;
        canvas.text(&others, (end, middle), SMALL, canvas.theme.soft, Align::Left, false)
    }
}

/// The largest scale at which every bar and the words behind it end before `right`. A smaller scale leaves more layers to
/// the words, so it is lowered until both fit.
pub(super) fn fitting(bars: &[Bar<'_>], x0: i32, right: i32) -> Result<f64> {
    const TRIES: usize = 12;
    const LEAST: i32 = 40;
    let most = bars.iter().map(|bar| bar.bytes).max().unwrap_or(1).max(1);
    let mut scale = f64::from(right - x0) / most as f64;
    for _ in 0..TRIES {
        let mut next = scale;
        for bar in bars.iter().filter(|bar| bar.bytes > 0) {
            let room = (right - x0 - bar.room((x0, scale))?).max(LEAST);
            next = next.min(f64::from(room) / bar.bytes as f64);
        }
        if next >= scale {
            break;
        }
        scale = next;
    }
    Ok(scale)
}

/// The longest label that a segment of that width has room for.
fn label(segment: &Segment, wide: i32) -> Result<Option<String>> {
    let name = name(segment);
    for text in [format!("{name}: {}", format::bytes(segment.bytes)), name] {
        // A digit is wider than 5; most segments are told from it without their words being measured.
        if wide > 11 && width(&text, SMALL, false)? + 6 <= wide {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

fn name(segment: &Segment) -> String {
    segment.layer.map_or_else(|| "config".to_owned(), |layer| layer.to_string())
}

/// The segments that have no label of their own: `+ 3–5 and config: 1.20 MB`, or all of them without their sum, which stands
/// there already.
fn others(drawn: &[Drawn<'_>]) -> String {
    let unnamed: Vec<&Segment> =
        drawn.iter().filter(|drawn| drawn.label.is_none()).map(|drawn| drawn.segment).collect();
    if unnamed.is_empty() {
        return String::new();
    }
    let layers: Vec<u32> = unnamed.iter().filter_map(|segment| segment.layer).collect();
    let mut names = runs(&layers);
    names.extend(unnamed.iter().any(|segment| segment.layer.is_none()).then(|| "config".to_owned()));
    let names = format::list(&names);
    if unnamed.len() < drawn.len() {
        let sum = unnamed.iter().map(|segment| segment.bytes).sum();
        return format!("others: {names}, {}", format::bytes(sum));
    }
    match layers.len() {
        0 => names,
        1 => format!("layer {names}"),
        _ => format!("layers {names}"),
    }
}

/// Numbers as `1`, `3–5`.
fn runs(numbers: &[u32]) -> Vec<String> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    for number in sorted {
        match runs.last_mut() {
            Some((_, last)) if number == *last + 1 => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let run = |(first, last): (u32, u32)| match last - first {
        0 => first.to_string(),
        _ => format!("{first}–{last}"),
    };
    runs.into_iter().map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(sizes: &[(Option<u32>, u64)], scale: f64) -> String {
        let segments: Vec<Segment> =
            sizes.iter().map(|(layer, bytes)| Segment { layer: *layer, bytes: *bytes }).collect();
        let bar = Bar { segments: &segments, bytes: 0, said: String::new() };
        others(&bar.drawn((0, scale)).unwrap()).replace(format::THIN, " ")
    }

    #[test]
    fn every_layer_without_a_label_is_named_behind_its_bar() {
        let layers = [(Some(1), 4), (Some(2), 200), (Some(4), 2), (Some(5), 1), (Some(6), 1), (None, 1)];
        assert_eq!(said(&layers, 1.0), "others: 1, 4–6 and config, 9 B");
        assert_eq!(said(&layers, 0.01), "layers 1–2, 4–6 and config");
        assert_eq!(said(&layers, 100.0), "");
        assert_eq!(said(&[(Some(7), 5), (None, 1)], 1.0), "layer 7 and config");
        assert_eq!(said(&[(None, 1)], 1.0), "config");
    }

    #[test]
    fn the_scale_leaves_room_for_all_words_behind_the_bars() {
        let segments: Vec<Segment> =
            (1..=30).map(|n| Segment { layer: Some(n), bytes: if n % 2 == 0 { 1 } else { 1000 } }).collect();
        let bars = [Bar { segments: &segments, bytes: 15_015, said: "15.0 kB".to_owned() }];
        let scale = fitting(&bars, 100, 800).unwrap();
        let end = 100 + (scale * bars[0].bytes as f64).round() as i32;
        assert!(end > 140 && end + bars[0].room((100, scale)).unwrap() <= 801, "{end}");
    }
}
