//! Segments: files of consecutive records, which are removed as a whole.

/// Segments at most; each restart begins one. With more, the oldest goes as if the bound on bytes were met.
pub const SEGMENTS_MAX: usize = 16_384;
/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: u64 = 32;
/// Record numbers are below this, so that no sum overflows, whatever a file says.
pub(crate) const NUMBER_LIMIT: u64 = 1 << 62;

const MAGIC: &[u8; 8] = b"spanwirQ";
const VERSION: u32 = 1;
const SUFFIX: &str = ".segment";
/// Digits of an ordinal in a file's name.
const DIGITS: usize = 16;

/// What the queue knows of one segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    /// Tells its file's name; a later segment has a larger one.
    pub(crate) ordinal: u64,
    pub(crate) marker: u64,
    /// Number of its first record.
    pub(crate) first: u64,
    /// The number behind its last record.
    pub(crate) end: u64,
    /// Bytes up to the end of its last good record.
    pub(crate) length: u64,
    /// Bytes of the file, which may have something unfinished at its end.
    pub(crate) file_bytes: u64,
    /// Records that are not acknowledged, dropped or lost.
    pub(crate) pending: u64,
    /// What those records stand for.
    pub(crate) items: u64,
    /// The first number that should have come, and did not, when it was read.
    pub(crate) skipped: Option<u64>,
}

impl Segment {
    /// One of which no record is known.
    pub(crate) fn begin(ordinal: u64, header: SegmentHeader, file_bytes: u64) -> Self {
        let SegmentHeader { first, marker } = header;
        Self {
            ordinal,
            marker,
            first,
            end: first,
            length: HEADER_BYTES,
            file_bytes,
            pending: 0,
            items: 0,
            skipped: None,
        }
    }
}

/// What stands at the begin of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) first: u64,
    pub(crate) marker: u64,
}

/// Why a segment cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It has no whole header.
    Damaged,
    /// It has a format of this number.
    Version(u32),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.marker.to_le_bytes());
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unfit> {
        let (header, version) = Self::split(bytes).ok_or(Unfit::Damaged)?;
        match version {
            VERSION if header.first < NUMBER_LIMIT => Ok(header),
            VERSION => Err(Unfit::Damaged),
            _ => Err(Unfit::Version(version)),
        }
    }

    fn split(bytes: &[u8]) -> Option<(Self, u32)> {
        let (checked, _) = bytes.split_first_chunk::<28>()?;
        let bytes = bytes.strip_prefix(MAGIC)?;
        let (first, bytes) = bytes.split_first_chunk()?;
        let (marker, bytes) = bytes.split_first_chunk()?;
        let (version, bytes) = bytes.split_first_chunk()?;
        let (checksum, _) = bytes.split_first_chunk()?;
        let header = Self { first: u64::from_le_bytes(*first), marker: u64::from_le_bytes(*marker) };
        let is_whole = u32::from_le_bytes(*checksum) == crc32fast::hash(checked);
        is_whole.then_some((header, u32::from_le_bytes(*version)))
    }
}

/// The name of a segment's file.
pub(crate) fn name(ordinal: u64) -> String {
    format!("{ordinal:0DIGITS$x}{SUFFIX}")
}

/// The reverse of [`name`].
pub(crate) fn ordinal(file: &str) -> Option<u64> {
    let ordinal = u64::from_str_radix(file.strip_suffix(SUFFIX)?, 16).ok()?;
    (ordinal < NUMBER_LIMIT && name(ordinal) == file).then_some(ordinal)
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_and_ordinals_belong_together() {
        for (file, expected) in [
            ("0000000000000000.segment", Some(0)),
            ("00000000000000ff.segment", Some(255)),
            ("00000000000000FF.segment", None),
            ("ffffffffffffffff.segment", None),
            ("+000000000000001.segment", None),
            ("1.segment", None),
            ("0000000000000001", None),
            ("position", None),
        ] {
            assert_eq!(ordinal(file), expected, "{file}");
        }
    }

    #[test]
    fn a_header_is_whole_or_none() {
        let header = SegmentHeader { first: 3, marker: 9 };
        let bytes = header.encode();
        assert_eq!(bytes.len() as u64, HEADER_BYTES);
        assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&wrong), Err(Unfit::Damaged), "{bit}");
        }
        let mut later = bytes[..28].to_vec();
        later[24] = 2;
        later.extend_from_slice(&crc32fast::hash(&later).to_le_bytes());
        assert_eq!(SegmentHeader::decode(&later), Err(Unfit::Version(2)));
        let too_far = SegmentHeader { first: NUMBER_LIMIT, marker: 9 }.encode();
        assert_eq!(SegmentHeader::decode(&too_far), Err(Unfit::Damaged));
    }
}
