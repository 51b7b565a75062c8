//! Images that a run left, and a place to push them to and pull them from, for tests of the library's transfers.

use crate::lane::{Lane, PATIENCE};
use crate::tiny::Tiny;
use dbench::engine::node::Node;
use dbench::engine::{Engine, Patience};
use dbench::registry::{Limits, Registry, Settings};
use dbench::results::Phase;
use dbench::runner::{Packed, Pulled, Pushed, Site, Wanted, Way};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

pub const PATIENT: Patience = Patience { deadline: PATIENCE, silence: PATIENCE };

/// The images of both variants of a scenario, unedited and with an edit of the source. They go with it.
pub struct Kept<'a> {
    lane: &'a Lane,
}

impl<'a> Kept<'a> {
    pub fn new(lane: &'a Lane) -> Self {
        Self::of(lane, |tiny| tiny.on_scratch(lane))
    }

    /// Of a scenario that is changed before.
    pub fn of(lane: &'a Lane, change: impl FnOnce(Tiny) -> Tiny) -> Self {
        change(Tiny::new(lane, "kept"));
        lane.dbench(&["run", "--rounds", "1", "--phase", "cold,source-edit", "--keep"]).expect(0);
        Self { lane }
    }

    pub fn image(&self, variant: &str, phase: Phase) -> String {
        let images = self.lane.images();
        let word = format!(":{variant}-{phase}-");
        images
            .iter()
            .find(|name| name.contains(&word))
            .unwrap_or_else(|| panic!("{word}: {images:?}"))
            .clone()
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.lane.dbench(&["clean"]);
    }
}

/// Begins a registry on loopback, and on the node's link if there is one.
pub async fn site(folder: &Path, node: Option<Node>) -> Site {
    let settings = Settings {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        folder: folder.to_owned(),
        limits: Limits::default(),
    };
    let registry = Registry::serve(settings).await.unwrap_or_else(|error| panic!("{error}"));
    let seen = registry.address();
    let (engine_way, node_way) = (Way::direct(seen), Way::direct(seen));
    let mut site = Site { registry, node: None, engine_way, node_way, patience: PATIENT };
    if let Some(node) = node {
        exchange(&mut site, Some(node)).await;
    }
    site
}

/// Lets somebody else pull from a registry; gives who did before.
pub async fn exchange(site: &mut Site, node: Option<Node>) -> Option<Node> {
    site.node_way = Way::direct(match &node {
        Some(node) => {
            let listening = site.registry.listen((node.registry_address(), 0).into()).await;
            listening.unwrap_or_else(|error| panic!("{error}"))
        }
        None => site.engine_way.at(),
    });
    std::mem::replace(&mut site.node, node)
}

/// Pushes an image; its name in the registry is removed from the engine.
pub async fn push(lane: &Lane, site: &Site, image: &str, name: &str, present: Option<&Packed>) -> Pushed {
    let pushed = site.push(&lane.engine, image, name, present).await;
    lane.engine.remove_image(&site.name_for_engine(name)).await.unwrap();
    pushed.unwrap_or_else(|error| panic!("{error}"))
}

pub async fn pull(site: &Site, packed: &Packed, name: &str, present: Option<&Packed>) -> Pulled {
    let pulled = site.pull(&Wanted { packed, name, present }).await;
    pulled.unwrap_or_else(|error| panic!("{error}"))
}
