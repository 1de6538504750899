//! A file's build-id: what its linker wrote into a note to tell this build from all others.

use std::fmt;

use super::image::{Image, Segment};

/// Most bytes of notes that are read of one file; they have some hundred.
const NOTES_BYTES: u64 = 4096;
/// Longest id. GNU's has 20 bytes, Go's some 83.
const ID_BYTES: usize = 128;

/// Owner and type of the notes that hold one: `NT_GNU_BUILD_ID` (elf.h), and Go's
/// (cmd/internal/buildid).
const NOTES: [(&[u8], u32); 2] = [(b"GNU\0", 3), (b"Go\0\0", 4)];

/// A build-id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BuildId(Box<[u8]>);

/// Hexadecimal, as tools show it; Go's is text already.
impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => f.write_str(text),
            _ => self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl Image {
    /// The file's build-id, if it has one. It is a claim: see [`super::Known`].
    #[must_use]
    pub fn build_id(&self) -> Option<BuildId> {
        let of = |note: &Segment| {
            let length = usize::try_from(note.size.min(NOTES_BYTES)).ok()?;
            build_id(&self.bytes(note.offset, length).ok()?)
        };
        self.notes.iter().find_map(of)
    }
}

/// Looks through notes, `Elf64_Nhdr` (elf(5)): length of the owner's name, length of the content, type;
/// then name and content, each filled up to a multiple of four.
fn build_id(mut notes: &[u8]) -> Option<BuildId> {
    loop {
        let (name_length, rest) = word(notes)?;
        let (length, rest) = word(rest)?;
        let (kind, rest) = word(rest)?;
        let (name_length, length) = (usize::try_from(name_length).ok()?, usize::try_from(length).ok()?);
        let (name, content) = rest.split_at_checked(name_length.checked_next_multiple_of(4)?)?;
        let name = name.get(..name_length)?;
        if NOTES.contains(&(name, kind)) {
            let id = content.get(..length)?;
            return (1..=ID_BYTES).contains(&length).then(|| BuildId(id.into()));
        }
        notes = content.get(length.checked_next_multiple_of(4)?..)?;
    }
}

fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_ne_bytes(*word), rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn note(name: &[u8], kind: u32, content: &[u8]) -> Vec<u8> {
        let mut note = Vec::new();
        for word in [u32::try_from(name.len()).unwrap(), u32::try_from(content.len()).unwrap(), kind] {
            note.extend(word.to_ne_bytes());
        }
        for part in [name, content] {
            note.extend(part);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        note
    }

    fn found(notes: &[u8]) -> Option<Vec<u8>> {
        build_id(notes).map(|id| id.0.to_vec())
    }

    #[test]
    fn the_id_is_found_among_other_notes() {
        let property = note(b"GNU\0", 5, &[0; 32]);
        let gnu = note(b"GNU\0", 3, &[7; 20]);
        assert_eq!(found(&[property.clone(), gnu.clone()].concat()), Some(vec![7; 20]));
        assert_eq!(found(&note(b"Go\0\0", 4, b"abc/def")), Some(b"abc/def".to_vec()));
        assert_eq!(found(&property), None);
        assert_eq!(found(&note(b"GNU\0", 4, b"x")), None, "another's type");
        assert_eq!(found(&gnu[..gnu.len() - 1]), None, "cut");
    }

    #[test]
    fn absurd_lengths_are_no_ids() {
        assert_eq!(found(&note(b"GNU\0", 3, &[])), None);
        assert_eq!(found(&note(b"GNU\0", 3, &[1; ID_BYTES + 1])), None);
        for word in 0..2 {
            let mut hostile = note(b"GNU\0", 3, &[7; 20]);
            hostile.splice(4 * word..4 * word + 4, u32::MAX.to_ne_bytes());
            assert_eq!(found(&hostile), None);
        }
        assert_eq!(found(&[]), None);
    }
}
