//! Message heads, reduced to what later stages may know: credentials never get past here.

use super::fields::allowed;

/// Most header fields of one message; more make it malformed.
pub(super) const MAX_FIELDS: usize = 128;

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

    /// Keeps what the allow-list names.
    pub(super) fn select(fields: &[httparse::Header<'_>]) -> Self {
        let keep = |field: &httparse::Header<'_>| {
            let value = String::from_utf8_lossy(field.value).trim().to_owned();
            allowed(field.name).map(|name| (name, value))
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
