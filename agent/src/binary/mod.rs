//! Where a file's TLS code is, and where in it probes cost least. One file per TLS stack; each is
//! asked whether it knows the code.

mod gnutls;
mod image;
mod openssl;
pub mod site;
#[cfg(test)]
mod tests;

pub use crate::event::Direction;
pub use image::{Function, Image, Machine, Refusal};
pub use site::Class;

/// A TLS implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stack {
    /// OpenSSL and what kept its interface.
    OpenSsl,
    /// GnuTLS.
    GnuTls,
}

impl Stack {
    /// As its makers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenSsl => "OpenSSL",
            Self::GnuTls => "GnuTLS",
        }
    }
}

/// How a function that moves plaintext says how much it moved. It has the session, the buffer and its
/// size as its first three arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Its result is the count; 0 or less says that nothing moved.
    Counted,
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
    /// A session ends.
    Free,
    /// A process begins to use the library.
    Herald,
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
        Some(Self { function, role, offset: image.offset_of(at)?, class })
    }

    /// At the entry and the return of a function that moves plaintext.
    fn call(image: &Image, function: &'static str, way: Direction, call: Call, address: u64) -> Vec<Self> {
        let arguments = match call {
            Call::Counted => 3,
            Call::Reported { count } => usize::from(count) + 1,
        };
        let (at, class) = site::entry_with(image, address, arguments);
        let Some(offset) = image.offset_of(at) else { return Vec::new() };
        let site = |role| Self { function, role, offset, class };
        vec![site(Role::Begin(way, call)), site(Role::Return)]
    }
}

/// TLS code that was found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsCode {
    /// Whose it is.
    pub stack: Stack,
    /// Where to probe it.
    pub sites: Vec<Site>,
}

type Finder = fn(&Image) -> Result<Option<TlsCode>, Refusal>;

/// One line per stack.
const FINDERS: [Finder; 2] = [openssl::find, gnutls::find];

/// Finds the TLS code in a file; none is the usual case.
///
/// # Errors
/// When the file is not what it claims to be, or larger than is read.
pub fn analyse(image: &Image) -> Result<Vec<TlsCode>, Refusal> {
    let mut found = Vec::new();
    for find in FINDERS {
        found.extend(find(image)?);
    }
    Ok(found)
}
