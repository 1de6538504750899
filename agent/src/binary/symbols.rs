//! A file's functions by their names: looked up where the file is ready for it, else searched for.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use object::elf::{FileHeader64, SHT_DYNSYM, SHT_GNU_HASH, SHT_SYMTAB, STT_FUNC, SectionHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, ReadCache, SectionIndex};

use super::image::{Image, Refusal, windows};

/// Most bytes of one symbol table with its names. Node's has 30 MB.
const TABLE_MAX_BYTES: u64 = 128 << 20;
/// Bytes of an entry of a symbol table: `Elf64_Sym`.
pub(super) const SYMBOL_BYTES: usize = 24;
/// Most sections of a file; those of debug builds have some thousand.
pub(super) const SECTIONS: usize = 65_536;
/// Most places in a string table that read as a name that is looked for: each symbol has one, and a
/// linker writes it once.
const PLACES: usize = 1024;
/// Most symbols of one chain of the hash table. Linkers make chains of a few.
const CHAIN: u64 = 1024;

/// A function by its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Virtual address in the file's own terms.
    pub address: u64,
    /// Bytes, as the symbol says.
    pub size: u64,
}

/// Functions by their names.
type Found<'n> = HashMap<&'n str, Function>;

/// Where a table is in the file, and its bytes.
type Place = (u64, u64);

impl Image {
    /// The functions with these names among those that the file exports; where it exports none of them,
    /// from the full symbol table, which is searched and may take some 10 ms.
    ///
    /// # Errors
    /// When a table is not sound or too large.
    pub fn functions<'n>(&self, names: &[&'n str]) -> Result<Found<'n>, Refusal> {
        let found = self.exported(names)?;
        if found.is_empty() { self.searched(SHT_SYMTAB, names) } else { Ok(found) }
    }

    /// The functions with these names among those that the file exports.
    ///
    /// # Errors
    /// When a table is not sound or too large.
    pub fn exported<'n>(&self, names: &[&'n str]) -> Result<Found<'n>, Refusal> {
        let hash_table = self.tables(SHT_GNU_HASH)?.map(|[place, _]| place);
        match (hash_table, self.tables(SHT_DYNSYM)?) {
            (Some(hash_table), Some([symbols, strings])) => {
                let table = HashTable { file: &self.file, hash_table, symbols, strings };
                let mut found = Found::new();
                for name in names {
                    if let Some(function) = table.look_up(name)? {
                        found.insert(name, function);
                    }
                }
                Ok(found)
            }
            _ => self.searched(SHT_DYNSYM, names),
        }
    }

    fn searched<'n>(&self, kind: u32, names: &[&'n str]) -> Result<Found<'n>, Refusal> {
        let mut found = Found::new();
        if let Some([symbols, strings]) = self.tables(kind)? {
            if symbols.1.saturating_add(strings.1) > TABLE_MAX_BYTES {
                return Err(Refusal::TooLarge("a very large symbol table"));
            }
            search(&self.file, symbols, strings, names, &mut found)?;
        }
        Ok(found)
    }

    /// The first section of this kind, and the one that it is linked with.
    fn tables(&self, kind: u32) -> Result<Option<[Place; 2]>, Refusal> {
        let cache = ReadCache::new(self.file.try_clone()?);
        let data = &cache;
        let header = FileHeader64::<Endianness>::parse(data)?;
        let endian = header.endian()?;
        if header.shnum(endian, data)? > SECTIONS {
            return Err(Refusal::TooLarge("too many sections"));
        }
        let sections = header.sections(endian, data)?;
        let Some(table) = sections.iter().find(|section| section.sh_type(endian) == kind) else {
            return Ok(None);
        };
        let linked = sections.section(SectionIndex(table.sh_link(endian) as usize))?;
        let place =
            |section: &SectionHeader64<Endianness>| (section.sh_offset(endian), section.sh_size(endian));
        Ok(Some([place(table), place(linked)]))
    }
}

/// The table by which the dynamic linker finds symbols (`DT_GNU_HASH`; glibc, elf/dl-lookup.c): a header
/// of four words, a Bloom filter, the buckets, and the hashes of all symbols from `first` on. A bucket
/// has the index of its chain's first symbol; the last one's hash has its lowest bit set.
struct HashTable<'f> {
    file: &'f File,
    hash_table: Place,
    symbols: Place,
    strings: Place,
}

impl HashTable<'_> {
    fn look_up(&self, name: &str) -> io::Result<Option<Function>> {
        let header = [0, 1, 2].map(|index| self.word(index));
        let [Some(buckets), Some(first), Some(filters)] = header else { return Ok(None) };
        let hash = hash(name);
        let Some(bucket) = hash.checked_rem(buckets) else { return Ok(None) };
        let before_buckets = 4 + 2 * u64::from(filters);
        let Some(head) = self.word(before_buckets + u64::from(bucket)) else { return Ok(None) };
        let Some(from) = head.checked_sub(first) else { return Ok(None) };
        let before_chains = before_buckets + u64::from(buckets);
        for step in 0..CHAIN {
            let Some(chained) = self.word(before_chains + u64::from(from) + step) else { return Ok(None) };
            if chained | 1 == hash | 1
                && let Some(function) = self.function(u64::from(head) + step, name)?
            {
                return Ok(Some(function));
            }
            if chained & 1 == 1 {
                break;
            }
        }
        Ok(None)
    }

    /// A word of the hash table.
    fn word(&self, index: u64) -> Option<u32> {
        let (offset, size) = self.hash_table;
        let at = index.checked_mul(4).filter(|at| *at < size)?;
        let mut word = [0; 4];
        self.file.read_exact_at(&mut word, offset.checked_add(at)?).ok()?;
        Some(u32::from_ne_bytes(word))
    }

    /// The symbol with this index, if it is a function of this name.
    fn function(&self, index: u64, name: &str) -> io::Result<Option<Function>> {
        let at = index.saturating_mul(SYMBOL_BYTES as u64);
        if at >= self.symbols.1 {
            return Ok(None);
        }
        let mut entry = [0; SYMBOL_BYTES];
        self.file.read_exact_at(&mut entry, self.symbols.0.saturating_add(at))?;
        let Some(symbol) = Symbol::read(&entry).filter(Symbol::is_defined_function) else { return Ok(None) };
        let mut named = vec![0; name.len() + 1];
        if u64::from(symbol.name) + named.len() as u64 > self.strings.1 {
            return Ok(None);
        }
        self.file.read_exact_at(&mut named, self.strings.0.saturating_add(u64::from(symbol.name)))?;
        let same = named.strip_suffix(&[0]) == Some(name.as_bytes());
        Ok(same.then_some(symbol.function))
    }
}

/// Bernstein's hash with a factor of 33 (glibc, elf/dl-new-hash.h).
fn hash(name: &str) -> u32 {
    name.bytes().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(byte.into()))
}

/// Adds the functions with these names from one symbol table. Both tables are read in windows: first
/// where the names are, then which symbols have them.
fn search<'n>(
    file: &File,
    symbols: Place,
    strings: Place,
    names: &[&'n str],
    found: &mut Found<'n>,
) -> Result<(), Refusal> {
    let longest = names.iter().map(|name| name.len() + 1).max().unwrap_or(0);
    let mut places: HashMap<u32, &'n str> = HashMap::new();
    windows(file, strings, longest, |at, window| {
        for name in names {
            // A name may be the tail of another's, so what stands before it does not matter.
            let ended = [name.as_bytes(), &[0]].concat();
            // One more than may be: so that too many are noticed.
            let room = (PLACES + 1).saturating_sub(places.len());
            for inside in memchr::memmem::find_iter(window, &ended).take(room) {
                if let Ok(place) = u32::try_from(at + inside as u64) {
                    places.insert(place, name);
                }
            }
        }
    })?;
    if places.is_empty() {
        return Ok(());
    }
    if places.len() > PLACES {
        return Err(Refusal::TooLarge("the same names over and over"));
    }
    windows(file, symbols, 0, |_, window| {
        for symbol in window.chunks_exact(SYMBOL_BYTES).filter_map(Symbol::read) {
            if let Some(name) = places.get(&symbol.name).filter(|_| symbol.is_defined_function()) {
                found.entry(name).or_insert(symbol.function);
            }
        }
    })?;
    Ok(())
}

/// What matters of an `Elf64_Sym` (elf(5)).
struct Symbol {
    name: u32,
    kind: u8,
    function: Function,
}

impl Symbol {
    fn read(entry: &[u8]) -> Option<Self> {
        let (name, rest) = entry.split_first_chunk::<4>()?;
        let (&[info, ..], rest) = rest.split_first_chunk::<4>()?;
        let (address, rest) = rest.split_first_chunk::<8>()?;
        let (size, _) = rest.split_first_chunk::<8>()?;
        let function = Function { address: u64::from_ne_bytes(*address), size: u64::from_ne_bytes(*size) };
        Some(Self { name: u32::from_ne_bytes(*name), kind: info & 0xf, function })
    }

    fn is_defined_function(&self) -> bool {
        self.kind == STT_FUNC && self.function.address != 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// A library that every program of this machine has, as its linker wrote it.
    fn libc() -> Image {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let path = maps.split_whitespace().find(|word| word.contains("/libc.so")).unwrap();
        Image::open(File::open(path).unwrap()).unwrap()
    }

    #[test]
    fn what_is_looked_up_is_what_a_search_finds() {
        let names = ["read", "write", "malloc", "getaddrinfo", "no_such_function", "ead"];
        let image = libc();
        let looked_up = image.exported(&names).unwrap();
        assert_eq!(looked_up, image.searched(SHT_DYNSYM, &names).unwrap());
        assert_eq!(looked_up.len(), 4);
    }

    #[test]
    fn hashes_are_the_linkers() {
        // binutils, bfd/elf.c: bfd_elf_gnu_hash of "" and "printf".
        assert_eq!([hash(""), hash("printf")], [0x1505, 0x156b_2bb8]);
    }
}
