//! Which files with TLS code there are: in the system's library folders, and mapped by processes.

mod patient;
mod root;
#[cfg(test)]
#[path = "libraries/tests/silent.rs"]
pub(crate) mod silent;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use patient::Patient;
pub use root::{Handle, Root};

/// Folders that the dynamic linkers of common distributions search.
const FOLDERS: [&str; 10] = [
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/lib",
    "lib64",
    "lib",
    "usr/local/lib",
    "usr/local/lib64",
];

/// Most files that one search hands out.
const MOST: usize = 256;
/// Most files that one search tries: a process may map more than can be opened.
const TRIED: usize = 1024;
/// Most bytes that are read of what a process maps: some 40,000 mappings.
const MAPS_BYTES: u64 = 4 << 20;

/// One file at one state of its content, whatever paths lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    device: (u32, u32),
    inode: u64,
    bytes: u64,
    changed: (i64, u32),
}

impl FileId {
    /// The file's size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A file that is held, so that it stays the same whatever becomes of its path.
#[derive(Debug)]
pub struct Library {
    /// Its identity.
    pub id: FileId,
    /// The file.
    pub handle: Arc<Handle>,
    /// What it is called, in its process's view.
    pub path: PathBuf,
    /// Whether it is named as TLS libraries are.
    pub named: bool,
}

impl Library {
    /// The file at `path`.
    ///
    /// # Errors
    /// When there is no regular file, or it cannot be looked up.
    pub fn at(path: PathBuf) -> io::Result<Self> {
        Self::of(Handle::at(&path)?, path)
    }

    /// The file at `path`, in the view of those who have this root.
    ///
    /// # Errors
    /// As [`Library::at`].
    pub fn below(root: &Root, path: PathBuf) -> io::Result<Self> {
        Self::of(root.file(&path)?, path)
    }

    fn of(handle: Handle, path: PathBuf) -> io::Result<Self> {
        let status = handle.status()?;
        let id = FileId {
            device: (status.stx_dev_major, status.stx_dev_minor),
            inode: status.stx_ino,
            bytes: status.stx_size,
            changed: (status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec),
        };
        let named = path.file_name().and_then(|name| name.to_str()).is_some_and(is_tls_library);
        Ok(Self { id, handle: Arc::new(handle), path, named })
    }
}

/// NSS's libraries: sessions, what they are read and written by, and what they are sealed with.
const NSS: [&str; 3] = ["libssl3.so", "libnspr4.so", "libfreeblpriv3.so"];

/// `libssl.so`, `libssl.so.3`, `libssl-8b66dd34.so.3` (bundled by a wheel), `libcrypto` with the same endings,
/// `libgnutls.so.30`, those of NSS, and the like.
fn is_tls_library(name: &str) -> bool {
    if name.starts_with("libgnutls.so") || NSS.contains(&name) {
        return true;
    }
    let Some(rest) = name.strip_prefix("libssl").or_else(|| name.strip_prefix("libcrypto")) else {
        return false;
    };
    match rest.find(".so") {
        Some(0) => true,
        Some(end) => {
            rest.starts_with('-')
                && rest.get(end..).is_some_and(|tail| tail == ".so" || tail.starts_with(".so."))
        }
        None => false,
    }
}

/// The TLS libraries in the system's folders below a root, and in another folder.
#[must_use]
pub fn installed(root: &Root, besides: Option<&Path>) -> Vec<Library> {
    let folders = FOLDERS.iter().map(Path::new).chain(besides);
    let named = |folder: &Path| -> Vec<PathBuf> {
        let names = root.names(folder).into_iter().filter(|name| is_tls_library(name));
        names.map(|name| Path::new("/").join(folder).join(name)).collect()
    };
    distinct(root, folders.flat_map(named))
}

/// The files at these paths; links lead to one file.
fn distinct(root: &Root, paths: impl Iterator<Item = PathBuf>) -> Vec<Library> {
    let mut found: Vec<Library> = Vec::new();
    for path in paths.take(TRIED) {
        if found.len() < MOST
            && let Ok(library) = Library::below(root, path)
            && found.iter().all(|known| known.id != library.id)
        {
            found.push(library);
        }
    }
    found
}

/// Folders of executables in which large ones are looked for.
const PROGRAMS: [&str; 4] = ["usr/local/bin", "usr/bin", "opt/bin", "root/.local/bin"];
/// Most executables that are opened for their size.
const EXECUTABLES: usize = 4096;
/// Size from which an executable takes long to look into: some 10 ms.
const LARGE_BYTES: u64 = 24 << 20;
/// Most of them that are looked into before they are run.
const LARGE: usize = 32;

/// Large executables in the usual places below a root, largest first: runtimes and tools that hold their
/// own TLS code, for which it would be too late to look when they begin.
#[must_use]
pub fn large_programs(root: &Root) -> Vec<Library> {
    let in_folder = |folder: &&str| -> Vec<PathBuf> {
        let names = root.names(Path::new(folder)).into_iter();
        names.map(|name| Path::new("/").join(folder).join(name)).collect()
    };
    let mut found: Vec<Library> = Vec::new();
    for path in PROGRAMS.iter().flat_map(in_folder).take(EXECUTABLES) {
        if let Ok(program) = Library::below(root, path)
            && program.id.bytes() >= LARGE_BYTES
            && found.iter().all(|known| known.id != program.id)
        {
            found.push(program);
        }
    }
    found.sort_unstable_by_key(|program| std::cmp::Reverse(program.id.bytes()));
    found.truncate(LARGE);
    found
}

/// The library that the dynamic linker finds by this name below a root: in one of `folders`, else in
/// one of the system's; or where the name itself says.
#[must_use]
pub fn by_name(root: &Root, name: &str, folders: &[PathBuf]) -> Option<Library> {
    if name.contains('/') {
        return Library::below(root, name.into()).ok();
    }
    let system = FOLDERS.iter().map(|folder| Path::new("/").join(folder));
    let mut paths = folders.iter().cloned().chain(system).map(|folder| folder.join(name));
    paths.find_map(|path| Library::below(root, path).ok())
}

/// The files that a process has mapped as code, its executable first. They are opened by the mapping
/// itself: a library that was replaced on disk, or that lies in a container, is the one in use.
/// `named` asks for those only that are named as TLS libraries are, or for all.
#[must_use]
pub fn mapped(procfs: &Path, pid: u32, named: bool) -> Vec<Library> {
    let process = procfs.join(pid.to_string());
    let mut maps = Vec::new();
    // A process that is gone, or whose maps may not be read, has none to show.
    let _ = File::open(process.join("maps")).and_then(|file| file.take(MAPS_BYTES).read_to_end(&mut maps));
    let maps = String::from_utf8_lossy(&maps);
    let root = Root::of(procfs, pid);
    let mut seen: HashSet<&str> = HashSet::new();
    let mut found = Vec::new();
    for mapping in maps.lines().filter_map(Mapping::parse) {
        let name = mapping.path.rsplit('/').next().unwrap_or_default();
        if (named && !is_tls_library(name)) || !seen.insert(mapping.path) {
            continue;
        }
        if found.len() >= MOST || seen.len() > TRIED {
            break;
        }
        let path = PathBuf::from(mapping.path);
        let direct = Handle::at(&process.join("map_files").join(mapping.range));
        let file = match (direct, &root) {
            (Ok(file), _) => Ok(file),
            // Without CAP_CHECKPOINT_RESTORE. What was deleted has left its path to another.
            (Err(_), Ok(root)) if !mapping.deleted => root.file(&path),
            (Err(error), _) => Err(error),
        };
        found.extend(file.and_then(|file| Library::of(file, path)));
    }
    found
}

/// The executable that a process runs.
///
/// # Errors
/// When it is gone.
pub fn executable(procfs: &Path, pid: u32) -> io::Result<Library> {
    let link = procfs.join(pid.to_string()).join("exe");
    Library::of(Handle::at(&link)?, fs::read_link(&link)?)
}

/// An executable mapping of a file.
#[derive(Debug, PartialEq, Eq)]
struct Mapping<'a> {
    range: &'a str,
    path: &'a str,
    /// Its path leads to it no more.
    deleted: bool,
}

impl<'a> Mapping<'a> {
    /// A line of `/proc/PID/maps` (proc(5)): address, permissions, offset, device, inode, path.
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let range = fields.next()?;
        let permissions = fields.next()?;
        let path = fields.nth(3)?.trim_start();
        let left = path.strip_suffix(" (deleted)");
        let (path, deleted) = (left.unwrap_or(path), left.is_some());
        (permissions.contains('x') && path.starts_with('/')).then_some(Self { range, path, deleted })
    }
}

/// The processes that `/proc` shows now.
pub fn processes(procfs: &Path) -> impl Iterator<Item = u32> {
    fs::read_dir(procfs)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn names_of_tls_libraries() {
        for name in [
            "libssl.so",
            "libssl.so.3",
            "libssl.so.1.1",
            "libssl-8b66dd34.so.3",
            "libssl-1_1-x64.so",
            "libcrypto.so.3",
            "libcrypto-1f3a2b.so.1.1",
            "libgnutls.so.30",
            "libssl3.so",
            "libnspr4.so",
            "libfreeblpriv3.so",
        ] {
            assert!(is_tls_library(name), "{name}");
        }
        for name in [
            "libnss3.so",
            "libsslcommon.so.1",
            "libssl.a",
            "libssh.so.4",
            "xlibssl.so",
            "libssl_foo.so",
            "libgnutlsxx.so.30",
            "libgnutls-dane.so.0",
        ] {
            assert!(!is_tls_library(name), "{name}");
        }
    }

    #[test]
    fn a_mapping_counts_when_it_is_a_files_code() {
        let code = "7f00-7f01 r-xp 0001e000 fd:00 131 /opt/a b/libssl.so.3";
        let expected = Mapping { range: "7f00-7f01", path: "/opt/a b/libssl.so.3", deleted: false };
        assert_eq!(Mapping::parse(code), Some(expected));
        let padded = "7f00-7f01 r-xp 00000000 fd:00 131                  /opt/libssl.so.3 (deleted)";
        let expected = Mapping { range: "7f00-7f01", path: "/opt/libssl.so.3", deleted: true };
        assert_eq!(Mapping::parse(padded), Some(expected));
        for other in [
            "7f00-7f01 r--p 00000000 fd:00 131                  /opt/libssl.so.3",
            "7f00-7f01 r-xp 00000000 00:00 0                    [vdso]",
            "7f00-7f01 rw-p 00000000 00:00 0 ",
            "garbage",
            "",
        ] {
            assert_eq!(Mapping::parse(other), None, "{other}");
        }
    }

    #[test]
    fn links_to_one_file_are_one_library() {
        // Below the root that all see.
        let besides = std::env::temp_dir().join(format!("spanwire-libraries-{}", std::process::id()));
        let folder = besides.join("lib");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("libssl.so.3"), b"").unwrap();
        let _ = std::os::unix::fs::symlink("libssl.so.3", folder.join("libssl.so"));
        fs::write(folder.join("libz.so"), b"").unwrap();
        let root = Root::of(Path::new("/proc"), std::process::id()).unwrap();
        let here = |library: &Library| library.path.starts_with(&folder);
        assert_eq!(installed(&root, Some(&folder)).into_iter().filter(here).count(), 1);
        fs::remove_dir_all(besides).unwrap();
    }

    #[test]
    fn this_process_maps_its_own_executable() {
        let own = std::process::id();
        let executable = executable(Path::new("/proc"), own).unwrap();
        assert_eq!(mapped(Path::new("/proc"), own, false)[0].id, executable.id);
    }

    #[test]
    fn what_has_a_librarys_name_and_is_none_is_no_library() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        use std::os::unix::fs::symlink;

        let besides = std::env::temp_dir().join(format!("spanwire-none-{}", std::process::id()));
        fs::create_dir_all(besides.join("libssl.so.4")).unwrap();
        mknodat(CWD, besides.join("libssl.so.3"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
        symlink("/dev/zero", besides.join("libssl.so.5")).unwrap();
        symlink("/dev/tty", besides.join("libssl.so.6")).unwrap();
        symlink("libssl.so.7", besides.join("libssl.so.7")).unwrap();
        let root = Root::of(Path::new("/proc"), std::process::id()).unwrap();
        let found = installed(&root, Some(&besides));
        assert!(found.iter().all(|library| !library.path.starts_with(&besides)), "{found:?}");
        for number in 3..=7 {
            let path = besides.join(format!("libssl.so.{number}"));
            assert!(Library::below(&root, path.clone()).is_err(), "{}", path.display());
        }
        fs::remove_dir_all(besides).unwrap();
    }
}
