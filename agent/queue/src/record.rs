//! One record: a header that tells where the next one is, and the payload. The crate's documentation has the table.

/// Bytes of a payload at most, whatever the options say.
pub const PAYLOAD_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a record's header.
pub(crate) const HEADER_BYTES: u64 = 32;
/// Records begin at multiples of this, so that a search for one looks at few places.
pub(crate) const ALIGNMENT: u64 = 8;

/// A payload that is to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is acknowledged by.
    pub number: u64,
    /// How many things it stands for, as the one said who pushed it.
    pub items: u32,
    /// As it was pushed.
    pub payload: Vec<u8>,
}

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) number: u64,
    pub(crate) length: u32,
    pub(crate) items: u32,
    /// Of the payload.
    pub(crate) checksum: u32,
}

impl RecordHeader {
    /// `None` for what is not a whole header with this marker.
    pub(crate) fn decode(bytes: &[u8], marker: u64) -> Option<Self> {
        let (checked, _) = bytes.split_first_chunk::<28>()?;
        let (its_marker, bytes) = bytes.split_first_chunk()?;
        let (number, bytes) = bytes.split_first_chunk()?;
        let (length, bytes) = bytes.split_first_chunk()?;
        let (items, bytes) = bytes.split_first_chunk()?;
        let (checksum, bytes) = bytes.split_first_chunk()?;
        let (own, _) = bytes.split_first_chunk()?;
        let header = Self {
            number: u64::from_le_bytes(*number),
            length: u32::from_le_bytes(*length),
            items: u32::from_le_bytes(*items),
            checksum: u32::from_le_bytes(*checksum),
        };
        let is_whole =
            *its_marker == marker.to_le_bytes() && u32::from_le_bytes(*own) == crc32fast::hash(checked);
        let is_bounded = usize::try_from(header.length).is_ok_and(|length| length <= PAYLOAD_MAX_BYTES);
        (is_whole && is_bounded).then_some(header)
    }

    /// Bytes that the record takes in its segment.
    pub(crate) fn size(&self) -> u64 {
        size(u64::from(self.length))
    }
}

/// Bytes that a record with a payload of this length takes in its segment.
pub(crate) fn size(length: u64) -> u64 {
    HEADER_BYTES.saturating_add(length).next_multiple_of(ALIGNMENT)
}

/// Writes a record into `out`, in place of what was there. `None` for a payload that is too long.
pub(crate) fn encode(out: &mut Vec<u8>, marker: u64, number: u64, items: u32, payload: &[u8]) -> Option<()> {
    let length = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= PAYLOAD_MAX_BYTES)?;
    out.clear();
    out.extend_from_slice(&marker.to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&items.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(out).to_le_bytes());
    out.extend_from_slice(payload);
    out.resize(usize::try_from(size(u64::from(length))).ok()?, 0);
    Some(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        for (payload, bytes) in [(&b""[..], 32), (b"1234567", 40), (b"12345678", 40), (b"123456789", 48)] {
            let mut out = vec![7; 3];
            encode(&mut out, 5, 6, 7, payload).unwrap();
            assert_eq!(out.len(), bytes);
            let header = RecordHeader::decode(&out, 5).unwrap();
            assert_eq!((header.number, header.items, header.size()), (6, 7, bytes as u64));
            assert_eq!(header.checksum, crc32fast::hash(payload));
            assert_eq!(RecordHeader::decode(&out, 4), None);
        }
        assert_eq!(encode(&mut Vec::new(), 5, 6, 7, &vec![0; PAYLOAD_MAX_BYTES + 1]), None);
    }

    #[test]
    fn a_header_with_any_bit_wrong_is_none() {
        let mut out = Vec::new();
        encode(&mut out, 5, 6, 7, b"payload").unwrap();
        for bit in 0..32 * 8 {
            let mut wrong = out.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(RecordHeader::decode(&wrong, 5), None, "{bit}");
        }
        for length in 0..32 {
            assert_eq!(RecordHeader::decode(&out[..length], 5), None);
        }
    }
}
