//! Reads what `docker save` writes, in one pass and flat memory: both the old layout (`<id>/layer.tar`) and the
//! OCI one. Every layer's unpacked stream is hashed and must have the digest that the image's configuration names.

use super::Layer;
use crate::error::{Error, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::{self, Read};

/// Metadata of an image is small; what is larger is not metadata.
const METADATA_LIMIT: u64 = 4 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    config: String,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

/// What a member of the archive turned out to be.
enum Member {
    Metadata(Vec<u8>),
    Layer(Layer),
    Link(String),
}

/// The layers of the one image in a saved archive, lowest first.
///
/// # Errors
/// If the archive is torn, its manifest does not name exactly one image, or a layer does not have its digest.
pub fn read_saved(archive: impl Read) -> Result<Vec<Layer>> {
    let members =
        read_members(archive).map_err(|cause| broken("it ends early or is no archive").because(cause))?;
    let manifests: Vec<Manifest> = json(&members, "manifest.json")?;
    let [manifest] = manifests.as_slice() else {
        return Err(broken(&format!("it holds {} images instead of one", manifests.len())));
    };
    let config: Config = json(&members, &manifest.config)?;
    if config.rootfs.diff_ids.len() != manifest.layers.len() {
        return Err(broken("its configuration and its manifest count different layers"));
    }
    let layers = manifest.layers.iter().zip(&config.rootfs.diff_ids);
    layers.map(|(name, diff_id)| proven_layer(&members, name, diff_id)).collect()
}

fn proven_layer(members: &HashMap<String, Member>, name: &str, diff_id: &str) -> Result<Layer> {
    match resolve(members, name) {
        Some(Member::Layer(layer)) if layer.diff_id == diff_id => Ok(layer.clone()),
        Some(Member::Layer(layer)) => {
            Err(broken(&format!("layer {name} unpacks to {} and not to {diff_id}", layer.diff_id)))
        }
        _ => Err(broken(&format!("layer {name} is not in it"))),
    }
}

fn resolve<'a>(members: &'a HashMap<String, Member>, name: &str) -> Option<&'a Member> {
    match members.get(name)? {
        // A repeated layer is a link `../<id>/layer.tar` to the first one.
        Member::Link(target) => match members.get(target.trim_start_matches("../")) {
            Some(Member::Link(_)) | None => None,
            found => found,
        },
        found => Some(found),
    }
}

fn json<T: for<'a> Deserialize<'a>>(members: &HashMap<String, Member>, name: &str) -> Result<T> {
    let Some(Member::Metadata(bytes)) = members.get(name) else {
        return Err(broken(&format!("{name} is not in it")));
    };
    serde_json::from_slice(bytes).map_err(|cause| broken(&format!("{name} cannot be read")).because(cause))
}

fn broken(what: &str) -> Error {
    Error::surroundings(format!("the saved image cannot be trusted: {what}"))
        .hint("save the image with `docker save` and look at it; an engine that saves torn images is broken")
}

fn read_members(archive: impl Read) -> io::Result<HashMap<String, Member>> {
    let mut members = HashMap::new();
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let kind = entry.header().entry_type();
        if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name()?.map(|l| l.to_string_lossy().into_owned()).unwrap_or_default();
            members.insert(name, Member::Link(target));
        } else if kind.is_file() {
            members.insert(name, read_member(&mut entry)?);
        }
    }
    Ok(members)
}

/// By its first bytes: a tar (magic at 257), gzip or zstd is a layer, anything else small metadata.
fn read_member(entry: &mut impl Read) -> io::Result<Member> {
    let mut head = vec![0; 512];
    let mut filled = 0;
    while filled < head.len() {
        match entry.read(&mut head[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    head.truncate(filled);
    let is_tar = head.get(257..262) == Some(b"ustar") || head.len() == 512 && head.iter().all(|b| *b == 0);
    let (is_gzip, is_zstd) = (head.starts_with(&[0x1f, 0x8b]), head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
    let whole = io::Cursor::new(head).chain(entry);
    if is_gzip {
        read_layer(flate2::read::MultiGzDecoder::new(whole))
    } else if is_zstd {
        read_layer(zstd::stream::read::Decoder::new(whole)?)
    } else if is_tar {
        read_layer(whole)
    } else {
        let mut bytes = Vec::new();
        whole.take(METADATA_LIMIT).read_to_end(&mut bytes)?;
        Ok(Member::Metadata(bytes))
    }
}

fn read_layer(unpacked: impl Read) -> io::Result<Member> {
    let mut hashing = Hashing { inner: unpacked, hash: Sha256::new() };
    let mut content = 0;
    let mut archive = tar::Archive::new(&mut hashing);
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.header().entry_type().is_file() || entry.header().entry_type().is_gnu_sparse() {
            content += entry.size();
        }
    }
    io::copy(&mut hashing, &mut io::sink())?;
    let digest = hashing.hash.finalize();
    let diff_id = format!("sha256:{}", crate::hex::encode(&digest));
    Ok(Member::Layer(Layer { diff_id, content }))
}

/// Hashes all that is read through it.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, *content).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn digest(bytes: &[u8]) -> String {
        format!("sha256:{}", crate::hex::encode(&Sha256::digest(bytes)))
    }

    fn saved(layers: &[(&str, &[u8])], diff_ids: &[String]) -> Vec<u8> {
        let names: Vec<_> = layers.iter().map(|(name, _)| *name).collect();
        let manifest =
            serde_json::json!([{ "Config": "c.json", "RepoTags": ["x"], "Layers": names }]).to_string();
        let config = serde_json::json!({ "rootfs": { "type": "layers", "diff_ids": diff_ids } }).to_string();
        let mut all = layers.to_vec();
        all.push(("c.json", config.as_bytes()));
        all.push(("manifest.json", manifest.as_bytes()));
        tar_of(&all)
    }

    #[test]
    fn plain_gzip_and_zstd_layers_have_content_and_digest() {
        let plain = tar_of(&[("a", b"12345"), ("b", b"")]);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&plain).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(plain.as_slice(), 1).unwrap();
        let id = digest(&plain);
        let archive = saved(
            &[("1/layer.tar", &plain), ("2/layer.tar", &gzip), ("3/layer.tar", &zstd)],
            &vec![id.clone(); 3],
        );
        let layers = read_saved(archive.as_slice()).unwrap();
        assert_eq!(layers, vec![Layer { diff_id: id, content: 5 }; 3]);
    }

    #[test]
    fn a_layer_without_its_digest_is_refused() {
        let plain = tar_of(&[("a", b"12345")]);
        let archive = saved(&[("1/layer.tar", &plain)], &[digest(b"other")]);
        let error = read_saved(archive.as_slice()).unwrap_err();
        assert!(error.to_string().contains("layer 1/layer.tar unpacks to sha256:"), "{error}");
    }

    #[test]
    fn a_torn_archive_is_refused() {
        let plain = tar_of(&[("a", &[7; 4000])]);
        let archive = saved(&[("1/layer.tar", &plain)], &[digest(&plain)]);
        let error = read_saved(&archive[..2000]).unwrap_err();
        assert!(error.to_string().starts_with("the saved image cannot be trusted: it ends early"), "{error}");
    }

    #[test]
    fn hard_links_count_once() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(3);
        tar.append_data(&mut header, "a", b"abc".as_slice()).unwrap();
        let mut link = tar::Header::new_ustar();
        link.set_entry_type(tar::EntryType::Link);
        link.set_size(0);
        tar.append_link(&mut link, "b", "a").unwrap();
        let plain = tar.into_inner().unwrap();
        let archive = saved(&[("1/layer.tar", &plain)], &[digest(&plain)]);
        assert_eq!(read_saved(archive.as_slice()).unwrap()[0].content, 3);
    }
}
