//! Owns what an image is made of: layers read from a saved image, each proven against its digest.
//! Leaves to `engine` where the bytes come from.

mod saved;

pub use saved::read_saved;

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the unpacked stream, as the image's configuration names it.
    pub diff_id: String,
    /// Content bytes of its regular files; a hard link counts once.
    pub content: u64,
}
