//! Message heads, reduced to what later stages may know: credentials never get past here.

use super::reduced::reduced;

/// The header fields that may leave the parser, by an allow-list; all others, and with them every
/// credential, are read for framing at most and never kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(&'static str, String)>);

impl Headers {
    /// The first value of a field on the allow-list; `name` in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// All values of a field on the allow-list, in order; `name` in lower case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Fields for tests of later stages.
    #[cfg(test)]
    pub(crate) fn of(fields: &[(&'static str, &str)]) -> Self {
        Self(fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn text_bytes(&self) -> usize {
        self.0.iter().map(|(_, value)| value.len()).sum()
    }

    /// Keeps what the allow-list names.
    pub(super) fn select(fields: &[httparse::Header<'_>]) -> Self {
        let keep = |field: &httparse::Header<'_>| {
            let name = allowed(field.name)?;
            let value = String::from_utf8_lossy(field.value);
            // A folded line's end counts as a space (RFC 9112, section 5.2).
            let lines: Vec<_> =
                value.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()).collect();
            Some((name, reduced(name, &lines.join(" "))?.into_owned()))
        };
        Self(fields.iter().filter_map(keep).collect())
    }
}

/// A request's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Method, in upper case as on the wire.
    pub method: String,
    /// The path alone: no scheme, authority, query or fragment, since those may hold credentials.
    /// Empty in a CONNECT, `*` in an OPTIONS of the whole server.
    pub path: String,
    /// Names of the query's parameters, by an allow-list. Their values may hold credentials and are not kept.
    pub parameters: Vec<&'static str>,
    /// Host name without port, in lower case: from an absolute-form target, else `Host`. An IPv6
    /// address has no brackets.
    pub host: Option<String>,
    /// Port named beside the host.
    pub port: Option<u16>,
    /// HTTP minor version: 0 or 1.
    pub minor_version: u8,
    /// Fields of the allow-list.
    pub headers: Headers,
}

impl RequestHead {
    /// Bytes of its texts.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let host = self.host.as_ref().map_or(0, String::len);
        self.method.len() + self.path.len() + host + self.headers.text_bytes()
    }
}

/// A response's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// Status code, 100 to 999.
    pub status: u16,
    /// HTTP minor version: 0 or 1.
    pub minor_version: u8,
    /// Fields of the allow-list.
    pub headers: Headers,
}

/// Hands the names of the fields by which vendors tell of their limits on to the macro `$then`, in lower case.
macro_rules! limit_fields {
    ($then:ident) => {
        $then! {
            "anthropic-ratelimit-input-tokens-limit",
            "anthropic-ratelimit-input-tokens-remaining",
            "anthropic-ratelimit-input-tokens-reset",
            "anthropic-ratelimit-output-tokens-limit",
            "anthropic-ratelimit-output-tokens-remaining",
            "anthropic-ratelimit-output-tokens-reset",
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-requests-remaining",
            "anthropic-ratelimit-requests-reset",
            "anthropic-ratelimit-tokens-limit",
            "anthropic-ratelimit-tokens-remaining",
            "anthropic-ratelimit-tokens-reset",
            "retry-after",
            "retry-after-ms",
            "x-ratelimit-limit",
            "x-ratelimit-limit-project-requests",
            "x-ratelimit-limit-project-tokens",
            "x-ratelimit-limit-requests",
            "x-ratelimit-limit-requests-day",
            "x-ratelimit-limit-tokens",
            "x-ratelimit-limit-tokens-minute",
            "x-ratelimit-remaining",
            "x-ratelimit-remaining-project-requests",
            "x-ratelimit-remaining-project-tokens",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-remaining-requests-day",
            "x-ratelimit-remaining-tokens",
            "x-ratelimit-remaining-tokens-minute",
            "x-ratelimit-reset",
            "x-ratelimit-reset-requests",
            "x-ratelimit-reset-requests-day",
            "x-ratelimit-reset-tokens",
            "x-ratelimit-reset-tokens-minute",
        }
    };
}
pub(crate) use limit_fields;

macro_rules! names {
    ($($field:literal,)+) => { &[$($field),+] };
}

const LIMITS: &[&str] = limit_fields!(names);

/// Further fields that carry no credential and no content, in lower case; some are reduced to what is none. Everything that is not named here
/// stays in the parser: a list of what is forbidden would miss the next vendor's key header.
const ALLOWED: &[&str] = &[
    "amz-sdk-invocation-id",
    "anthropic-version",
    "b3",
    "content-encoding",
    "content-type",
    "openai-model",
    "openai-processing-ms",
    "openai-version",
    "request-id",
    "server",
    "server-timing",
    "traceparent",
    "traceresponse",
    "tracestate",
    "transfer-encoding",
    "uber-trace-id",
    "x-amz-date",
    "x-amzn-bedrock-cache-read-input-token-count",
    "x-amzn-bedrock-cache-write-input-token-count",
    "x-amzn-bedrock-guardrailidentifier",
    "x-amzn-bedrock-input-token-count",
    "x-amzn-bedrock-output-token-count",
    "x-amzn-bedrock-service-tier",
    "x-amzn-errortype",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-b3-flags",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-compute-tokens",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-datadog-trace-id",
    "x-elastic-client-meta",
    "x-elastic-product",
    "x-gemini-service-tier",
    "x-generated-tokens",
    "x-litellm-call-id",
    "x-litellm-response-cost",
    "x-opensearch-version",
    "x-pinecone-api-version",
    "x-prompt-tokens",
    "x-request-id",
    "x-stainless-retry-count",
    "x-weaviate-client",
];

/// The allow-listed name that equals `name` in any case.
fn allowed(name: &str) -> Option<&'static str> {
    ALLOWED.iter().chain(LIMITS).copied().find(|known| known.eq_ignore_ascii_case(name))
}

/// Parameters of a query whose being there tells APIs apart.
const PARAMETERS: [&str; 4] = ["alt", "api-version", "database", "tenant"];

/// The parameters of the allow-list that a target has.
pub(super) fn parameters(target: &str) -> Vec<&'static str> {
    let target = target.split('#').next().unwrap_or_default();
    let Some((_, query)) = target.split_once('?') else { return Vec::new() };
    let has = |name: &&str| query.split('&').any(|pair| pair.split('=').next() == Some(*name));
    PARAMETERS.into_iter().filter(has).collect()
}

/// What of a request's target may be kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// The path without query and fragment; empty in a CONNECT.
    pub(super) path: &'a str,
    /// The authority, when the target names one.
    pub(super) authority: Option<&'a str>,
}

/// Splits a target of any of the four forms (RFC 9112, section 3.2).
pub(super) fn parse_target<'a>(method: &str, target: &'a str) -> Target<'a> {
    if method == "CONNECT" {
        return Target { path: "", authority: Some(target) };
    }
    if target.starts_with('/') {
        return Target { path: without_query(target), authority: None };
    }
    let Some((_scheme, rest)) = target.split_once("://") else {
        return Target { path: without_query(target), authority: None };
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = without_query(path);
    Target { path: if path.is_empty() { "/" } else { path }, authority: Some(authority) }
}

fn without_query(path: &str) -> &str {
    path.find(['?', '#']).and_then(|end| path.get(..end)).unwrap_or(path)
}

/// Host in lower case, an IPv6 address without its brackets, and port of an authority
/// (RFC 3986, section 3.2). User information is dropped; `None` when what is left is no host.
pub(super) fn parse_authority(authority: &str) -> Option<(String, Option<u16>)> {
    let authority = authority.rsplit_once('@').map_or(authority, |(_credentials, host)| host).trim();
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '%' | '-' | '_');
            if !host.contains(':') || !host.chars().all(known) {
                return None;
            }
            let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
            (host, port)
        }
        None => {
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            };
            let known = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
            if host.is_empty() || !host.chars().all(known) {
                return None;
            }
            (host, port)
        }
    };
    let port = match port {
        None | Some("") => None,
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => Some(digits.parse().ok()?),
        Some(_) => return None,
    };
    Some((host.to_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_query_known_names_are_kept() {
        for (target, expected) in [
            ("/p?api-version=2024-10-21&key=k", &["api-version"][..]),
            ("http://h/p?alt=sse&api-version", &["alt", "api-version"]),
            ("/p?my-api-version=1#?alt=sse", &[]),
            ("/p", &[]),
        ] {
            assert_eq!(parameters(target), expected, "{target}");
        }
    }

    #[test]
    fn targets_lose_their_secrets() {
        for (method, target, path, authority) in [
            ("GET", "/", "/", None),
            ("POST", "/v1/chat/completions?api_key=k#f", "/v1/chat/completions", None),
            ("POST", "/a#f?x", "/a", None),
            ("GET", "/redirect?to=http://x/", "/redirect", None),
            ("GET", "http://h:80/p?q", "/p", Some("h:80")),
            ("GET", "http://h?key=k", "/", Some("h")),
            ("GET", "https://u:p@h", "/", Some("u:p@h")),
            ("OPTIONS", "*", "*", None),
            ("CONNECT", "api.openai.com:443", "", Some("api.openai.com:443")),
        ] {
            assert_eq!(parse_target(method, target), Target { path, authority }, "{target}");
        }
    }

    #[test]
    fn authorities_are_split() {
        let some = |host: &str, port| Some((host.to_owned(), port));
        for (authority, expected) in [
            ("Example.COM", some("example.com", None)),
            ("localhost:11434", some("localhost", Some(11434))),
            ("user:password@h:1", some("h", Some(1))),
            ("[::1]:8080", some("::1", Some(8080))),
            ("[FE80::1%25eth0]", some("fe80::1%25eth0", None)),
            ("my_service:", some("my_service", None)),
            ("h:65536", None),
            ("h:+1", None),
            ("[::1", None),
            ("[::1]x", None),
            ("a:b:c", None),
            ("a b", None),
            ("h/../x", None),
            ("", None),
        ] {
            assert_eq!(parse_authority(authority), expected, "{authority:?}");
        }
    }
}
