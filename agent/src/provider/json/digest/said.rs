//! What a string says, as a digest. Of long data in base64 samples count, and its length: files of one length that differ do so
//! nearly everywhere, and all of an image of some megabytes costs more than to read the request that it is in. Every byte of
//! a text counts.

use super::hasher::Hasher;

/// Bytes that count in any case, and tell what the string is.
const HEAD_BYTES: usize = 1024;

/// So many of these may be something else, as `data:image/png;base64,` is.
const PREFIX_BYTES: usize = 64;

/// Of so many bytes of data that follow, the first ones count, and the last ones of all.
const STRIDE_BYTES: u64 = 4096;
const SAMPLE_BYTES: u64 = 128;
const TAIL_BYTES: usize = 64;

/// What was seen of the alphabet of base64 (RFC 4648, sections 4 and 5).
const LOWER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 4;
/// Something that is none of it.
const OTHER: u8 = 8;

/// A string as it comes.
#[derive(Debug)]
pub(in crate::provider) struct Said {
    hasher: Hasher,
    bytes: u64,
    kinds: u8,
    /// The last bytes of what is data.
    tail: [u8; TAIL_BYTES],
}

impl Default for Said {
    fn default() -> Self {
        Self { hasher: Hasher::default(), bytes: 0, kinds: 0, tail: [0; TAIL_BYTES] }
    }
}

impl Said {
    pub(in crate::provider) fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if self.kinds & OTHER == 0 && self.bytes < HEAD_BYTES as u64 {
            rest = self.begin(bytes);
        }
        if self.is_data() {
            self.sample(rest);
        } else {
            self.hasher.write(rest);
            self.bytes += rest.len() as u64;
        }
    }

    /// Looks at what is of the head; what is behind it.
    fn begin<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let before = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        let (head, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES.saturating_sub(before)));
        let kind = |byte: &u8| match byte {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            b'+' | b'/' | b'-' | b'_' | b'=' => 0,
            _ => OTHER,
        };
        // Words are known after a few bytes.
        for few in head.get(PREFIX_BYTES.saturating_sub(before)..).unwrap_or_default().chunks(16) {
            self.kinds |= few.iter().fold(0, |kinds, byte| kinds | kind(byte));
            if self.kinds & OTHER != 0 {
                break;
            }
        }
        self.hasher.write(head);
        self.bytes += head.len() as u64;
        rest
    }

    /// Of so long a text in one of these alphabets it is certain: digits, or a genome, have fewer kinds.
    fn is_data(&self) -> bool {
        self.bytes >= HEAD_BYTES as u64 && self.kinds == LOWER | UPPER | DIGIT
    }

    fn sample(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = self.bytes % STRIDE_BYTES;
            let counts = at < SAMPLE_BYTES;
            let until = if counts { SAMPLE_BYTES } else { STRIDE_BYTES } - at;
            let (piece, behind) = rest.split_at(rest.len().min(usize::try_from(until).unwrap_or(usize::MAX)));
            if counts {
                self.hasher.write(piece);
            }
            self.bytes += piece.len() as u64;
            rest = behind;
        }
        let last = bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
        self.tail.copy_within(last.len().., 0);
        let (_, tail) = self.tail.split_at_mut(TAIL_BYTES - last.len());
        tail.iter_mut().zip(last).for_each(|(place, byte)| *place = *byte);
    }

    pub(in crate::provider) fn finish(mut self) -> u64 {
        if self.is_data() {
            self.hasher.write(&self.tail);
            self.hasher.write_number(self.bytes);
        }
        self.hasher.finish()
    }
}
