//! AWS's event stream (`application/vnd.amazon.eventstream`), incremental and bounded.
//!
//! A message is `total length u32 | length of the headers u32 | CRC-32 of these eight bytes | headers | payload |
//! CRC-32 of all before it`, all big-endian; a header is `length of the name u8 | name | type u8 | value`
//! (Smithy specification, "Amazon Event Stream Specification"). Both checksums are checked.
//!
//! A gap within one message costs that message alone: its length is known. Behind a larger one, or a length that is
//! wrong, the parser looks for twelve bytes that are the beginning of a message: their checksum tells, and no
//! JSON has the zero bytes that stand in each.

use bytes::Bytes;

/// What a message is, by its `:message-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// `event`, named by `:event-type`.
    #[default]
    Event,
    /// `exception`, named by `:exception-type`: the stream failed, in a way that the service's model declares.
    Exception,
    /// `error`, named by `:error-code`: it failed in another.
    Error,
}

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// Its name; empty when it has none.
    pub name: String,
    /// What it carries: JSON, as a rule. Empty when `damaged`.
    pub payload: Bytes,
    /// Bytes of it were lost or left out for its size, or a checksum is wrong: nothing else of it is known.
    pub damaged: bool,
}

/// Beginning of a message: lengths and their checksum.
const PRELUDE_BYTES: usize = 12;
/// The checksum of a message.
const CHECKSUM_BYTES: usize = 4;
/// Most bytes of headers, as in AWS's own clients.
const HEADERS_MAX_BYTES: usize = 128 * 1024;
/// Most bytes of a payload, as in AWS's own clients.
const PAYLOAD_MAX_BYTES: usize = 24 * 1024 * 1024;
/// Bytes of a name that are kept.
const NAME_MAX_BYTES: usize = 128;

/// Reads one stream. Holds at most one message of at most `max_message_bytes`.
#[derive(Debug)]
pub struct EventStreamParser {
    max_message_bytes: usize,
    /// The message under way, from its prelude on, as far as it is held.
    held: Vec<u8>,
    /// What its prelude says.
    lengths: Option<Lengths>,
    /// Bytes of it that passed, held or not.
    passed: usize,
    damaged: bool,
    /// Where the next message begins is not known.
    astray: bool,
}

#[derive(Clone, Copy, Debug)]
struct Lengths {
    total: usize,
    headers: usize,
}

impl EventStreamParser {
    /// A parser for one body. Of messages with more bytes than `max_message_bytes` only that they came is handed on.
    #[must_use]
    pub fn new(max_message_bytes: usize) -> Self {
        let (held, lengths) = (Vec::new(), None);
        Self { max_message_bytes, held, lengths, passed: 0, damaged: false, astray: false }
    }

    /// Bytes that are held of the message under way.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.capacity()
    }

    /// Reads the next bytes, which may end anywhere.
    pub fn push(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(Message)) {
        while !bytes.is_empty() {
            bytes = match self.lengths {
                None => self.read_prelude(bytes, sink),
                Some(lengths) => {
                    let (now, rest) = bytes.split_at(bytes.len().min(lengths.total - self.passed));
                    if !self.damaged {
                        self.held.extend_from_slice(now);
                    }
                    self.pass(now.len(), lengths, sink);
                    rest
                }
            };
        }
    }

    /// So many bytes are missing here; `None` when it is not known how many.
    pub fn gap(&mut self, missing: Option<u64>, sink: &mut impl FnMut(Message)) {
        let missing = missing.and_then(|missing| usize::try_from(missing).ok());
        match (self.lengths, missing) {
            (_, Some(0)) => {}
            (Some(lengths), Some(missing)) if missing <= lengths.total - self.passed => {
                self.damage();
                self.pass(missing, lengths, sink);
            }
            _ => self.lose(sink),
        }
    }

    /// The body is over: hands on that there was a message under way, if there was.
    pub fn finish(&mut self, sink: &mut impl FnMut(Message)) {
        if self.lengths.is_some() || (!self.astray && !self.held.is_empty()) {
            self.lose(sink);
        }
    }

    /// Reads on up to the end of a prelude, or, when astray, up to where one may be.
    fn read_prelude<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(Message)) -> &'a [u8] {
        let wanted = PRELUDE_BYTES.saturating_sub(self.held.len());
        let (now, rest) = bytes.split_at(bytes.len().min(wanted));
        self.held.extend_from_slice(now);
        if self.held.len() < PRELUDE_BYTES {
            return rest;
        }
        match lengths(&self.held) {
            Some(lengths) => {
                (self.lengths, self.passed, self.astray) = (Some(lengths), PRELUDE_BYTES, false);
                if lengths.total > self.max_message_bytes {
                    self.damage();
                }
            }
            None => {
                if !self.astray {
                    let held = std::mem::take(&mut self.held);
                    self.lose(sink);
                    self.held = held;
                }
                // Both lengths begin with a byte that is next to nothing.
                let next = self.held.iter().skip(1).position(|byte| *byte <= 1);
                self.held.drain(..next.map_or(self.held.len(), |next| next + 1));
            }
        }
        rest
    }

    /// Bytes of the message under way passed.
    fn pass(&mut self, bytes: usize, lengths: Lengths, sink: &mut impl FnMut(Message)) {
        self.passed += bytes;
        if self.passed < lengths.total {
            return;
        }
        let message = std::mem::take(&mut self.held);
        let whole = if self.damaged { None } else { whole(message, lengths) };
        (self.lengths, self.damaged) = (None, false);
        sink(whole.unwrap_or(Message { damaged: true, ..Message::default() }));
    }

    /// The message under way is lost, and with it where the next one begins.
    fn lose(&mut self, sink: &mut impl FnMut(Message)) {
        self.held = Vec::new();
        (self.lengths, self.damaged, self.astray) = (None, false, true);
        sink(Message { damaged: true, ..Message::default() });
    }

    fn damage(&mut self) {
        self.damaged = true;
        self.held = Vec::new();
    }
}

/// Whether a body begins like an event stream, by its first twelve bytes.
#[must_use]
pub fn begins(bytes: &[u8]) -> bool {
    bytes.get(..PRELUDE_BYTES).is_some_and(|prelude| lengths(prelude).is_some())
}

/// What a prelude says, if it is one.
fn lengths(prelude: &[u8]) -> Option<Lengths> {
    let (lengths, behind) = prelude.split_at_checked(8)?;
    let (checksum, _) = behind.split_at_checked(4)?;
    let (total, headers) = lengths.split_at_checked(4)?;
    let (total, headers) = (number(total)?, number(headers)?);
    let least = headers.checked_add(PRELUDE_BYTES + CHECKSUM_BYTES)?;
    let fits = headers <= HEADERS_MAX_BYTES && total.checked_sub(least)? <= PAYLOAD_MAX_BYTES;
    (fits && number(checksum)? == crc32fast::hash(lengths) as usize).then_some(Lengths { total, headers })
}

fn number(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
}

/// A message of which all bytes are there, if they are right.
fn whole(message: Vec<u8>, lengths: Lengths) -> Option<Message> {
    let message = Bytes::from(message);
    let end = message.len().checked_sub(CHECKSUM_BYTES)?;
    if number(message.get(end..)?)? != crc32fast::hash(message.get(..end)?) as usize {
        return None;
    }
    let payload_begin = PRELUDE_BYTES + lengths.headers;
    let (mut kind, mut name) = (Kind::Event, String::new());
    let mut headers = message.get(PRELUDE_BYTES..payload_begin)?;
    while !headers.is_empty() {
        let (header, value);
        (header, value, headers) = split_header(headers)?;
        match (header, value) {
            (b":message-type", b"exception") => kind = Kind::Exception,
            (b":message-type", b"error") => kind = Kind::Error,
            (b":event-type" | b":exception-type" | b":error-code", value) => {
                let value = value.get(..NAME_MAX_BYTES).unwrap_or(value);
                String::from_utf8_lossy(value).into_owned().clone_into(&mut name);
            }
            _ => {}
        }
    }
    Some(Message { kind, name, payload: message.slice(payload_begin..end), damaged: false })
}

/// Name and value of the first header, and what is behind it.
fn split_header(headers: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (length, rest) = headers.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (kind, rest) = rest.split_first()?;
    let (length, rest) = match kind {
        // True and false.
        0 | 1 => (0, rest),
        // Integers of 8, 16, 32 and 64 bits.
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        // And time stamps.
        5 | 8 => (8, rest),
        // Bytes and text.
        6 | 7 => {
            let (length, rest) = rest.split_at_checked(2)?;
            (usize::from(u16::from_be_bytes(length.try_into().ok()?)), rest)
        }
        // UUIDs.
        9 => (16, rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((name, value, rest))
}

/// Messages for tests.
#[cfg(test)]
pub(crate) fn encode(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    for (name, value) in headers {
        fields.push(u8::try_from(name.len()).unwrap_or(0));
        fields.extend(name.as_bytes());
        fields.push(7);
        fields.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
        fields.extend(value.as_bytes());
    }
    let word = |number: usize| u32::try_from(number).unwrap_or(0).to_be_bytes();
    let mut message = [word(fields.len() + payload.len() + 16), word(fields.len())].concat();
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message.extend([&fields, payload].concat());
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message
}

#[cfg(test)]
mod tests;
