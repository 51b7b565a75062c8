//! Manifests as a registry holds them: of Docker and of OCI, of one image or a list of them.
//! The shapes on the wire are private; keys that they do not name are passed over, as the specification asks.

use super::Digest;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The kinds of manifests that a registry takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// Docker, one image.
    DockerManifest,
    /// Docker, images of several platforms.
    DockerList,
    /// OCI, one image or artifact.
    OciManifest,
    /// OCI, a list of manifests.
    OciIndex,
}

impl ManifestKind {
    const ALL: [Self; 4] = [Self::DockerManifest, Self::DockerList, Self::OciManifest, Self::OciIndex];

    /// The media type that says so.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::DockerManifest => "application/vnd.docker.distribution.manifest.v2+json",
            Self::DockerList => "application/vnd.docker.distribution.manifest.list.v2+json",
            Self::OciManifest => "application/vnd.oci.image.manifest.v1+json",
            Self::OciIndex => "application/vnd.oci.image.index.v1+json",
        }
    }

    /// The kind that a media type stands for; parameters such as a character set do not matter.
    pub fn of(media_type: &str) -> Option<Self> {
        let bare = media_type.split(';').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|kind| kind.media_type() == bare)
    }

    fn is_list(self) -> bool {
        matches!(self, Self::DockerList | Self::OciIndex)
    }
}

/// What a manifest says of some content: where it points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// What the content is.
    pub media_type: String,
    /// Its name.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// The platform that an entry of a list is for, as `os/architecture` or `os/architecture/variant`.
    pub platform: Option<String>,
}

impl Descriptor {
    /// Whether the content may stay where it came from and never enters a registry.
    pub fn is_foreign(&self) -> bool {
        self.media_type.contains(".foreign.") || self.media_type.contains(".nondistributable.")
    }
}

/// What a manifest is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// One image or artifact.
    Image {
        /// The configuration.
        config: Descriptor,
        /// The layers, lowest first.
        layers: Vec<Descriptor>,
    },
    /// Other manifests.
    List {
        /// Its entries, as they stand there.
        entries: Vec<Descriptor>,
    },
}

/// A manifest that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What it is.
    pub kind: ManifestKind,
    /// What it points to.
    pub content: Content,
    /// The manifest that it says something about.
    pub subject: Option<Descriptor>,
    /// What kind of artifact it is: its own word, or else that of its configuration.
    pub artifact_type: Option<String>,
    /// Notes, passed on as they are.
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest. Its own media type decides what it is; where it has none, the one it was sent with does.
    ///
    /// # Errors
    /// If it is not JSON, of no known kind, or points to something with a digest that is none.
    pub fn parse(bytes: &[u8], sent_as: Option<&str>) -> Result<Self> {
        let disk: Disk = serde_json::from_slice(bytes)
            .map_err(|cause| Error::input("the manifest cannot be read").because(cause))?;
        let media_type = disk.media_type.as_deref().or(sent_as).ok_or_else(|| {
            Error::input("the manifest has no media type").hint("send it with a Content-Type")
        })?;
        let kind = ManifestKind::of(media_type)
            .ok_or_else(|| Error::input(format!("`{media_type}` is no media type of a manifest")))?;
        let artifact_type = disk.artifact_type.clone().filter(|text| !text.is_empty());
        let of_config = disk.config.as_ref().map(|config| config.media_type.clone());
        Ok(Self {
            kind,
            artifact_type: artifact_type.or(of_config),
            annotations: disk.annotations.clone().unwrap_or_default(),
            subject: disk.subject.clone().map(Descriptor::try_from).transpose()?,
            content: content(kind, disk)?,
        })
    }

    /// Everything that it points to, configuration first; not its subject.
    pub fn points_to(&self) -> Vec<&Descriptor> {
        match &self.content {
            Content::Image { config, layers } => std::iter::once(config).chain(layers).collect(),
            Content::List { entries } => entries.iter().collect(),
        }
    }
}

fn content(kind: ManifestKind, disk: Disk) -> Result<Content> {
    let all = |list: Vec<DiskDescriptor>| list.into_iter().map(Descriptor::try_from).collect::<Result<_>>();
    let lacks = |what: &str| Error::input(format!("the manifest has no `{what}`"));
    if kind.is_list() {
        return Ok(Content::List { entries: all(disk.manifests.ok_or_else(|| lacks("manifests"))?)? });
    }
    Ok(Content::Image {
        config: disk.config.ok_or_else(|| lacks("config"))?.try_into()?,
        layers: all(disk.layers.ok_or_else(|| lacks("layers"))?)?,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Disk {
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<DiskDescriptor>,
    layers: Option<Vec<DiskDescriptor>>,
    manifests: Option<Vec<DiskDescriptor>>,
    subject: Option<DiskDescriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DiskDescriptor {
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<DiskPlatform>,
}

#[derive(Clone, Deserialize)]
struct DiskPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl TryFrom<DiskDescriptor> for Descriptor {
    type Error = Error;

    fn try_from(disk: DiskDescriptor) -> Result<Self> {
        let platform = disk.platform.map(|platform| {
            let variant = platform.variant.map(|variant| format!("/{variant}")).unwrap_or_default();
            format!("{}/{}{variant}", platform.os, platform.architecture)
        });
        Ok(Self { media_type: disk.media_type, digest: disk.digest.parse()?, size: disk.size, platform })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn descriptor(media_type: &str, content: &str) -> serde_json::Value {
        json!({ "mediaType": media_type, "digest": Digest::of(content.as_bytes()).to_string(), "size": content.len() })
    }

    fn image(kind: ManifestKind) -> serde_json::Value {
        json!({
            "schemaVersion": 2,
            "mediaType": kind.media_type(),
            "config": descriptor("application/config", "{}"),
            "layers": [descriptor("application/layer", "abc"), descriptor("application/x.foreign.y", "far")],
            "annotations": { "a": "b" },
            "somebody's own key": true,
        })
    }

    #[test]
    fn images_of_docker_and_oci_are_read() {
        for kind in [ManifestKind::DockerManifest, ManifestKind::OciManifest] {
            let manifest = Manifest::parse(image(kind).to_string().as_bytes(), None).unwrap();
            assert_eq!(manifest.kind, kind);
            assert_eq!(manifest.artifact_type.as_deref(), Some("application/config"));
            assert_eq!(manifest.annotations["a"], "b");
            let sizes: Vec<_> =
                manifest.points_to().iter().map(|entry| (entry.size, entry.is_foreign())).collect();
            assert_eq!(sizes, [(2, false), (3, false), (3, true)]);
        }
    }

    #[test]
    fn lists_have_platforms_and_no_configuration() {
        for kind in [ManifestKind::DockerList, ManifestKind::OciIndex] {
            let mut entry = descriptor("application/manifest", "x");
            entry["platform"] = json!({ "os": "linux", "architecture": "arm", "variant": "v7" });
            let text = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();
            let sent_as = format!("{}; charset=utf-8", kind.media_type());
            let manifest = Manifest::parse(text.as_bytes(), Some(&sent_as)).unwrap();
            assert_eq!((manifest.kind, manifest.artifact_type.as_deref()), (kind, None));
            assert_eq!(manifest.points_to()[0].platform.as_deref(), Some("linux/arm/v7"));
        }
    }

    #[test]
    fn an_artifact_names_its_subject_and_type() {
        let mut text = image(ManifestKind::OciManifest);
        text["artifactType"] = json!("application/signature");
        text["subject"] = descriptor("application/manifest", "what it signs");
        let manifest = Manifest::parse(text.to_string().as_bytes(), None).unwrap();
        assert_eq!(manifest.artifact_type.as_deref(), Some("application/signature"));
        assert_eq!(manifest.subject.unwrap().digest, Digest::of(b"what it signs"));
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_the_reason() {
        let without = |key: &str| {
            let mut text = image(ManifestKind::OciManifest);
            text.as_object_mut().unwrap().remove(key);
            text.to_string()
        };
        let mut far = image(ManifestKind::OciManifest);
        far["config"]["digest"] = json!("sha256:../../etc");
        for (text, said) in [
            ("{".to_owned(), "the manifest cannot be read\n  cause: EOF"),
            (without("mediaType"), "the manifest has no media type\n  hint: send it with a Content-Type"),
            (without("config"), "the manifest has no `config`"),
            (without("layers"), "the manifest has no `layers`"),
            (json!({ "mediaType": "text/plain" }).to_string(), "`text/plain` is no media type of a manifest"),
            (far.to_string(), "`sha256:../../etc` is no digest: it has not 64 digits"),
        ] {
            let error = Manifest::parse(text.as_bytes(), None).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
