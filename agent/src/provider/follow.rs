//! What all APIs have in common that speak JSON over HTTP: a request that is one document, and a response
//! that is one, too, or comes as events or lines that are one each. A dialect says which members it wants
//! and what they mean.

use super::content::Convert;
use super::form::Form;
use super::json::{Document, Ending, Json, Reader, Shape};
use super::recorder::Recorder;
use super::{BodyLimits, Interpreter};
use crate::call::{Call, Usage};
use crate::exchange::{Exchange, Frame, Outcome, Payload};
use crate::protocol::eventstream::{Kind, Message};
use body::{Body, Reading};
use documents::{Documents, Found};
use ending::note_for;

mod body;
mod documents;
mod ending;

/// Notes of calls with a body of which not all was read: the request's, the response's.
pub const OVER_LIMIT: [&str; 2] = ["request body over the limit", "response body over the limit"];

/// `error.type` of an error that names neither a code nor a type.
pub(super) const UNNAMED_ERROR: &str = "_OTHER";

/// Status of an answer that has no body.
const NO_CONTENT: u16 = 204;

/// Bytes of a code, a reason, an id: anything longer is a message in the wrong place.
pub(super) const WORD: usize = 128;
/// Bytes of a name of a model or a deployment.
pub(super) const NAME: usize = 256;

/// One exchange of a dialect, as its members come.
pub(super) trait JsonApi: Send + 'static {
    /// Its answers say how much was used.
    const COUNTS: bool = true;
    /// An answer that is no JSON is no surprise: sound, a text.
    const ANSWERS_ALL_KINDS: bool = false;
    /// Takes over what its bodies say, where that is wanted.
    const CONTENT: Option<Convert> = None;

    /// What is wanted of the request.
    fn request_shape(&self) -> &'static Shape;
    /// What is wanted of the response, or of each event of a streamed one.
    fn response_shape(&self) -> &'static Shape;
    /// Takes over what the request said; asked once.
    fn request(&mut self, document: &Json, call: &mut Call);
    /// Takes over what the response said, or one event of it by this name; lines have none.
    fn response(&mut self, event: &str, document: &Json, call: &mut Call);
    /// Whether an event that is no document says that the stream is over.
    fn is_end(&self, _data: &[u8]) -> bool {
        false
    }
    /// Whether a response that is a list is a stream, its elements the events.
    fn streams_lists(&self) -> bool {
        false
    }
    /// The event that a message of an AWS event stream wraps; `None` where the message is the event itself.
    fn unwrap(&mut self, _message: &[u8]) -> Option<Vec<u8>> {
        None
    }
    /// Whether a document that is no object, but a list, a number or the like, is one that the API may say.
    fn is_document(&self, document: &Json) -> bool {
        document.is_object()
    }
    /// Takes over one line of a request that is lines of JSON, read by the request's shape.
    fn request_line(&mut self, _document: &Json, _call: &mut Call) {}
    /// Whether what came bears out that it is the dialect's: where its path alone does not tell.
    fn is_one(&self, _end: &End<'_>, _call: &Call) -> bool {
        true
    }
    /// The exchange is over.
    fn finish(self, end: &End<'_>, call: &mut Call);
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End<'a> {
    /// What is known of it beside the bodies.
    pub(super) exchange: &'a Exchange,
    /// A stream ended, for the program too, before it had said that it was over.
    pub(super) cut: bool,
    /// A whole document came as response.
    pub(super) answered: bool,
}

/// An exchange of a dialect being followed.
pub(super) struct Follow<A> {
    api: A,
    call: Call,
    request: Body,
    response: Documents,
    /// Where what is said is to be kept.
    recorder: Option<Box<Recorder>>,
    /// Reads the events of a stream, one after the other.
    events: Reader,
    /// When the last event of a stream came.
    last_event_ns: Option<u64>,
    /// A whole document came as response.
    answered: bool,
    /// The request is lines.
    asks_by_lines: bool,
}

impl<A: JsonApi> Follow<A> {
    pub(super) fn begin(api: A, call: Call, limits: BodyLimits) -> Box<dyn Interpreter> {
        let request = Body::new(api.request_shape(), limits.request_bytes);
        Box::new(Self::begin_with(api, call, limits, request))
    }

    fn begin_with(api: A, call: Call, limits: BodyLimits, request: Body) -> Self {
        let response = Documents::new(api.response_shape(), limits.response_bytes, api.streams_lists());
        let events = Reader::new(api.response_shape());
        Self {
            api,
            call,
            request,
            response,
            recorder: A::CONTENT.and_then(|_| Recorder::new(limits.kept_bytes)),
            events,
            last_event_ns: None,
            answered: false,
            asks_by_lines: false,
        }
    }

    /// For an API whose request is a form with such a boundary.
    pub(super) fn begin_with_form(
        api: A,
        call: Call,
        limits: BodyLimits,
        boundary: &str,
    ) -> Box<dyn Interpreter> {
        let form = Reading::Form(Form::new(api.request_shape(), boundary));
        let request = Body { reading: form, left: limits.request_bytes, over: false };
        let mut follow = Self::begin_with(api, call, limits, request);
        if let Some(recorder) = &mut follow.recorder {
            recorder.expect_form(boundary);
        }
        Box::new(follow)
    }

    fn event(&mut self, name: &str, data: &[u8], damaged: bool, time_ns: u64) {
        let Self { api, call, events, last_event_ns, recorder, .. } = self;
        call.first_chunk_ns.get_or_insert(time_ns);
        if let Some(last_ns) = last_event_ns.replace(time_ns)
            && call.chunk_gaps_us.len() < Call::GAPS_MAX
        {
            let gap_us = time_ns.saturating_sub(last_ns) / 1_000;
            call.chunk_gaps_us.push(u32::try_from(gap_us).unwrap_or(u32::MAX));
        }
        if damaged {
            return call.note("stream event is damaged");
        }
        if api.is_end(data) {
            call.stream_ended = true;
            return;
        }
        if !data.is_empty() {
            let document = events.read_next(data);
            if let Some(recorder) = recorder {
                recorder.event(name, data, document.ending == Ending::Whole);
            }
            said(api, call, name, &document);
            events.recycle(document);
        }
        if name == "error" {
            call.error_code.get_or_insert_with(|| UNNAMED_ERROR.to_owned());
        }
    }

    fn message(&mut self, message: &Message, time_ns: u64) {
        match message.kind {
            Kind::Event => {
                let wrapped = self.api.unwrap(&message.payload);
                let data = wrapped.as_deref().unwrap_or(&message.payload);
                self.event(&message.name, data, message.damaged, time_ns);
            }
            Kind::Exception | Kind::Error => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.event(&message.name, &message.payload, false);
                }
                self.call.first_chunk_ns.get_or_insert(time_ns);
                let named = word(&message.name).unwrap_or(UNNAMED_ERROR);
                self.call.error_code.get_or_insert_with(|| named.to_owned());
            }
        }
    }

    fn request_line(&mut self, line: &[u8], damaged: bool) {
        self.asks_by_lines = true;
        match self.request.left.checked_sub(line.len() as u64) {
            Some(left) => self.request.left = left,
            None => return self.call.note(OVER_LIMIT[0]),
        }
        let Reading::Json(reader) = &mut self.request.reading else { return };
        let document = reader.read_next(line);
        if !damaged && document.ending == Ending::Whole {
            self.api.request_line(&document.root, &mut self.call);
        } else {
            self.call.note("a line of the request is damaged");
        }
        reader.recycle(document);
    }

    /// Reads a request: it matters only now, since it may end after its response began.
    fn read_request(&mut self, body: Body, exchange: &Exchange) {
        if self.asks_by_lines {
            return;
        }
        let over = body.over;
        let mut document = body.finish();
        if let Some(thread) = document.thread.take() {
            thread.finish(&mut self.call);
        }
        self.api.request(&document.root, &mut self.call);
        let ending = match document.ending {
            Ending::Whole if !self.api.is_document(&document.root) => Ending::Invalid,
            Ending::Empty if matches!(&*exchange.request.method, "GET" | "DELETE") => return,
            ending => ending,
        };
        let note = note_for(ending, true, exchange.request_undecoded);
        if let Some(note) = if over { Some(OVER_LIMIT[0]) } else { note } {
            self.call.note(note);
        }
    }

    /// Reads a response that is one document.
    fn read_response(&mut self, document: Document, exchange: &Exchange) {
        let status = exchange.response.as_ref().map(|head| head.status);
        if document.ending == Ending::Empty && status == Some(NO_CONTENT) {
            return;
        }
        let is_answer = self.api.is_document(&document.root);
        if is_answer {
            self.answered = document.ending == Ending::Whole;
            self.api.response("", &document.root, &mut self.call);
        }
        let ending = match document.ending {
            Ending::Whole if !is_answer => Ending::Invalid,
            ending => ending,
        };
        let refused = status.is_some_and(|status| status >= 400);
        if A::ANSWERS_ALL_KINDS && !is_answer && !refused {
            return;
        }
        let note = note_for(ending, false, exchange.response_undecoded);
        if let Some(note) = if self.response.is_over_limit() { None } else { note } {
            self.call.note(note);
        }
    }
}

/// One event of a stream said something.
fn said<A: JsonApi>(api: &mut A, call: &mut Call, name: &str, event: &Document) {
    if event.root.is_object() && event.ending == Ending::Whole {
        api.response(name, &event.root, call);
    } else {
        call.note("stream event is not JSON");
    }
}

/// What a body that was not cut by its label has in it is an event if there are several.
fn found<A: JsonApi>(api: &mut A, call: &mut Call, found: &Found<'_>) {
    let (Found::Document(_, time_ns) | Found::Damaged(time_ns)) = found;
    call.first_chunk_ns.get_or_insert(*time_ns);
    match found {
        Found::Document(document, _) => said(api, call, "", document),
        Found::Damaged(_) => call.note("stream event is damaged"),
    }
}

impl<A: JsonApi> Interpreter for Follow<A> {
    fn request(&mut self, frame: &Frame) {
        if let Some(recorder) = &mut self.recorder {
            recorder.request(&frame.payload);
        }
        match &frame.payload {
            Payload::Document(bytes) => self.request.push(bytes),
            Payload::Gap(_) => self.request.gap(),
            Payload::Line { bytes, damaged } => self.request_line(bytes, *damaged),
            Payload::Event(_) | Payload::Message(_) | Payload::Trailers(_) => {}
        }
    }

    fn response(&mut self, frame: &Frame, _calls: &mut Vec<Call>) {
        let Self { api, call, response, recorder, .. } = self;
        if let Some(recorder) = recorder {
            recorder.response(&frame.payload);
        }
        match &frame.payload {
            Payload::Document(bytes) => {
                response.push(bytes, frame.time_ns, &mut |one| found(api, call, &one))
            }
            Payload::Event(event) => {
                self.event(&event.name, event.data.as_bytes(), event.damaged, frame.time_ns);
            }
            Payload::Message(message) => self.message(message, frame.time_ns),
            Payload::Gap(_) => response.gap(frame.time_ns, &mut |one| found(api, call, &one)),
            Payload::Line { bytes, damaged } => self.event("", bytes, *damaged, frame.time_ns),
            Payload::Trailers(_) => {}
        }
    }

    fn held_bytes(&self) -> usize {
        let gaps = self.call.chunk_gaps_us.capacity() * size_of::<u32>();
        let bodies = self.request.held_bytes() + self.response.held_bytes();
        let kept = self.recorder.as_ref().map_or(0, |recorder| recorder.held_bytes());
        size_of::<Self>() + gaps + bodies + kept + self.events.held_bytes()
    }

    fn finish(mut self: Box<Self>, exchange: &Exchange, calls: &mut Vec<Call>) {
        let shape = self.api.request_shape();
        let request = std::mem::replace(&mut self.request, Body::new(shape, 0));
        self.read_request(request, exchange);
        let Self { api, call, response, .. } = &mut *self;
        let document = response.finish(exchange.ended_ns, &mut |one| found(api, call, &one));
        if self.response.is_over_limit() {
            self.call.note(OVER_LIMIT[1]);
        }
        let status = exchange.response.as_ref().map(|head| head.status);
        let refused = status.is_some_and(|status| status >= 400);
        let streamed = self.call.first_chunk_ns.is_some();
        if let Some(document) = document.filter(|_| !streamed && exchange.response.is_some()) {
            self.read_response(document, exchange);
        }
        let Self { api, mut call, answered, recorder, .. } = *self;
        let lists_are_events = api.streams_lists();
        if refused {
            // An error is no stream, even if it is sent as one.
            call.first_chunk_ns = None;
        } else {
            call.stream |= streamed;
        }
        let is_whole = exchange.outcome == Outcome::Complete && exchange.missing_bytes == 0;
        call.is_final = if streamed { call.stream_ended || is_whole } else { answered };
        let cut = streamed && !call.stream_ended && is_cut(exchange.outcome) && exchange.missing_bytes == 0;
        let end = End { exchange, cut, answered };
        if !api.is_one(&end, &call) {
            return;
        }
        // A gateway's own bill.
        let charged = end.response_field("x-litellm-response-cost").and_then(|cost| cost.parse().ok());
        call.charged_usd = charged.or(call.charged_usd).filter(|cost| *cost >= 0.0);
        api.finish(&end, &mut call);

        if exchange.missing_bytes > 0 {
            call.note("bytes of the bodies were not captured");
        }
        let counts = A::COUNTS && call.subject.has_usage();
        if counts && call.error_code.is_none() && call.usage == Usage::default() {
            if streamed {
                call.note("stream carried no usage");
            } else if answered && status.is_some_and(|status| status < 400) {
                call.note("response carried no usage");
            }
        }
        // The status says more than an error without a name does.
        call.error_code = call.error_code.filter(|code| !(refused && code == UNNAMED_ERROR));
        call.recorded =
            recorder.zip(A::CONTENT).map(|(recorder, convert)| recorder.finish(convert, lists_are_events));
        calls.push(call);
    }
}

/// Whether the exchange ended, for the program too, before the response was whole. What was merely
/// not captured may well have reached it.
fn is_cut(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Cancelled | Outcome::PeerClosed | Outcome::Failed(_) => true,
        Outcome::Complete | Outcome::Lost | Outcome::Unreadable => false,
    }
}

impl End<'_> {
    /// A field of the final response's head, by its name in lower case, if it may be known.
    pub(super) fn response_field(&self, name: &str) -> Option<&str> {
        self.exchange.response.as_ref()?.headers.get(name)
    }
}

/// A code as text, if it is one: sentences quote what the user sent and do not belong here.
pub(super) fn code(value: &Json) -> Option<String> {
    if let Some(number) = value.integer() {
        return Some(number.to_string());
    }
    value.as_text().and_then(word).map(str::to_owned)
}

/// The same of a text: a word as machines write them.
pub(super) fn word(text: &str) -> Option<&str> {
    let machine = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    (!text.is_empty() && text.len() <= WORD && text.bytes().all(machine)).then_some(text)
}
