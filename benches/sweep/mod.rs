//! Removes from an engine what a benchmark's builds left in it: images by their names, and of the build cache what its
//! commands made. Leaves what another build made or could have made.

use dbench::engine::{CacheRecord, Engine, Removal};
use dbench::error::{Error, Result};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long an engine may hold on to the records of builds that have ended.
const LETTING_GO: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(200);
/// How often nothing more must be found.
const LOOKS: u32 = 2;

/// What the engine held before, and the word that stands in every RUN of the benchmark and nowhere else.
pub struct Sweep {
    before: BTreeSet<String>,
    token: String,
}

impl Sweep {
    /// Remembers what is there before the first build.
    pub async fn begin(engine: &impl Engine, token: &str) -> Result<Self> {
        let before = engine.cache().await?.into_iter().map(|record| record.id).collect();
        Ok(Self { before, token: token.to_owned() })
    }

    /// Removes images and the records of their builds, and fails if some of it stays.
    pub async fn remove(&self, engine: &impl Engine, images: &[String]) -> Result<()> {
        for image in images {
            if let Removal::Refused(why) = engine.remove_image(image).await? {
                return Err(Error::surroundings(format!("the image {image} stays: {why}")));
            }
        }
        let mut give_up = Instant::now() + LETTING_GO;
        let (mut left, mut looks) = (usize::MAX, 0);
        loop {
            let mut new = engine.cache().await?;
            new.retain(|record| !self.before.contains(&record.id));
            let ours = self.ours(&new);
            if ours.is_empty() {
                // Some of it is listed only a moment after its build.
                looks += 1;
                if looks > LOOKS {
                    return Ok(());
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            looks = 0;
            if ours.len() < left {
                (left, give_up) = (ours.len(), Instant::now() + LETTING_GO);
            } else if Instant::now() > give_up {
                let hint = "see `docker system df --verbose`, and remove them with `docker builder prune`";
                return Err(Error::surroundings(format!(
                    "the engine keeps {left} records of the build cache"
                ))
                .hint(hint));
            } else {
                tokio::time::sleep(PAUSE).await;
            }
            let stood_on: BTreeSet<&String> = new.iter().flat_map(|record| &record.parents).collect();
            for id in ours.iter().filter(|id| !stood_on.contains(id)) {
                engine.prune(id).await?;
            }
        }
    }

    /// All that is new, unless somebody else's command ran meanwhile: then only what our commands made and what is
    /// connected with that. A received context, and what was copied onto a base, tell nothing of who made them.
    fn ours(&self, new: &[CacheRecord]) -> BTreeSet<String> {
        let is_ours = |record: &CacheRecord| record.description.contains(&self.token);
        let is_theirs = |record: &CacheRecord| record.description.contains(" from exec ") && !is_ours(record);
        let foreign = new.iter().any(is_theirs);
        let mut ours: BTreeSet<String> =
            new.iter().filter(|record| !foreign || is_ours(record)).map(|record| record.id.clone()).collect();
        loop {
            let below: BTreeSet<&String> = new
                .iter()
                .filter(|record| ours.contains(&record.id))
                .flat_map(|record| &record.parents)
                .collect();
            let connected = |record: &&CacheRecord| {
                below.contains(&record.id) || record.parents.iter().any(|parent| ours.contains(parent))
            };
            let more: Vec<&CacheRecord> =
                new.iter().filter(|r| !ours.contains(&r.id) && !is_theirs(r)).filter(connected).collect();
            if more.is_empty() {
                return ours;
            }
            let more: Vec<String> = more.into_iter().map(|record| record.id.clone()).collect();
            ours.extend(more);
        }
    }
}
