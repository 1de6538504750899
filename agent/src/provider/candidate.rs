//! Recognition by the first bytes of a request's body, for gateways on paths that nobody knows.

use std::sync::LazyLock;

use super::endpoint::Endpoint;
use super::json::{Ending, Json, Reader, Shape};
use super::{BodyLimits, Interpreter, dialects};
use crate::exchange::{Frame, Payload};
use crate::protocol::http1::RequestHead;

/// Bytes of a body that are looked at before it is given up.
const LOOK_MAX_BYTES: usize = 8 * 1024;

/// Bytes of a text that tells dialects apart: roles and names of models.
pub(super) const SIGN_MAX_BYTES: usize = 128;

/// Requests by other methods than POST that have a body which tells what they are: others are no candidates, and cost
/// no look.
const OTHER_METHODS: [Endpoint; 6] = [
    Endpoint { method: "PUT", ..Endpoint::post("collections/{collection}/points") },
    Endpoint { method: "GET", ..Endpoint::post("_search") },
    Endpoint { method: "GET", ..Endpoint::post("_knn_search") },
    Endpoint { method: "PUT", ..Endpoint::post("v1/objects/{class}/{id}") },
    Endpoint { method: "PATCH", ..Endpoint::post("v1/objects/{class}/{id}") },
    Endpoint { method: "DELETE", ..Endpoint::post("v1/batch/objects") },
];

/// Where requests are lines of JSON that tell what they are.
const LINES: Endpoint = Endpoint::post("_msearch");

/// What dialects are told apart by.
static SIGNS: LazyLock<Shape> = LazyLock::new(|| {
    let common = [("model", SIGN_MAX_BYTES), ("messages[].role", SIGN_MAX_BYTES)];
    let signs = dialects().flat_map(|dialect| dialect.signs).copied();
    Shape::new(&common.into_iter().chain(signs).collect::<Vec<_>>())
});

/// Whether a body has messages, the first of which has a role: what every chat's dialect has in common.
pub(super) fn has_messages(body: &Json) -> bool {
    let first = body.get("messages").items().first();
    first.is_some_and(|message| message.get("role").text().is_some())
}

/// Whether a path is that of a chat whose messages have roles, too, but that is nobody's but one vendor's: Ollama's,
/// Cohere's. Apps with such a path of their own are no LLM's API.
pub(super) fn has_own_chat(path: &str) -> bool {
    ["api/chat", "v1/chat", "v2/chat"].iter().any(|known| Endpoint::post(known).captures(path).is_some())
}

/// Whether another request that begins like this one may be a candidate, though this one is none: it has no body as a
/// rule, and one tells. What begins like it must be looked at again.
pub(super) fn may_differ_by_body(request: &RequestHead) -> bool {
    request.method == "GET" && OTHER_METHODS.iter().any(|known| known.matches(request))
}

/// A request whose body will tell what it is. Looks at no more than [`LOOK_MAX_BYTES`] of it, and holds no more than the
/// frames in which these are.
pub struct Candidate {
    limits: BodyLimits,
    /// What came so far, for whom it may concern.
    frames: Vec<Frame>,
    bytes: Vec<u8>,
    /// It was looked at when there were so many bytes; the next look is at twice as many, so that the
    /// work stays linear in what is held.
    looked_at: usize,
}

/// What a candidate turned out to be.
pub enum Decision {
    /// Not known yet.
    Open,
    /// A dialect's; it has seen what came so far.
    Known(Box<dyn Interpreter>),
    /// None.
    Foreign,
}

/// What dialects are told apart by, of a body.
#[cfg(test)]
pub(super) fn signs(body: &[u8]) -> Json {
    Reader::read_begin(&SIGNS, body).root
}

impl Candidate {
    /// Whether a request can be one.
    pub(super) fn may_be(request: &RequestHead) -> bool {
        let json = |kind: &str| {
            let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            kind == "application/json" || kind.ends_with("+json")
        };
        let content_type = request.headers.get("content-type");
        if request.method == "POST" {
            return content_type.is_none_or(json) || LINES.matches(request);
        }
        content_type.is_some_and(json) && OTHER_METHODS.iter().any(|known| known.matches(request))
    }

    pub(super) fn new(limits: BodyLimits) -> Self {
        Self { limits, frames: Vec::new(), bytes: Vec::new(), looked_at: 0 }
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let frames = self.frames.iter().map(|frame| match &frame.payload {
            Payload::Document(bytes) | Payload::Line { bytes, .. } => bytes.len() + size_of::<Frame>(),
            _ => size_of::<Frame>(),
        });
        self.bytes.capacity() + frames.sum::<usize>()
    }

    /// A piece of the request's body.
    pub fn request(&mut self, request: &RequestHead, frame: &Frame) -> Decision {
        let (bytes, is_line) = match &frame.payload {
            Payload::Document(bytes) => (bytes, false),
            Payload::Line { bytes, .. } if LINES.matches(request) => (bytes, true),
            _ => return Decision::Foreign,
        };
        let room = LOOK_MAX_BYTES.saturating_sub(self.bytes.len());
        let looked = bytes.get(..room).unwrap_or(bytes);
        self.bytes.extend_from_slice(looked);
        self.frames.push(frame.clone());
        if is_line {
            // Each line by itself: one that is a dialect's is enough.
            let line = Reader::read_begin(&SIGNS, looked);
            let is_over = self.bytes.len() >= LOOK_MAX_BYTES;
            self.claimed(request, &line.root).unwrap_or(if is_over {
                Decision::Foreign
            } else {
                Decision::Open
            })
        } else if self.bytes.len() >= LOOK_MAX_BYTES || self.bytes.len() >= 2 * self.looked_at {
            self.look(request)
        } else {
            Decision::Open
        }
    }

    /// The request is over, as far as is known: what there is must do.
    pub fn last(&mut self, request: &RequestHead) -> Decision {
        match self.look(request) {
            Decision::Open => Decision::Foreign,
            decision => decision,
        }
    }

    fn look(&mut self, request: &RequestHead) -> Decision {
        self.looked_at = self.bytes.len();
        let document = Reader::read_begin(&SIGNS, &self.bytes);
        if let Some(known) = self.claimed(request, &document.root) {
            return known;
        }
        let may_go_on = matches!(document.ending, Ending::Cut | Ending::Empty);
        let object = document.root.is_object() || self.bytes.trim_ascii().is_empty();
        if may_go_on && object && self.bytes.len() < LOOK_MAX_BYTES {
            Decision::Open
        } else {
            Decision::Foreign
        }
    }

    /// Whose it is, as far as one dialect says so.
    fn claimed(&mut self, request: &RequestHead, body: &Json) -> Option<Decision> {
        let dialect = dialects().find(|dialect| (dialect.claims)(request, body))?;
        let mut interpreter = dialect.begin(None, request, self.limits);
        std::mem::take(&mut self.frames).iter().for_each(|frame| interpreter.request(frame));
        Some(Decision::Known(interpreter))
    }
}
