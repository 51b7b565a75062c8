//! Owns a chart as PNG: its SVG drawn at twice its size, for places that take no SVG.
//! It knows no font but those in the program, so that the same chart looks the same everywhere.

use super::canvas::FONTS;
use crate::error::{Error, Result};
use resvg::{tiny_skia, usvg};
use std::sync::OnceLock;

/// Pixels for each of the SVG's, so that text stays sharp on dense screens.
const SCALE: f32 = 2.0;
/// What the fonts in the program call themselves.
const FAMILY: &str = "DejaVu Sans";

/// Draws a chart as PNG.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    let tree = usvg::Tree::from_str(svg, options()).map_err(|cause| failed().because(cause))?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or_else(failed)?;
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height()).ok_or_else(failed)?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    fill_edges(&mut pixels);
    pixels.encode_png().map_err(|cause| failed().because(cause))
}

/// A ground that ends one pixel before the picture does would leave a rim through which any page is seen.
fn fill_edges(pixels: &mut tiny_skia::Pixmap) {
    if let Some(ground) = pixels.pixel(0, 0).filter(|ground| ground.alpha() == u8::MAX) {
        let open = pixels.pixels_mut().iter_mut().filter(|pixel| pixel.alpha() < u8::MAX);
        open.for_each(|pixel| *pixel = ground);
    }
}

fn options() -> &'static usvg::Options<'static> {
    static OPTIONS: OnceLock<usvg::Options<'static>> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let mut options = usvg::Options { font_family: FAMILY.to_owned(), ..usvg::Options::default() };
        let fonts = options.fontdb_mut();
        FONTS.iter().for_each(|font| fonts.load_font_data(font.to_vec()));
        fonts.set_sans_serif_family(FAMILY);
        options
    })
}

fn failed() -> Error {
    Error::surroundings("cannot draw a chart as PNG").hint("leave --png out; the chart is complete as SVG")
}
