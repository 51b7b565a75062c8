//! Owns the rows of `transfers.csv`: what of each layer a push or a pull moved, and when.
//! Leaves what a transfer proves to `runner`.

use super::{Case, Metric, Run, table};
use crate::error::Result;
use std::collections::BTreeSet;
use std::path::Path;

/// The fewest digits of a digest.
const DIGEST_DIGITS: usize = 32;

/// One layer that one transfer moved, as `transfers.csv` keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRow {
    /// The image that it belongs to.
    pub case: Case,
    /// The round, from 1.
    pub round: u32,
    /// What pulled: `private`, `container` or `none`; empty for a push.
    pub node: String,
    /// The link, empty for the machine's own loopback or veth.
    pub link: String,
    /// Which transfer: `push`, `update-push`, `pull-cold` and so on.
    pub transfer: String,
    /// The place of the layer in the image, lowest first, from 1; `None` for the image's config.
    pub layer: Option<u32>,
    /// Digest of the blob.
    pub digest: String,
    /// Bytes of the blob.
    pub packed: u64,
    /// Content bytes of its regular files; `None` for the config.
    pub unpacked: Option<u64>,
    /// Bytes of it that crossed the wire; 0 if it was there already.
    pub wire: u64,
    /// Nanoseconds from the start of the transfer; `None` if it did not move.
    pub started_ns: Option<u64>,
    /// Nanoseconds from the start of the transfer; `None` if it did not move.
    pub completed_ns: Option<u64>,
}

impl TransferRow {
    pub(super) const COLUMNS: [&'static str; 15] = [
        "scenario",
        "variant",
        "builder",
        "phase",
        "round",
        "node",
        "link",
        "transfer",
        "layer",
        "digest",
        "packed",
        "unpacked",
        "wire",
        "started_ns",
        "completed_ns",
    ];

    pub(super) fn to_record(&self) -> [String; 15] {
        let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        [
            self.case.scenario.clone(),
            self.case.variant.clone(),
            self.case.builder.to_string(),
            self.case.phase.to_string(),
            self.round.to_string(),
            self.node.clone(),
            self.link.clone(),
            self.transfer.clone(),
            number(self.layer.map(u64::from)),
            self.digest.clone(),
            self.packed.to_string(),
            number(self.unpacked),
            self.wire.to_string(),
            number(self.started_ns),
            number(self.completed_ns),
        ]
    }

    fn from_record(row: &table::Row<'_>, run: &Run) -> Result<Self> {
        let ((case, round), (started_ns, completed_ns)) = (row.of(run)?, row.span()?);
        // A transfer is known by its bytes, and made in the phases in which these are measured.
        let bytes = row.parse("transfer", |name| Metric::parse(&format!("{name}-bytes")))?;
        if !bytes.phases().contains(&case.phase) {
            let transfer = row.text("transfer")?;
            return Err(row.error("phase", &format!("{transfer} is not made in {}", case.phase)));
        }
        let (node, link) = (row.node(run)?, row.link()?);
        if node.is_empty() == bytes.is_of_a_node() {
            let said =
                if node.is_empty() { "a pull names what pulled" } else { "no node has a part in a push" };
            return Err(row.error("node", said));
        }
        let moved = Self {
            case,
            round,
            node,
            link,
            transfer: row.text("transfer")?.to_owned(),
            layer: row.optional("layer", |t| t.parse().ok().filter(|layer| *layer > 0))?,
            digest: row.parse("digest", |text| is_digest(text).then(|| text.to_owned()))?,
            packed: row.parse("packed", |t| t.parse().ok())?,
            unpacked: row.optional("unpacked", |t| t.parse().ok())?,
            wire: row.parse("wire", |t| t.parse().ok())?,
            started_ns,
            completed_ns,
        };
        if moved.wire > 0 && moved.completed_ns.is_none() {
            return Err(row.error("completed_ns", "what crossed the wire came to an end there"));
        }
        if moved.layer.is_none() && moved.unpacked.is_some() {
            return Err(row.error("unpacked", "the configuration holds no files"));
        }
        Ok(moved)
    }

    /// Reads the `transfers.csv` of a run. The second part is a warning when the last line had no line end and was dropped.
    pub fn read_all(path: &Path, run: &Run) -> Result<(Vec<Self>, Option<String>)> {
        let mut seen = BTreeSet::new();
        table::read(path, &Self::COLUMNS, |row| {
            let moved = Self::from_record(row, run)?;
            // A second row would move it twice.
            let Self { case, round, transfer, layer, .. } = &moved;
            if seen.insert((case.clone(), *round, transfer.clone(), *layer)) {
                return Ok(moved);
            }
            let what = layer.map_or_else(|| "the configuration".to_owned(), |layer| format!("layer {layer}"));
            Err(row
                .error(
                    "layer",
                    &format!("an earlier row has {what} in {transfer} of {case}, round {round}, already"),
                )
                .hint("remove the row that is one too many, or take the run from its source again"))
        })
    }
}

/// Whether text is an algorithm and hexadecimal digits.
fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, digits)| {
        !algorithm.is_empty()
            && digits.len() >= DIGEST_DIGITS
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}
