//! What the dynamic linker reads of a file: which libraries it needs, and where they are looked for
//! first. Found by the program headers, as the linker does: a packed or stripped file has no sections.

use object::elf::{DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_STRSZ, DT_STRTAB};

use super::image::{Image, Refusal, Segment};

/// Most bytes of a dynamic section that are read: 4,096 entries. Large programs have some 500.
const ENTRIES_BYTES: u64 = 64 << 10;
/// Most bytes of the names that it points into. Chromium's has 0.3 MB.
const NAMES_BYTES: u64 = 8 << 20;
/// Most libraries that one file may need.
const NEEDED: usize = 256;
/// Bytes of a name, with the zero at its end, that are read: a path's bound (`PATH_MAX`).
const NAME_BYTES: u64 = 4096;

/// What a file asks the dynamic linker for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Names of libraries (`DT_NEEDED`), in order.
    pub libraries: Vec<String>,
    /// Folders that are searched before the system's (`DT_RPATH`, `DT_RUNPATH`), in order, as they are
    /// written: `$ORIGIN` is the file's own folder (ld.so(8)).
    pub folders: Vec<String>,
}

impl Image {
    /// What the dynamic linker loads with this file; nothing, if it is static.
    ///
    /// # Errors
    /// When its dynamic section is not sound or too large.
    pub fn needs(&self) -> Result<Needs, Refusal> {
        let entries = self.dynamic_entries()?;
        let value = |wanted| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        let (Some(table), Some(size)) = (value(DT_STRTAB), value(DT_STRSZ)) else {
            return Ok(Needs::default());
        };
        if size > NAMES_BYTES {
            return Err(Refusal::TooLarge("a very large table of names"));
        }
        let mut needs = Needs::default();
        for (tag, at) in entries {
            let name = |at| self.name(table, size, at);
            match tag {
                DT_NEEDED if needs.libraries.len() < NEEDED => needs.libraries.extend(name(at)),
                DT_RPATH | DT_RUNPATH => {
                    let folders = name(at).unwrap_or_default();
                    let folders = folders.split(':').filter(|folder| !folder.is_empty());
                    needs.folders.extend(folders.take(NEEDED).map(str::to_owned));
                }
                _ => {}
            }
        }
        Ok(needs)
    }

    /// Tags and values of the dynamic section; none, if the file is static.
    ///
    /// # Errors
    /// When it cannot be read or is too large.
    pub(super) fn dynamic_entries(&self) -> Result<Vec<(i64, u64)>, Refusal> {
        let Some(dynamic) = self.dynamic else { return Ok(Vec::new()) };
        if dynamic.size > ENTRIES_BYTES {
            return Err(Refusal::TooLarge("a very large dynamic section"));
        }
        let bytes = self.bytes(dynamic.offset, usize::try_from(dynamic.size).unwrap_or(0))?;
        Ok(entries(&bytes).collect())
    }

    /// A name in the table at this virtual address.
    fn name(&self, table: u64, size: u64, at: u64) -> Option<String> {
        let room = size.checked_sub(at)?.min(NAME_BYTES);
        let place = |segment: &Segment| segment.place(table.checked_add(at)?);
        let (offset, left) = self.loaded.iter().find_map(place)?;
        let bytes = self.bytes(offset, usize::try_from(room.min(left)).ok()?).ok()?;
        let end = memchr::memchr(0, &bytes)?;
        Some(String::from_utf8_lossy(bytes.get(..end)?).into_owned())
    }
}

/// The entries of a dynamic section, `Elf64_Dyn` (elf(5)): tag and value, up to the one that ends it.
fn entries(bytes: &[u8]) -> impl Iterator<Item = (i64, u64)> {
    let (entries, _) = bytes.as_chunks::<16>();
    entries
        .iter()
        .filter_map(|entry| {
            let (tag, value) = entry.split_first_chunk::<8>()?;
            Some((i64::from_ne_bytes(*tag), u64::from_ne_bytes(*value.first_chunk()?)))
        })
        .take_while(|(tag, _)| *tag != DT_NULL)
}
