//! The build cache of an engine. Its list has changed shape twice (`Parent`, `Parents`; `BuildCache`,
//! `BuildCacheUsage`), so it is read here by all of them rather than by the newest alone.

use super::{ANSWER, CacheRecord, failed, within};
use crate::error::{Error, Result};
use bollard::Docker;
use bollard::query_parameters::PruneBuildOptions;
use http_body_util::{BodyExt, Empty};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// What an engine says when another count goes on, or when a record went away under it.
const PASSING: [&str; 3] = ["already running", "not found", "does not exist"];
/// How long to wait before the next try.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DiskUsage {
    build_cache: Option<Vec<Record>>,
    build_cache_usage: Option<Usage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Usage {
    items: Option<Vec<Record>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(rename = "ID")]
    id: String,
    parent: Option<String>,
    parents: Option<Vec<String>>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    size: i64,
    #[serde(default)]
    in_use: bool,
    created_at: Option<Timestamp>,
}

impl From<Record> for CacheRecord {
    fn from(record: Record) -> Self {
        let parents = record.parents.into_iter().flatten().chain(record.parent).filter(|p| !p.is_empty());
        Self {
            id: record.id,
            parents: parents.collect(),
            description: record.description,
            size: u64::try_from(record.size).unwrap_or(0),
            in_use: record.in_use,
            created: record.created_at.map_or(0, |at| u64::try_from(at.as_nanosecond()).unwrap_or(0)),
        }
    }
}

/// Every record, sorted by id.
pub(super) async fn records(socket: &Path) -> Result<Vec<CacheRecord>> {
    let doing = "listing the build cache";
    let body = within(doing, ANSWER, settled(socket))
        .await?
        .map_err(|cause| Error::surroundings(format!("the engine failed at {doing}")).because(cause))?;
    parse(&body)
}

/// The engine counts for one client at a time and refuses the others, and it stumbles over what is removed while it
/// counts: both pass.
async fn settled(socket: &Path) -> Result<Bytes, Failed> {
    loop {
        let (status, body) = get(socket, "/system/df?type=build-cache").await?;
        if status.is_success() {
            return Ok(body);
        }
        let said = String::from_utf8_lossy(&body);
        if !passes(&said) {
            return Err(format!("{status}: {}", said.trim()).into());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn parse(body: &[u8]) -> Result<Vec<CacheRecord>> {
    let usage: DiskUsage = serde_json::from_slice(body).map_err(|cause| {
        Error::surroundings("the engine's list of its build cache cannot be read").because(cause)
    })?;
    let items = usage.build_cache.or(usage.build_cache_usage.and_then(|u| u.items)).unwrap_or_default();
    let mut records: Vec<CacheRecord> = items.into_iter().map(CacheRecord::from).collect();
    records.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(records)
}

async fn get(socket: &Path, path: &str) -> Result<(StatusCode, Bytes), Failed> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request =
        hyper::Request::get(path).header(hyper::header::HOST, "docker").body(Empty::<Bytes>::new())?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, body))
    };
    tokio::pin!(answer);
    let connection = async {
        // An error of the connection reaches the answer as well.
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = &mut answer => answer,
        () = connection => Err("the connection ended".into()),
    }
}

/// Removes one record by id, if nothing stands on it.
pub(super) async fn prune(client: &Docker, id: &str) -> Result<()> {
    let doing = "removing a record of the build cache";
    let filters = HashMap::from([("id".to_owned(), vec![id.to_owned()])]);
    let options =
        PruneBuildOptions { all: Some(true), filters: Some(filters), ..PruneBuildOptions::default() };
    let pruning = async {
        loop {
            match client.prune_build(Some(options.clone())).await {
                Err(cause) if passes(&cause.to_string()) => tokio::time::sleep(PAUSE).await,
                other => return other,
            }
        }
    };
    within(doing, ANSWER, pruning).await?.map_err(|cause| failed(doing, cause))?;
    Ok(())
}

fn passes(said: &str) -> bool {
    PASSING.iter().any(|text| said.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shapes_of_the_list_are_read() {
        let old = br#"{"BuildCache":[{"ID":"b","Parent":"a","Type":"regular","Description":"d","Size":3,"InUse":true,
             "CreatedAt":"2026-11-26T10:39:01.501024126Z"},
            {"ID":"a","Parent":"","Description":"e","Size":-1}]}"#;
        let records = parse(old).unwrap();
        assert_eq!(
            records[0],
            CacheRecord { id: "a".into(), description: "e".into(), ..CacheRecord::default() }
        );
        assert_eq!(
            (records[1].parents.as_slice(), records[1].size, records[1].in_use, records[1].created),
            (&["a".to_owned()][..], 3, true, 1_795_689_541_501_024_126)
        );
        let new = br#"{"BuildCacheUsage":{"Items":[{"ID":"b","Parents":["a","c"]}]}}"#;
        assert_eq!(parse(new).unwrap()[0].parents, ["a", "c"]);
        assert_eq!(parse(br#"{"BuildCache":null}"#).unwrap(), []);
        let error = parse(b"<html>").unwrap_err();
        assert!(
            error.to_string().starts_with("the engine's list of its build cache cannot be read"),
            "{error}"
        );
    }
}
