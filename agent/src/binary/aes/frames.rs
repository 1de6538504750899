//! Where functions begin and end, by what a file says for unwinding the stack: `.eh_frame_hdr`, a table
//! sorted by address (Linux Standard Base, "Exception Frames"). It is looked up, never read whole.

use super::super::image::{Image, Segment};

/// How linkers write it: version 1; the address of `.eh_frame` relative to itself, of 32 bits; the count of
/// 32 bits; and a table of pairs of 32 bits, relative to the section's begin.
const HEADER: [u8; 4] = [1, 0x1b, 0x03, 0x3b];
/// Bytes before the table: these, the address and the count.
const HEADER_BYTES: u64 = 12;
/// Bytes of an entry: where a function begins, and where its description is.
const ENTRY_BYTES: u64 = 8;
/// Bytes of a description up to the function's length: its own length, the way to what it has in common
/// with others, and the function's begin.
const DESCRIPTION_BYTES: usize = 16;

/// The table.
pub(super) struct Frames<'i> {
    image: &'i Image,
    section: Segment,
    count: u64,
}

impl<'i> Frames<'i> {
    /// None where the file has none, or one that is written otherwise.
    pub(super) fn of(image: &'i Image) -> Option<Self> {
        let section = image.frames?;
        let header = image.bytes(section.offset, usize::try_from(HEADER_BYTES).ok()?).ok()?;
        let (form, rest) = header.split_first_chunk::<4>()?;
        let (_, count) = rest.split_first_chunk::<4>()?;
        let count = u64::from(u32::from_ne_bytes(*count.first_chunk()?));
        let room = section.size.checked_sub(HEADER_BYTES)? / ENTRY_BYTES;
        (*form == HEADER && count <= room).then_some(Self { image, section, count })
    }

    /// Begin and end of the function that an address is in; none where none is known to be there.
    pub(super) fn around(&self, address: u64) -> Option<(u64, u64)> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entry(middle)?.0 <= address {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let (begin, description) = self.entry(low.checked_sub(1)?)?;
        let end = begin.checked_add(self.length(begin, description)?)?;
        (address < end).then_some((begin, end))
    }

    /// Where the function of an entry begins, and where it is described.
    fn entry(&self, index: u64) -> Option<(u64, u64)> {
        let at = index.checked_mul(ENTRY_BYTES)?.checked_add(HEADER_BYTES)?;
        let bytes = self.image.bytes(self.section.offset.checked_add(at)?, 8).ok()?;
        let (begin, description) = bytes.split_first_chunk::<4>()?;
        let address =
            |bytes: [u8; 4]| self.section.address.checked_add_signed(i64::from(i32::from_ne_bytes(bytes)));
        Some((address(*begin)?, address(*description.first_chunk()?)?))
    }

    /// How long a function is, by its description.
    fn length(&self, begin: u64, description: u64) -> Option<u64> {
        let (offset, _) = self.image.loaded.iter().find_map(|segment| segment.place(description))?;
        let bytes = self.image.bytes(offset, DESCRIPTION_BYTES).ok()?;
        let words = bytes.as_chunks::<4>().0;
        let [_, _, relative, length] = words else { return None };
        // Relative to itself, if it is written as the table is.
        let own = description.checked_add(8)?;
        let same = own.checked_add_signed(i64::from(i32::from_ne_bytes(*relative)))? == begin;
        same.then(|| u64::from(u32::from_ne_bytes(*length)))
    }
}
