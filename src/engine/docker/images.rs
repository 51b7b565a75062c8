//! Images of an engine: finding, pulling, saving, removing.

use super::{ANSWER, DockerEngine, Image, LONG, Removal, Stored, failed, found, removal, within};
use crate::error::{Error, Result};
use crate::image::{Layer, read_saved, registry};
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{CreateImageOptions, ListImagesOptions, RemoveImageOptions};
use futures_util::{StreamExt, TryStreamExt};
use std::collections::{BTreeMap, HashMap};
use tokio_util::io::{StreamReader, SyncIoBridge};

impl DockerEngine {
    pub(super) async fn find_image(&self, name: &str) -> Result<Option<Image>> {
        let doing = "looking at an image";
        let answer = within(doing, ANSWER, self.client.inspect_image(name)).await?;
        Ok(found(doing, answer)?.map(|image| {
            let config = image.config.unwrap_or_default();
            Image {
                id: image.id.unwrap_or_default(),
                tags: image.repo_tags.unwrap_or_default(),
                digest: image.repo_digests.unwrap_or_default().into_iter().next(),
                labels: config.labels.unwrap_or_default().into_iter().collect(),
                diff_ids: image.root_fs.and_then(|r| r.layers).unwrap_or_default(),
                onbuild: config.on_build.unwrap_or_default(),
                platform: platform([image.os, image.architecture, image.variant]),
                size_hint: image.size.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
            }
        }))
    }

    pub(super) async fn all_images(&self) -> Result<BTreeMap<String, Stored>> {
        let doing = "listing all images";
        let options = ListImagesOptions { all: true, ..ListImagesOptions::default() };
        let answer = within(doing, ANSWER, self.client.list_images(Some(options))).await?;
        let images = answer.map_err(|cause| failed(doing, cause))?.into_iter();
        let named = |tags: &[String]| tags.iter().any(|tag| tag != "<none>:<none>");
        Ok(images
            .map(|image| {
                let named = named(&image.repo_tags);
                (image.id, Stored { parent: image.parent_id, named, created: image.created })
            })
            .collect())
    }

    pub(super) async fn top_of_history(&self, image: &str) -> Result<Option<String>> {
        let doing = "reading the history of an image";
        let answer = within(doing, ANSWER, self.client.image_history(image)).await?;
        Ok(found(doing, answer)?.and_then(|layers| layers.into_iter().next()).map(|top| top.created_by))
    }

    pub(super) async fn labelled_images(&self, label: &str) -> Result<Vec<Image>> {
        let doing = "listing images";
        let options = ListImagesOptions {
            filters: Some(HashMap::from([("label".to_owned(), vec![label.to_owned()])])),
            ..ListImagesOptions::default()
        };
        let answer = within(doing, ANSWER, self.client.list_images(Some(options))).await?;
        let mut images: Vec<_> = answer
            .map_err(|cause| failed(doing, cause))?
            .into_iter()
            .map(|image| Image {
                id: image.id,
                tags: image.repo_tags,
                digest: image.repo_digests.into_iter().next(),
                labels: image.labels.into_iter().collect(),
                ..Image::default()
            })
            .collect();
        images.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(images)
    }

    /// The one question that goes to a registry with the user's credentials, beside those of a build.
    pub(super) async fn pull_image(&self, name: &str, platform: Option<&str>) -> Result<()> {
        let options = CreateImageOptions {
            from_image: Some(name.to_owned()),
            platform: platform.unwrap_or_default().to_owned(),
            ..CreateImageOptions::default()
        };
        let credentials = self.config.credentials(registry(name)).await?.map(|found| DockerCredentials {
            username: Some(found.username),
            password: Some(found.password),
            serveraddress: Some(found.server),
            identitytoken: Some(found.identity_token).filter(|token| !token.is_empty()),
            registrytoken: Some(found.registry_token).filter(|token| !token.is_empty()),
            ..DockerCredentials::default()
        });
        let mut events = self.client.create_image(Some(options), None, credentials);
        let pull = async {
            while let Some(event) = events.next().await {
                event?;
            }
            Ok(())
        };
        within("pulling a base", LONG, pull).await?.map_err(|cause: bollard::errors::Error| {
            Error::surroundings(format!("the base {name} cannot be pulled")).because(cause).hint(
                "pull or build it by hand, or map it to an image that is there: --base NAME=IMAGE or the [bases] table \
                 of dbench.toml (`make setup` writes one)",
            )
        })
    }

    pub(super) async fn saved_layers(&self, image: &str) -> Result<Vec<Layer>> {
        let stream = self.client.export_image(image).map_err(std::io::Error::other).boxed();
        let reader = SyncIoBridge::new(StreamReader::new(stream));
        let reading = tokio::task::spawn_blocking(move || read_saved(reader));
        within("saving an image", LONG, reading)
            .await?
            .map_err(|cause| Error::surroundings("reading a saved image ended early").because(cause))?
    }

    pub(super) async fn delete_image(&self, reference: &str) -> Result<Removal> {
        let doing = "removing an image";
        // Images of steps that it was made from may be the user's: an engine would take them along.
        let options = RemoveImageOptions { noprune: true, ..RemoveImageOptions::default() };
        let removing = self.client.remove_image(reference, Some(options), None);
        removal(doing, within(doing, ANSWER, removing).await?)
    }
}

/// `linux/arm64/v8` from its parts, as far as they are known.
fn platform(parts: [Option<String>; 3]) -> String {
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}
