//! The few operations that the queue needs of a file system.

use std::io::{self, ErrorKind};

/// Room that a file takes is counted in blocks of this size, the usual one of file systems.
const BLOCK_BYTES: u64 = 4096;
/// Reads of one place before it is given up: the kernel and the disk have tried more than once by then.
const READ_ATTEMPTS: usize = 3;

/// One folder of a file system. [`Disk`](crate::Disk) is the real one; tests have one that fails.
///
/// Errors are those of the system. A `write` may be short, and so may a `read`, which is empty only at the file's
/// end.
#[expect(clippy::missing_errors_doc, reason = "all of them fail as the file system does")]
pub trait Storage {
    /// An open file.
    type File;

    /// Tells the names in the folder, in any order.
    fn names(&self, each: &mut dyn FnMut(&str)) -> io::Result<()>;
    /// Makes an empty file, which must be new. Durable after [`sync_folder`](Self::sync_folder).
    fn create(&self, name: &str) -> io::Result<Self::File>;
    /// Opens a file to read and write it.
    fn open(&self, name: &str) -> io::Result<Self::File>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// The file's length in bytes.
    fn length(&self, file: &Self::File) -> io::Result<u64>;
    /// Reads from `offset` on; says how many bytes.
    fn read(&self, file: &Self::File, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    /// Writes at `offset`, over the end where need be; says how many bytes.
    fn write(&self, file: &Self::File, offset: u64, bytes: &[u8]) -> io::Result<usize>;
    /// Cuts the file off at `length`.
    fn truncate(&self, file: &Self::File, length: u64) -> io::Result<()>;
    /// Makes the file's content and length durable.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// Makes durable which files there are.
    fn sync_folder(&self) -> io::Result<()>;
    /// A number drawn by chance, which nobody can foresee.
    fn draw(&self) -> io::Result<u64>;
}

/// What a file of this length takes on the disk.
pub(crate) fn room(length: u64) -> u64 {
    length.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES)
}

/// Writes all of `bytes`, or fails; part of it may be written then.
pub(crate) fn write_all<S: Storage>(
    storage: &S,
    file: &S::File,
    mut offset: u64,
    mut bytes: &[u8],
) -> io::Result<()> {
    while !bytes.is_empty() {
        match storage.write(file, offset, bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = bytes.get(count..).unwrap_or_default();
                offset = offset.saturating_add(count as u64);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills `into` as far as the file goes; says how many bytes.
pub(crate) fn read_full<S: Storage>(
    storage: &S,
    file: &S::File,
    offset: u64,
    into: &mut [u8],
) -> io::Result<usize> {
    let mut filled = 0;
    let mut attempts = 0;
    while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match storage.read(file, offset.saturating_add(filled as u64), rest) {
            Ok(0) => break,
            Ok(count) => (filled, attempts) = (filled.saturating_add(count), 0),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                attempts += 1;
                if attempts == READ_ATTEMPTS || !is_unreadable(&error) {
                    return Err(error);
                }
            }
        }
    }
    Ok(filled)
}

/// Whether the medium cannot give what was stored, so that waiting would not help.
pub(crate) fn is_unreadable(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}
