//! The file system as one process sees it: in a container, or below a changed root.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, fstatfs, openat, openat2,
    statx,
};
use rustix::io::Errno;

use super::patient::Patient;

/// Entries of one folder that are looked at.
const ENTRIES: usize = 65_536;
/// How long a path may take to be looked up, and a folder to be read.
const LOOKED_UP: Duration = Duration::from_millis(250);
/// Most threads that look up what is not in the kernel's cache.
const LOOKERS: usize = 8;

/// File systems in which the kernel shows itself (linux/magic.h): proc, sysfs, tracefs, debugfs, securityfs,
/// cgroup and cgroup2, bpf, configfs. Their files pass for regular ones, and are other than they seem: a link
/// to `/proc/self/mem` leads to the agent's own memory, and to read a pipe of tracefs takes what is in it
/// away from others.
const KERNELS_OWN: [u64; 9] = [
    0x9fa0,
    0x6265_6572,
    0x7472_6163,
    0x6462_6720,
    0x7363_6673,
    0x0027_e0eb,
    0x6367_7270,
    0xcafe_4a11,
    0x6265_6570,
];

static LOOKS: LazyLock<Patient> = LazyLock::new(|| Patient::new(LOOKERS, || {}));

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
    /// It is not opened for reading yet. What the kernel has to ask a file system for may take some time,
    /// but no longer than a quarter of a second.
    ///
    /// # Errors
    /// When there is no regular file, or its file system does not answer.
    pub fn file(&self, path: &Path) -> io::Result<Handle> {
        // What is in the cache takes neither another thread nor time (Linux 5.12).
        match open(&self.0, path, OFlags::PATH, ResolveFlags::CACHED) {
            Err(Errno::AGAIN | Errno::INVAL) => {}
            found => return Handle::of(found?),
        }
        let (root, path) = (self.0.try_clone()?, path.to_owned());
        let look = move || open(&root, &path, OFlags::PATH, ResolveFlags::empty());
        Handle::of(LOOKS.run(LOOKED_UP, look)??)
    }

    /// The names in a folder; none where there is no such folder, or its file system does not answer.
    pub(super) fn names(&self, folder: &Path) -> Vec<String> {
        const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NONBLOCK);
        let Ok(root) = self.0.try_clone() else { return Vec::new() };
        let folder = folder.to_owned();
        let look = move || {
            let found = open(&root, &folder, FLAGS, ResolveFlags::empty()).and_then(Dir::new);
            let Ok(entries) = found else { return Vec::new() };
            let named = entries.take(ENTRIES).filter_map(Result::ok);
            named.filter_map(|entry| Some(entry.file_name().to_str().ok()?.to_owned())).collect()
        };
        LOOKS.run(LOOKED_UP, look).unwrap_or_default()
    }
}

fn open(root: &OwnedFd, path: &Path, flags: OFlags, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
    let resolve = resolve | ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
}

/// A regular file that is held, but not opened for reading: to open a FIFO would wait for its writer, to
/// open a device may set it to work, and to open any file may wait for who serves its file system.
#[derive(Debug)]
pub struct Handle(OwnedFd);

impl Handle {
    /// By a path of the agent's own, a link of `/proc` included.
    ///
    /// # Errors
    /// When there is no regular file.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Self::of(openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
    }

    fn of(handle: OwnedFd) -> io::Result<Self> {
        let handle = Self(handle);
        let kind = FileType::from_raw_mode(handle.status()?.stx_mode.into());
        if kind != FileType::RegularFile {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        Ok(handle)
    }

    /// What the kernel knows of the file, without asking its file system anew.
    pub(super) fn status(&self) -> io::Result<Statx> {
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        Ok(statx(self.0.as_fd(), c"", flags, StatxFlags::BASIC_STATS)?)
    }

    /// A path that leads to this very file, as long as this value lives.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }

    /// Opens it for reading, which may take as long as its file system likes. `O_NONBLOCK` refuses a file
    /// that is under a lease (fcntl(2)) rather than wait for its holder.
    ///
    /// # Errors
    /// When it may not be read, or is the kernel's own.
    pub fn open(&self) -> io::Result<File> {
        if KERNELS_OWN.contains(&u64::try_from(fstatfs(&self.0)?.f_type).unwrap_or_default()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a file of the kernel's own"));
        }
        File::options().read(true).custom_flags(libc::O_NONBLOCK).open(self.path())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use rustix::fs::mknodat;

    use super::super::silent::Silent;
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

    fn text(file: io::Result<Handle>) -> String {
        io::read_to_string(file.unwrap().open().unwrap()).unwrap()
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
            Handle::at(&path(name)).unwrap_err();
        }
        for device in ["/dev/null", "/dev/zero", "/dev/tty"] {
            Handle::at(Path::new(device)).unwrap_err();
            root.file(Path::new(device)).unwrap_err();
        }
        for own in ["/proc/self/mem", "/proc/self/maps", "/proc/version", "/sys/kernel/notes"] {
            let opened = Handle::at(Path::new(own)).and_then(|handle| handle.open());
            assert_eq!(opened.unwrap_err().kind(), io::ErrorKind::InvalidInput, "{own}");
        }
    }

    #[test]
    fn a_file_system_that_never_answers_holds_up_nobody() {
        let folder = Folder::new("silent");
        fs::create_dir(folder.0.join("usr/silent")).unwrap();
        fs::write(folder.0.join("usr/lib/a"), "inside").unwrap();
        let Some(_silent) = Silent::at(folder.0.join("usr/silent")) else { return };
        let root = folder.root();
        let path = Path::new("/usr/silent/libssl.so.3");
        assert_eq!(root.file(path).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(root.names(Path::new("/usr/silent")).is_empty());
        assert_eq!(text(root.file(Path::new("/usr/lib/a"))), "inside");
        assert!(root.names(Path::new("/usr/lib")).contains(&"a".to_owned()));
    }
}
