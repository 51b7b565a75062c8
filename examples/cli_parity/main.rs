//! The same builds by dbench and by the docker CLI, in turn, each as a process of its own: scripts/cli-parity runs it.
//! Owns the order, the rows and the table; leaves to `cases` what is built and to `clients` how.

#![expect(clippy::print_stdout, reason = "an example has no other room that prints")]

mod cases;
mod clients;
#[path = "../../benches/sweep/mod.rs"]
mod sweep;

use cases::{CASES, Case, Contexts};
use clients::{Build, Client, Timed};
use dbench::engine::Engine;
use dbench::engine::docker::DockerEngine;
use dbench::engine::endpoint::Endpoint;
use dbench::error::{Error, Result, files};
use dbench::runner::{Lock, state_folder};
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use sweep::Sweep;

const USAGE: &str = "usage: cli_parity FILE.csv [PAIRS]";
const BASE: &str = "dbench/stand-in/alpine:3.21";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        [clients::BUILD, ref rest @ ..] => block_on(clients::build_once(rest)),
        [rows] => block_on(compare(Path::new(rows), 10)),
        [rows, pairs] => match pairs.parse() {
            Ok(pairs) if pairs > 0 => block_on(compare(Path::new(rows), pairs)),
            _ => Err(Error::input(format!("`{pairs}` is not a number of pairs")).hint(USAGE)),
        },
        _ => Err(Error::input("the file of rows is missing").hint(USAGE)),
    };
    match result {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln_error(&error);
            ExitCode::from(error.exit().code())
        }
    }
}

#[expect(clippy::print_stderr, reason = "an example has no other room that prints")]
fn eprintln_error(error: &Error) {
    eprintln!("cli-parity: error: {error}");
}

/// As the program itself does it.
fn block_on(work: impl Future<Output = Result<String>>) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|cause| Error::surroundings("cannot start the runtime").because(cause))?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

/// Times all cases in pairs, keeps every row, removes what it made, and gives the table.
async fn compare(rows: &Path, pairs: u32) -> Result<String> {
    let engine = DockerEngine::connect(&Endpoint::choose(None)?).await?;
    let about = engine.about().await?;
    let _lock = Lock::take(&state_folder()?, &about.id)?;
    if engine.image(BASE).await?.is_none() {
        return Err(Error::surroundings(format!("the image {BASE} is missing")).hint("`make setup` makes it"));
    }
    let token = format!("parity{}", std::process::id());
    let sweep = Sweep::begin(&engine, &token).await?;
    let contexts = Contexts::prepare(&token)?;
    let mut file = files::create(rows)?;
    let failed = |cause| Error::surroundings(format!("cannot write {}", rows.display())).because(cause);
    writeln!(file, "build,pair,place,client,ns,sent").map_err(failed)?;
    let mut timed = Vec::new();
    for pair in 1..=pairs {
        let mut images = Vec::new();
        let done = one_pair(&contexts, pair, &mut images, &mut |row| {
            writeln!(
                file,
                "\"{}\",{},{},{},{},{}",
                row.case, row.pair, row.place, row.client, row.ns, row.sent
            )
            .map_err(failed)?;
            timed.push(row);
            Ok(())
        });
        let swept = sweep.remove(&engine, &images).await;
        done.and(swept)?;
        contexts.forget(pair)?;
    }
    let client = clients::version()?;
    Ok(format!("{}\nEngine {}, docker CLI {client}, {pairs} pairs.\n", table(&timed), about.record.version))
}

/// All cases once by both clients; who goes first changes, so that neither has the warmer machine.
fn one_pair(
    contexts: &Contexts,
    pair: u32,
    images: &mut Vec<String>,
    keep: &mut dyn FnMut(Timed) -> Result<()>,
) -> Result<()> {
    for (at, case) in CASES.iter().enumerate() {
        let order = match (pair as usize + at) % 2 {
            0 => [Client::Docker, Client::Dbench],
            _ => [Client::Dbench, Client::Docker],
        };
        for (place, client) in order.into_iter().enumerate() {
            let build = contexts.ready(case, client, pair)?;
            settle()?;
            // An image may be there even if the build fails.
            images.push(build.tag.clone());
            let ran = clients::time(client, &build)?;
            proven(case, client, &build, &ran)?;
            keep(Timed { case: case.name, pair, place: place + 1, client, ns: ran.ns, sent: ran.sent })?;
        }
    }
    Ok(())
}

/// What the build before left to be written goes to the disk now, and not in the next one's time.
fn settle() -> Result<()> {
    let synced = Command::new("sync").status();
    synced.map(|_| ()).map_err(|cause| Error::surroundings("cannot run `sync`").because(cause))
}

/// A time counts only if the step ran or was cached as the case says, and what had to travel did.
fn proven(case: &Case, client: Client, build: &Build, ran: &clients::Ran) -> Result<()> {
    let sent = match case.sends {
        cases::Sends::All => ran.sent >= build.content / 100 * 95,
        cases::Sends::Part => ran.sent < build.content / 20,
    };
    if ran.cached == case.cached && sent {
        return Ok(());
    }
    Err(Error::surroundings(format!(
        "`{}` by {client} was not what it should be: cached {}, {} of {} bytes sent",
        case.name, ran.cached, ran.sent, build.content
    )))
}

/// The ratios of the pairs: below 1, dbench is faster.
fn table(timed: &[Timed]) -> String {
    let mut table = "| build | dbench / docker CLI, median | range |\n| --- | ---: | ---: |\n".to_owned();
    for case in &CASES {
        let of = |client, pair| {
            timed.iter().find(|row| row.case == case.name && row.client == client && row.pair == pair)
        };
        let pairs = timed.iter().filter(|row| row.case == case.name && row.client == Client::Dbench);
        let mut ratios: Vec<f64> = pairs
            .filter_map(|ours| of(Client::Docker, ours.pair).map(|theirs| ours.ns as f64 / theirs.ns as f64))
            .collect();
        ratios.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (ratios.first(), ratios.last()) else { continue };
        let middle = f64::midpoint(ratios[(ratios.len() - 1) / 2], ratios[ratios.len() / 2]);
        table.push_str(&format!("| {} | {middle:.2} | {least:.2} to {most:.2} |\n", case.name));
    }
    table
}
