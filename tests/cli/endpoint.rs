//! Which engine the program takes, and what it refuses.

use crate::common::Folder;

#[test]
fn another_scheme_is_named_and_never_replaced_by_the_local_engine() {
    for (host, scheme) in
        [("npipe:////./pipe/docker_engine", "npipe"), ("fd://", "fd"), ("http://10.0.0.1", "http")]
    {
        for arguments in [&["run"][..], &["clean"]] {
            let ran = Folder::new().dbench(&[("DOCKER_HOST", host)], arguments).ends(1);
            assert_eq!(
                ran.err,
                format!(
                    "error: DOCKER_HOST has the scheme `{scheme}`, and dbench speaks only `unix`, `tcp` and `ssh`\n  hint: \
                     write it as unix:///path/of/docker.sock, tcp://HOST:PORT or ssh://USER@HOST, or unset DOCKER_HOST for \
                     the local engine\n"
                )
            );
        }
    }
}

#[test]
fn a_context_is_taken_for_the_engine_before_the_host_and_an_unknown_one_is_wrong_input() {
    let folder = Folder::new();
    // As the docker CLI names the folder of the context `far`.
    let id = "512eea46ceb3921dff4363c7069d89d4964d1d9fccaa0f411851a7aa60a5c868";
    folder.write(
        &format!("docker/contexts/meta/{id}/meta.json"),
        r#"{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///far.sock","SkipTLSVerify":false}}}"#,
    );
    let config = folder.path("docker").display().to_string();
    let environment = [("DOCKER_CONFIG", config.as_str()), ("DOCKER_HOST", "unix:///near.sock")];
    for arguments in [&["--context", "far", "clean"][..], &["run", "--context=far"]] {
        let ran = folder.dbench(&environment, arguments).ends(1);
        assert!(ran.err.starts_with("error: no Docker Engine answers at /far.sock\n"), "{}", ran.err);
    }
    let ran = folder.dbench(&environment, &["doctor", "--context=far"]).ends(1);
    assert!(
        ran.out.contains("/far.sock (docker context `far`, from --context; it beats DOCKER_HOST)"),
        "{}",
        ran.out
    );
    let ran = folder.dbench(&environment, &["clean"]).ends(1);
    assert!(ran.err.starts_with("error: no Docker Engine answers at /near.sock\n"), "{}", ran.err);
    for command in ["clean", "run"] {
        let ran = folder.dbench(&environment, &[command, "--context=fra"]).ends(2);
        assert_eq!(
            ran.err,
            "error: there is no docker context `fra`\n  hint: there are: default, far; `docker context ls` shows them\n"
        );
    }
}
