//! Proxies of `config.json`, which become build args as the docker CLI passes them. Of the environment's own variables
//! the CLI takes none by itself, so none are taken here.

use super::ClientConfig;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The table for hosts that have none of their own.
const OTHERS: &str = "default";

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proxies {
    http_proxy: Option<String>,
    https_proxy: Option<String>,
    no_proxy: Option<String>,
    ftp_proxy: Option<String>,
    all_proxy: Option<String>,
}

impl ClientConfig {
    /// The build args for an engine at that address, in both spellings.
    pub(in super::super) fn proxies(&self, engine: &str) -> BTreeMap<String, String> {
        let table = self.disk.proxies.get(engine).or_else(|| self.disk.proxies.get(OTHERS));
        let table = table.cloned().unwrap_or_default();
        let named = [
            ("HTTP_PROXY", table.http_proxy),
            ("HTTPS_PROXY", table.https_proxy),
            ("NO_PROXY", table.no_proxy),
            ("FTP_PROXY", table.ftp_proxy),
            ("ALL_PROXY", table.all_proxy),
        ];
        let set =
            named.into_iter().filter_map(|(name, value)| Some((name, value.filter(|v| !v.is_empty())?)));
        set.flat_map(|(name, value)| [(name.to_owned(), value.clone()), (name.to_lowercase(), value)])
            .collect()
    }
}

/// What of a proxy's address must not be kept: the user with the password, and the password on its own.
pub(in super::super) fn hidden(value: &str) -> Vec<String> {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else { return Vec::new() };
    let password = user.split_once(':').map(|(_, password)| password);
    let mut hidden = vec![user.to_owned()];
    for password in password.into_iter().filter(|password| !password.is_empty()) {
        hidden.extend([password.to_owned(), decoded(password)]);
    }
    hidden
}

/// `%40` → `@`; what is no escape stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;

    #[test]
    fn proxies_of_the_engine_or_else_the_default_come_in_both_spellings() {
        let config = config(
            r#"{"proxies": {
                "default": {"httpProxy": "http://u:p%40ss@proxy:3128", "noProxy": "localhost", "ftpProxy": ""},
                "unix:///other.sock": {"httpsProxy": "https://other", "allProxy": "socks5://all"}
            }}"#,
        );
        let pairs = |engine: &str| {
            let proxies = config.proxies(engine).into_iter();
            proxies.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            pairs("unix:///var/run/docker.sock"),
            "HTTP_PROXY=http://u:p%40ss@proxy:3128 NO_PROXY=localhost http_proxy=http://u:p%40ss@proxy:3128 \
             no_proxy=localhost"
        );
        assert_eq!(
            pairs("unix:///other.sock"),
            "ALL_PROXY=socks5://all HTTPS_PROXY=https://other all_proxy=socks5://all https_proxy=https://other"
        );
        assert_eq!(ClientConfig::default().proxies("x"), BTreeMap::new());
    }

    #[test]
    fn users_and_passwords_of_proxies_are_hidden() {
        assert_eq!(hidden("http://u:p%40ss@proxy:3128/x@y"), ["u:p%40ss", "p%40ss", "p@ss"]);
        assert_eq!(hidden("user@proxy"), ["user"]);
        assert_eq!(hidden("http://proxy:3128/a@b"), Vec::<String>::new());
        assert_eq!(hidden("localhost,127.0.0.1"), Vec::<String>::new());
    }
}
