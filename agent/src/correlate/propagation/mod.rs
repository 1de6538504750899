//! Trace context in headers: which trace and span a request belongs to, in each format that is in use.
//!
//! Of several valid contexts the first counts, in the order of [`Format`]. What is invalid counts for nothing, not even
//! in part, and the next format has its say. A field that is there more than once with different values is invalid: which
//! one the callee heeds is not known.

mod b3;
mod datadog;
mod jaeger;
mod response;
#[cfg(test)]
mod tests;
mod tracestate;
mod w3c;
mod whole;
mod xray;

use std::borrow::Cow;

use super::attributes::{CONTEXT_FORMAT, LINK_METHOD};
use super::span::{Link, Span, SpanId, TraceId};
use crate::protocol::http1::{Headers, ResponseHead};

pub use response::read_response;
pub(super) use whole::WholeIds;

/// Bit 0 of the flags: the caller records this trace.
pub const SAMPLED: u8 = 0x01;
/// Bit 1 of the flags: the right-most seven bytes of the trace id are random.
pub const RANDOM: u8 = 0x02;

/// In which words a context was written, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `traceparent` and `tracestate` (W3C Trace Context, Level 2).
    W3c,
    /// `b3` (Zipkin).
    B3,
    /// `X-B3-TraceId` and the others beside it (Zipkin).
    B3Multi,
    /// `uber-trace-id` (Jaeger).
    Jaeger,
    /// `X-Amzn-Trace-Id` (AWS X-Ray).
    Xray,
    /// `x-datadog-trace-id` and the others beside it.
    Datadog,
}

impl Format {
    /// Its name in `spanwire.context.format`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::W3c => "w3c",
            Self::B3 => "b3",
            Self::B3Multi => "b3multi",
            Self::Jaeger => "jaeger",
            Self::Xray => "xray",
            Self::Datadog => "datadog",
        }
    }
}

/// The place in a trace that a header states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace; a shorter id is padded with zeros at its left.
    pub trace_id: TraceId,
    /// The sender's span.
    pub span_id: SpanId,
    /// [`SAMPLED`] and [`RANDOM`]. Where the sender leaves the decision to others, sampled: every context is recorded,
    /// whatever it says here.
    pub flags: u8,
    /// `tracestate`, at most 512 bytes; empty without, and with every other format.
    pub trace_state: String,
    /// How it was written.
    pub format: Format,
}

impl Context {
    /// None with an id of zero, which every format forbids.
    fn new(trace_id: u128, span_id: u64, is_sampled: bool, format: Format) -> Option<Self> {
        (trace_id != 0 && span_id != 0).then(|| Self {
            trace_id: TraceId(trace_id.to_be_bytes()),
            span_id: SpanId(span_id.to_be_bytes()),
            flags: if is_sampled { SAMPLED } else { 0 },
            trace_state: String::new(),
            format,
        })
    }

    /// A link to the span it names; `method` says how that one came to be known.
    pub(super) fn link(self, method: &'static str) -> Link {
        Link {
            trace_id: self.trace_id,
            span_id: self.span_id,
            trace_state: self.trace_state,
            attributes: vec![(Cow::Borrowed(LINK_METHOD), method.into())],
        }
    }

    /// Whether its sender records it.
    pub(super) fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    fn is_of_trace(&self, other: &Self) -> bool {
        is_same_trace(self.trace_id, other.trace_id)
    }
}

/// What a request's headers say of its place in a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Propagated {
    /// The one that counts.
    pub context: Option<Context>,
    /// Valid ones of other traces than its; at most one of each format.
    pub others: Vec<Context>,
    /// What was invalid.
    pub notes: Vec<&'static str>,
}

/// Reads the fields of one format: none, invalid ones with a note, or a context.
type Reader = fn(&Headers) -> Result<Option<Context>, &'static str>;

/// In order of precedence.
const READERS: [Reader; 6] =
    [w3c::read, b3::read_single, b3::read_multi, jaeger::read, xray::read, datadog::read];

/// Reads all that a request's headers say.
#[must_use]
pub fn read(headers: &Headers) -> Propagated {
    let mut read = Propagated::default();
    for reader in READERS {
        match (reader(headers), &mut read.context) {
            (Ok(None), _) => {}
            (Err(note), _) => read.notes.push(note),
            (Ok(Some(first)), context @ None) => *context = Some(first),
            (Ok(Some(next)), Some(context)) => {
                if !context.is_of_trace(&next) {
                    if !read.others.iter().any(|known| known.is_of_trace(&next)) {
                        read.others.push(next);
                    }
                } else if halves(context.trace_id).0 == 0 {
                    // Some formats have but the right half of the trace's id.
                    context.trace_id = next.trace_id;
                }
            }
        }
    }
    if let Some(context) = read.context.as_mut().filter(|context| context.format == Format::W3c) {
        match tracestate::parse(headers.values("tracestate")) {
            Some(state) => context.trace_state = state,
            None => read.notes.push("tracestate is invalid"),
        }
    }
    read
}

/// Says on a span how its context was written, if not in W3C's words, and links it to what else its headers name: spans
/// of other traces, and the callee's own where that began a trace of its own.
pub(super) fn put_on(span: &mut Span, propagated: &Propagated, response: Option<&ResponseHead>) {
    let format = propagated.context.as_ref().map(|context| context.format);
    if let Some(format) = format.filter(|format| *format != Format::W3c) {
        span.attributes.push((Cow::Borrowed(CONTEXT_FORMAT), format.name().into()));
    }
    let callee = response.and_then(|response| read_response(&response.headers));
    let callee = callee.filter(|callee| !is_same_trace(callee.trace_id, span.trace_id));
    let others = propagated.others.iter().cloned().map(|other| other.link("header"));
    span.links.extend(others.chain(callee.map(|callee| callee.link("response"))));
}

/// Whether two ids are those of one trace: formats with 64 bits keep the right half of a longer id.
#[must_use]
pub fn is_same_trace(one: TraceId, other: TraceId) -> bool {
    let ((high, low), (other_high, other_low)) = (halves(one), halves(other));
    low == other_low && (high == other_high || high == 0 || other_high == 0)
}

/// The left and the right half of a trace's id.
fn halves(id: TraceId) -> (u64, u64) {
    let id = u128::from_be_bytes(id.0);
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
    (half(id >> 64), half(id))
}

/// The value of a field that may be there once; `several` where it is there more often and does not say the same each time.
fn only<'a>(
    headers: &'a Headers,
    name: &'a str,
    several: &'static str,
) -> Result<Option<&'a str>, &'static str> {
    let mut values = headers.values(name);
    let first = values.next();
    if values.all(|other| Some(other) == first) { Ok(first) } else { Err(several) }
}

/// A number in hexadecimal digits of either case, at most `most` of them.
fn hexadecimal(digits: &str, most: usize) -> Option<u128> {
    let fits = digits.len() <= most && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u128::from_str_radix(digits, 16).ok().filter(|_| fits)
}

/// A span's id: the number in `digits` that are at most 16.
fn hexadecimal_span(digits: &str) -> Option<u64> {
    hexadecimal(digits, 16)?.try_into().ok()
}
