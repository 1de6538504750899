//! An ELF file, read piece by piece: those that hold TLS code have up to some 250 MB.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::FileExt;

use object::elf::{
    ELFCLASS64, EM_AARCH64, EM_X86_64, FileHeader64, PF_X, PT_DYNAMIC, PT_GNU_EH_FRAME, PT_LOAD, PT_NOTE,
};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, ReadCache};
use thiserror::Error;

use super::symbols::SYMBOL_BYTES;

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
    /// Somebody writes it.
    #[error("it changed while it was read")]
    Changed,
}

/// Most program headers of a file. A header may claim four billion, and they would all be read.
const SEGMENTS: usize = 256;

/// The processor that a file's code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// x86-64.
    X86_64,
    /// AArch64.
    Aarch64,
}

/// A part of the file that its program headers name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Segment {
    pub(super) address: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Segment {
    /// Where in the file a virtual address of this part is, and how many bytes there are from it on.
    pub(super) fn place(&self, address: u64) -> Option<(u64, u64)> {
        let inside = address.checked_sub(self.address)?;
        let left = self.size.checked_sub(inside).filter(|left| *left > 0)?;
        Some((self.offset.checked_add(inside)?, left))
    }
}

/// An ELF file.
#[derive(Debug)]
pub struct Image {
    pub(super) file: File,
    machine: Machine,
    /// What is loaded as code.
    pub(super) code: Vec<Segment>,
    /// What is loaded, but not as code.
    pub(super) data: Vec<Segment>,
    /// What is loaded, code included.
    pub(super) loaded: Vec<Segment>,
    pub(super) notes: Vec<Segment>,
    pub(super) dynamic: Option<Segment>,
    /// Where it says where its functions begin and end (`.eh_frame_hdr`).
    pub(super) frames: Option<Segment>,
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
        if header.phnum(endian, data)? > SEGMENTS {
            return Err(Refusal::TooLarge("too many segments"));
        }
        let mut image = Self {
            file,
            machine,
            code: Vec::new(),
            data: Vec::new(),
            loaded: Vec::new(),
            notes: Vec::new(),
            dynamic: None,
            frames: None,
        };
        for segment in header.program_headers(endian, data)? {
            let part = Segment {
                address: segment.p_vaddr(endian),
                offset: segment.p_offset(endian),
                size: segment.p_filesz(endian),
            };
            match segment.p_type(endian) {
                PT_LOAD => {
                    image.loaded.push(part);
                    if segment.p_flags(endian) & PF_X != 0 {
                        image.code.push(part);
                    } else {
                        image.data.push(part);
                    }
                }
                PT_NOTE => image.notes.push(part),
                PT_DYNAMIC => image.dynamic = Some(part),
                PT_GNU_EH_FRAME => image.frames = Some(part),
                _ => {}
            }
        }
        Ok(image)
    }

    /// The processor that its code is for.
    #[must_use]
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// Where in the file the code at a virtual address is; uprobes are placed by it.
    #[must_use]
    pub fn offset_of(&self, address: u64) -> Option<u64> {
        self.code.iter().find_map(|segment| segment.place(address)).map(|(offset, _)| offset)
    }

    /// The code at a virtual address: at most `length` bytes, fewer where its segment ends.
    ///
    /// # Errors
    /// When no code is there, or the file is shorter than it says.
    pub fn code(&self, address: u64, length: usize) -> Result<Vec<u8>, Refusal> {
        let nowhere = || Refusal::Read(io::ErrorKind::UnexpectedEof.into());
        let place = self.code.iter().find_map(|segment| segment.place(address));
        let (offset, left) = place.ok_or_else(nowhere)?;
        Ok(self.bytes(offset, length.min(usize::try_from(left).unwrap_or(usize::MAX)))?)
    }

    /// Bytes of the file, all of `length`. The caller bounds it: a header may say anything.
    pub(super) fn bytes(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// What the file system says of the file now.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }
}

/// Bytes of a table that are in memory at once.
const WINDOW_BYTES: usize = 256 << 10;

/// Hands out a part of a file in windows that overlap by `overlap` bytes, each with its place in the
/// part.
pub(super) fn windows(
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
