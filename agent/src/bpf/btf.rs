//! Where the running kernel has its structs' fields, from its BTF (Documentation/bpf/btf.rst).

use std::collections::HashMap;
use std::path::Path;
use std::{fs, io};

use thiserror::Error;

/// The running kernel's BTF.
pub(super) const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// Why BTF cannot be read.
#[derive(Debug, Error)]
pub enum BtfError {
    /// The file cannot be read.
    #[error("{KERNEL_BTF} cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is not what the format says.
    #[error("{KERNEL_BTF} is not BTF: {0}")]
    Format(&'static str),
}

const MAGIC: u16 = 0xeb9f;
/// Kinds that lead on to another type: typedef, volatile, const, restrict, type tag.
const ALIASES: [u32; 5] = [8, 9, 10, 11, 18];
const TYPEDEF: u32 = 8;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const FUNCTION: u32 = 12;
const PROTOTYPE: u32 = 13;
/// Longest chain of aliases, and deepest nesting of anonymous members, that is followed.
const DEPTH: usize = 16;

/// A parsed type section.
pub(super) struct Btf {
    data: Vec<u8>,
    strings: usize,
    /// Where each type begins, by id; type 0 is `void` and stands nowhere.
    types: Vec<usize>,
    structs: HashMap<String, u32>,
    functions: HashMap<String, u32>,
    aliases: HashMap<String, u32>,
}

/// One type's head.
#[derive(Clone, Copy)]
struct Type {
    name: u32,
    kind: u32,
    length: usize,
    /// Members' offsets hold a bit-field size in their upper byte.
    flagged: bool,
    /// The type that an alias or a function leads to; of a struct its size.
    target: u32,
    /// Where what belongs to the kind begins.
    rest: usize,
}

impl Btf {
    /// Of the running kernel; `wanted` names the structs, functions and aliases that will be asked for.
    pub(super) fn of_kernel(wanted: &[&str]) -> Result<Self, BtfError> {
        Self::parse(fs::read(Path::new(KERNEL_BTF))?, wanted)
    }

    /// Of a BTF section's bytes.
    pub(super) fn parse(data: Vec<u8>, wanted: &[&str]) -> Result<Self, BtfError> {
        let mut btf = Self {
            data,
            strings: 0,
            types: vec![0],
            structs: HashMap::new(),
            functions: HashMap::new(),
            aliases: HashMap::new(),
        };
        let word = |at| btf.u32(at).ok_or(BtfError::Format("its header is cut short"));
        if word(0)? & 0xffff != u32::from(MAGIC) {
            return Err(BtfError::Format("its magic number is another"));
        }
        let header = word(4)? as usize;
        let (mut at, length, strings) = (header + word(8)? as usize, word(12)? as usize, word(16)? as usize);
        let end = at + length;
        btf.strings = header + strings;
        while at < end {
            let id = btf.types.len();
            btf.types.push(at);
            let kind = btf.at(at).ok_or(BtfError::Format("a type is cut short"))?;
            if let STRUCT | FUNCTION | TYPEDEF = kind.kind
                && let Some(name) = btf.string(kind.name)
                && let Some(name) = wanted.iter().find(|wanted| wanted.as_bytes() == name)
            {
                let found = match kind.kind {
                    FUNCTION => &mut btf.functions,
                    TYPEDEF => &mut btf.aliases,
                    _ => &mut btf.structs,
                };
                found.entry((*name).to_owned()).or_insert(u32::try_from(id).unwrap_or(0));
            }
            at = kind.rest + size_behind(kind).ok_or(BtfError::Format("it has a type of an unknown kind"))?;
        }
        Ok(btf)
    }

    /// Bytes from the begin of a struct to a field: `"sock.__sk_common.skc_family"`. `None` when this
    /// kernel has no such field, or has it as a bit-field.
    pub(super) fn offset(&self, path: &str) -> Option<u32> {
        let mut names = path.split('.');
        let mut id = *self.structs.get(names.next()?)?;
        let mut bits = 0;
        for name in names {
            let (member_bits, member) = self.member(id, name, DEPTH)?;
            bits += member_bits;
            id = member;
        }
        (bits % 8 == 0).then_some(bits / 8)
    }

    /// Whether the kernel has a function of this name.
    pub(super) fn has_function(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// Whether the kernel has a `typedef` of this name.
    pub(super) fn has_alias(&self, name: &str) -> bool {
        self.aliases.contains_key(name)
    }

    /// How many arguments a function has.
    pub(super) fn arguments(&self, name: &str) -> Option<u32> {
        let function = self.by_id(*self.functions.get(name)?)?;
        let prototype = self.by_id(function.target).filter(|target| target.kind == PROTOTYPE)?;
        u32::try_from(prototype.length).ok()
    }

    /// Size of a struct in bytes.
    pub(super) fn size(&self, name: &str) -> Option<u32> {
        // What names another type in aliases is the size here.
        self.by_id(*self.structs.get(name)?).map(|found| found.target)
    }

    /// Offset in bits, and type, of a member, also of one inside anonymous members.
    fn member(&self, id: u32, name: &str, depth: usize) -> Option<(u32, u32)> {
        let owner = self.resolve(id)?;
        if depth == 0 || !matches!(owner.kind, STRUCT | UNION) {
            return None;
        }
        (0..owner.length).find_map(|index| {
            let at = owner.rest + index * 12;
            let (member, target, place) = (self.u32(at)?, self.u32(at + 4)?, self.u32(at + 8)?);
            let bits = if owner.flagged { place & 0xff_ffff } else { place };
            match self.string(member)? {
                b"" => self.member(target, name, depth - 1).map(|(inner, target)| (bits + inner, target)),
                found => (found == name.as_bytes() && !(owner.flagged && place >> 24 != 0))
                    .then_some((bits, target)),
            }
        })
    }

    /// The type behind aliases.
    fn resolve(&self, id: u32) -> Option<Type> {
        let mut found = self.by_id(id)?;
        for _ in 0..DEPTH {
            if !ALIASES.contains(&found.kind) {
                return Some(found);
            }
            found = self.by_id(found.target)?;
        }
        None
    }

    fn by_id(&self, id: u32) -> Option<Type> {
        let at = *self.types.get(usize::try_from(id).ok()?).filter(|_| id > 0)?;
        self.at(at)
    }

    fn at(&self, at: usize) -> Option<Type> {
        let info = self.u32(at + 4)?;
        Some(Type {
            name: self.u32(at)?,
            kind: info >> 24 & 0x1f,
            length: (info & 0xffff) as usize,
            flagged: info >> 31 == 1,
            target: self.u32(at + 8)?,
            rest: at + 12,
        })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.data.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_ne_bytes(*bytes))
    }

    fn string(&self, offset: u32) -> Option<&[u8]> {
        self.data.get(self.strings + offset as usize..)?.split(|byte| *byte == 0).next()
    }
}

/// Bytes behind a type's head, by its kind.
fn size_behind(kind: Type) -> Option<usize> {
    Some(match kind.kind {
        1 | 14 | 17 => 4,
        3 => 12,
        STRUCT | UNION | 15 | 19 => kind.length * 12,
        6 | 13 => kind.length * 8,
        2 | 7..=12 | 16 | 18 => 0,
        _ => return None,
    })
}

#[cfg(test)]
#[path = "btf/tests.rs"]
mod tests;
