//! Lines of JSON (`application/x-ndjson`, `application/jsonl`), incremental and bounded.

use bytes::Bytes;

/// One line, without its end. Blank lines are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its bytes.
    pub bytes: Bytes,
    /// Bytes of it were lost or left out for its size: `bytes` is not whole.
    pub damaged: bool,
}

/// Reads one body. Holds at most one line of at most `max_line_bytes`.
#[derive(Debug)]
pub struct LineParser {
    max_line_bytes: usize,
    /// The line under way, without the bytes that exceeded the limit.
    line: Vec<u8>,
    damaged: bool,
    /// The rest of the line under way is left out: what came before it was lost.
    skip_line: bool,
}

impl LineParser {
    /// A parser for one body.
    #[must_use]
    pub fn new(max_line_bytes: usize) -> Self {
        Self { max_line_bytes, line: Vec::new(), damaged: false, skip_line: false }
    }

    /// Bytes that are held of the line under way.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.line.capacity()
    }

    /// Reads the next bytes, which may end anywhere. A line that lies in them whole is not copied.
    pub fn push(&mut self, mut bytes: Bytes, sink: &mut impl FnMut(Line)) {
        while let Some(end) = memchr::memchr(b'\n', &bytes) {
            let line = bytes.split_to(end + 1).slice(..end);
            let fresh = self.line.is_empty() && !self.damaged;
            if fresh && line.len() <= self.max_line_bytes {
                emit(Line { bytes: line, damaged: false }, sink);
            } else {
                self.extend(&line);
                self.end_line(sink);
            }
        }
        self.extend(&bytes);
    }

    /// Bytes are missing here. The line under way is marked damaged; what was read of it is kept, and the rest of
    /// the line in which the gap ends is left out.
    pub fn gap(&mut self) {
        self.damaged = true;
        self.skip_line = true;
    }

    /// The body is over: hands on a line that has no end; `cut` when it may have had more.
    pub fn finish(&mut self, cut: bool, sink: &mut impl FnMut(Line)) {
        self.damaged |= cut && !self.line.is_empty();
        self.end_line(sink);
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.skip_line {
            return;
        }
        let room = self.max_line_bytes.saturating_sub(self.line.len());
        let (kept, left_out) = bytes.split_at(bytes.len().min(room));
        self.line.extend_from_slice(kept);
        self.damaged |= !left_out.is_empty();
    }

    fn end_line(&mut self, sink: &mut impl FnMut(Line)) {
        self.skip_line = false;
        let (bytes, damaged) = (std::mem::take(&mut self.line).into(), std::mem::take(&mut self.damaged));
        emit(Line { bytes, damaged }, sink);
    }
}

fn emit(mut line: Line, sink: &mut impl FnMut(Line)) {
    if line.bytes.last() == Some(&b'\r') {
        line.bytes.truncate(line.bytes.len() - 1);
    }
    if line.damaged || !line.bytes.trim_ascii().is_empty() {
        sink(line);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    enum Input {
        Data(&'static str),
        Gap,
    }
    use Input::{Data, Gap};

    fn lines(inputs: &[Input], cut: bool) -> Vec<String> {
        let (mut parser, mut lines) = (LineParser::new(8), Vec::new());
        let mut sink = |line: Line| {
            let mark = if line.damaged { "!" } else { "" };
            lines.push(format!("{}{mark}", String::from_utf8(line.bytes.to_vec()).unwrap()));
        };
        for input in inputs {
            match input {
                Data(text) => parser.push(Bytes::from_static(text.as_bytes()), &mut sink),
                Gap => parser.gap(),
            }
        }
        parser.finish(cut, &mut sink);
        lines
    }

    #[test]
    fn lines_are_read() {
        let cases: [(&[Input], bool, &[&str]); 9] = [
            (&[Data("a\nb\r\n\n \nc")], false, &["a", "b", "c"]),
            (&[Data("a"), Data("b\nc"), Data("d\n")], true, &["ab", "cd"]),
            (&[Data("a\nb")], true, &["a", "b!"]),
            (&[Data("a\n")], true, &["a"]),
            (&[Data("123456789\n2\n")], false, &["12345678!", "2"]),
            (&[Data("1234"), Data("56789"), Data("0\n2\n")], false, &["12345678!", "2"]),
            (&[Data("a\nb"), Gap, Data("c\nd\n")], false, &["a", "b!", "d"]),
            (&[Gap, Data("c\nd\n")], false, &["!", "d"]),
            (&[Data("a\n"), Gap], false, &["a", "!"]),
        ];
        for (at, (inputs, cut, expected)) in cases.into_iter().enumerate() {
            assert_eq!(lines(inputs, cut), expected, "{at}");
        }
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(text in "[a\r\n]{0,40}", size in 1..10_usize) {
            let read = |pieces: Vec<&[u8]>| {
                let (mut parser, mut lines) = (LineParser::new(20), Vec::new());
                for piece in pieces {
                    parser.push(Bytes::copy_from_slice(piece), &mut |line| lines.push(line));
                    prop_assert!(parser.line.len() <= 20);
                }
                parser.finish(false, &mut |line| lines.push(line));
                Ok(lines)
            };
            prop_assert_eq!(read(vec![text.as_bytes()])?, read(text.as_bytes().chunks(size).collect())?);
        }
    }
}
