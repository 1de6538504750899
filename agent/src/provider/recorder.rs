//! Keeps what the bodies of an exchange say, as it comes, where somebody may want it.

use zeroize::Zeroizing;

mod form;

use form::Form;

use super::clip::{self, Clipper};
use super::content::Convert;
use crate::call::{EventLog, Recorded};
use crate::exchange::Payload;

/// A stream's events take this many times the room of a document, since they say what they are each time.
const EVENTS_FACTOR: usize = 8;
/// Documents of one body that are kept.
const DOCUMENTS_MAX: usize = 1024;

/// The bodies of one exchange.
pub(super) struct Recorder {
    /// Bytes that are kept of a body.
    max_bytes: usize,
    /// The request where it is one.
    form: Option<Form>,
    request: Documents,
    response: Documents,
    events: EventLog,
    /// Bytes that may still be kept of events.
    left: usize,
    is_cut: bool,
}

/// Documents one after the other.
#[derive(Default)]
struct Documents {
    clipper: Clipper,
    whole: Vec<Zeroizing<Vec<u8>>>,
    whole_bytes: usize,
    is_cut: bool,
}

impl Recorder {
    /// Keeps at most so many bytes of a body, and some times as many of a stream of events; `None` for zero.
    pub(super) fn new(max_bytes: usize) -> Option<Box<Self>> {
        (max_bytes > 0).then(|| {
            Box::new(Self {
                max_bytes,
                form: None,
                request: Documents::default(),
                response: Documents::default(),
                events: EventLog::default(),
                left: max_bytes.saturating_mul(EVENTS_FACTOR),
                is_cut: false,
            })
        })
    }

    /// The request is a form whose parts are told apart by `boundary`.
    pub(super) fn expect_form(&mut self, boundary: &str) {
        self.form = Some(Form::new(boundary, self.max_bytes));
    }

    /// A piece of the request.
    pub(super) fn request(&mut self, piece: &Payload) {
        if let Some(form) = &mut self.form {
            return match piece {
                Payload::Document(bytes) => form.push(bytes),
                Payload::Gap(_) => form.gap(),
                _ => {}
            };
        }
        match piece {
            Payload::Document(bytes) | Payload::Line { bytes, .. } => {
                self.request.push(bytes, self.max_bytes)
            }
            Payload::Gap(_) => self.request.clipper.gap(),
            Payload::Event(_) | Payload::Message(_) | Payload::Trailers(_) => {}
        }
    }

    /// A piece of the response, unless it is an event.
    pub(super) fn response(&mut self, piece: &Payload) {
        match piece {
            Payload::Document(bytes) => self.response.push(bytes, self.max_bytes),
            Payload::Gap(_) => {
                self.response.clipper.gap();
                self.is_cut = true;
            }
            Payload::Line { .. } | Payload::Event(_) | Payload::Message(_) | Payload::Trailers(_) => {}
        }
    }

    /// An event of the response; `is_whole` where it was read and is one document of JSON, with nothing behind it.
    pub(super) fn event(&mut self, name: &str, data: &[u8], is_whole: bool) {
        let max_bytes = self.left.min(self.max_bytes);
        if is_whole && data.len() <= max_bytes && stays_as_it_is(data) {
            return self.keep_event(name, data);
        }
        let mut clipper = Clipper::default();
        clipper.push(data, max_bytes);
        let (event, is_cut) = clipper.finish();
        self.is_cut |= is_cut;
        if !event.is_empty() {
            self.keep_event(name, &event);
        }
    }

    fn keep_event(&mut self, name: &str, event: &[u8]) {
        let before = self.events.kept_bytes();
        self.is_cut |= !self.events.push(name, event, self.left);
        self.left = self.left.saturating_sub(self.events.kept_bytes() - before);
    }

    /// About how many bytes of memory are held.
    pub(super) fn held_bytes(&self) -> usize {
        let form = self.form.as_ref().map_or(0, Form::held_bytes);
        size_of::<Self>()
            + form
            + self.request.held_bytes()
            + self.response.held_bytes()
            + self.events.held_bytes()
    }

    /// What is kept, to be read as a dialect says.
    pub(super) fn finish(self, convert: Convert, lists_are_events: bool) -> Box<Recorded> {
        let (request, request_is_cut) = match self.form.map(Form::finish) {
            Some((form, is_cut)) if !form.is_empty() => (vec![form], is_cut),
            Some((_, is_cut)) => (Vec::new(), is_cut),
            None => self.request.finish(),
        };
        let (response, response_is_cut) = self.response.finish();
        let is_cut = self.is_cut || request_is_cut || response_is_cut;
        Box::new(Recorded { request, response, events: self.events, lists_are_events, is_cut, convert })
    }
}

/// Whether a clipper takes nothing off a whole document but blanks, as of most events of a stream: no string of it is long
/// enough to be shortened, and it is not nested too deep. Told without going through it byte by byte.
fn stays_as_it_is(document: &[u8]) -> bool {
    document.len() <= clip::DATA_BYTES
        && matches!(document, [b'{' | b'[', ..])
        && openers(document) < clip::DEPTH_MAX
}

/// Brackets and braces that open, in strings as well, of at most [`clip::DATA_BYTES`]. Many bytes at a time: `[` and `{` are one bit
/// apart.
fn openers(document: &[u8]) -> usize {
    document.iter().fold(0_u16, |count, byte| count + u16::from(byte | 0x20 == b'{')).into()
}

impl Documents {
    fn push(&mut self, bytes: &[u8], max_bytes: usize) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.clipper.push(rest, max_bytes.saturating_sub(self.whole_bytes));
            if !self.clipper.is_whole() {
                return;
            }
            if self.whole.len() >= DOCUMENTS_MAX {
                self.is_cut |= !rest.trim_ascii().is_empty();
                return;
            }
            self.end_document();
        }
    }

    fn end_document(&mut self) {
        let (document, is_cut) = std::mem::take(&mut self.clipper).finish();
        self.is_cut |= is_cut;
        if !document.is_empty() {
            self.whole_bytes += document.len();
            self.whole.push(document);
        }
    }

    fn held_bytes(&self) -> usize {
        self.whole_bytes + self.whole.capacity() * size_of::<Vec<u8>>() + self.clipper.held_bytes()
    }

    fn finish(mut self) -> (Vec<Zeroizing<Vec<u8>>>, bool) {
        self.end_document();
        (self.whole, self.is_cut)
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::call::content::{Bodies, Content};

    /// Shows the bodies themselves.
    fn show(bodies: &Bodies, content: &mut Content) {
        content.query = Some(json!([bodies.request, bodies.response, bodies.events]).to_string());
    }

    fn shown(recorder: Recorder, lists_are_events: bool) -> (Value, bool) {
        let recorded = recorder.finish(show, lists_are_events);
        let query = recorded.content().query.unwrap_or_default();
        (serde_json::from_str(&query).unwrap_or_default(), recorded.is_cut)
    }

    fn document(text: &str) -> Payload {
        Payload::Document(text.as_bytes().to_vec().into())
    }

    fn recorder(max_bytes: usize) -> Recorder {
        Recorder::new(max_bytes).map(|boxed| *boxed).unwrap_or_else(|| unreachable!())
    }

    #[test]
    fn bodies_are_kept_as_they_came() {
        let mut one = recorder(1000);
        one.request(&document(r#"{"a":"#));
        one.request(&document("1}"));
        one.response(&document(r#"{"b":2}"#));
        assert_eq!(shown(one, false), (json!([{"a":1}, {"b":2}, []]), false));
        let mut lines = recorder(1000);
        lines.request(&Payload::Line { bytes: b"{\"a\":1}".to_vec().into(), damaged: false });
        lines.request(&Payload::Line { bytes: b"{\"a\":2}".to_vec().into(), damaged: false });
        lines.response(&document("{\"b\":1}\n{\"b\":2}\n"));
        assert_eq!(
            shown(lines, false),
            (json!([[{"a":1},{"a":2}], null, [["", {"b":1}], ["", {"b":2}]]]), false)
        );
        let mut list = recorder(1000);
        list.response(&document(r#"[{"b":1},{"b":2}]"#));
        assert_eq!(shown(list, true), (json!([null, null, [["", {"b":1}], ["", {"b":2}]]]), false));
        let mut events = recorder(1000);
        events.event("start", br#"{"c":1}"#, true);
        events.event("", b"[DONE]", false);
        events.event("", br#"{"c":2}"#, true);
        assert_eq!(shown(events, false).0, json!([null, null, [["start", {"c":1}], ["", {"c":2}]]]));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut one = recorder(100);
        for at in 0..1000 {
            one.request(&document(&format!("{{\"a\":\"{at}\"}}\n")));
            one.event(&format!("name {at}"), format!("{{\"a\":\"{at}\"}}").as_bytes(), at % 2 == 0);
        }
        assert!(one.held_bytes() < 4096, "{}", one.held_bytes());
        assert!(shown(one, false).1);
    }

    #[test]
    fn a_whole_event_is_kept_as_a_clipped_one() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for event in [
            r#"{"a":"b\u00e9","c":[1,{}]}"#.to_owned(),
            "[ 1,\n{ \"a\" : null } ] \n".to_owned(),
            " {\"a\":1}".to_owned(),
            "\u{feff}{\"a\":1}".to_owned(),
            "7".to_owned(),
            format!(r#"["{}"]"#, "A".repeat(clip::DATA_BYTES)),
            format!(r#"["{}"]"#, "A".repeat(clip::DATA_BYTES - 4)),
            nested(clip::DEPTH_MAX - 1),
            nested(clip::DEPTH_MAX + 1),
        ] {
            let kept = [true, false].map(|is_whole| {
                let mut one = recorder(2000);
                one.event("", event.as_bytes(), is_whole);
                shown(one, false)
            });
            assert_eq!(kept[0], kept[1], "{event}");
        }
    }

    #[test]
    fn a_gap_is_told() {
        let mut one = recorder(100);
        one.request(&document(r#"{"a":"b"#));
        one.request(&Payload::Gap(7));
        one.request(&document(r#"c"}"#));
        let (bodies, is_cut) = shown(one, false);
        assert_eq!((&bodies[0], is_cut), (&json!({"a": "b…[cut]"}), true));
    }
}
