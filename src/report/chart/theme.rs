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
    layers: [RGBColor; 8],
    config: RGBColor,
}

/// The parts of the wait from an empty store to the first right answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Download,
    Unpack,
    Start,
}

/// Layers and parts are no variants: they have a palette of their own, violets and sands by turns, of which no variant
/// comes near, pale enough for dark words.
const LAYERS: [RGBColor; 8] = [
    RGBColor(203, 192, 224),
    RGBColor(222, 205, 176),
    RGBColor(164, 147, 204),
    RGBColor(196, 170, 130),
    RGBColor(228, 218, 240),
    RGBColor(240, 230, 208),
    RGBColor(182, 168, 214),
    RGBColor(209, 188, 153),
];

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
    layers: LAYERS,
    config: RGBColor(187, 187, 187),
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
    layers: LAYERS,
    config: RGBColor(187, 187, 187),
};

impl Theme {
    /// Words on a layer or a part.
    pub(super) const ON_LAYER: RGBColor = RGBColor(31, 35, 40);

    /// The colour of a layer by its place, from 1, or of the configuration.
    pub(super) fn layer(&self, layer: Option<u32>) -> RGBColor {
        let place = layer.and_then(|n| usize::try_from(n).ok()?.checked_sub(1));
        place.and_then(|at| self.layers.get(at % self.layers.len()).copied()).unwrap_or(self.config)
    }

    /// The colour of a part of a wait.
    pub(super) fn part(&self, part: Part) -> RGBColor {
        self.layer(Some(match part {
            Part::Download => 1,
            Part::Unpack => 2,
            Part::Start => 3,
        }))
    }

    /// The colour of the variant at `index`, counted without the baseline, or of the baseline itself.
    pub(super) fn variant(&self, index: Option<usize>) -> RGBColor {
        index.and_then(|at| self.others.get(at % self.others.len()).copied()).unwrap_or(self.baseline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_layer_looks_like_a_variant() {
        let far = |a: RGBColor, b: RGBColor| {
            let square = |x: u8, y: u8| (f64::from(x) - f64::from(y)).powi(2);
            (square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)).sqrt()
        };
        for theme in [&LIGHT, &DARK] {
            for variant in theme.others.into_iter().chain([theme.baseline]) {
                for layer in theme.layers {
                    assert!(far(variant, layer) > 45.0, "{variant:?} {layer:?}");
                }
            }
        }
    }
}
