//! What a program's own runtime is, where its file says so.

use std::fs::File;

use object::read::elf::FileHeader;
use object::{Endianness, ReadCache};

type Header = object::elf::FileHeader64<Endianness>;

/// Where Go's linker puts the toolchain's version (cmd/link/internal/ld, `buildinfo`); it stays when symbols are stripped.
const GO: &[u8] = b".go.buildinfo";

/// Most sections of a file that is looked at.
const SECTIONS: usize = 4096;

/// Whether Go's linker made this file. False as well where its sections cannot be read, or are gone (packers).
#[must_use]
pub fn is_go(file: File) -> bool {
    has_section(file, GO).unwrap_or(false)
}

fn has_section(file: File, name: &[u8]) -> object::Result<bool> {
    let data = &ReadCache::new(file);
    let header = Header::parse(data)?;
    let endian = header.endian()?;
    if header.shnum(endian, data)? > SECTIONS {
        return Ok(false);
    }
    Ok(header.sections(endian, data)?.section_by_name(endian, name).is_some())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    /// An ELF file of two sections: none, and one of this name, which holds the names.
    fn file_with(name: &[u8]) -> Vec<u8> {
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend([2_u16, 62].map(u16::to_le_bytes).concat());
        file.extend(1_u32.to_le_bytes());
        // Entry, program headers, section headers.
        file.extend([0_u64, 0, 64].map(u64::to_le_bytes).concat());
        file.extend(0_u32.to_le_bytes());
        file.extend([64_u16, 0, 0, 64, 2, 1].map(u16::to_le_bytes).concat());
        file.resize(128, 0);
        file.extend([1_u32, 3].map(u32::to_le_bytes).concat());
        file.extend([0_u64, 0, 192, name.len() as u64 + 2, 0, 0, 0].map(u64::to_le_bytes).concat());
        file.push(0);
        file.extend(name);
        file.push(0);
        file
    }

    fn is_made_by_go(bytes: &[u8]) -> bool {
        let path = std::env::temp_dir().join(format!(
            "spanwire-runtime-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        File::create(&path).unwrap().write_all(bytes).unwrap();
        let is_go = is_go(File::open(&path).unwrap());
        std::fs::remove_file(path).unwrap();
        is_go
    }

    #[test]
    fn gos_linker_leaves_a_section() {
        assert!(is_made_by_go(&file_with(GO)));
        assert!(!is_made_by_go(&file_with(b".gnu.build.attributes")));
        assert!(!is_made_by_go(b"#!/bin/sh\n"));
        assert!(!is_go(File::open(std::env::current_exe().unwrap()).unwrap()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_file(bytes: Vec<u8>, at in 0_usize..200, byte: u8) {
            is_made_by_go(&bytes);
            let mut file = file_with(GO);
            if let Some(place) = file.get_mut(at) {
                *place = byte;
            }
            is_made_by_go(&file);
        }
    }
}
