//! Owns drawing: text, bars and dots on a page with a title, a subtitle and a foot, and the SVG that comes of it.
//! Leaves what is drawn where to the charts.

use super::theme::Theme;
use crate::error::{Error, Result};
use crate::report::bases;
use crate::report::document::{Document, Row};
use crate::results::BaseRecord;
use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle, register_font};

/// A README's column.
pub(super) const WIDTH: i32 = 860;
/// Nothing is drawn closer to the edge.
pub(super) const MARGIN: i32 = 24;
const FONT: &str = "sans-serif";
/// The fonts in the program: the normal one and the bold one.
pub(super) static FONTS: [&[u8]; 2] = [
    include_bytes!("../../../assets/fonts/DejaVuSans.ttf"),
    include_bytes!("../../../assets/fonts/DejaVuSans-Bold.ttf"),
];
const TITLE: i32 = 22;
const TITLE_LINES: usize = 3;
const SUBTITLE_LINES: usize = 3;
const SMALL: i32 = 14;
const FOOT: i32 = 13;
const FOOT_LINE: i32 = 18;
const SMALL_LINES: usize = 2;

/// Where text stands against its point.
#[derive(Clone, Copy)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// The words around a picture.
pub(super) struct Words {
    pub(super) title: String,
    pub(super) subtitle: String,
    /// The numbers of the picture in words, for a screen reader.
    pub(super) describe: String,
    /// Lines that name what does not count.
    pub(super) problems: Vec<String>,
    /// What the numbers rest on, then what made them.
    pub(super) foot: Vec<String>,
}

/// A page to draw the middle of a picture on.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    pub(super) theme: &'a Theme,
}

/// Draws a picture whose middle part is `height` high; `draw` gets the canvas and the y where that part begins.
pub(super) fn picture(
    theme: &Theme,
    words: &Words,
    height: i32,
    draw: impl FnOnce(&Canvas<'_>, i32) -> Result<()>,
) -> Result<String> {
    register()?;
    let inner = WIDTH - 2 * MARGIN;
    let title = wrapped(&words.title, TITLE, true, inner, TITLE_LINES)?;
    let subtitle = wrapped(&words.subtitle, SMALL, false, inner, SUBTITLE_LINES)?;
    let small = |lines: &[String]| {
        let all = lines.iter().map(|line| wrapped(line, FOOT, false, inner, SMALL_LINES));
        Ok::<_, Error>(all.collect::<Result<Vec<_>>>()?.concat())
    };
    let (problems, foot) = (small(&words.problems)?, small(&words.foot)?);
    let (title_line, subtitle_line) = (28, 19);
    let head = 16 + title_line * length(&title) + subtitle_line * length(&subtitle) + 14;
    let below = head + height + 12;
    let whole = below + FOOT_LINE * (length(&problems) + length(&foot)) + 10;
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), whole.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&theme.ground).map_err(failed)?;
        let canvas = Canvas { area, theme };
        let mut y = 16 + title_line / 2;
        for line in &title {
            canvas.text(line, (MARGIN, y), TITLE, theme.ink, Align::Left, true)?;
            y += title_line;
        }
        y += (subtitle_line - title_line) / 2;
        for line in &subtitle {
            canvas.text(line, (MARGIN, y), SMALL, theme.soft, Align::Left, false)?;
            y += subtitle_line;
        }
        draw(&canvas, head)?;
        let mut y = below + FOOT_LINE / 2;
        for (line, colour) in
            problems.iter().map(|l| (l, theme.alert)).chain(foot.iter().map(|l| (l, theme.soft)))
        {
            canvas.text(line, (MARGIN, y), FOOT, colour, Align::Left, false)?;
            y += FOOT_LINE;
        }
        canvas.area.present().map_err(failed)?;
    }
    Ok(described(&svg, words))
}

impl Canvas<'_> {
    /// Text centred on its y.
    pub(super) fn text(
        &self,
        text: &str,
        at: (i32, i32),
        size: i32,
        colour: RGBColor,
        align: Align,
        bold: bool,
    ) -> Result<()> {
        let h = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = TextStyle::from((FONT, size, weight(bold)).into_font())
            .color(&colour)
            .pos(Pos::new(h, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), at, style)).map_err(failed)
    }

    /// A filled bar from `x.0` to `x.1`, at least one pixel wide; `strength` below 1 lets the ground through.
    pub(super) fn bar(&self, x: (i32, i32), y: (i32, i32), colour: RGBColor, strength: f64) -> Result<()> {
        let part = |a: u8, b: u8| (f64::from(a) * strength + f64::from(b) * (1.0 - strength)).round() as u8;
        let ground = self.theme.ground;
        let fill = RGBColor(part(colour.0, ground.0), part(colour.1, ground.1), part(colour.2, ground.2));
        self.rectangle(x, y, fill.filled())
    }

    /// The outline of a bar.
    pub(super) fn outline(&self, x: (i32, i32), y: (i32, i32), colour: RGBColor) -> Result<()> {
        self.rectangle(x, y, colour.stroke_width(1))
    }

    fn rectangle(&self, x: (i32, i32), y: (i32, i32), style: ShapeStyle) -> Result<()> {
        let corners = [(x.0, y.0), (x.1.max(x.0 + 1), y.1)];
        self.area.draw(&Rectangle::new(corners, style)).map_err(failed)
    }

    /// A dot with a rim of the ground's colour, so that neighbours stay apart.
    pub(super) fn dot(&self, at: (i32, i32), colour: RGBColor) -> Result<()> {
        self.area.draw(&Circle::new(at, 4, self.theme.ground.filled())).map_err(failed)?;
        self.area.draw(&Circle::new(at, 3, colour.filled())).map_err(failed)
    }

    /// An open ring: a sample that was taken and does not count.
    pub(super) fn ring(&self, at: (i32, i32)) -> Result<()> {
        self.area.draw(&Circle::new(at, 3, self.theme.alert.stroke_width(1))).map_err(failed)
    }

    /// A cross: a sample that could not be taken.
    pub(super) fn cross(&self, (x, y): (i32, i32)) -> Result<()> {
        for rise in [-3, 3] {
            let line = vec![(x - 3, y - rise), (x + 3, y + rise)];
            self.area.draw(&PathElement::new(line, self.theme.alert.stroke_width(2))).map_err(failed)?;
        }
        Ok(())
    }
}

/// How wide text will be, by the font in the program; viewers use one of their own, seldom a wider one.
pub(super) fn width(text: &str, size: i32, bold: bool) -> Result<i32> {
    register()?;
    let font = (FONT, size, weight(bold)).into_font();
    let ((left, _), (right, _)) = font.layout_box(text).map_err(|cause| failed_with(Box::new(cause)))?;
    Ok(right - left)
}

/// `text` cut so that it is at most `most` wide.
pub(super) fn cut(text: &str, size: i32, bold: bool, most: i32) -> Result<String> {
    if width(text, size, bold)? <= most {
        return Ok(text.to_owned());
    }
    let chars: Vec<char> = text.chars().collect();
    let first = |count: usize| {
        let kept: String = chars.iter().take(count).collect();
        format!("{}…", kept.trim_end())
    };
    // A longer beginning is never narrower.
    let (mut fits, mut too_long) = (None, chars.len());
    let mut low = 0;
    while low < too_long {
        let middle = low + (too_long - low) / 2;
        let shorter = first(middle);
        if width(&shorter, size, bold)? <= most {
            (fits, low) = (Some(shorter), middle + 1);
        } else {
            too_long = middle;
        }
    }
    Ok(fits.unwrap_or_default())
}

/// `text` in lines of at most `most`; what does not fit into the last of `lines` is cut.
fn wrapped(text: &str, size: i32, bold: bool, most: i32, lines: usize) -> Result<Vec<String>> {
    let mut done: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let last = done.len() >= lines;
        if let Some(line) = done.last_mut() {
            let longer = format!("{line} {word}");
            if last || width(&longer, size, bold)? <= most {
                *line = longer;
                continue;
            }
        }
        done.push(word.to_owned());
    }
    done.into_iter().map(|line| cut(&line, size, bold, most)).collect()
}

/// The small print that every chart has: what `of` rests on as far as there is room for names, and what made it, `by` one
/// builder or more.
pub(super) fn foot(document: &Document, of: &[&BaseRecord], by: &str, n: &str) -> Vec<String> {
    let led = |bases: &str| format!("bases: {bases}");
    let fits = |bases: &str| {
        let lines = wrapped(&led(bases), FOOT, false, WIDTH - 2 * MARGIN, usize::MAX);
        lines.is_ok_and(|lines| lines.len() <= SMALL_LINES)
    };
    let made = format!("engine {}, {by} · {n} · dbench {}", document.engine.version, document.dbench);
    let bases = led(&bases::fitting(of, fits));
    let one = format!("{bases} · {made}");
    let short = width(&one, FOOT, false).is_ok_and(|wide| wide <= WIDTH - 2 * MARGIN);
    if short { vec![one] } else { vec![bases, made] }
}

/// How many rounds the figures of a chart come from.
pub(super) fn rounds(document: &Document) -> String {
    format!("n = {}", document.rounds)
}

/// The colours of rows in their order: the baseline's is apart, the others count on.
pub(super) fn colours(theme: &Theme, rows: &[Row]) -> Vec<RGBColor> {
    let mut next = 0;
    let colour = |row: &Row| {
        let index = (!row.baseline).then_some(next);
        next += usize::from(!row.baseline);
        theme.variant(index)
    };
    rows.iter().map(colour).collect()
}

/// A round step of an axis that has about `parts` of them up to `max`.
pub(super) fn step(max: f64, parts: f64) -> f64 {
    let rough = (max / parts).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(rough.log10().floor());
    match rough / power {
        m if m < 1.5 => power,
        m if m < 3.5 => 2.0 * power,
        m if m < 7.5 => 5.0 * power,
        _ => 10.0 * power,
    }
}

fn described(svg: &str, words: &Words) -> String {
    let title =
        format!("<title>{}</title>\n<desc>{}</desc>", escaped(&words.title), escaped(&words.describe));
    let at = svg.find("<svg").and_then(|open| svg[open..].find('>').map(|close| open + close + 1));
    let (head, rest) = svg.split_at(at.unwrap_or(0));
    format!("{}\n{title}{rest}", head.replacen("<svg ", "<svg role=\"img\" ", 1))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn weight(bold: bool) -> FontStyle {
    if bold { FontStyle::Bold } else { FontStyle::Normal }
}

fn length(lines: &[String]) -> i32 {
    i32::try_from(lines.len()).unwrap_or(i32::MAX)
}

fn register() -> Result<()> {
    static DONE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    let both = || {
        let [normal, bold] = FONTS;
        register_font(FONT, FontStyle::Normal, normal).is_ok()
            && register_font(FONT, FontStyle::Bold, bold).is_ok()
    };
    if *DONE.get_or_init(both) {
        return Ok(());
    }
    Err(Error::surroundings("the font in the program cannot be read")
        .hint("build dbench again from its source"))
}

fn failed<E: std::error::Error + Send + Sync + 'static>(cause: E) -> Error {
    failed_with(Box::new(cause))
}

fn failed_with(cause: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::surroundings("cannot draw a chart")
        .because(cause)
        .hint("the tables are complete without it; please report the run that it comes from")
}
