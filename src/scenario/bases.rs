//! Owns what is relied on of the official base images.
