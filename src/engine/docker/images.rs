//! Images of an engine: finding, pulling, saving, removing.

use super::{ANSWER, DockerEngine, Image, LONG, Removal, failed, found, removal, within};
use crate::error::{Error, Result};
use crate::image::{Layer, read_saved};
use bollard::query_parameters::{CreateImageOptions, ListImagesOptions, RemoveImageOptions};
use futures_util::{StreamExt, TryStreamExt};
use std::collections::HashMap;
use tokio_util::io::{StreamReader, SyncIoBridge};

impl DockerEngine {
    pub(super) async fn find_image(&self, name: &str) -> Result<Option<Image>> {
        let doing = "looking at an image";
        let answer = within(doing, ANSWER, self.client.inspect_image(name)).await?;
        Ok(found(doing, answer)?.map(|image| Image {
            id: image.id.unwrap_or_default(),
            tags: image.repo_tags.unwrap_or_default(),
            digest: image.repo_digests.unwrap_or_default().into_iter().next(),
            labels: image.config.and_then(|c| c.labels).unwrap_or_default().into_iter().collect(),
            diff_ids: image.root_fs.and_then(|r| r.layers).unwrap_or_default(),
        }))
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
                diff_ids: Vec::new(),
            })
            .collect();
        images.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(images)
    }

    pub(super) async fn pull_image(&self, name: &str) -> Result<()> {
        let options =
            CreateImageOptions { from_image: Some(name.to_owned()), ..CreateImageOptions::default() };
        let mut events = self.client.create_image(Some(options), None, None);
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
        let removing = self.client.remove_image(reference, None::<RemoveImageOptions>, None);
        removal(doing, within(doing, ANSWER, removing).await?)
    }
}
