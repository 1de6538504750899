//! A body collected up to a bound, then read as one JSON document.

use super::json::Object;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// Nothing of it was seen.
    Empty,
    /// It is longer than the limit.
    OverLimit,
    /// It ends in the middle.
    Incomplete,
    /// It is not a JSON object.
    NotJson,
}

/// Notes of calls with a body longer than is kept: the request's, the response's.
pub const OVER_LIMIT: [&str; 2] = ["request body over the limit", "response body over the limit"];

impl Unread {
    /// The note for a request's body.
    pub(super) fn request_note(self) -> &'static str {
        match self {
            Self::Empty => "request body is empty",
            Self::OverLimit => OVER_LIMIT[0],
            Self::Incomplete => "request body is incomplete",
            Self::NotJson => "request body is not JSON",
        }
    }

    /// The note for a response's body.
    pub(super) fn response_note(self) -> &'static str {
        match self {
            Self::Empty => "response body is empty",
            Self::OverLimit => OVER_LIMIT[1],
            Self::Incomplete => "response body is incomplete",
            Self::NotJson => "response body is not JSON",
        }
    }
}

/// The bytes of a body so far.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Vec<u8>,
    limit_bytes: usize,
    over: bool,
}

impl Body {
    /// An empty body that keeps at most so many bytes.
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self { bytes: Vec::new(), limit_bytes, over: false }
    }

    /// Appends a piece. Past the limit everything is let go, since a part would not be read anyway.
    pub(super) fn push(&mut self, piece: &[u8]) {
        if self.over || piece.len() > self.limit_bytes - self.bytes.len() {
            self.over = true;
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(piece);
        }
    }

    /// Reads the document and keeps what `extract` takes from it.
    pub(super) fn read<'a, T, U>(&'a self, extract: impl FnOnce(T) -> U) -> Result<U, Unread>
    where
        T: serde::Deserialize<'a>,
    {
        if self.over {
            return Err(Unread::OverLimit);
        }
        if self.bytes.is_empty() {
            return Err(Unread::Empty);
        }
        match serde_json::from_slice(&self.bytes) {
            Ok(Object(Some(document))) => Ok(extract(document)),
            Ok(Object(None)) => Err(Unread::NotJson),
            Err(error) if error.is_eof() => Err(Unread::Incomplete),
            Err(_) => Err(Unread::NotJson),
        }
    }
}
