//! The archive that a kernel unpacks as its first file system: `cpio` in its "newc" form
//! (Documentation/driver-api/early-userspace/buffer-format.rst).

use std::io::{self, Write};

/// What one entry is.
pub(super) enum Entry<'a> {
    Directory,
    /// Content, and whether it may be executed.
    File(&'a [u8], bool),
    /// Where it leads.
    Link(&'a [u8]),
}

/// File types in `st_mode` (include/uapi/linux/stat.h).
const S_IFDIR: u32 = 0o040_000;
const S_IFREG: u32 = 0o100_000;
const S_IFLNK: u32 = 0o120_000;

/// Name of the entry that ends an archive.
const TRAILER: &str = "TRAILER!!!";

/// Writes an archive, entry by entry.
pub(super) struct Archive<W> {
    out: W,
    entries: u32,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, entries: 0 }
    }

    /// Adds an entry; `path` has no slash in front, `modified` is in seconds since 1970. A directory
    /// must come before what is in it.
    ///
    /// # Errors
    /// When it cannot be written, or is larger than the form allows (4 GiB).
    pub(super) fn add(&mut self, path: &str, entry: &Entry<'_>, modified: u32) -> io::Result<()> {
        let (mode, data): (u32, &[u8]) = match entry {
            Entry::Directory => (S_IFDIR | 0o755, &[]),
            Entry::File(data, true) => (S_IFREG | 0o755, data),
            Entry::File(data, false) => (S_IFREG | 0o644, data),
            Entry::Link(target) => (S_IFLNK | 0o777, target),
        };
        let size = u32::try_from(data.len()).map_err(io::Error::other)?;
        let name_bytes = u32::try_from(path.len() + 1).map_err(io::Error::other)?;
        self.entries += 1;
        let links = 1;
        // inode, mode, user, group, links, time, size, device (2), its own device (2), name, check
        let fields = [self.entries, mode, 0, 0, links, modified, size, 0, 0, 0, 0, name_bytes, 0];
        let mut head = b"070701".to_vec();
        for field in fields {
            head.extend(format!("{field:08x}").bytes());
        }
        head.extend(path.bytes());
        head.push(0);
        self.padded(&head)?;
        self.padded(data)
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.add(TRAILER, &Entry::File(&[], false), 0)?;
        Ok(self.out)
    }

    /// Head and content each end at a multiple of four bytes.
    fn padded(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.write_all(match bytes.len() % 4 {
            0 => &[],
            1 => &[0; 3],
            2 => &[0; 2],
            _ => &[0; 1],
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn entries_stand_where_the_kernel_looks_for_them() {
        let mut archive = Archive::new(Vec::new());
        archive.add("bin", &Entry::Directory, 0).unwrap();
        archive.add("bin/true", &Entry::File(b"12345", true), 7).unwrap();
        let bytes = archive.finish().unwrap();
        assert_eq!(bytes.len() % 4, 0);
        // A head of 110 bytes and a name of 4, padded by 2.
        let second = bytes.get(116..).unwrap();
        assert!(second.starts_with(b"07070100000002000081ed"), "{:?}", second.first_chunk::<22>());
        assert_eq!(second.get(110..119).unwrap(), b"bin/true\0");
        assert_eq!(second.get(120..128).unwrap(), b"12345\0\0\0");
        assert_eq!(second.get(46..54).unwrap(), b"00000007");
    }
}
