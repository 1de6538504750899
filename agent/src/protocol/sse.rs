//! Server-sent events (WHATWG HTML, section 9.2), incremental and bounded.
//!
//! Unlike a browser, an observer also hands on the last event of a stream that ends without the blank
//! line, and what is left of an event of which bytes were lost: both may carry the token counts.

use memchr::memchr2;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event:` field; empty when the stream named none.
    pub name: String,
    /// All `data:` fields, joined by line feeds.
    pub data: String,
    /// Bytes of this event were lost or left out for its size: `data` is not whole.
    pub damaged: bool,
}

/// Reads one stream. Holds at most one line and one event, each of at most `max_event_bytes`.
#[derive(Debug)]
pub struct SseParser {
    max_event_bytes: usize,
    /// The line under way, without the bytes that exceeded the limit.
    line: Vec<u8>,
    /// The line under way is longer than `line` holds.
    line_cut: bool,
    /// The rest of the line under way belongs to a field whose begin was lost.
    skip_line: bool,
    /// The last byte was a carriage return, so a line feed right behind it ends no further line.
    after_cr: bool,
    /// No line has been read yet: a byte order mark may stand at the front.
    at_start: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    /// A `data` field was seen, be it empty.
    has_data: bool,
    damaged: bool,
}

impl SseParser {
    /// A parser for one response. `max_event_bytes` bounds the name and the data of one event.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            max_event_bytes,
            line: Vec::new(),
            line_cut: false,
            skip_line: false,
            after_cr: false,
            at_start: true,
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            damaged: false,
        }
    }

    /// Bytes that are held of the line and the event under way.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.line.capacity() + self.name.capacity() + self.data.capacity()
    }

    /// Reads the next bytes, which may end anywhere, also inside a character.
    pub fn push(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(SseEvent)) {
        if self.after_cr
            && let Some((first, rest)) = bytes.split_first()
        {
            self.after_cr = false;
            if *first == b'\n' {
                bytes = rest;
            }
        }
        while let Some(end) = memchr2(b'\n', b'\r', bytes) {
            let (line, rest) = bytes.split_at(end);
            self.extend_line(line);
            self.end_line(sink);
            bytes = match rest {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.extend_line(bytes);
    }

    /// Bytes are missing here. The event under way is marked damaged; what was read of it is kept,
    /// and the rest of the line in which the gap ends is left out.
    pub fn gap(&mut self) {
        self.end_field();
        self.damaged = true;
        self.skip_line = true;
        self.after_cr = false;
        self.at_start = false;
    }

    /// The stream was cut here: an event under way is marked damaged, but one that has not begun is
    /// not made up.
    pub fn cut(&mut self) {
        let under_way = !self.line.is_empty() || self.has_data || self.skip_line;
        self.damaged |= under_way;
    }

    /// The stream is over: hands on an event that no blank line ended.
    pub fn finish(&mut self, sink: &mut impl FnMut(SseEvent)) {
        self.end_field();
        self.dispatch(sink);
    }

    fn extend_line(&mut self, bytes: &[u8]) {
        if self.skip_line {
            return;
        }
        let room = self.max_event_bytes.saturating_sub(self.line.len());
        let (kept, left_out) = bytes.split_at(bytes.len().min(room));
        self.line.extend_from_slice(kept);
        self.line_cut |= !left_out.is_empty();
    }

    fn end_line(&mut self, sink: &mut impl FnMut(SseEvent)) {
        if self.skip_line {
            self.skip_line = false;
        } else if self.line.is_empty() {
            self.at_start = false;
            self.dispatch(sink);
        } else {
            self.end_field();
        }
    }

    /// Interprets the line under way as a field.
    fn end_field(&mut self) {
        let line = std::mem::take(&mut self.line);
        let cut = std::mem::take(&mut self.line_cut);
        let mut field = line.as_slice();
        if std::mem::take(&mut self.at_start) {
            field = field.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(field);
        }
        if !field.is_empty() && !field.starts_with(b":") {
            self.damaged |= cut;
            let colon = field.iter().position(|byte| *byte == b':').unwrap_or(field.len());
            let (name, value) = field.split_at(colon);
            let value = value.strip_prefix(b":").unwrap_or(value);
            self.field(name, value.strip_prefix(b" ").unwrap_or(value));
        }
        // The allocation serves the next line.
        self.line = line;
        self.line.clear();
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"data" => {
                if self.has_data && self.data.len() < self.max_event_bytes {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.damaged |= extend_bounded(&mut self.data, value, self.max_event_bytes);
            }
            b"event" => {
                self.name.clear();
                self.damaged |= extend_bounded(&mut self.name, value, self.max_event_bytes);
            }
            // `id` and `retry` serve reconnection; unknown fields are ignored by the standard.
            _ => {}
        }
    }

    /// A blank line: the event is whole. One without data is none (WHATWG HTML, 9.2.6), unless its
    /// data may be what was lost.
    fn dispatch(&mut self, sink: &mut impl FnMut(SseEvent)) {
        let event = SseEvent {
            name: text(std::mem::take(&mut self.name)),
            data: text(std::mem::take(&mut self.data)),
            damaged: std::mem::take(&mut self.damaged),
        };
        if std::mem::take(&mut self.has_data) || event.damaged {
            sink(event);
        }
    }
}

/// What is not UTF-8 becomes the replacement character.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Appends what fits under `limit`; true when something did not.
fn extend_bounded(buffer: &mut Vec<u8>, bytes: &[u8], limit: usize) -> bool {
    let room = limit.saturating_sub(buffer.len());
    let (kept, left_out) = bytes.split_at(bytes.len().min(room));
    buffer.extend_from_slice(kept);
    !left_out.is_empty()
}

#[cfg(test)]
mod tests;
