//! One direction that carries responses.

use super::Error;
use super::collect::{Start, StartLine};
use super::framing::{self, Framing};
use super::head::{Headers, MAX_FIELDS, ResponseHead};
use super::message::{Kind, Part, Reader};
use super::request::malformed;
use crate::stream::Segment;

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

    /// Forgets the response under way: what is read next must begin one.
    pub fn restart(&mut self) {
        self.0 = Reader::in_step();
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
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut fields);
        let whole = parsed.parse(head).map_err(malformed)?.is_complete();
        let (true, Some(status @ 100..), Some(minor_version)) = (whole, parsed.code, parsed.version) else {
            return Err(Error::Malformed("invalid head"));
        };
        if matches!(status, 100 | 102..=199) {
            return Ok(None);
        }
        let framing = framing::response(parsed.headers, minor_version, status, self.request_method)?;
        let head = ResponseHead { status, minor_version, headers: Headers::select(parsed.headers) };
        Ok(Some((head, framing)))
    }
}
