//! Forms with files (`multipart/form-data`: RFC 7578, RFC 2046 section 5.1), incremental and bounded: names, sizes and
//! media types of all parts, and short values of those that are no files.

use memchr::memmem;

/// Bytes that are kept of a part's value unless more is wanted.
const VALUE_MAX_BYTES: usize = 256;
/// Bytes of a part's head; what is longer is left out, and the part has no name then.
const HEAD_MAX_BYTES: usize = 2048;
/// The longest boundary (RFC 2046, section 5.1.1).
const BOUNDARY_MAX_BYTES: usize = 70;

/// One part of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The field's name; empty when it has none.
    pub name: String,
    /// Its media type, if it says one.
    pub media_type: Option<String>,
    /// It is a file.
    pub is_file: bool,
    /// The begin of its value; nothing of a file's.
    pub value: Vec<u8>,
    /// Its whole length.
    pub bytes: u64,
}

/// Where in a form the next byte stands.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Before the first delimiter.
    Preamble,
    /// Behind a delimiter: the end of its line, or two dashes.
    Delimited,
    /// In a part's head.
    Head {
        /// Its lines so far.
        lines: Vec<u8>,
        /// No byte of the line under way has come: if it ends, so does the head.
        blank: bool,
    },
    /// In a part's value.
    Value(Part),
    /// In a value whose head was lost, or of which bytes were.
    Lost,
    /// Behind the last delimiter.
    Over,
}

/// Reads one form. Holds at most a part's head, or the kept begin of its value, and a delimiter's length.
#[derive(Debug)]
pub struct MultipartParser {
    /// What stands between parts, with the line end before it.
    delimiter: Vec<u8>,
    state: State,
    /// The last bytes that may be the begin of a delimiter, or of a head's end.
    rest: Vec<u8>,
    begun: bool,
    /// Bytes that are kept of a value.
    value_max_bytes: usize,
}

/// The boundary that a content type names; `None` when it is no form with parts.
#[must_use]
pub fn boundary(content_type: &str) -> Option<&str> {
    let (media_type, parameters) = content_type.split_once(';')?;
    if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    (1..=BOUNDARY_MAX_BYTES).contains(&value.len()).then_some(value)
}

impl MultipartParser {
    /// A parser for one body whose parts are told apart by `boundary`.
    #[must_use]
    pub fn new(boundary: &str) -> Self {
        Self::keeping(boundary, VALUE_MAX_BYTES)
    }

    /// The same, but so many bytes are kept of the value of each part that is no file.
    #[must_use]
    pub fn keeping(boundary: &str, value_max_bytes: usize) -> Self {
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        // The first delimiter needs no line before it.
        Self { delimiter, state: State::Preamble, rest: b"\r\n".to_vec(), begun: false, value_max_bytes }
    }

    /// Any byte came.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// A first delimiter came: it is a form.
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.state != State::Preamble
    }

    /// The last delimiter came.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// About how many bytes of memory are held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let state = match &self.state {
            State::Head { lines, .. } => lines.capacity(),
            State::Value(part) => part.name.capacity() + part.value.capacity(),
            _ => 0,
        };
        self.delimiter.capacity() + self.rest.capacity() + state
    }

    /// Reads the next bytes, and hands on the parts that they complete.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(Part)) {
        self.begun |= !bytes.is_empty();
        if self.state == State::Over {
            return;
        }
        let mut bytes = bytes;
        while !bytes.is_empty() && !self.rest.is_empty() {
            // Only so many bytes have to be looked at together with what was held.
            let (first, behind) = bytes.split_at(bytes.len().min(self.delimiter.len() + 4));
            let mut held = std::mem::take(&mut self.rest);
            held.extend_from_slice(first);
            let left = self.read(&held, sink);
            self.rest = held.split_off(held.len() - left);
            bytes = behind;
        }
        if !bytes.is_empty() {
            let left = self.read(bytes, sink);
            self.rest = bytes.get(bytes.len() - left..).unwrap_or_default().to_vec();
        }
    }

    /// Bytes are missing here: the part under way is left out, and the next delimiter is looked for.
    pub fn gap(&mut self) {
        self.begun = true;
        if self.state != State::Over {
            self.state = State::Lost;
            self.rest.clear();
        }
    }

    /// Reads what it can; returns how many bytes at the end must wait for more, fewer than a delimiter has.
    fn read(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(Part)) -> usize {
        loop {
            match &mut self.state {
                State::Over => return 0,
                State::Preamble | State::Lost | State::Value(_) => {
                    let Some(at) = memmem::find(bytes, &self.delimiter) else {
                        let left = partial_end(bytes, &self.delimiter);
                        self.value(bytes.get(..bytes.len() - left).unwrap_or_default());
                        return left;
                    };
                    self.value(bytes.get(..at).unwrap_or_default());
                    bytes = bytes.get(at + self.delimiter.len()..).unwrap_or_default();
                    if let State::Value(part) = std::mem::replace(&mut self.state, State::Delimited) {
                        sink(part);
                    }
                }
                State::Delimited => match bytes {
                    [b'-', b'-', ..] => {
                        self.state = State::Over;
                        return 0;
                    }
                    [b'\r', b'\n', ..] => {
                        self.state = State::Head { lines: Vec::new(), blank: true };
                        bytes = bytes.get(2..).unwrap_or_default();
                    }
                    // Blanks may pad the line (RFC 2046, section 5.1.1).
                    [b' ' | b'\t', rest @ ..] => bytes = rest,
                    [] | [b'-' | b'\r'] => return bytes.len(),
                    // The delimiter was but the begin of a longer word.
                    _ => self.state = State::Lost,
                },
                State::Head { lines, blank } => {
                    let end = memmem::find(bytes, b"\r\n");
                    // The first half of a line's end waits for the other.
                    let left = if end.is_none() { usize::from(bytes.last() == Some(&b'\r')) } else { 0 };
                    let line = bytes.get(..end.unwrap_or(bytes.len() - left)).unwrap_or_default();
                    extend(lines, line, HEAD_MAX_BYTES);
                    *blank &= line.is_empty();
                    let Some(end) = end else { return left };
                    bytes = bytes.get(end + 2..).unwrap_or_default();
                    if *blank {
                        let part = part(lines);
                        self.state = State::Value(part);
                    } else {
                        extend(lines, b"\n", HEAD_MAX_BYTES);
                        *blank = true;
                    }
                }
            }
        }
    }

    fn value(&mut self, bytes: &[u8]) {
        let State::Value(part) = &mut self.state else { return };
        part.bytes = part.bytes.saturating_add(bytes.len() as u64);
        if !part.is_file {
            extend(&mut part.value, bytes, self.value_max_bytes);
        }
    }
}

/// Appends what fits.
fn extend(to: &mut Vec<u8>, bytes: &[u8], max: usize) {
    let room = max.saturating_sub(to.len());
    to.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
}

/// How many bytes at the end may be the begin of a delimiter.
fn partial_end(bytes: &[u8], delimiter: &[u8]) -> usize {
    let longest = bytes.len().min(delimiter.len() - 1);
    let is_begin =
        |length: &usize| bytes.get(bytes.len() - length..).is_some_and(|end| delimiter.starts_with(end));
    (1..=longest).rev().find(is_begin).unwrap_or(0)
}

/// What a head says of its part.
fn part(head: &[u8]) -> Part {
    let head = String::from_utf8_lossy(head);
    let mut part = Part::default();
    for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
        if name.trim().eq_ignore_ascii_case("content-type") {
            let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            part.media_type = Some(media_type).filter(|text| !text.is_empty());
        } else if name.trim().eq_ignore_ascii_case("content-disposition") {
            part.name = parameter(value, "name").unwrap_or_default().to_owned();
            part.is_file = parameter(value, "filename").is_some() || parameter(value, "filename*").is_some();
        }
    }
    part
}

/// A parameter's value, quoted or not; a quoted one ends at the next quote, which is all that the names of fields
/// need.
fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = value;
    while let Some((_, behind)) = rest.split_once(';') {
        let (found, behind) = behind.split_once('=')?;
        let (text, behind) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => behind.split_at(behind.find(';').unwrap_or(behind.len())),
        };
        if found.trim().eq_ignore_ascii_case(name) {
            return Some(text.trim());
        }
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests;
