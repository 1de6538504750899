//! The bodies of an exchange as they came, until somebody reads what they say.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

use super::content::{Bodies, Content, Convert};

/// Names of events that are told apart in one exchange.
const NAMES_MAX: usize = 64;

/// What is kept of an exchange's bodies: plain text, so its `Debug` shows sizes alone.
#[derive(Clone)]
pub struct Recorded {
    /// The request's documents, each complete by itself whatever is missing of it: one, or several where it is lines.
    pub request: Vec<Zeroizing<Vec<u8>>>,
    /// The response's documents: one, or several that were not cut by a label.
    pub response: Vec<Zeroizing<Vec<u8>>>,
    /// The response's events.
    pub events: EventLog,
    /// The elements of a response that is a list are events.
    pub lists_are_events: bool,
    /// Something that came is not among it.
    pub is_cut: bool,
    /// How its dialect says things.
    pub convert: Convert,
}

/// Stands for the content of a call while that is redacted; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

impl Recorded {
    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let documents = self.request.iter().chain(&self.response);
        size_of::<Self>() + self.events.held_bytes() + documents.map(|one| one.capacity()).sum::<usize>()
    }

    /// What it says. Costs time in the length of what is kept.
    #[must_use]
    pub fn content(&self) -> Content {
        let bodies = self.bodies();
        let mut content = Content::default();
        (self.convert)(&bodies, &mut content);
        content.error = content.error.or_else(|| error(&bodies));
        content
    }

    fn bodies(&self) -> Bodies {
        let mut bodies = Bodies::default();
        let mut request = self.request.iter().map(|document| parse(document));
        bodies.request = match (request.next(), request.next()) {
            (Some(first), Some(second)) => [first, second].into_iter().chain(request).collect(),
            (first, _) => first.unwrap_or_default(),
        };
        let mut response = self.response.iter().map(|document| parse(document)).collect::<Vec<_>>();
        match response.pop() {
            Some(Value::Array(elements)) if self.lists_are_events && response.is_empty() => {
                response = elements
            }
            Some(only) if response.is_empty() => bodies.response = only,
            last => response.extend(last),
        }
        bodies.events = response.into_iter().map(|one| (String::new(), one)).collect();
        self.events.each(&mut |name, event| bodies.events.push((name.to_owned(), parse(event))));
        bodies.events.retain(|(_, event)| !event.is_null());
        bodies
    }
}

/// By what was said: how it is read follows from the dialect.
impl PartialEq for Recorded {
    fn eq(&self, other: &Self) -> bool {
        self.bodies() == other.bodies() && self.is_cut == other.is_cut
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorded({} bytes)", self.held_bytes())
    }
}

/// A document that is none is `null`. Halves of surrogate pairs, which some encoders write, are replaced.
fn parse(document: &[u8]) -> Value {
    let text = String::from_utf8_lossy(document);
    serde_json::from_str(&text)
        .or_else(|_| serde_json::from_str(&whole_surrogates(&text)))
        .unwrap_or_default()
}

/// JSON in which each escape of half a surrogate pair (RFC 8259, section 7) is one of U+FFFD.
fn whole_surrogates(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut whole = String::with_capacity(text.len());
    let (mut at, mut copied) = (0, 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        let (is_half, length) = match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => (false, 12),
            Some(0xd800..=0xdfff) => (true, 6),
            _ => (false, 2),
        };
        if is_half {
            whole.push_str(text.get(copied..at).unwrap_or_default());
            whole.push_str("\\ufffd");
            copied = at + length;
        }
        at += length;
        // An escape before a character of several bytes is none.
        while !text.is_char_boundary(at.min(text.len())) {
            at += 1;
        }
    }
    whole.push_str(text.get(copied..).unwrap_or_default());
    whole
}

/// What an answer says of an error: the members that APIs have for it.
fn error(bodies: &Bodies) -> Option<String> {
    let events = bodies.events.iter().map(|(_, event)| event);
    std::iter::once(&bodies.response).chain(events).find_map(|said| {
        let error = said.get("error").filter(|error| !error.is_null())?;
        let message = error.get("message").unwrap_or(error);
        message.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    })
}

/// Events of a stream, each kept as what differs from the one before: they repeat most of what they are.
#[derive(Clone, Default, PartialEq)]
pub struct EventLog {
    bytes: Zeroizing<Vec<u8>>,
    events: Vec<Difference>,
    names: Vec<String>,
    /// The last event.
    last: Zeroizing<Vec<u8>>,
}

/// One event: so many first and last bytes of the one before it, and so many others between them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Difference {
    name: u16,
    begin: u32,
    own: u32,
    end: u32,
}

impl EventLog {
    /// Adds an event; `false`, and nothing is added, when what differs is more than `left` bytes.
    pub fn push(&mut self, name: &str, event: &[u8], left: usize) -> bool {
        let begin = same_begin(&self.last, event);
        let (rest, before) =
            (event.get(begin..).unwrap_or_default(), self.last.get(begin..).unwrap_or_default());
        let end = same_end(before, rest);
        let own = rest.get(..rest.len() - end).unwrap_or_default();
        let known = self.names.iter().position(|known| known == name);
        let name = match known {
            Some(at) => at,
            None if self.names.len() >= NAMES_MAX => return false,
            None => {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
        };
        let lengths =
            (u16::try_from(name), u32::try_from(begin), u32::try_from(own.len()), u32::try_from(end));
        let (Ok(name), Ok(begin), Ok(own_bytes), Ok(end)) = lengths else { return false };
        if own.len() + size_of::<Difference>() > left {
            return false;
        }
        self.bytes.extend_from_slice(own);
        self.events.push(Difference { name, begin, own: own_bytes, end });
        self.last.clear();
        self.last.extend_from_slice(event);
        true
    }

    /// Bytes of what is kept of events.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.bytes.len() + self.events.len() * size_of::<Difference>()
    }

    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.bytes.capacity() + self.last.capacity() + self.events.capacity() * size_of::<Difference>()
    }

    /// Hands out each event as it was, with its name.
    pub fn each(&self, sink: &mut impl FnMut(&str, &[u8])) {
        let mut event: Zeroizing<Vec<u8>> = Zeroizing::default();
        let mut rest = self.bytes.as_slice();
        for one in &self.events {
            let (own, behind) = rest.split_at_checked(one.own as usize).unwrap_or((rest, &[]));
            rest = behind;
            let end = event.len().saturating_sub(one.end as usize);
            event.splice((one.begin as usize).min(end)..end, own.iter().copied());
            sink(self.names.get(usize::from(one.name)).map_or("", String::as_str), &event);
        }
    }
}

/// Bytes that are compared at a time.
const BLOCK: usize = 16;

/// How many bytes of both are the same, from the first on.
fn same_begin(one: &[u8], other: &[u8]) -> usize {
    let blocks = one.as_chunks::<BLOCK>().0.iter().zip(other.as_chunks::<BLOCK>().0);
    let same = blocks.take_while(|(one, other)| one == other).count() * BLOCK;
    let rest = one.iter().zip(other).skip(same);
    same + rest.take_while(|(one, other)| one == other).count()
}

/// How many bytes of both are the same, from the last back.
fn same_end(one: &[u8], other: &[u8]) -> usize {
    let blocks = one.as_rchunks::<BLOCK>().1.iter().rev().zip(other.as_rchunks::<BLOCK>().1.iter().rev());
    let same = blocks.take_while(|(one, other)| one == other).count() * BLOCK;
    let rest = one.iter().rev().zip(other.iter().rev()).skip(same);
    same + rest.take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_streams_repetitions_cost_nothing() {
        let mut log = EventLog::default();
        for word in ["He", "llo", " wor", "ld"].iter().cycle().take(1000) {
            let event = format!(
                r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{{"content":"{word}"}},"finish_reason":null}}]}}"#
            );
            assert!(log.push("", event.as_bytes(), 256));
        }
        assert!(log.bytes.len() < 6_000, "{}", log.bytes.len());
        assert!(!log.push("", &[b'x'; 100], 64), "it is bounded");
    }

    #[test]
    fn halves_of_surrogate_pairs_are_replaced() {
        for (document, expected) in [
            (r#"["\ud83d"]"#, "\u{fffd}"),
            (r#"["\ude00x"]"#, "\u{fffd}x"),
            (r#"["\ud83d\ude00"]"#, "\u{1f600}"),
            (r#"["\ud83d\ud83d\ude00"]"#, "\u{fffd}\u{1f600}"),
            (r#"["\\ud83d"]"#, "\\ud83d"),
        ] {
            assert_eq!(parse(document.as_bytes())[0], expected, "{document}");
        }
        assert_eq!(parse(b"{\"a\\"), Value::Null);
        assert_eq!(parse("[\"\\ud83d\\é".as_bytes()), Value::Null);
    }

    #[test]
    fn an_error_is_what_the_answer_says_of_it() {
        for (body, expected) in [
            (r#"{"error":{"message":"no such model","type":"x"}}"#, Some("no such model")),
            (r#"{"error":"overloaded"}"#, Some("overloaded")),
            (r#"{"error":null}"#, None),
            (r#"{"choices":[]}"#, None),
            ("[1]", None),
        ] {
            let bodies = Bodies { response: serde_json::from_str(body).unwrap(), ..Bodies::default() };
            assert_eq!(error(&bodies).as_deref(), expected, "{body}");
        }
    }

    /// Runs of the same byte, longer and shorter than what is compared at a time.
    fn event() -> impl Strategy<Value = Vec<u8>> {
        let run = (0_u8..3, 1..2 * BLOCK).prop_map(|(byte, length)| vec![byte; length]);
        prop::collection::vec(run, 0..6).prop_map(|runs| runs.concat())
    }

    proptest! {
        #[test]
        fn events_are_handed_out_as_they_came(events in prop::collection::vec(("[ab]?", event()), 0..20)) {
            let mut log = EventLog::default();
            for (name, event) in &events {
                prop_assert!(log.push(name, event, 1 << 20));
            }
            let mut read = Vec::new();
            log.each(&mut |name, event| read.push((name.to_owned(), event.to_vec())));
            prop_assert_eq!(read, events);
        }

        #[test]
        fn any_document_is_survived(document in r#"(\\|u|d83d|de00|"|\[|é|\PC){0,20}"#) {
            parse(document.as_bytes());
        }
    }
}
