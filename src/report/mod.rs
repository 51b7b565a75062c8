//! Owns what a run says to a person: one Document, computed once, as terminal tables, Markdown, JSON and charts.
//! Renderers return text and never print; leaves the numbers themselves to `stats`.

mod bases;
pub mod chart;
mod document;
mod finding;
pub mod format;
mod gather;
mod images;
mod markdown;
mod moved;
mod moves;
mod one_build;
mod pace;
mod problem;
mod splice;
mod table;
mod terminal;
mod timeline;
mod transfers;

pub use chart::{Chart, charts, png};
pub use document::Document;
pub use one_build::one_build;
pub use splice::splice;
