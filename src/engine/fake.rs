//! An engine for tests: it builds by reading one file of the context, keeps a build cache in memory, and writes
//! down what it was asked, in order.

use super::node::{ContainerNode, ContainerSettings};
use super::{
    About, Answer, BuildRequest, Built, CacheRecord, ContainerSpec, Engine, Failure, Heard, Image, Patience,
    PullTrace, PushTrace, Reach, Redactor, Relay, RelaySettings, Removal, Secret, Stored, Trace,
    VertexUpdate,
};
use crate::error::{Error, Result, files};
use crate::image::Layer;
use crate::results::{Builder, EngineRecord};
use jiff::Timestamp;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// When the one step of every build began and ended.
const BUILT: (u64, u64) = (10, 30);

/// What the fake engine holds. Its builds copy the file `edition` of the context, which is also what a container
/// prints.
#[derive(Debug, Default)]
pub struct FakeEngine {
    /// What it was asked, in order.
    pub calls: RefCell<Vec<String>>,
    /// Builds whose tag holds this text fail.
    pub broken: Option<&'static str>,
    /// Builds whose tag holds this text are answered by the cache, whatever they ask for.
    pub warm: Option<&'static str>,
    images: RefCell<BTreeMap<String, String>>,
    containers: RefCell<BTreeMap<String, String>>,
    records: RefCell<Vec<CacheRecord>>,
    built: RefCell<BTreeMap<String, String>>,
    /// Images that steps of classic builds made.
    steps: RefCell<Vec<String>>,
    recorded: Cell<usize>,
    retagged: Cell<bool>,
}

impl FakeEngine {
    fn note(&self, call: impl Into<String>) {
        self.calls.borrow_mut().push(call.into());
    }

    /// Names of the images that are left.
    pub fn images_left(&self) -> Vec<String> {
        self.images.borrow().keys().cloned().collect()
    }

    /// Somebody else's build leaves a record.
    pub fn build_by_somebody_else(&self) {
        let id = format!("foreign-{}", self.next_id());
        let description = "mount / from exec /bin/sh -c theirs".to_owned();
        self.records.borrow_mut().push(CacheRecord { id, description, ..CacheRecord::default() });
    }

    /// Somebody gives the base's name to another image.
    pub fn retag_the_base(&self) {
        self.retagged.set(true);
    }

    /// No id is given twice.
    fn next_id(&self) -> usize {
        self.recorded.replace(self.recorded.get() + 1)
    }

    /// The image of the one step of a classic build.
    fn make(
        &self,
        request: &BuildRequest<'_>,
        cached: bool,
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> BTreeSet<String> {
        if cached || request.builder != Builder::Classic {
            return BTreeSet::new();
        }
        let id = format!("{:012x}", self.next_id());
        heard(Heard::Made(&id));
        self.steps.borrow_mut().push(format!("sha256:{id}"));
        BTreeSet::from([id])
    }

    /// Images of steps that are left.
    pub fn steps_left(&self) -> Vec<String> {
        self.steps.borrow().clone()
    }

    fn trace(cached: bool) -> Trace {
        let mut trace = Trace::default();
        trace.push(&VertexUpdate {
            id: "copy".into(),
            name: "[2/2] COPY edition /edition".into(),
            started: Some(BUILT.0),
            completed: Some(BUILT.1),
            cached,
            ..VertexUpdate::default()
        });
        trace
    }
}

impl Engine for FakeEngine {
    async fn about(&self) -> Result<About> {
        let text = || "fake".to_owned();
        let record = EngineRecord {
            version: text(),
            api: text(),
            driver: text(),
            store: text(),
            platform: text(),
            system: text(),
            cores: None,
            memory: None,
        };
        Ok(About { id: text(), way: "unix", record, root: "/".into() })
    }

    async fn image(&self, name: &str) -> Result<Option<Image>> {
        Ok((name == "base").then(|| Image {
            id: if self.retagged.get() { "another" } else { "base" }.into(),
            diff_ids: vec!["b".into()],
            ..Image::default()
        }))
    }

    async fn images(&self, _label: &str) -> Result<Vec<Image>> {
        Ok(Vec::new())
    }

    async fn stored(&self) -> Result<BTreeMap<String, Stored>> {
        Ok(self.steps.borrow().iter().map(|id| (id.clone(), Stored::default())).collect())
    }

    async fn made_by(&self, _: &str) -> Result<Option<String>> {
        Ok(Some("|1 A=b /bin/sh -c make".to_owned()))
    }

    async fn pull(&self, name: &str, _: Option<&str>) -> Result<()> {
        self.note(format!("pull {name}"));
        Ok(())
    }

    async fn build(&self, request: &BuildRequest<'_>, heard: &mut dyn FnMut(Heard<'_>)) -> Result<Built> {
        let how = if request.no_cache { " without cache" } else { "" };
        let case = request.tag.rsplit_once('-').map_or(request.tag, |(case, _run)| case);
        self.note(format!("build {case}{how}"));
        heard(Heard::Running { name: "[2/2] COPY edition /edition", since: BUILT.0 });
        let edition = files::read_to_string(&request.context.join("edition"))?;
        let known = self.built.borrow().get(request.namespace) == Some(&edition);
        let classic = request.builder == Builder::Classic;
        let warm = self.warm.is_some_and(|text| request.tag.contains(text));
        let cached = warm || known && !request.no_cache;
        self.built.borrow_mut().insert(request.namespace.to_owned(), edition.clone());
        if !cached && !classic {
            let id = format!("record-{}", self.next_id());
            let (description, created) = ("fileop target".to_owned(), BUILT.0);
            let record = CacheRecord { id, description, size: 7, created, ..CacheRecord::default() };
            self.records.borrow_mut().push(record);
        }
        let outcome = if self.broken.is_some_and(|text| request.tag.contains(text)) {
            Err(Failure { step: Some("2 COPY edition /edition".into()), message: "no such file".into() })
        } else {
            self.images.borrow_mut().insert(request.tag.to_owned(), edition);
            Ok(request.tag.to_owned())
        };
        Ok(Built {
            outcome,
            started: Timestamp::UNIX_EPOCH,
            wall: Duration::from_nanos(100),
            trace: Self::trace(cached),
            sent: 0,
            log: b"a line\n".to_vec(),
            made: self.make(request, cached, heard),
        })
    }

    fn redactor(&self, secrets: &[Secret]) -> Result<Redactor> {
        Redactor::new(secrets.iter().map(|secret| secret.value.as_slice()))
    }

    async fn layers(&self, image: &str) -> Result<Vec<Layer>> {
        let content = self.images.borrow().get(image).map_or(0, |text| text.len() as u64);
        Ok(vec![Layer { diff_id: "b".into(), content: 100 }, Layer { diff_id: "e".into(), content }])
    }

    async fn start(&self, spec: &ContainerSpec<'_>) -> Result<()> {
        self.note("start");
        let prints = self.images.borrow().get(spec.image).cloned().unwrap_or_default();
        self.containers.borrow_mut().insert(spec.name.to_owned(), prints);
        Ok(())
    }

    async fn get(&self, _: &str, _: u16, _: &str, _: Duration) -> Result<Option<Answer>> {
        Ok(None)
    }

    fn reach(&self) -> Reach {
        Reach::Published
    }

    fn take_trial(&self) -> bool {
        false
    }

    async fn exit_code(&self, _container: &str) -> Result<Option<i64>> {
        Ok(Some(0))
    }

    async fn logs(&self, container: &str) -> Result<(String, String)> {
        let text = self.containers.borrow().get(container).cloned().unwrap_or_default();
        Ok((text.clone(), text))
    }

    async fn containers(&self, prefix: &str) -> Result<Vec<String>> {
        Ok(self.containers.borrow().keys().filter(|name| name.starts_with(prefix)).cloned().collect())
    }

    async fn remove_container(&self, name: &str) -> Result<Removal> {
        self.note("remove container");
        Ok(self.containers.borrow_mut().remove(name).map_or(Removal::Absent, |_| Removal::Removed))
    }

    async fn remove_image(&self, reference: &str) -> Result<Removal> {
        if reference.starts_with("sha256:") {
            self.note(format!("remove image {reference}"));
            self.steps.borrow_mut().retain(|id| id != reference);
            return Ok(Removal::Removed);
        }
        Ok(self.images.borrow_mut().remove(reference).map_or(Removal::Absent, |_| Removal::Removed))
    }

    async fn remove_network(&self, name: &str) -> Result<Removal> {
        self.note(format!("remove network {name}"));
        Ok(Removal::Removed)
    }

    async fn cache(&self) -> Result<Vec<CacheRecord>> {
        Ok(self.records.borrow().clone())
    }

    async fn prune(&self, id: &str) -> Result<()> {
        self.note(format!("prune {id}"));
        self.records.borrow_mut().retain(|record| record.id != id);
        Ok(())
    }

    async fn push(&self, _: &str, name: &str, _: Patience) -> Result<PushTrace> {
        self.note(format!("push {name}"));
        let outcome = Err(Failure { step: None, message: "it has no layers to push".into() });
        Ok(PushTrace { outcome, started: Timestamp::UNIX_EPOCH, wall: Duration::ZERO, layers: vec![] })
    }

    async fn pull_timed(&self, name: &str, _: Patience) -> Result<PullTrace> {
        self.note(format!("pull {name}"));
        let outcome = Err(Failure { step: None, message: "it keeps no layers".into() });
        Ok(PullTrace {
            outcome,
            started: Timestamp::UNIX_EPOCH,
            wall: Duration::ZERO,
            layers: vec![],
            download_end: None,
            unpack_tail: None,
        })
    }

    async fn host(&self, _: ContainerSettings) -> Result<ContainerNode> {
        Err(Error::surroundings("it hosts nothing"))
    }

    async fn relay(&self, _: &RelaySettings) -> Result<Relay> {
        Err(Error::surroundings("it relays nothing"))
    }
}
