//! Request targets and authorities, without the parts that may hold credentials.

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
