//! The files: one agent at a time, nobody else's eyes.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

/// Puts a store that cannot be used out of the way of a new one, its log with it; returns where it is now. Nothing of
/// it is changed.
///
/// # Errors
/// When it cannot be renamed.
pub fn set_aside(path: &Path, now: i64) -> Result<PathBuf, StoreError> {
    let named = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let aside = named(&format!(".damaged-{now}"));
    for ending in ["-wal", "-shm"] {
        let mut to = aside.clone().into_os_string();
        to.push(ending);
        match fs::rename(named(ending), &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::Io(to.into(), error));
            }
            _ => {}
        }
    }
    fs::rename(path, &aside).map_err(|error| StoreError::Io(path.to_owned(), error))?;
    Ok(aside)
}

/// Takes the lock that one agent holds for as long as it has the store open.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    let io = |error| StoreError::Io(name.clone(), error);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nofollow())
        .open(&name)
        .map_err(io)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Locked(path.to_owned())),
        Err(error) => Err(io(error.into())),
    }
}

fn nofollow() -> i32 {
    // Bits of flags, of which all that are defined are below 2^31.
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

/// A folder that nobody else can put files into.
fn private_folder(folder: &Path) -> Result<(), StoreError> {
    let io = |error| StoreError::Io(folder.to_owned(), error);
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io(error)),
    }
    let metadata = fs::metadata(folder).map_err(io)?;
    let own = rustix::process::geteuid().as_raw();
    // A folder that all may write to, such as /tmp, with the bit by which nobody moves what is another's.
    let is_open = metadata.mode() & 0o022 != 0 && metadata.mode() & 0o1000 == 0;
    if ![0, own].contains(&metadata.uid()) || is_open {
        return Err(StoreError::Unsafe(format!(
            "others may change the folder {} (owner {}, mode {:04o}); chmod go-w",
            folder.display(),
            metadata.uid(),
            metadata.mode() & 0o7777
        )));
    }
    Ok(())
}

/// A file that nobody else may read: made, or found to be so.
pub(super) fn private_file(path: &Path) -> Result<(), StoreError> {
    let io = |error| StoreError::Io(path.to_owned(), error);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(nofollow());
    let metadata = options.open(path).and_then(|file| file.metadata()).map_err(io)?;
    let own = rustix::process::geteuid().as_raw();
    if ![0, own].contains(&metadata.uid()) || metadata.mode() & 0o077 != 0 {
        return Err(StoreError::Unsafe(format!(
            "{} is open to others (owner {}, mode {:04o}); chmod 0600",
            path.display(),
            metadata.uid(),
            metadata.mode() & 0o7777
        )));
    }
    Ok(())
}
