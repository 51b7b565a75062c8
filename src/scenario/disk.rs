//! The shape of `scenario.toml`. Values that are checked later keep their place in the file.

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Scenario {
    pub title: String,
    pub language: String,
    pub pattern: Option<String>,
    pub context: Option<Spanned<String>>,
    #[serde(default)]
    pub notes: Vec<String>,
    #[serde(default)]
    pub secrets: Vec<Spanned<Secret>>,
    pub ssh: Option<Spanned<bool>>,
    pub variants: Vec<Spanned<Variant>>,
    pub probe: Spanned<Probe>,
    #[serde(default)]
    pub edits: Edits,
    #[serde(default)]
    pub claims: Vec<Claim>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Variant {
    pub name: Spanned<String>,
    #[serde(default)]
    pub baseline: bool,
    pub dockerfile: Spanned<String>,
    pub target: Option<Spanned<String>>,
    #[serde(default)]
    pub args: BTreeMap<String, String>,
    #[serde(default)]
    pub notes: Vec<String>,
    #[serde(default)]
    pub secrets: Vec<Spanned<Secret>>,
    pub ssh: Option<Spanned<bool>>,
    #[serde(default)]
    pub probe: Changes,
}

/// Something that a build may read and nobody may keep; it has one source.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Secret {
    pub id: Spanned<String>,
    pub env: Option<Spanned<String>>,
    pub file: Option<Spanned<String>>,
    pub file_env: Option<Spanned<String>>,
}

/// Where a variant's probe differs from the scenario's.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Changes {
    pub port: Option<Spanned<u16>>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    pub command: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Probe {
    pub http: Option<Spanned<Http>>,
    pub command: Option<Spanned<Command>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Http {
    pub port: Option<Spanned<u16>>,
    pub path: Option<Spanned<String>>,
    pub status: Option<Spanned<u16>>,
    pub body: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Command {
    #[serde(default)]
    pub run: Vec<String>,
    pub output: Spanned<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Edits {
    pub source: Option<Spanned<Edit>>,
    pub deps: Option<Spanned<Edit>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Edit {
    pub overlay: Option<Spanned<String>>,
    #[serde(default)]
    pub lines: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Line {
    pub file: Spanned<String>,
    pub line: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Claim {
    pub text: Spanned<String>,
    pub says: String,
}
