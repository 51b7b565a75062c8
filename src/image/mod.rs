//! Owns what an image is called and made of: names, digests, manifests, and layers read from a saved image, each proven
//! against its digest.
//! Leaves to `engine` and `registry` where the bytes come from.

mod digest;
mod manifest;
mod name;
mod saved;

pub use digest::{Algorithm, Digest, Hasher};
pub use manifest::{Content, Descriptor, Manifest, ManifestKind};
pub use name::{NAME_FORM, is_component, is_tag, not_a_name, registry, same_image, unpinned};
pub use saved::read_saved;

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the unpacked stream, as the image's configuration names it.
    pub diff_id: String,
    /// Content bytes of its regular files; a hard link counts once.
    pub content: u64,
}
