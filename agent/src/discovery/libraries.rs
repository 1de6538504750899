//! Which files with TLS code there are: in the system's library folders, and mapped by processes.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folders that the dynamic linkers of common distributions search.
const FOLDERS: [&str; 8] = [
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/lib",
    "usr/local/lib",
    "usr/local/lib64",
];

/// Most files that one search hands out.
const MOST: usize = 256;

/// One file at one state of its content, whatever paths lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

/// A file that is open, so that it stays the same whatever becomes of its path.
#[derive(Debug)]
pub struct Library {
    /// Its identity.
    pub id: FileId,
    /// The open file.
    pub file: File,
    /// What it is called, in its process's view.
    pub path: PathBuf,
    /// Whether it is named as TLS libraries are.
    pub named: bool,
}

impl Library {
    /// The file at `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn at(path: PathBuf) -> io::Result<Self> {
        Self::open(&path.clone(), path)
    }

    fn open(by: &Path, path: PathBuf) -> io::Result<Self> {
        let file = File::open(by)?;
        let metadata = file.metadata()?;
        let id = FileId {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        };
        let named = path.file_name().and_then(|name| name.to_str()).is_some_and(is_tls_library);
        Ok(Self { id, file, path, named })
    }
}

/// `libssl.so`, `libssl.so.3`, `libssl-8b66dd34.so.3` (bundled by a wheel), `libgnutls.so.30` and the
/// like.
fn is_tls_library(name: &str) -> bool {
    if name.starts_with("libgnutls.so") {
        return true;
    }
    let Some(rest) = name.strip_prefix("libssl") else { return false };
    match rest.find(".so") {
        Some(0) => true,
        Some(end) => {
            rest.starts_with('-')
                && rest.get(end..).is_some_and(|tail| tail == ".so" || tail.starts_with(".so."))
        }
        None => false,
    }
}

/// The TLS libraries in the system's folders below `root`: `/`, or `/proc/PID/root` for a container's.
#[must_use]
pub fn installed(root: &Path) -> Vec<Library> {
    let names = FOLDERS
        .iter()
        .filter_map(|folder| fs::read_dir(root.join(folder)).ok())
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(is_tls_library));
    distinct(names.map(|entry| entry.path()))
}

/// The files at these paths; links lead to one file.
fn distinct(paths: impl Iterator<Item = PathBuf>) -> Vec<Library> {
    let mut found: Vec<Library> = Vec::new();
    for path in paths {
        if found.len() < MOST
            && let Ok(library) = Library::at(path)
            && found.iter().all(|known| known.id != library.id)
        {
            found.push(library);
        }
    }
    found
}

/// Executables that hold TLS code themselves and run others' programs.
const RUNTIMES: [&str; 4] = ["usr/bin/node", "usr/local/bin/node", "usr/bin/nodejs", "bin/node"];

/// The runtimes with TLS code of their own in the usual places below `root`.
#[must_use]
pub fn runtimes(root: &Path) -> Vec<Library> {
    distinct(RUNTIMES.iter().map(|runtime| root.join(runtime)))
}

/// The library of this name in the system's folders below `root`.
#[must_use]
pub fn by_name(root: &Path, name: &str) -> Option<Library> {
    if name.contains('/') {
        return None;
    }
    FOLDERS.iter().find_map(|folder| Library::at(root.join(folder).join(name)).ok())
}

/// The files that a process has mapped as code, its executable first. They are opened by the mapping
/// itself: a library that was replaced on disk, or that lies in a container, is the one in use.
/// `named` asks for those only that are named as TLS libraries are, or for all.
#[must_use]
pub fn mapped(procfs: &Path, pid: u32, named: bool) -> Vec<Library> {
    let process = procfs.join(pid.to_string());
    // A process that is gone, or whose maps may not be read, has none to show.
    let maps = fs::read_to_string(process.join("maps")).unwrap_or_default();
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for mapping in maps.lines().filter_map(Mapping::parse) {
        let name = mapping.path.rsplit('/').next().unwrap_or_default();
        if found.len() >= MOST || (named && !is_tls_library(name)) || seen.contains(&mapping.path) {
            continue;
        }
        seen.push(mapping.path);
        let direct = process.join("map_files").join(mapping.range);
        let through_root = process.join("root").join(mapping.path.trim_start_matches('/'));
        let path = PathBuf::from(mapping.path);
        found.extend(Library::open(&direct, path.clone()).or_else(|_| Library::open(&through_root, path)));
    }
    found
}

/// The executable that a process runs.
///
/// # Errors
/// When it is gone.
pub fn executable(procfs: &Path, pid: u32) -> io::Result<Library> {
    let link = procfs.join(pid.to_string()).join("exe");
    Library::open(&link, fs::read_link(&link)?)
}

/// An executable mapping of a file.
#[derive(Debug, PartialEq, Eq)]
struct Mapping<'a> {
    range: &'a str,
    path: &'a str,
}

impl<'a> Mapping<'a> {
    /// A line of `/proc/PID/maps` (proc(5)): address, permissions, offset, device, inode, path.
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let range = fields.next()?;
        let permissions = fields.next()?;
        let path = fields.nth(3)?.trim_start();
        let path = path.strip_suffix(" (deleted)").unwrap_or(path);
        (permissions.contains('x') && path.starts_with('/')).then_some(Self { range, path })
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
            "libgnutls.so.30",
        ] {
            assert!(is_tls_library(name), "{name}");
        }
        for name in [
            "libssl3.so",
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
        assert_eq!(Mapping::parse(code), Some(Mapping { range: "7f00-7f01", path: "/opt/a b/libssl.so.3" }));
        let padded = "7f00-7f01 r-xp 00000000 fd:00 131                  /opt/libssl.so.3 (deleted)";
        assert_eq!(Mapping::parse(padded).unwrap().path, "/opt/libssl.so.3");
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
        let root = std::env::temp_dir().join(format!("spanwire-libraries-{}", std::process::id()));
        let folder = root.join("usr/lib64");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("libssl.so.3"), b"").unwrap();
        let _ = std::os::unix::fs::symlink("libssl.so.3", folder.join("libssl.so"));
        fs::write(folder.join("libz.so"), b"").unwrap();
        assert_eq!(installed(&root).len(), 1);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn this_process_maps_its_own_executable() {
        let own = std::process::id();
        let executable = executable(Path::new("/proc"), own).unwrap();
        assert_eq!(mapped(Path::new("/proc"), own, false)[0].id, executable.id);
    }
}
