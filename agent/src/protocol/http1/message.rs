//! The two kinds of message: how they begin, and how their heads are parsed.

use super::Error;
use super::body::{self, Framing};
use super::head::{Headers, RequestHead, ResponseHead, parameters, parse_authority, parse_target};
use super::reader::{Kind, Part, Reader, Start, StartLine};
use crate::stream::Segment;

/// Most header fields of one message: more are not read.
const MAX_FIELDS: usize = 4096;

/// Room for the fields of a head, or of a trailer section.
fn room_for_fields<'a>(head: &[u8]) -> Result<Vec<httparse::Header<'a>>, Error> {
    let lines = memchr::memchr_iter(b'\n', head).count();
    if lines > MAX_FIELDS {
        return Err(Error::Malformed("too many header fields"));
    }
    Ok(vec![httparse::EMPTY_HEADER; lines])
}

/// What of a trailer section may be kept; nothing of one that cannot be read.
pub(super) fn parse_trailers(section: &[u8]) -> Headers {
    let Ok(mut fields) = room_for_fields(section) else { return Headers::default() };
    match httparse::parse_headers(section, &mut fields) {
        Ok(httparse::Status::Complete((_, fields))) => Headers::select(fields),
        Ok(httparse::Status::Partial) | Err(_) => Headers::default(),
    }
}

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

    /// A body in chunks is under way: its length is not known.
    #[must_use]
    pub fn is_in_chunks(&self) -> bool {
        self.0.is_in_chunks()
    }

    /// Of a body in chunks that is under way not all will be captured: it is over where what was captured together ends
    /// with its last chunk.
    pub fn leave_chunks(&mut self) {
        self.0.leave_chunks();
    }

    /// Bytes that are held of the head under way.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.0.held_bytes()
    }

    /// Forgets the head under way, if there is one: the next request is found at the next turn. A body under
    /// way is counted off as before.
    pub fn forget_head(&mut self) {
        if self.0.held_bytes() > 0 {
            self.0.lose();
        }
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
        let mut fields = room_for_fields(head)?;
        let mut parsed = httparse::Request::new(&mut fields);
        let whole = parsed.parse(head).map_err(malformed)?.is_complete();
        let (true, Some(method), Some(target), Some(minor_version)) =
            (whole, parsed.method, parsed.path, parsed.version)
        else {
            return Err(Error::Malformed("invalid head"));
        };
        let framing = body::of_request(parsed.headers, minor_version)?;
        let parameters = parameters(target);
        let target = parse_target(method, target);
        let authority = target.authority.or_else(|| host_field(parsed.headers));
        let (host, port) = authority.and_then(parse_authority).unzip();
        let head = RequestHead {
            method: method.to_owned(),
            path: target.path.to_owned(),
            parameters,
            host,
            port: port.flatten(),
            minor_version,
            headers: Headers::select(parsed.headers),
        };
        Ok(Some((head, framing)))
    }
}

/// Reads the responses of one direction.
#[derive(Debug)]
pub struct ResponseParser(Reader);

impl Default for ResponseParser {
    fn default() -> Self {
        Self::new()
    }
}

impl ResponseParser {
    /// A parser that expects a response at once.
    #[must_use]
    pub fn new() -> Self {
        Self(Reader::in_step())
    }

    /// Takes the next part from `input`; `None` when all of it is used and more is needed.
    /// `request_method` is the method that the response answers, since it decides about its body.
    /// Interim responses other than 101 are passed over.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn read(
        &mut self,
        input: &mut Segment,
        request_method: &str,
    ) -> Result<Option<Part<ResponseHead>>, Error> {
        self.0.read(&Response { request_method }, input)
    }

    /// See [`RequestParser::leave_chunks`].
    pub fn leave_chunks(&mut self) {
        self.0.leave_chunks();
    }

    /// Forgets the response under way: what is read next must begin one.
    pub fn restart(&mut self) {
        self.0 = Reader::in_step();
    }

    /// Bytes that are held of the head under way.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.0.held_bytes()
    }

    /// No byte of the next response has come.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.is_idle()
    }

    /// A close of the connection by the sender would end the response under way: it has no length.
    #[must_use]
    pub fn ends_at_close(&self) -> bool {
        self.0.ends_at_close()
    }
}

/// Whether a segment can begin with a response.
#[must_use]
pub fn starts_response(bytes: &[u8]) -> bool {
    Response::judge(bytes) != Start::No
}

/// Whether these bytes begin a request, as far as they go.
#[must_use]
pub fn starts_request(bytes: &[u8]) -> bool {
    Request::judge(bytes) != Start::No
}

struct Response<'a> {
    request_method: &'a str,
}

impl StartLine for Response<'_> {
    fn judge(bytes: &[u8]) -> Start {
        const PREFIX: &[u8] = b"HTTP/1.";
        match bytes.strip_prefix(PREFIX) {
            Some([b'0' | b'1', ..]) => Start::Yes,
            Some([]) => Start::Perhaps,
            Some(_) => Start::No,
            None if PREFIX.starts_with(bytes) => Start::Perhaps,
            None => Start::No,
        }
    }

    fn check(line: &[u8]) -> Result<(), Error> {
        match line.get(b"HTTP/1.1".len()..) {
            Some([b' ', a, b, c, rest @ ..])
                if [a, b, c].iter().all(|digit| digit.is_ascii_digit())
                    && matches!(rest.first(), None | Some(b' ')) =>
            {
                Ok(())
            }
            _ => Err(Error::NotHttp),
        }
    }
}

impl Kind for Response<'_> {
    type Head = ResponseHead;

    fn parse(&self, head: &[u8]) -> Result<Option<(ResponseHead, Framing)>, Error> {
        let mut fields = room_for_fields(head)?;
        let mut parsed = httparse::Response::new(&mut fields);
        // What clients read, though the rules say otherwise.
        let whole = httparse::ParserConfig::default()
            .allow_multiple_spaces_in_response_status_delimiters(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .parse_response(&mut parsed, head)
            .map_err(malformed)?
            .is_complete();
        let (true, Some(status @ 100..), Some(minor_version)) = (whole, parsed.code, parsed.version) else {
            return Err(Error::Malformed("invalid head"));
        };
        if matches!(status, 100 | 102..=199) {
            return Ok(None);
        }
        let framing = body::of_response(parsed.headers, status, self.request_method);
        let head = ResponseHead { status, minor_version, headers: Headers::select(parsed.headers) };
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
fn malformed(error: httparse::Error) -> Error {
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
