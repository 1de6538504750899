//! One direction that carries requests.

use super::Error;
use super::collect::{Start, StartLine};
use super::framing::{self, Framing};
use super::head::{Headers, MAX_FIELDS, RequestHead};
use super::message::{Kind, Part, Reader};
use super::target::{parse_authority, parse_target};
use crate::stream::Segment;

/// The methods that begin a request: the IANA registry and a few in wide use.
/// Any word would not do: what is left of `POST` behind a lost byte is a word, too.
const METHODS: [&str; 43] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LIST",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
    "M-SEARCH",
];

/// Reads the requests of one direction.
#[derive(Debug)]
pub struct RequestParser(Reader);

impl Default for RequestParser {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestParser {
    /// A parser that passes over everything up to the first [`Segment::Turn`] that a request follows.
    #[must_use]
    pub fn new() -> Self {
        Self(Reader::lost())
    }

    /// Takes the next part from `input`; `None` when all of it is used and more is needed.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn read(&mut self, input: &mut Segment) -> Result<Option<Part<RequestHead>>, Error> {
        if *input == Segment::Turn {
            self.0.may_begin();
        }
        self.0.read(&Request, input)
    }

    /// No byte of the next request has come.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.is_idle()
    }

    /// Bytes passed over because they began no request.
    #[must_use]
    pub fn skipped_bytes(&self) -> u64 {
        self.0.skipped_bytes()
    }
}

struct Request;

impl StartLine for Request {
    /// A known method, a space, and a visible character.
    fn judge(bytes: &[u8]) -> Start {
        let mut parts = bytes.splitn(2, |byte| *byte == b' ');
        let method = parts.next().unwrap_or_default();
        match parts.next() {
            None if METHODS.iter().any(|known| known.as_bytes().starts_with(method)) => Start::Perhaps,
            Some(target) if METHODS.iter().any(|known| known.as_bytes() == method) => match target.first() {
                None => Start::Perhaps,
                Some(byte) if byte.is_ascii_graphic() => Start::Yes,
                Some(_) => Start::No,
            },
            _ => Start::No,
        }
    }

    fn check(line: &[u8]) -> Result<(), Error> {
        if line == b"PRI * HTTP/2.0" {
            return Err(Error::Http2);
        }
        if line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0") {
            return Ok(());
        }
        Err(Error::NotHttp)
    }
}

impl Kind for Request {
    type Head = RequestHead;

    fn parse(&self, head: &[u8]) -> Result<Option<(RequestHead, Framing)>, Error> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        let whole = parsed.parse(head).map_err(malformed)?.is_complete();
        let (true, Some(method), Some(target), Some(minor_version)) =
            (whole, parsed.method, parsed.path, parsed.version)
        else {
            return Err(Error::Malformed("invalid head"));
        };
        let framing = framing::request(parsed.headers, minor_version)?;
        let target = parse_target(method, target);
        let authority = target.authority.or_else(|| host_field(parsed.headers));
        let (host, port) = authority.and_then(parse_authority).unzip();
        let head = RequestHead {
            method: method.to_owned(),
            path: target.path.to_owned(),
            host,
            port: port.flatten(),
            minor_version,
            headers: Headers::select(parsed.headers),
        };
        Ok(Some((head, framing)))
    }
}

/// The value of `Host`; `None` when there are several that differ (RFC 9112, section 3.2).
fn host_field<'a>(fields: &[httparse::Header<'a>]) -> Option<&'a str> {
    let mut values = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("host"));
    let first = values.next()?.value;
    values.all(|other| other.value == first).then(|| std::str::from_utf8(first).ok()).flatten()
}

/// What httparse refuses, in a few fixed words.
pub(super) fn malformed(error: httparse::Error) -> Error {
    Error::Malformed(match error {
        httparse::Error::TooManyHeaders => "too many header fields",
        // Folded lines (RFC 9112, section 5.2) end up here, too: they begin with white space.
        httparse::Error::HeaderName => "invalid field name",
        httparse::Error::HeaderValue => "invalid field value",
        httparse::Error::NewLine
        | httparse::Error::Status
        | httparse::Error::Token
        | httparse::Error::Version => "invalid start line",
    })
}
