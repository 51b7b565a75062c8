//! A scenario whose image answers at a port.

use crate::lane::Lane;
use crate::tiny::Tiny;

/// The port that the image answers at, in its container.
pub const PORT: u16 = 8080;

/// Two variants of one image that answers every question with its edition.
pub fn web(lane: &Lane, name: &str) -> Tiny {
    let tiny = Tiny::new(lane, name);
    let scenario = format!(
        "title = \"An edition over HTTP\"\nlanguage = \"Shell\"\n\n\
         [[variants]]\nname = \"single\"\nbaseline = true\ndockerfile = \"single.Dockerfile\"\n\n\
         [[variants]]\nname = \"multi\"\ndockerfile = \"multi.Dockerfile\"\n\n\
         [probe.http]\nport = {PORT}\nbody = \"edition {{nonce}}\"\n\n\
         [edits.source]\nlines = [{{ file = \"edition\", line = \"edition {{nonce}}\" }}]\n"
    );
    tiny.write("scenario.toml", &scenario);
    // What every busybox has; the length is that of the edition with its line end.
    let serve = format!(
        "while true; do {{ printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 25\\r\\nConnection: close\\r\\n\\r\\n'; \
         cat /edition; }} | nc -l -p {PORT}; done"
    );
    tiny.write("app/serve", &serve);
    let (base, token) = (&lane.base, format!("{}-{}", tiny.name, lane.token));
    let build =
        format!("WORKDIR /{token}\nCOPY . .\nRUN : {token} && cp edition /edition && cp serve /serve\n");
    tiny.write("single.Dockerfile", &format!("FROM {base}\n{build}CMD [\"sh\", \"/serve\"]\n"));
    tiny.write(
        "multi.Dockerfile",
        &format!(
            "FROM {base} AS builder\n{build}FROM {base}\nCOPY --from=builder /edition /serve /\n\
             CMD [\"sh\", \"/serve\"]\n"
        ),
    );
    tiny
}
