//! How long a message's body is (RFC 9112, section 6).

use super::Error;

/// What a head says about the body behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// This many bytes.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// All until the connection closes; responses only.
    UntilClose,
    /// The connection stops being HTTP/1 (a 101, or a CONNECT that succeeded).
    Tunnel,
}

/// The framing fields of one head.
struct Fields {
    length: Option<u64>,
    /// `Some` when `Transfer-Encoding` is there: whether its last coding is `chunked`.
    chunked: Option<bool>,
}

impl Fields {
    /// Refuses what two recipients may read differently.
    fn read(headers: &[httparse::Header<'_>], minor_version: u8) -> Result<Self, Error> {
        let mut fields = Self { length: None, chunked: None };
        for header in headers {
            if header.name.eq_ignore_ascii_case("content-length") {
                for value in header.value.split(|byte| *byte == b',') {
                    let length = parse_length(value)?;
                    if fields.length.replace(length).is_some_and(|other| other != length) {
                        return Err(Error::Malformed("conflicting content-length"));
                    }
                }
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                for coding in header.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    if fields.chunked == Some(true) {
                        return Err(Error::Malformed("a transfer coding after chunked"));
                    }
                    fields.chunked = Some(coding.eq_ignore_ascii_case(b"chunked"));
                }
            }
        }
        match (fields.length, fields.chunked) {
            (Some(_), Some(_)) => Err(Error::Malformed("content-length with transfer-encoding")),
            (None, Some(_)) if minor_version == 0 => Err(Error::Malformed("transfer-encoding in HTTP/1.0")),
            _ => Ok(fields),
        }
    }
}

fn parse_length(value: &[u8]) -> Result<u64, Error> {
    let digits = value.trim_ascii();
    let parsed = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    // `parse` takes a sign, the grammar does not.
    parsed.filter(|_| digits.iter().all(u8::is_ascii_digit)).ok_or(Error::Malformed("invalid content-length"))
}

/// Framing of a request.
pub(super) fn request(headers: &[httparse::Header<'_>], minor_version: u8) -> Result<Framing, Error> {
    let fields = Fields::read(headers, minor_version)?;
    match fields.chunked {
        Some(true) => Ok(Framing::Chunked),
        Some(false) => Err(Error::Malformed("request body of unknown length")),
        None => Ok(Framing::Length(fields.length.unwrap_or(0))),
    }
}

/// Framing of a response to `method`.
pub(super) fn response(
    headers: &[httparse::Header<'_>],
    minor_version: u8,
    status: u16,
    method: &str,
) -> Result<Framing, Error> {
    match (method, status) {
        (_, 101) | ("CONNECT", 200..=299) => return Ok(Framing::Tunnel),
        ("HEAD", _) | (_, 100..=199 | 204 | 304) => return Ok(Framing::Length(0)),
        _ => {}
    }
    let fields = Fields::read(headers, minor_version)?;
    Ok(match (fields.chunked, fields.length) {
        (Some(true), _) => Framing::Chunked,
        (None, Some(length)) => Framing::Length(length),
        (Some(false), _) | (None, None) => Framing::UntilClose,
    })
}
