//! Proves that an image works: starts it, asks the question of the scenario, and compares the whole answer.

use super::journal::{Entry, Journal};
use crate::engine::{ContainerSpec, Engine, Reach, Redactor, visitor_of};
use crate::error::Result;
use crate::results::RELAYED;
use crate::scenario::{Expect, Nonce, Probe};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait between two questions.
const PAUSE: Duration = Duration::from_millis(5);
/// How many characters of a line are shown.
const SHOWN: usize = 160;
/// What is said as long as no question was answered at all, and what may be the matter.
const NOTHING: &str = "nothing answered";
const LISTENS_ELSEWHERE: &str = " (does the program listen on 0.0.0.0, not on 127.0.0.1 alone, and at the port that scenario.toml names?)";
/// What is said at the end if no published port was ever open to this machine.
const NEVER_REACHED: &str = " (if ports of this engine cannot be reached from here, an image with socat helps: --base alpine/socat:latest=IMAGE)";

/// The image that is to be proven.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The image.
    pub image: &'a str,
    /// The name that the container gets.
    pub container: &'a str,
    /// Labels of the container.
    pub labels: &'a BTreeMap<String, String>,
    /// The question and the expected answer.
    pub probe: &'a Probe,
    /// The nonce that the answer must hold.
    pub nonce: &'a Nonce,
    /// How long the image has for its first right answer.
    pub deadline: Duration,
    /// Blots out secrets: an image may hold what its build was only to read.
    pub redactor: &'a Redactor,
}

/// Why an image does not count as working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What it did instead of giving the expected answer.
    pub what: String,
    /// What its container wrote; `None` if it did not start.
    pub log: Option<String>,
}

/// How an image started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// From the creation of its container to the first right answer.
    pub after: Duration,
    /// What the questions went over; empty for the machine's own loopback or veth.
    pub link: &'static str,
}

/// How the image started, or what it did instead. Its container is gone afterwards either way. A start in which it was
/// found out how containers are asked took longer by that, and is done once more.
pub async fn probe(
    engine: &impl Engine,
    journal: &mut Journal,
    subject: &Subject<'_>,
) -> Result<Result<Started, Wrong>> {
    let started = once(engine, journal, subject).await?;
    if engine.take_trial() && started.is_ok() {
        return once(engine, journal, subject).await;
    }
    Ok(started)
}

async fn once(
    engine: &impl Engine,
    journal: &mut Journal,
    subject: &Subject<'_>,
) -> Result<Result<Started, Wrong>> {
    let port = match &subject.probe.expect {
        Expect::Http { port, .. } => Some(*port),
        Expect::Output { .. } => None,
    };
    let visitor = visitor_of(subject.container);
    let visitable = port.is_some() && engine.reach() != Reach::Published;
    journal.write(&Entry::Container { name: subject.container.to_owned() })?;
    if visitable {
        journal.write(&Entry::Container { name: visitor.clone() })?;
    }
    let spec = ContainerSpec {
        name: subject.container,
        image: subject.image,
        env: &subject.probe.env,
        command: subject.probe.command.as_deref(),
        port,
        labels: subject.labels,
    };
    let clock = Instant::now();
    let verdict = match engine.start(&spec).await {
        Ok(()) => watch(engine, subject).await.map(|answer| answer.map(|()| clock.elapsed())),
        Err(error) => {
            let what = subject.redactor.text(&format!("the image does not start: {}", error.reason()));
            Ok(Err(Wrong { what, log: None }))
        }
    };
    if visitable {
        engine.remove_container(&visitor).await?;
    }
    engine.remove_container(subject.container).await?;
    let visited = port.is_some() && engine.reach() == Reach::Visited;
    let link = if visited { RELAYED } else { "" };
    verdict.map(|answer| answer.map(|after| Started { after, link }))
}

async fn watch(engine: &impl Engine, subject: &Subject<'_>) -> Result<Result<(), Wrong>> {
    match &subject.probe.expect {
        Expect::Http { port, path, status, body } => {
            let expected = subject.nonce.fill(body);
            ask_until(engine, subject, *port, path, *status, &expected).await
        }
        Expect::Output { text } => wait_for_output(engine, subject, &subject.nonce.fill(text)).await,
    }
}

async fn ask_until(
    engine: &impl Engine,
    subject: &Subject<'_>,
    port: u16,
    path: &str,
    status: u16,
    expected: &str,
) -> Result<Result<(), Wrong>> {
    let end = Instant::now() + subject.deadline;
    let mut last = NOTHING.to_owned();
    while Instant::now() < end {
        let left = end.saturating_duration_since(Instant::now());
        match engine.get(subject.container, port, path, left).await? {
            Some(answer) if answer.status == status && answer.body.trim() == expected.trim() => {
                return Ok(Ok(()));
            }
            // A service may say 503 or show a first page while it starts: only the deadline decides.
            Some(answer) => {
                last = format!(
                    "it answered {} with {}",
                    answer.status,
                    differs(&answer.body, expected, subject.redactor)
                )
            }
            None => {}
        }
        if let Some(code) = engine.exit_code(subject.container).await? {
            return failed(engine, subject, &format!("the container ended with exit code {code}")).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    if engine.reach() == Reach::Unknown {
        last.push_str(NEVER_REACHED);
    } else if last == NOTHING {
        last.push_str(LISTENS_ELSEWHERE);
    }
    let within = subject.deadline.as_secs();
    failed(
        engine,
        subject,
        &format!("no right answer from port {port}{path} within {within} s (--probe-deadline): {last}"),
    )
    .await
}

async fn wait_for_output(
    engine: &impl Engine,
    subject: &Subject<'_>,
    expected: &str,
) -> Result<Result<(), Wrong>> {
    let end = Instant::now() + subject.deadline;
    while Instant::now() < end {
        if let Some(code) = engine.exit_code(subject.container).await? {
            let (stdout, _) = engine.logs(subject.container).await?;
            return match code {
                0 if stdout.trim() == expected.trim() => Ok(Ok(())),
                0 => {
                    failed(
                        engine,
                        subject,
                        &format!("the command printed {}", differs(&stdout, expected, subject.redactor)),
                    )
                    .await
                }
                code => failed(engine, subject, &format!("the command ended with exit code {code}")).await,
            };
        }
        tokio::time::sleep(PAUSE).await;
    }
    failed(
        engine,
        subject,
        &format!("the command did not end within {} s (--probe-deadline)", subject.deadline.as_secs()),
    )
    .await
}

/// The first line that differs says more than two whole pages. Secrets go before the line is cut, as half of one would
/// not be found any more.
fn differs(got: &str, expected: &str, redactor: &Redactor) -> String {
    let (mut got, mut expected) = (got.trim().lines(), expected.trim().lines());
    loop {
        match (got.next(), expected.next()) {
            (None, None) => return "the expected text".to_owned(),
            (a, b) if a.map(str::trim_end) == b.map(str::trim_end) => {}
            (a, b) => {
                let shown = |line: Option<&str>| {
                    line.map_or_else(
                        || "nothing".to_owned(),
                        |l| format!("`{}`", redactor.text(l).chars().take(SHOWN).collect::<String>()),
                    )
                };
                return format!("{} where {} was expected", shown(a), shown(b));
            }
        }
    }
}

async fn failed(engine: &impl Engine, subject: &Subject<'_>, what: &str) -> Result<Result<(), Wrong>> {
    let (_, log) = engine.logs(subject.container).await?;
    let redacted = |text: &str| subject.redactor.text(text);
    Ok(Err(Wrong { what: redacted(what), log: Some(redacted(&log)) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_told() {
        let none = Redactor::default();
        assert_eq!(differs("a\nb\n", "a\nc", &none), "`b` where `c` was expected");
        assert_eq!(differs("a\n", "a\nc", &none), "nothing where `c` was expected");
        assert_eq!(differs("a \n", "a", &none), "the expected text");
    }

    #[test]
    fn a_secret_is_gone_from_a_line_before_it_is_cut() {
        let redactor = Redactor::new([&b"hunter2"[..]]).unwrap();
        let line = format!("{}hunter2", "x".repeat(SHOWN - 3));
        let said = differs(&line, "y", &redactor);
        assert_eq!(said, format!("`{}***` where `y` was expected", "x".repeat(SHOWN - 3)));
    }
}
