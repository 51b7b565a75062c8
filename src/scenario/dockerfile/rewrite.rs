//! Image names replaced at their exact place; every other byte stays.

use super::Dockerfile;
use crate::image::same_image;
use std::collections::BTreeMap;

impl Dockerfile {
    /// The text with every image that `map` names replaced. A name that maps to itself leaves its bytes as they are.
    pub fn rewrite(&self, map: &BTreeMap<String, String>) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut done = 0;
        for image in &self.names {
            let new = map
                .get(&image.name)
                .or_else(|| map.iter().find(|(name, _)| same_image(name, &image.name)).map(|(_, new)| new));
            if let Some(new) = new.filter(|new| **new != image.name) {
                out.push_str(&self.text[done..image.span.start]);
                out.push_str(new);
                done = image.span.end;
            }
        }
        out.push_str(&self.text[done..]);
        out
    }
}
