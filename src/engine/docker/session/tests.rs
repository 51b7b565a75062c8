//! Builds through a session on a real engine: `DBENCH_DOCKER=require` makes a missing engine fail, otherwise these
//! tests say that they were left out. They build from `scratch` and remove their images; of the build cache they leave
//! less than 2 MB to the engine's own collector, as nothing tells its records of folders from another build's.

use super::{ClientConfig, Offer, Session, connect};
use crate::error::files;
use bollard::Docker;
use bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion, RemoveImageOptionsBuilder};
use futures_util::StreamExt;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const SOCKET: &str = "/var/run/docker.sock";

/// An engine to build with, or `None` when the test is left out.
fn engine() -> Option<Docker> {
    let wish = std::env::var("DBENCH_DOCKER").unwrap_or_default();
    let answers = std::os::unix::net::UnixStream::connect(SOCKET).is_ok();
    if wish == "off" || (wish != "require" && !answers) {
        eprintln!("left out: needs a Docker Engine at {SOCKET}");
        return None;
    }
    // The builder's version is patched in, or bollard would open a session of its own.
    Some(Docker::connect_with_unix(SOCKET, 120, bollard::API_DEFAULT_VERSION).unwrap().with_request_modifier(
        |mut request| {
            *request.uri_mut() = request.uri().to_string().replace("version=1", "version=2").parse().unwrap();
            request
        },
    ))
}

/// A tag of this process, so that parallel runs do not meet.
fn tag(test: &str) -> String {
    format!("dbench-session-test/{test}:{}", std::process::id())
}

/// Two folders and nothing else.
fn folders<'a>(context: &'a Path, dockerfile_dir: &'a Path) -> Offer<'a> {
    static NOTHING: LazyLock<Arc<ClientConfig>> = LazyLock::new(Arc::default);
    Offer { context, dockerfile_dir, secrets: &[], agent: None, config: &NOTHING }
}

/// Builds `<dockerfiles>/Dockerfile` over `context`; the bytes sent, or what went wrong.
async fn build(docker: &Docker, context: &Path, dockerfiles: &Path, tag: &str) -> Result<u64, String> {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let id = format!("dbench-test-{}-{count}", std::process::id());
    let key = context.display().to_string();
    let session = Session::open(Path::new(SOCKET), &id, &key, &folders(context, dockerfiles)).await.unwrap();
    let options = BuildImageOptionsBuilder::default()
        .version(BuilderVersion::BuilderV1)
        .session(&id)
        .remote("client-session")
        .t(tag)
        .build();
    let mut events = docker.build_image(options, None, Some(bollard::body_full(Default::default())));
    let mut failure = None;
    while let Some(event) = events.next().await {
        if let Err(cause) = event
            && !cause.to_string().contains("bytes remaining on stream")
        {
            failure = Some(format!("{cause:?} / ours: {:?}", session.error()));
        }
    }
    failure.map_or_else(|| Ok(session.sent()), Err)
}

async fn remove(docker: &Docker, tag: &str) {
    let options = RemoveImageOptionsBuilder::default().force(true).build();
    docker.remove_image(tag, Some(options), None).await.unwrap();
}

/// A context in a folder of its own: its path is the session's key, so an engine has none of it from another run.
fn context() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    files::create_dir_all(&folder.path().join("app/kept")).unwrap();
    files::create_dir_all(&folder.path().join("df")).unwrap();
    for at in 0..300 {
        files::write(&folder.path().join(format!("app/file-{at:03}")), format!("{:0>1000}", at)).unwrap();
    }
    files::write(&folder.path().join("app/kept/one"), "1").unwrap();
    files::write(&folder.path().join("app/secret"), vec![b's'; 50_000]).unwrap();
    files::write(&folder.path().join("df/Dockerfile"), "FROM scratch\nCOPY . /\n").unwrap();
    folder
}

/// The Dockerfile and its ignore file travel as well.
const SLACK: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn only_changed_files_travel_and_ignored_ones_never() {
    let Some(docker) = engine() else { return };
    let folder = context();
    let (app, df, tag) = (folder.path().join("app"), folder.path().join("df"), tag("incremental"));
    files::write(&df.join("Dockerfile.dockerignore"), "secret\nkept\n!kept/one\n").unwrap();

    let sent = build(&docker, &app, &df, &tag).await.unwrap();
    assert!((300_001..300_001 + SLACK).contains(&sent), "the first build sent {sent} bytes");

    let sent = build(&docker, &app, &df, &tag).await.unwrap();
    assert!(sent < SLACK, "an unchanged context sent {sent} bytes");

    // The next image takes the name, and this one would be left without.
    remove(&docker, &tag).await;
    files::write(&app.join("file-007"), "edited").unwrap();
    let sent = build(&docker, &app, &df, &tag).await.unwrap();
    assert!((6..6 + SLACK).contains(&sent), "one changed file sent {sent} bytes");
    remove(&docker, &tag).await;
}

/// Each file is asked for in a small message of its own, which an HTTP/2 connection only bears if they are read at once.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_small_files_travel() {
    let Some(docker) = engine() else { return };
    let folder = context();
    let (app, df, tag) = (folder.path().join("app"), folder.path().join("df"), tag("many"));
    for at in 0..20_000 {
        files::write(&app.join(format!("kept/{at}")), format!("{at:05}")).unwrap();
    }
    let sent = build(&docker, &app, &df, &tag).await.unwrap();
    remove(&docker, &tag).await;
    let content = 300_000 + 50_000 + 1 + 100_000;
    assert!((content..content + SLACK).contains(&sent), "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_session_closes_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let accept = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
        stream
    };
    let offer = folders(folder.path(), folder.path());
    let (mut stream, session) = tokio::join!(accept, Session::open(&socket, "id", "key", &offer));
    let session = session.unwrap();
    assert_eq!((session.sent(), session.error()), (0, None));
    drop(session);
    let mut rest = Vec::new();
    let end = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest);
    // A reset says the same as an end.
    let _ = tokio::time::timeout(Duration::from_secs(30), end).await.expect("the connection must end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_on_this_side_fails_the_build_and_is_kept() {
    let Some(docker) = engine() else { return };
    let folder = context();
    let missing = folder.path().join("gone");
    let wait = Duration::from_secs(60);
    let said =
        tokio::time::timeout(wait, build(&docker, &missing, &folder.path().join("df"), &tag("failure")))
            .await
            .expect("the build must end")
            .unwrap_err();
    assert!(said.contains("cannot list the folder") && said.contains("gone"), "{said}");
}

#[tokio::test]
async fn an_engine_that_refuses_or_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let offer = folders(folder.path(), folder.path());
    let open = || Session::open(&socket, "id", "key", &offer);

    let said = open().await.unwrap_err().to_string();
    assert!(said.starts_with(&format!("cannot connect to the engine at {}", socket.display())), "{said}");

    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let refuse = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let count = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await.unwrap();
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
        String::from_utf8(request[..count].to_vec()).unwrap()
    };
    let (request, session) = tokio::join!(refuse, open());
    assert!(request.starts_with("POST /session HTTP/1.1\r\n") && request.ends_with("\r\n\r\n"), "{request}");
    let said = session.unwrap_err().to_string();
    assert!(said.contains("refused a build session: HTTP/1.1 404 Not Found"), "{said}");
}

#[tokio::test]
async fn a_silent_engine_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let _listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let offer = folders(folder.path(), folder.path());
    let said =
        connect(&socket, "id", "key", &offer, Duration::from_millis(50)).await.unwrap_err().to_string();
    assert!(said.contains("did not accept a build session"), "{said}");
}
