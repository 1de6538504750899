//! Keeps what the bodies of an exchange say, as it comes, where somebody may want it.

use zeroize::Zeroizing;

mod form;

use form::Form;

use super::clip::Clipper;
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

    /// An event of the response.
    pub(super) fn event(&mut self, name: &str, data: &[u8]) {
        let mut clipper = Clipper::default();
        clipper.push(data, self.left.min(self.max_bytes));
        let (event, is_cut) = clipper.finish();
        self.is_cut |= is_cut;
        if event.is_empty() {
            return;
        }
        let before = self.events.kept_bytes();
        self.is_cut |= !self.events.push(name, &event, self.left);
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
        events.event("start", br#"{"c":1}"#);
        events.event("", b"[DONE]");
        events.event("", br#"{"c":2}"#);
        assert_eq!(shown(events, false).0, json!([null, null, [["start", {"c":1}], ["", {"c":2}]]]));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut one = recorder(100);
        for at in 0..1000 {
            one.request(&document(&format!("{{\"a\":\"{at}\"}}\n")));
            one.event(&format!("name {at}"), format!("{{\"a\":\"{at}\"}}").as_bytes());
        }
        assert!(one.held_bytes() < 4096, "{}", one.held_bytes());
        assert!(shown(one, false).1);
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
