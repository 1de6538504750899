//! An exchange under way.

use std::sync::Arc;

use bytes::Bytes;

use super::framer::Framer;
use super::{Exchange, Frame, Limits, Outcome, Payload, Step};
use crate::event::Role;
use crate::protocol::encoding::Decoder;
use crate::protocol::http1::{Headers, RequestHead, ResponseHead};

/// A request and what has come of its response.
#[derive(Debug)]
pub(super) struct Pending {
    exchange: Exchange,
    /// When the last bytes of the response moved.
    response_seen_ns: Option<u64>,
    request_coding: Decoder,
    response_coding: Decoder,
    request_framer: Framer,
    response_framer: Framer,
    /// It was sent after bytes of the other direction had moved.
    pub(super) turned: bool,
    /// Bytes are missing where its answer was to begin.
    pub(super) behind_gap: bool,
    /// Its answer can be told from others.
    pub(super) paired: bool,
    /// The request's end was read.
    pub(super) request_whole: bool,
    /// The response's end was read.
    pub(super) response_whole: bool,
    /// Its bodies are not wanted, and not captured: they are counted.
    pub(super) heads_only: bool,
}

impl Pending {
    pub(super) fn new(
        ordinal: u64,
        role: Role,
        request: Arc<RequestHead>,
        started_ns: u64,
        limits: &Limits,
    ) -> Self {
        Self {
            request_coding: content_decoder(&request.headers),
            response_coding: Decoder::new(None),
            request_framer: Framer::of_request(&request, limits),
            response_framer: Framer::of_response(&Headers::default(), limits),
            response_seen_ns: None,
            exchange: Exchange {
                ordinal,
                role,
                request,
                response: None,
                started_ns,
                ended_ns: started_ns,
                request_body_bytes: 0,
                response_body_bytes: 0,
                request_undecoded: false,
                response_undecoded: false,
                missing_bytes: 0,
                outcome: Outcome::Lost,
                notes: Vec::new(),
            },
            turned: false,
            behind_gap: false,
            paired: true,
            request_whole: false,
            response_whole: false,
            heads_only: false,
        }
    }

    /// About how many bytes of memory it takes beside its own size.
    pub(super) fn held_bytes(&self) -> usize {
        self.exchange.request.text_bytes()
            + self.request_coding.held_bytes()
            + self.response_coding.held_bytes()
            + self.request_framer.held_bytes()
            + self.response_framer.held_bytes()
    }

    /// What is known of it so far.
    pub(super) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Which exchange of its connection this is.
    pub(super) fn ordinal(&self) -> u64 {
        self.exchange.ordinal
    }

    /// When its request's first byte moved.
    pub(super) fn started_ns(&self) -> u64 {
        self.exchange.started_ns
    }

    pub(super) fn method(&self) -> &str {
        &self.exchange.request.method
    }

    /// A final response's head was read.
    pub(super) fn is_answered(&self) -> bool {
        self.exchange.response.is_some()
    }

    /// Bytes of the request moved at this time.
    pub(super) fn request_seen(&mut self, time_ns: u64) {
        if self.response_seen_ns.is_none() {
            self.exchange.ended_ns = self.exchange.ended_ns.max(time_ns);
        }
    }

    /// Bytes of the final response moved at this time.
    pub(super) fn response_seen(&mut self, time_ns: u64) {
        let last = self.response_seen_ns.insert(self.response_seen_ns.unwrap_or(0).max(time_ns));
        self.exchange.ended_ns = self.exchange.started_ns.max(*last);
    }

    /// Its bodies are not wanted.
    pub(super) fn leave_bodies(&mut self) {
        self.heads_only = true;
        (self.request_coding, self.response_coding) = (Decoder::new(None), Decoder::new(None));
    }

    pub(super) fn note(&mut self, note: &'static str) {
        if !self.exchange.notes.contains(&note) {
            self.exchange.notes.push(note);
        }
    }

    /// Bytes are missing that belong to no body.
    pub(super) fn missing(&mut self, bytes: u64) {
        self.exchange.missing_bytes = self.exchange.missing_bytes.saturating_add(bytes);
    }

    pub(super) fn request_body(&mut self, bytes: Bytes, time_ns: u64, sink: &mut impl FnMut(Step)) {
        add(&mut self.exchange.request_body_bytes, bytes.len() as u64);
        if self.heads_only {
            return;
        }
        let mut emit = request_frame(self.exchange.ordinal, time_ns, sink);
        let framer = &mut self.request_framer;
        self.request_coding.push(bytes, &mut |bytes| framer.push(bytes, &mut emit));
    }

    pub(super) fn request_gap(&mut self, bytes: u64, time_ns: u64, sink: &mut impl FnMut(Step)) {
        add(&mut self.exchange.request_body_bytes, bytes);
        if self.heads_only {
            return;
        }
        self.missing(bytes);
        self.request_coding.gap();
        let missing = self.request_coding.is_identity().then_some(bytes);
        let mut emit = request_frame(self.exchange.ordinal, time_ns, sink);
        self.request_framer.gap(missing, &mut emit);
        self.note("request body has a gap");
    }

    pub(super) fn request_trailers(&mut self, trailers: Headers, time_ns: u64, sink: &mut impl FnMut(Step)) {
        let mut emit = request_frame(self.exchange.ordinal, time_ns, sink);
        self.request_framer.finish(false, &mut emit);
        emit(Payload::Trailers(trailers));
    }

    pub(super) fn request_end(&mut self, sink: &mut impl FnMut(Step)) {
        self.request_coding.finish();
        let mut emit = request_frame(self.exchange.ordinal, self.exchange.ended_ns, sink);
        self.request_framer.finish(self.request_coding.note().is_some(), &mut emit);
        self.request_whole = true;
    }

    pub(super) fn answered(&mut self, response: ResponseHead, limits: &Limits, sink: &mut impl FnMut(Step)) {
        let response = Arc::new(response);
        self.response_coding = content_decoder(&response.headers);
        self.response_framer = Framer::of_response(&response.headers, limits);
        self.exchange.response = Some(Arc::clone(&response));
        if self.heads_only {
            self.leave_bodies();
        }
        sink(Step::Answered { ordinal: self.exchange.ordinal, response });
    }

    pub(super) fn response_body(&mut self, bytes: Bytes, time_ns: u64, sink: &mut impl FnMut(Step)) {
        add(&mut self.exchange.response_body_bytes, bytes.len() as u64);
        if self.heads_only {
            return;
        }
        let mut emit = response_frame(self.exchange.ordinal, time_ns, sink);
        let framer = &mut self.response_framer;
        self.response_coding.push(bytes, &mut |bytes| framer.push(bytes, &mut emit));
    }

    pub(super) fn response_gap(&mut self, bytes: u64, time_ns: u64, sink: &mut impl FnMut(Step)) {
        add(&mut self.exchange.response_body_bytes, bytes);
        if self.heads_only {
            return;
        }
        self.missing(bytes);
        self.response_coding.gap();
        let missing = self.response_coding.is_identity().then_some(bytes);
        let mut emit = response_frame(self.exchange.ordinal, time_ns, sink);
        self.response_framer.gap(missing, &mut emit);
        self.note("response body has a gap");
    }

    pub(super) fn response_trailers(&mut self, trailers: Headers, time_ns: u64, sink: &mut impl FnMut(Step)) {
        self.response_coding.finish();
        let mut emit = response_frame(self.exchange.ordinal, time_ns, sink);
        self.response_framer.finish(self.response_coding.note().is_some(), &mut emit);
        emit(Payload::Trailers(trailers));
    }

    pub(super) fn response_end(&mut self, sink: &mut impl FnMut(Step)) {
        self.response_coding.finish();
        // A stream that was not decoded to its end may end inside an event.
        self.finish_response(self.response_coding.note().is_some(), sink);
        self.response_whole = true;
    }

    /// Hands on a frame under way; `cut` when its end was not seen.
    fn finish_response(&mut self, cut: bool, sink: &mut impl FnMut(Step)) {
        let mut emit = response_frame(self.exchange.ordinal, self.exchange.ended_ns, sink);
        self.response_framer.finish(cut, &mut emit);
    }

    /// Ends the exchange. A response that came whole makes it complete, whatever befell the connection
    /// afterwards, unless bytes or rules were broken on the way. It is over with the last byte of the response, or
    /// of the request where there is none; where none came because the connection ended, with that.
    pub(super) fn finish(mut self, outcome: Outcome, time_ns: u64, sink: &mut impl FnMut(Step)) {
        // Where its answer could not be told from others, it may have had one.
        let outcome = if self.paired { outcome } else { Outcome::Lost };
        let connection_ended =
            matches!(outcome, Outcome::Cancelled | Outcome::PeerClosed | Outcome::Failed(_));
        if connection_ended && self.response_seen_ns.is_none() {
            self.exchange.ended_ns = self.exchange.ended_ns.max(time_ns);
        }
        self.exchange.outcome =
            if connection_ended && self.response_whole { Outcome::Complete } else { outcome };
        if self.exchange.outcome == Outcome::Complete && !self.request_whole {
            self.note("request body ends early");
        }
        if self.exchange.outcome == Outcome::Cancelled && !self.is_answered() {
            // Its caller may have left, or its answer be lost and the loss not be known yet.
            self.note("no answer was seen before the connection closed");
        }
        if !self.response_whole {
            self.finish_response(true, sink);
        }
        self.exchange.request_undecoded = self.request_coding.note().is_some();
        self.exchange.response_undecoded = self.response_coding.note().is_some();
        for note in [self.request_coding.note(), self.response_coding.note()].into_iter().flatten() {
            self.note(note);
        }
        sink(Step::Ended(self.exchange));
    }
}

/// Makes steps of the frames of a request.
fn request_frame(ordinal: u64, time_ns: u64, sink: &mut impl FnMut(Step)) -> impl FnMut(Payload) {
    move |payload| sink(Step::Request { ordinal, frame: Frame { time_ns, payload } })
}

/// Makes steps of the frames of a response.
fn response_frame(ordinal: u64, time_ns: u64, sink: &mut impl FnMut(Step)) -> impl FnMut(Payload) {
    move |payload| sink(Step::Response { ordinal, frame: Frame { time_ns, payload } })
}

fn add(count: &mut u64, bytes: u64) {
    *count = count.saturating_add(bytes);
}

/// The decoder for a body, by the two fields that say how it is coded.
fn content_decoder(headers: &Headers) -> Decoder {
    let mut transfer = headers.values("transfer-encoding").flat_map(|value| value.split(','));
    let undone =
        |coding: &str| ["chunked", "identity", ""].iter().any(|known| known.eq_ignore_ascii_case(coding));
    if !transfer.all(|coding| undone(coding.trim())) {
        return Decoder::unsupported_transfer_coding();
    }
    let content: Vec<&str> = headers.values("content-encoding").collect();
    Decoder::new((!content.is_empty()).then(|| content.join(", ")).as_deref())
}
