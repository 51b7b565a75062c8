//! Decides from what crossed the wire whether the state of a transfer was what it claims.

use super::carried::Carried;
use crate::image::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// What a pull may carry beside its blobs, once.
const PER_PULL: u64 = 16_000;
/// What a pull may carry beside its blobs, for each of them.
const PER_BLOB: u64 = 1_000;

/// An image as a registry and the engine that built it know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The configuration.
    pub config: (Digest, u64),
    /// Digest and bytes of the layers, lowest first.
    pub layers: Vec<(Digest, u64)>,
    /// Digests of the unpacked layers, lowest first.
    pub diff_ids: Vec<String>,
}

impl Packed {
    /// Every distinct blob.
    pub fn blobs(&self) -> BTreeMap<Digest, u64> {
        self.layers.iter().chain([&self.config]).cloned().collect()
    }

    /// Bytes of every distinct blob.
    pub fn bytes(&self) -> u64 {
        self.blobs().values().sum()
    }

    /// Bytes of what stands above the lowest layers, the configuration with it.
    pub fn unique(&self, base: usize) -> u64 {
        let above: BTreeMap<_, _> = self.layers.iter().skip(base).chain([&self.config]).cloned().collect();
        let below: BTreeSet<_> = self.layers.iter().take(base).map(|(digest, _)| digest).collect();
        above.iter().filter(|(digest, _)| !below.contains(digest)).map(|(_, size)| size).sum()
    }
}

/// How an engine decides what it has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// By the chain of unpacked layers: from the first that differs upward everything is fetched, known digest or not.
    Graph,
    /// By digest.
    Containerd,
}

/// What a pull of `image` has to fetch where `present` is.
pub fn to_fetch(image: &Packed, present: Option<&Packed>, store: Store) -> BTreeMap<Digest, u64> {
    let Some(present) = present else { return image.blobs() };
    match store {
        Store::Containerd => {
            let has = present.blobs();
            image.blobs().into_iter().filter(|(digest, _)| !has.contains_key(digest)).collect()
        }
        Store::Graph => {
            let same = image.diff_ids.iter().zip(&present.diff_ids).take_while(|(a, b)| a == b).count();
            let config = (image.config != present.config).then_some(&image.config);
            image.layers.iter().skip(same).chain(config).cloned().collect()
        }
    }
}

/// What a push of `image` has to send where the registry holds `present`.
pub fn to_send(image: &Packed, present: Option<&Packed>) -> BTreeMap<Digest, u64> {
    to_fetch(image, present, Store::Containerd)
}

/// `Ok` if exactly the expected blobs were carried, each whole and once; else the reason why not. `who` had to have the
/// others.
pub fn exactly(expected: &BTreeMap<Digest, u64>, carried: &Carried, who: &str) -> Result<(), String> {
    let missing: BTreeSet<&Digest> =
        expected.keys().filter(|digest| !carried.blobs.contains_key(digest)).collect();
    if let Some(digest) = missing.first() {
        return Err(format!("{who} had {} already", many(digest, missing.len())));
    }
    let extra: BTreeSet<&Digest> =
        carried.blobs.keys().filter(|digest| !expected.contains_key(digest)).collect();
    if let Some(digest) = extra.first() {
        return Err(format!("{who} should have had {}", many(digest, extra.len())));
    }
    for (digest, size) in expected {
        let bytes = carried.blobs.get(digest).map_or(0, |moved| moved.bytes);
        if bytes != *size {
            return Err(format!("{bytes} bytes of {} were carried, which has {size}", short(digest)));
        }
    }
    Ok(())
}

/// `Ok` if the sockets carried the blobs of a pull and little beside; manifests are counted apart.
pub fn little_beside(carried: &Carried) -> Result<(), String> {
    let blobs = carried.blobs.len() as u64;
    let (bytes, socket) = (carried.bytes(), carried.socket.saturating_sub(carried.manifests));
    let most = bytes + PER_PULL + PER_BLOB * blobs;
    if socket < bytes || socket > most {
        return Err(format!("the sockets carried {socket} bytes for {bytes} bytes of blobs"));
    }
    Ok(())
}

fn many(first: &Digest, number: usize) -> String {
    match number {
        1 => format!("blob {}", short(first)),
        n => format!("{n} blobs ({} among them)", short(first)),
    }
}

fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(19).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::transfer::carried::Moved;

    fn image(config: u8, layers: &[u8]) -> Packed {
        let blob = |n: u8| (Digest::of(&[n]), u64::from(n));
        Packed {
            config: blob(config),
            layers: layers.iter().map(|n| blob(*n)).collect(),
            diff_ids: layers.iter().map(u8::to_string).collect(),
        }
    }

    fn sizes(blobs: &BTreeMap<Digest, u64>) -> Vec<u64> {
        let mut sizes: Vec<u64> = blobs.values().copied().collect();
        sizes.sort_unstable();
        sizes
    }

    fn carried(blobs: &BTreeMap<Digest, u64>) -> Carried {
        let moved = |bytes: u64| Moved { bytes, ..Moved::default() };
        let blobs = blobs.iter().map(|(digest, size)| (digest.clone(), moved(*size))).collect();
        Carried { blobs, ..Carried::default() }
    }

    #[test]
    fn an_empty_store_fetches_all_of_it_once() {
        let twice = image(9, &[1, 2, 2]);
        assert_eq!(sizes(&to_fetch(&twice, None, Store::Graph)), [1, 2, 9]);
        assert_eq!(twice.bytes(), 12);
    }

    #[test]
    fn a_chain_is_fetched_from_where_it_differs_and_digests_where_they_are_new() {
        let (before, after) = (image(8, &[1, 2, 3]), image(9, &[1, 4, 3]));
        assert_eq!(sizes(&to_fetch(&after, Some(&before), Store::Graph)), [3, 4, 9]);
        assert_eq!(sizes(&to_fetch(&after, Some(&before), Store::Containerd)), [4, 9]);
        assert_eq!(sizes(&to_fetch(&before, Some(&before), Store::Graph)), Vec::<u64>::new());
    }

    #[test]
    fn a_blob_too_few_too_many_or_in_part_is_said() {
        let expected = image(9, &[1, 2]).blobs();
        assert_eq!(exactly(&expected, &carried(&expected), "the node"), Ok(()));
        let mut fewer = expected.clone();
        fewer.remove(&Digest::of(&[2]));
        let short = short(&Digest::of(&[2]));
        let error = exactly(&expected, &carried(&fewer), "the node").unwrap_err();
        assert_eq!(error, format!("the node had blob {short} already"));
        let error = exactly(&fewer, &carried(&expected), "the node").unwrap_err();
        assert_eq!(error, format!("the node should have had blob {short}"));
        let mut part = carried(&expected);
        part.blobs.get_mut(&Digest::of(&[2])).unwrap().bytes = 1;
        let error = exactly(&expected, &part, "the node").unwrap_err();
        assert_eq!(error, format!("1 bytes of {short} were carried, which has 2"));
    }

    #[test]
    fn sockets_carry_little_beside_the_blobs() {
        let mut three = carried(&image(9, &[1, 2]).blobs());
        three.manifests = 500;
        for (socket, fits) in [(512, true), (511, false), (512 + 16_000 + 3_000, true), (19_513, false)] {
            three.socket = socket;
            assert_eq!(little_beside(&three).is_ok(), fits, "{socket}");
        }
    }

    #[test]
    fn what_stands_above_a_base_is_its_own() {
        assert_eq!(image(9, &[1, 2, 3]).unique(2), 3 + 9);
        assert_eq!(image(9, &[1, 2, 2, 1]).unique(2), 9);
        assert_eq!(image(9, &[1, 2]).unique(0), 12);
    }
}
