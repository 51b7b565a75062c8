//! Owns the colours of charts: light and dark, the baseline grey, the others from Okabe and Ito's palette, in
//! the order of the scenario's variants.

use plotters::style::RGBColor;

/// The colours of one appearance.
pub(super) struct Theme {
    pub(super) ground: RGBColor,
    pub(super) ink: RGBColor,
    pub(super) soft: RGBColor,
    pub(super) rule: RGBColor,
    pub(super) alert: RGBColor,
    baseline: RGBColor,
    others: [RGBColor; 6],
}

pub(super) const LIGHT: Theme = Theme {
    ground: RGBColor(255, 255, 255),
    ink: RGBColor(31, 35, 40),
    soft: RGBColor(89, 97, 106),
    rule: RGBColor(225, 228, 232),
    alert: RGBColor(180, 35, 24),
    baseline: RGBColor(153, 153, 153),
    others: [
        RGBColor(0, 114, 178),
        RGBColor(0, 158, 115),
        RGBColor(230, 159, 0),
        RGBColor(204, 121, 167),
        RGBColor(86, 180, 233),
        RGBColor(213, 94, 0),
    ],
};

/// The same hues, lightened where they would sink into the dark ground.
pub(super) const DARK: Theme = Theme {
    ground: RGBColor(13, 17, 23),
    ink: RGBColor(230, 237, 243),
    soft: RGBColor(152, 161, 171),
    rule: RGBColor(48, 54, 61),
    alert: RGBColor(255, 123, 114),
    baseline: RGBColor(125, 133, 144),
    others: [
        RGBColor(86, 180, 233),
        RGBColor(63, 200, 150),
        RGBColor(240, 180, 50),
        RGBColor(221, 150, 188),
        RGBColor(120, 150, 255),
        RGBColor(240, 130, 60),
    ],
};

impl Theme {
    /// The colour of the variant at `index`, counted without the baseline, or of the baseline itself.
    pub(super) fn variant(&self, index: Option<usize>) -> RGBColor {
        index.and_then(|at| self.others.get(at % self.others.len()).copied()).unwrap_or(self.baseline)
    }
}
