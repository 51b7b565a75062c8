//! Scenarios that build in a moment.

use crate::lane::Lane;
use std::fs;
use std::path::PathBuf;

/// What the probed file holds before any edit, with its line end.
pub const UNEDITED: &str = "edition 0000000000000000\n";
/// What the other file of the context holds.
pub const MANIFEST: &str = "# edition 0000000000000000\n";
/// Bytes that only `single` has.
pub const BALLAST: u64 = 300_001;

const SCENARIO: &str = include_str!("../common/file.toml");

/// A scenario in the lane's `scenarios` folder.
pub struct Tiny {
    pub name: String,
    pub dir: PathBuf,
}

impl Tiny {
    /// Two variants that build and answer in all four phases. Its name is `name` and the test's token.
    pub fn new(lane: &Lane, name: &str) -> Self {
        Self::called(lane, &format!("{name}-{}", lane.token))
    }

    /// The same under a name without the test's token, which stands in the commands alone.
    pub fn called(lane: &Lane, name: &str) -> Self {
        let dir = lane.path("scenarios").join(name);
        fs::create_dir_all(dir.join("app")).unwrap();
        let tiny = Self { name: name.to_owned(), dir };
        tiny.write("scenario.toml", SCENARIO);
        tiny.write("app/edition", UNEDITED);
        tiny.write("app/manifest", MANIFEST);
        // Engines give the equal steps of two builds to one of them: a folder of its own makes all steps the scenario's.
        let (base, token) = (&lane.base, format!("{name}-{}", lane.token));
        tiny.write(
            "single.Dockerfile",
            &format!(
                "FROM {base}\nWORKDIR /{token}\nCOPY manifest ./\n\
                 RUN echo {token}-single && head -c {BALLAST} /dev/zero > /ballast\n\
                 COPY . .\nRUN echo {token}-single && cat edition > /edition\n"
            ),
        );
        tiny.write(
            "multi.Dockerfile",
            &format!(
                "FROM {base} AS builder\nWORKDIR /{token}\nCOPY manifest ./\n\
                 RUN --mount=type=cache,target=/cache echo {token}-multi && date > /cache/date\n\
                 COPY . .\nRUN echo {token}-multi && cat edition > /edition\n\
                 FROM {base}\nCOPY --from=builder /edition /edition\n"
            ),
        );
        tiny
    }

    /// Lets `multi` do without what only BuildKit can do.
    pub fn without_mounts(self, lane: &Lane) -> Self {
        let (base, token) = (&lane.base, format!("{}-{}", self.name, lane.token));
        let builder = format!(
            "FROM {base} AS builder\nWORKDIR /{token}\nCOPY manifest ./\nRUN echo {token}-multi > /tools\n\
             COPY . .\nRUN echo {token}-multi && cat edition > /edition\n"
        );
        self.write(
            "multi.Dockerfile",
            &format!("{builder}FROM {base}\nCOPY --from=builder /edition /edition\n"),
        );
        self
    }

    /// Lets `multi` stand on nothing, with what answers the probe and, above it, what it answers.
    pub fn on_scratch(self, lane: &Lane) -> Self {
        self.of_two_layers(lane, ["/out /", "/edition /edition"])
    }

    /// The same with the answer below, so that an edit leaves the layer above it as it is.
    pub fn with_a_layer_above(self, lane: &Lane) -> Self {
        self.of_two_layers(lane, ["/edition /edition", "/out /"])
    }

    fn of_two_layers(self, lane: &Lane, [lower, upper]: [&str; 2]) -> Self {
        let token = format!("{}-{}", self.name, lane.token);
        let dockerfile = format!(
            "FROM {} AS builder\nWORKDIR /{token}\nCOPY manifest ./\n\
             RUN mkdir -p /out/bin && cp /bin/busybox /out/bin/cat && cp -a /lib /out && \
             if [ -d /lib64 ]; then cp -a /lib64 /out; fi\n\
             COPY . .\nRUN echo {token}-multi && cat edition > /edition\n\
             FROM scratch\nCOPY --from=builder {lower}\nCOPY --from=builder {upper}\n",
            lane.base
        );
        self.write("multi.Dockerfile", &dockerfile);
        self
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.dir.join(file), text).unwrap();
    }
}
