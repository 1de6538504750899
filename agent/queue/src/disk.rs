//! A folder of a real file system.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::{Error, Storage};

const LOCK: &str = "lock";
/// Digits of a process id at most.
const PID_BYTES: usize = 20;

/// A folder of its own for one queue, locked while this lives.
pub struct Disk {
    folder: OwnedFd,
    /// Never read, held for its lock.
    _lock: File,
}

impl Disk {
    /// Opens the folder, which is made where there is none (mode 0700), and locks it.
    ///
    /// # Errors
    /// If the folder is none, is reached by a symbolic link, or could be changed by other users than root and this
    /// one; if another process has it; and as the file system says.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // Without a slash at the end, which would have a symbolic link followed.
        let path: PathBuf = path.components().collect();
        let wrong = |why: String| Error::Folder { path: path.clone(), why };
        let folder = open_folder(&path).map_err(wrong)?;
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = rustix::fs::openat(&folder, LOCK, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| wrong(format!("cannot be locked: {error}")))?;
        let lock = File::from(lock);
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(Error::Locked { path, pid: owner(&lock) }),
            Err(error) => return Err(wrong(format!("cannot be locked: {error}"))),
        }
        // Without it a second process could not say who has the lock, but is refused all the same.
        let named =
            lock.set_len(0).and_then(|()| lock.write_at(std::process::id().to_string().as_bytes(), 0));
        named.ok();
        Ok(Self { folder, _lock: lock })
    }

    fn open_file(&self, name: &str, more: OFlags) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | more;
        Ok(rustix::fs::openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }
}

/// Opens the folder if it is safe; says what is wrong otherwise.
fn open_folder(path: &Path) -> Result<OwnedFd, String> {
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(format!("cannot be made: {error}"));
        }
        _ => {}
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        Errno::NOTDIR | Errno::LOOP => {
            "is a file or a symbolic link; give the folder itself, by its own path".to_owned()
        }
        error => format!("cannot be opened: {error}"),
    })?;
    let status = rustix::fs::fstat(&folder).map_err(|error| format!("cannot be looked at: {error}"))?;
    let own = rustix::process::geteuid().as_raw();
    if ![0, own].contains(&status.st_uid) {
        return Err(format!("belongs to user {}, who could change what is in it: chown it", status.st_uid));
    }
    let mode = status.st_mode & 0o7777;
    if mode & 0o022 != 0 {
        return Err(format!("can be written to by others than its owner (mode {mode:04o}): chmod 0700"));
    }
    Ok(folder)
}

/// Who says to have the lock.
fn owner(lock: &File) -> Option<u32> {
    let mut text = [0; PID_BYTES];
    let count = lock.read_at(&mut text, 0).ok()?;
    std::str::from_utf8(text.get(..count)?).ok()?.parse().ok()
}

impl Storage for Disk {
    type File = File;

    fn names(&self, each: &mut dyn FnMut(&str)) -> io::Result<()> {
        for entry in Dir::read_from(&self.folder)? {
            let entry = entry?;
            let kind = entry.file_type();
            if let (FileType::RegularFile | FileType::Unknown, Ok(name)) = (kind, entry.file_name().to_str())
            {
                each(name);
            }
        }
        Ok(())
    }

    fn create(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::CREATE | OFlags::EXCL)
    }

    fn open(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::empty())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.folder, name, AtFlags::empty())?)
    }

    fn length(&self, file: &File) -> io::Result<u64> {
        Ok(file.metadata()?.len())
    }

    fn read(&self, file: &File, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        file.read_at(into, offset)
    }

    fn write(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        file.write_at(bytes, offset)
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_folder(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.folder)?)
    }

    fn draw(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        // Up to 256 bytes come whole (getrandom(2)).
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        Ok(u64::from_ne_bytes(bytes))
    }
}
