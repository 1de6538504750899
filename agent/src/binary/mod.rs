//! Where a file's TLS code is, and where in it probes cost least. `stack/` has one file per TLS stack;
//! each is asked whether it knows the code.

mod aes;
mod build_id;
mod dynamic;
mod image;
mod known;
mod runtime;
pub mod site;
mod stack;
mod symbols;
#[cfg(test)]
mod tests;

pub use crate::event::Direction;
pub use build_id::BuildId;
pub use dynamic::Needs;
pub use image::{Image, Machine, Refusal};
pub use known::{Analysis, Known};
pub use runtime::is_go;
pub use site::Class;
pub use symbols::Function;

/// A TLS implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stack {
    /// OpenSSL and what kept its interface.
    OpenSsl,
    /// GnuTLS.
    GnuTls,
    /// NSS, by way of NSPR.
    Nss,
    /// Whatever expands AES keys by the processor's instructions.
    KeyExpansion,
}

impl Stack {
    /// As its makers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenSsl => "OpenSSL",
            Self::GnuTls => "GnuTLS",
            Self::Nss => "NSS",
            Self::KeyExpansion => "AES key expansion",
        }
    }
}

/// How a function that moves plaintext says how much it moved. It has the session, the buffer and its
/// size as its first three arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Its result is the count; 0 or less says that nothing moved.
    Counted,
    /// As that, if its first argument came out of a function with [`Role::Import`]; it is nothing else.
    Imported,
    /// It writes the count to where this argument (from 0) points; a result of 0 or less says that
    /// nothing moved.
    Reported {
        /// 3 or 4.
        count: u8,
    },
}

/// What a site tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A call that moves plaintext begins.
    Begin(Direction, Call),
    /// It returns.
    Return,
    /// A function that makes sessions: the one at the address that it returns is a new one.
    New,
    /// A function that makes sessions out of sockets, whose calls are like those of files.
    Import,
    /// A session ends.
    Free,
    /// A process begins to use the library.
    Init,
    /// An AES key is expanded.
    Key(KeyCall),
}

/// Where a function that expands AES keys gets its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCall {
    /// As C passes them: the key's address first, then its bits (128, 192 or 256), of 32 bits.
    Registers,
    /// As Go's assembly has them (ABI0), above the return address: the number of rounds (10, 12 or 14) as
    /// a word of 64 bits, then the key's address. On ARM a word is kept free there, so they stand at
    /// the same places: 8 and 16 bytes above the stack pointer.
    GoStack,
    /// As C passes them, to a function for keys of 128 bits only: the key's address first.
    Sized128,
    /// The same, of 256 bits.
    Sized256,
}

/// A place for a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// The function, by the name that it has or is called through.
    pub function: &'static str,
    /// What happens there.
    pub role: Role,
    /// Offset of the instruction in the file.
    pub offset: u64,
    /// What a probe costs there.
    pub class: Class,
}

impl Site {
    /// At a function's entry.
    fn entry(image: &Image, function: &'static str, role: Role, address: u64) -> Option<Self> {
        let (at, class) = site::entry_with(image, address, 1);
        Some(Self { function, role, offset: offset(image, at)?, class })
    }

    /// At the entry and the return of a function that moves plaintext.
    fn call(image: &Image, function: &'static str, way: Direction, call: Call, address: u64) -> Vec<Self> {
        let arguments = match call {
            Call::Counted | Call::Imported => 3,
            Call::Reported { count } => usize::from(count) + 1,
        };
        let (at, class) = site::entry_with(image, address, arguments);
        let Some(offset) = offset(image, at) else { return Vec::new() };
        let site = |role| Self { function, role, offset, class };
        vec![site(Role::Begin(way, call)), site(Role::Return)]
    }
}

/// Where in the file the instruction at an address is; none where a header leads out of the file.
fn offset(image: &Image, address: u64) -> Option<u64> {
    image.code(address, 1).ok().filter(|code| !code.is_empty())?;
    image.offset_of(address)
}

/// TLS code that was found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsCode {
    /// Whose it is.
    pub stack: Stack,
    /// Where to probe it; empty when it is laid out in no known way, and its traffic cannot be seen.
    pub sites: Vec<Site>,
    /// Places of such code that are laid out in no known way, and are not probed.
    pub unknown: usize,
}

/// Finds the TLS code in a file; none is the usual case.
///
/// # Errors
/// When the file is not what it claims to be, or larger than is read.
pub fn analyse(image: &Image) -> Result<Vec<TlsCode>, Refusal> {
    let mut found = Vec::new();
    for find in stack::FINDERS {
        found.extend(find(image)?);
    }
    Ok(found)
}
