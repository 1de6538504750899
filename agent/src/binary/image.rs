//! An ELF file, read piece by piece: those that hold TLS code have up to some 250 MB.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use object::elf::{
    DT_NEEDED, ELFCLASS64, EM_AARCH64, EM_X86_64, FileHeader64, PF_X, PT_LOAD, SHT_DYNSYM, SHT_SYMTAB,
    STT_FUNC, SectionHeader64,
};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, ReadCache, SectionIndex};
use thiserror::Error;

/// Why a file is not analysed. It says what is wrong in a few words, and nothing is probed.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is not a sound ELF file.
    #[error("it is not a sound ELF file: {0}")]
    Unsound(#[from] object::Error),
    /// It is for another kind of processor.
    #[error("it is not 64-bit code for x86 or ARM")]
    Machine,
    /// A table in it is larger than any that was ever seen.
    #[error("it has {0}, more than is read")]
    TooLarge(&'static str),
}

/// Most bytes of one symbol table with its names. Node's has 30 MB.
const TABLE_MAX_BYTES: u64 = 128 << 20;
/// Most libraries that one file may need.
const NEEDED: usize = 256;
/// Most program headers that are looked at.
const SEGMENTS: usize = 256;

/// The processor that a file's code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// x86-64.
    X86_64,
    /// AArch64.
    Aarch64,
}

/// A function by its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Virtual address in the file's own terms.
    pub address: u64,
    /// Bytes, as the symbol says.
    pub size: u64,
}

/// A part of the file that is loaded as code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

/// An ELF file.
#[derive(Debug)]
pub struct Image {
    file: File,
    machine: Machine,
    code: Vec<Segment>,
}

impl Image {
    /// Reads the headers.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn open(file: File) -> Result<Self, Refusal> {
        let cache = ReadCache::new(file.try_clone()?);
        let data = &cache;
        let header = FileHeader64::<Endianness>::parse(data)?;
        let endian = header.endian()?;
        let machine = match header.e_machine(endian) {
            EM_X86_64 => Machine::X86_64,
            EM_AARCH64 => Machine::Aarch64,
            _ => return Err(Refusal::Machine),
        };
        if header.e_ident().class != ELFCLASS64 || endian != Endianness::default() {
            return Err(Refusal::Machine);
        }
        let segments = header.program_headers(endian, data)?;
        if segments.len() > SEGMENTS {
            return Err(Refusal::TooLarge("too many segments"));
        }
        let code = segments
            .iter()
            .filter(|segment| segment.p_type(endian) == PT_LOAD && segment.p_flags(endian) & PF_X != 0)
            .map(|segment| Segment {
                address: segment.p_vaddr(endian),
                offset: segment.p_offset(endian),
                size: segment.p_filesz(endian),
            })
            .collect();
        Ok(Self { file, machine, code })
    }

    /// The processor that its code is for.
    #[must_use]
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// The functions with these names, from the dynamic symbols and, for those that are not there, the
    /// full symbol table.
    ///
    /// # Errors
    /// When a table is not sound or too large.
    pub fn functions<'n>(&self, names: &[&'n str]) -> Result<HashMap<&'n str, Function>, Refusal> {
        let cache = ReadCache::new(self.file.try_clone()?);
        let data = &cache;
        let header = FileHeader64::<Endianness>::parse(data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let mut found = HashMap::new();
        for kind in [SHT_DYNSYM, SHT_SYMTAB] {
            let Some(table) = sections.iter().find(|section| section.sh_type(endian) == kind) else {
                continue;
            };
            let strings = sections.section(SectionIndex(table.sh_link(endian) as usize))?;
            let place =
                |section: &SectionHeader64<Endianness>| (section.sh_offset(endian), section.sh_size(endian));
            let (symbols, strings) = (place(table), place(strings));
            if symbols.1.saturating_add(strings.1) > TABLE_MAX_BYTES {
                return Err(Refusal::TooLarge("a very large symbol table"));
            }
            if found.len() < names.len() {
                collect(&self.file, symbols, strings, names, &mut found)?;
            }
        }
        Ok(found)
    }

    /// The names of the libraries that the dynamic linker loads with this file (`DT_NEEDED`).
    ///
    /// # Errors
    /// When the dynamic section is not sound.
    pub fn needed(&self) -> Result<Vec<String>, Refusal> {
        let cache = ReadCache::new(self.file.try_clone()?);
        let data = &cache;
        let header = FileHeader64::<Endianness>::parse(data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let Some((entries, strings)) = sections.dynamic(endian, data)? else { return Ok(Vec::new()) };
        let strings = sections.strings(endian, data, strings)?;
        let named = entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED).take(NEEDED);
        Ok(named
            .filter_map(|entry| entry.string(endian, strings).ok())
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect())
    }

    /// Where in the file the code at a virtual address is; uprobes are placed by it.
    #[must_use]
    pub fn offset_of(&self, address: u64) -> Option<u64> {
        self.code.iter().find_map(|segment| {
            let inside = address.checked_sub(segment.address)?;
            (inside < segment.size).then(|| segment.offset.checked_add(inside))?
        })
    }

    /// The code at a virtual address: at most `length` bytes, fewer where its segment ends.
    ///
    /// # Errors
    /// When no code is there, or the file is shorter than it says.
    pub fn code(&self, address: u64, length: usize) -> Result<Vec<u8>, Refusal> {
        let nowhere = || Refusal::Read(io::ErrorKind::UnexpectedEof.into());
        let offset = self.offset_of(address).ok_or_else(nowhere)?;
        let left = self
            .code
            .iter()
            .find_map(|segment| segment.size.checked_sub(address.checked_sub(segment.address)?))
            .ok_or_else(nowhere)?;
        let mut bytes = vec![0; length.min(usize::try_from(left).unwrap_or(usize::MAX))];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// Bytes of a table that are in memory at once.
const WINDOW_BYTES: usize = 256 << 10;
/// Bytes of an entry of a symbol table: `Elf64_Sym`.
const SYMBOL_BYTES: usize = 24;

/// Adds the functions with these names from one symbol table. Both tables are read in windows: first
/// where the names are, then which symbols have them.
fn collect<'n>(
    file: &File,
    symbols: (u64, u64),
    strings: (u64, u64),
    names: &[&'n str],
    found: &mut HashMap<&'n str, Function>,
) -> io::Result<()> {
    let longest = names.iter().map(|name| name.len() + 1).max().unwrap_or(0);
    let mut places: HashMap<u32, &'n str> = HashMap::new();
    windows(file, strings, longest, |at, window| {
        for name in names {
            // A name may be the tail of another's, so what stands before it does not matter.
            let ended = [name.as_bytes(), &[0]].concat();
            for inside in memchr::memmem::find_iter(window, &ended) {
                if let Ok(place) = u32::try_from(at + inside as u64) {
                    places.insert(place, name);
                }
            }
        }
    })?;
    windows(file, symbols, 0, |_, window| {
        for symbol in window.chunks_exact(SYMBOL_BYTES) {
            let Some(symbol) = Symbol::read(symbol) else { continue };
            if let Some(name) = places.get(&symbol.name).filter(|_| symbol.is_function && symbol.address != 0)
            {
                let function = Function { address: symbol.address, size: symbol.size };
                found.entry(name).or_insert(function);
            }
        }
    })
}

/// What matters of an `Elf64_Sym` (elf(5)).
struct Symbol {
    name: u32,
    is_function: bool,
    address: u64,
    size: u64,
}

impl Symbol {
    fn read(entry: &[u8]) -> Option<Self> {
        let (name, rest) = entry.split_first_chunk::<4>()?;
        let (&[info, ..], rest) = rest.split_first_chunk::<4>()?;
        let (address, rest) = rest.split_first_chunk::<8>()?;
        let (size, _) = rest.split_first_chunk::<8>()?;
        Some(Self {
            name: u32::from_ne_bytes(*name),
            is_function: info & 0xf == STT_FUNC,
            address: u64::from_ne_bytes(*address),
            size: u64::from_ne_bytes(*size),
        })
    }
}

/// Hands out a part of a file in windows that overlap by `overlap` bytes, each with its place in the
/// part.
fn windows(
    file: &File,
    (offset, size): (u64, u64),
    overlap: usize,
    mut look: impl FnMut(u64, &[u8]),
) -> io::Result<()> {
    // A multiple of a symbol's size, so that none is cut.
    let step = WINDOW_BYTES - WINDOW_BYTES % SYMBOL_BYTES;
    let mut buffer = vec![0; step + overlap];
    let mut at = 0;
    while at < size {
        let left = usize::try_from(size - at).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        let Some(window) = buffer.get_mut(..length) else { break };
        file.read_exact_at(window, offset.saturating_add(at))?;
        look(at, window);
        at += step as u64;
    }
    Ok(())
}
