//! Cuts a body into frames, by its content type and by its first bytes.
//!
//! A format more is a variant of [`Format`] and of [`State`], its parser under `protocol`, and its
//! [`Payload`].

use bytes::Bytes;

use super::{Limits, Payload};
use crate::protocol::eventstream::{self, EventStreamParser};
use crate::protocol::http1::{Headers, RequestHead};
use crate::protocol::ndjson::{Line, LineParser};
use crate::protocol::sse::SseParser;

/// How a body is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Document,
    Events,
    Lines,
    Messages,
}

/// A body under way.
#[derive(Debug)]
pub(super) struct Framer {
    state: State,
    event_bytes: usize,
}

#[derive(Debug)]
enum State {
    /// Nothing but blanks came, or too little to tell: what came of it waits, a few bytes at the most.
    Undecided {
        label: Format,
        begin: Vec<u8>,
    },
    Document,
    Events(SseParser),
    Lines(LineParser),
    Messages(EventStreamParser),
}

/// Elasticsearch's and OpenSearch's searches by several, a line each; OpenSearch's clients label them as one document.
const LINES_PATH: &str = "/_msearch";

/// How lines of an event stream begin (WHATWG HTML, section 9.2.6); no JSON does.
const EVENT_FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Framer {
    /// For a request's body: by its content type, but at paths where clients send lines as documents.
    pub(super) fn of_request(request: &RequestHead, limits: &Limits) -> Self {
        let mut framer = Self::of_response(&request.headers, limits);
        let has_lines = request.path.ends_with(LINES_PATH);
        framer.decide(match if has_lines { Format::Lines } else { label(&request.headers) } {
            Format::Events | Format::Messages => Format::Document,
            format => format,
        });
        framer
    }

    /// For a response's body. Servers send streams as documents and documents as streams, and their clients read
    /// both: so the first bytes that are not blank have the last word.
    pub(super) fn of_response(headers: &Headers, limits: &Limits) -> Self {
        let mut state = State::Undecided { label: label(headers), begin: Vec::new() };
        // Sound may begin with any bytes.
        let kind = headers.get("content-type").unwrap_or_default().get(..6).unwrap_or_default();
        if ["audio/", "image/", "video/"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
            state = State::Document;
        }
        Self { state, event_bytes: limits.event_bytes }
    }

    /// Bytes that are held of the frame under way.
    pub(super) fn held_bytes(&self) -> usize {
        match &self.state {
            State::Undecided { begin, .. } => begin.capacity(),
            State::Document => 0,
            State::Events(events) => events.held_bytes(),
            State::Lines(lines) => lines.held_bytes(),
            State::Messages(messages) => messages.held_bytes(),
        }
    }

    /// Takes the next bytes and hands on the frames that they complete.
    pub(super) fn push(&mut self, mut bytes: Bytes, sink: &mut impl FnMut(Payload)) {
        if let State::Undecided { label, begin } = &mut self.state {
            if !begin.is_empty() {
                bytes = [&begin[..], &bytes[..]].concat().into();
            }
            match format(*label, &bytes) {
                Some(format) => self.decide(format),
                None => {
                    *begin = undecided(&bytes).to_vec();
                    return;
                }
            }
        }
        match &mut self.state {
            State::Undecided { .. } => {}
            State::Document if bytes.is_empty() => {}
            State::Document => sink(Payload::Document(bytes)),
            State::Events(events) => events.push(&bytes, &mut |event| sink(Payload::Event(event))),
            State::Lines(lines) => lines.push(bytes, &mut |line| sink(of_line(line))),
            State::Messages(messages) => {
                messages.push(&bytes, &mut |message| sink(Payload::Message(message)))
            }
        }
    }

    /// Bytes are missing here, so many of a body that has no content coding.
    pub(super) fn gap(&mut self, missing: Option<u64>, sink: &mut impl FnMut(Payload)) {
        self.settle(sink);
        match &mut self.state {
            State::Document => {
                if let Some(missing) = missing {
                    sink(Payload::Gap(missing));
                }
            }
            State::Events(events) => events.gap(),
            State::Lines(lines) => lines.gap(),
            State::Messages(messages) => {
                messages.gap(missing, &mut |message| sink(Payload::Message(message)))
            }
            State::Undecided { .. } => {}
        }
    }

    /// The body is over, or nothing more is known of it: hands on what is under way; `cut` when its end was not
    /// seen.
    pub(super) fn finish(&mut self, cut: bool, sink: &mut impl FnMut(Payload)) {
        self.settle(sink);
        match &mut self.state {
            State::Events(events) => {
                if cut {
                    events.cut();
                }
                events.finish(&mut |event| sink(Payload::Event(event)));
            }
            State::Lines(lines) => lines.finish(cut, &mut |line| sink(of_line(line))),
            State::Messages(messages) => messages.finish(&mut |message| sink(Payload::Message(message))),
            State::Document | State::Undecided { .. } => {}
        }
    }

    /// Nothing more will tell: the label counts.
    fn settle(&mut self, sink: &mut impl FnMut(Payload)) {
        if let State::Undecided { label, begin } = &mut self.state {
            let (label, begin) = (*label, std::mem::take(begin));
            self.decide(label);
            self.push(begin.into(), sink);
        }
    }

    fn decide(&mut self, format: Format) {
        self.state = match format {
            Format::Document => State::Document,
            Format::Events => State::Events(SseParser::new(self.event_bytes)),
            Format::Lines => State::Lines(LineParser::new(self.event_bytes)),
            Format::Messages => State::Messages(EventStreamParser::new(self.event_bytes)),
        };
    }
}

fn of_line(line: Line) -> Payload {
    Payload::Line { bytes: line.bytes, damaged: line.damaged }
}

/// What the content type says.
fn label(headers: &Headers) -> Format {
    let content_type = headers.get("content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let is = |names: &[&str]| names.iter().any(|known| media_type.eq_ignore_ascii_case(known));
    if is(&["text/event-stream"]) {
        Format::Events
    } else if is(&[
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/vnd.elasticsearch+x-ndjson",
        "application/x-jsonlines",
        // Cohere's.
        "application/stream+json",
    ]) {
        Format::Lines
    } else if is(&["application/vnd.amazon.eventstream"]) {
        Format::Messages
    } else {
        Format::Document
    }
}

/// What the first bytes say; `None` as long as they do not.
fn format(label: Format, bytes: &[u8]) -> Option<Format> {
    let begin = undecided(bytes);
    match begin.strip_prefix(BYTE_ORDER_MARK).unwrap_or(begin) {
        [] => None,
        // No text begins so: a message does, whatever the label says.
        [0 | 1, ..] if begin.len() < 12 => None,
        [0 | 1, ..] if eventstream::begins(begin) => Some(Format::Messages),
        [b'{' | b'[', ..] => Some(if label == Format::Lines { Format::Lines } else { Format::Document }),
        begin if EVENT_FIELDS.iter().any(|field| begin.starts_with(field)) => Some(Format::Events),
        begin if EVENT_FIELDS.iter().any(|field| field.starts_with(begin)) => None,
        begin if BYTE_ORDER_MARK.starts_with(begin) => None,
        _ => Some(label),
    }
}

/// From the first byte on that is not blank.
fn undecided(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii_start()
}
