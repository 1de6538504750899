//! The audit: where it is kept, for how long, and which endpoints are approved.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::rule::Pattern;
use super::value::Expected;

/// What follows the store's path in the path of the key that seals it, where no other is named.
const KEY_ENDING: &str = ".key";

/// Where and for how long records of calls are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The store's file.
    pub store: PathBuf,
    /// Records that began longer ago are taken out.
    pub keep: Duration,
    /// The file is kept below about so many bytes.
    pub bytes: u64,
    /// The key that seals the store, where it is not beside it.
    pub key: Option<PathBuf>,
}

impl Audit {
    /// The file of the key that seals the store.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        self.key.clone().unwrap_or_else(|| Self::key_beside(&self.store))
    }

    /// Where a store's key is when nothing else is said.
    #[must_use]
    pub fn key_beside(store: &Path) -> PathBuf {
        let mut path = store.as_os_str().to_owned();
        path.push(KEY_ENDING);
        path.into()
    }
}

/// One endpoint of a list: a host's name or address, in which `*` stands for any characters, and maybe a port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Endpoint {
    text: String,
    host: Pattern,
    port: Option<u16>,
}

/// The endpoints that programs may use; nothing is said of any where the list is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints(Vec<Endpoint>);

impl Endpoints {
    /// Whether the list has this endpoint; `None` where there is no list.
    #[must_use]
    pub fn approve(&self, host: &str, port: Option<u16>) -> Option<bool> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let has = |one: &Endpoint| one.host.matches(&host) && (one.port.is_none() || one.port == port);
        (!self.0.is_empty()).then(|| self.0.iter().any(has))
    }
}

impl Expected for Endpoints {
    const LIST: bool = true;

    fn expected() -> String {
        "hosts such as api.openai.com, *.openai.azure.com or llm.internal:8080, as a list or separated by commas".to_owned()
    }
}

impl FromStr for Endpoints {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let endpoints = text.split(',').map(str::trim).filter(|endpoint| !endpoint.is_empty());
        endpoints.map(|text| endpoint(text).ok_or_else(Self::expected)).collect::<Result<_, _>>().map(Self)
    }
}

fn endpoint(text: &str) -> Option<Endpoint> {
    // An address of version 6 has brackets where a port follows, and colons of its own where none does.
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some(""))?)
        }
        None if text.matches(':').count() == 1 => text.split_once(':')?,
        None => (text, ""),
    };
    let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
    let is_host = !host.is_empty() && !host.contains(['/', ' ', '@']);
    let host = Pattern::new(&host.to_ascii_lowercase());
    is_host.then(|| Endpoint { text: text.to_owned(), host, port })
}

impl fmt::Display for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(|endpoint| endpoint.text.as_str()).collect();
        f.write_str(&texts.join(","))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_approved_by_name_and_port() {
        let list: Endpoints =
            "api.openai.com, *.Openai.azure.com,llm.internal:8080,[2001:db8::1]:443,::1".parse().unwrap();
        for (host, port, expected) in [
            ("api.openai.com", Some(443), true),
            ("API.openai.com.", None, true),
            ("api.openai.com.evil.example", Some(443), false),
            ("eu.openai.azure.com", Some(443), true),
            ("llm.internal", Some(8080), true),
            ("llm.internal", Some(8081), false),
            ("llm.internal", None, false),
            ("2001:db8::1", Some(443), true),
            ("2001:db8::1", Some(80), false),
            ("::1", Some(1), true),
            ("", None, false),
        ] {
            assert_eq!(list.approve(host, port), Some(expected), "{host} {port:?}");
        }
        assert_eq!(Endpoints::default().approve("api.openai.com", None), None);
        assert_eq!(list.to_string().parse(), Ok(list));
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for wrong in ["https://api.openai.com", "host:port", "host:70000", ":443", "[::1", "a b", "user@host"]
        {
            assert!(wrong.parse::<Endpoints>().unwrap_err().contains("hosts such as"), "{wrong}");
        }
    }
}
