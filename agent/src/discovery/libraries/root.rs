//! The file system as one process sees it: in a container, or below a changed root.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, Mode, OFlags, ResolveFlags, openat, openat2};

/// Entries of one folder that are looked at.
const ENTRIES: usize = 65_536;

/// A process's root folder.
#[derive(Debug)]
pub struct Root(OwnedFd);

impl Root {
    /// The root of a process.
    ///
    /// # Errors
    /// When the process is gone, or its root may not be looked at.
    pub fn of(procfs: &Path, pid: u32) -> io::Result<Self> {
        let path = procfs.join(pid.to_string()).join("root");
        Ok(Self(openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?))
    }

    /// A regular file, by its path in the process's view. Links are followed as the process would: an
    /// absolute one leads from this root, none leads out of it (openat2(2), `RESOLVE_IN_ROOT`, Linux 5.6).
    ///
    /// # Errors
    /// When there is no regular file, or it cannot be read.
    pub fn file(&self, path: &Path) -> io::Result<File> {
        regular(self.open(path, OFlags::PATH)?)
    }

    /// The names in a folder; none where there is no such folder.
    pub(super) fn names(&self, folder: &Path) -> Vec<String> {
        let open = self.open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK);
        let Ok(entries) = open.and_then(|folder| Ok(Dir::new(folder)?)) else { return Vec::new() };
        let named = entries.take(ENTRIES).filter_map(Result::ok);
        named.filter_map(|entry| Some(entry.file_name().to_str().ok()?.to_owned())).collect()
    }

    fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(&self.0, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)?)
    }
}

/// Opens a file by a path of the agent's own, a link of `/proc` included.
pub(super) fn at(path: &Path) -> io::Result<File> {
    regular(openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens for reading what `handle` (`O_PATH`) leads to, if it is a regular file: to open a FIFO would wait
/// for its writer, to open a device may set it to work. `O_NONBLOCK` refuses a file that is under a lease
/// (fcntl(2)) rather than wait for its holder.
fn regular(handle: OwnedFd) -> io::Result<File> {
    let handle = File::from(handle);
    if !handle.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let again = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()));
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(again)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use rustix::fs::{FileType, mknodat};

    use super::*;

    /// A folder that serves as a root, removed with this value.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("spanwire-root-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("usr/lib")).unwrap();
            Self(path)
        }

        fn root(&self) -> Root {
            Root(openat(CWD, &self.0, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn text(file: io::Result<File>) -> String {
        io::read_to_string(file.unwrap()).unwrap()
    }

    #[test]
    fn links_lead_within_the_root() {
        let folder = Folder::new("links");
        fs::write(folder.0.join("usr/lib/a"), "inside").unwrap();
        symlink("/usr/lib/a", folder.0.join("usr/lib/absolute")).unwrap();
        symlink("/usr/lib", folder.0.join("lib")).unwrap();
        symlink("../../../../../../../../usr/lib/a", folder.0.join("usr/lib/above")).unwrap();
        symlink("/etc/passwd", folder.0.join("usr/lib/outside")).unwrap();
        let root = folder.root();
        for path in ["/usr/lib/absolute", "/lib/a", "lib/a", "/usr/lib/above"] {
            assert_eq!(text(root.file(Path::new(path))), "inside", "{path}");
        }
        root.file(Path::new("/usr/lib/outside")).unwrap_err();
        assert!(root.names(Path::new("/lib")).contains(&"absolute".to_owned()));
        assert!(root.names(Path::new("/nowhere")).is_empty());
    }

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = Folder::new("kinds");
        let path = |name: &str| folder.0.join("usr/lib").join(name);
        mknodat(CWD, path("fifo"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        symlink("loop", path("loop")).unwrap();
        let root = folder.root();
        for name in ["fifo", "socket", "loop", "."] {
            root.file(&Path::new("/usr/lib").join(name)).unwrap_err();
            at(&path(name)).unwrap_err();
        }
        for device in ["/dev/null", "/dev/zero", "/dev/tty"] {
            at(Path::new(device)).unwrap_err();
        }
    }
}
