//! Which files hold OpenSSL: in the system's library folders, and in the maps of running processes.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folders that the dynamic linkers of common distributions search.
const FOLDERS: [&str; 8] = [
    "/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/local/lib64",
];

/// Most files that one search hands out.
const MOST: usize = 256;

/// One file, whatever paths lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

/// A TLS library's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// Its identity.
    pub file: FileId,
    /// A path by which this process can open it.
    pub path: PathBuf,
}

impl Library {
    /// The library at `path`.
    ///
    /// # Errors
    /// When the path leads to no file.
    pub fn at(path: PathBuf) -> std::io::Result<Self> {
        let metadata = fs::metadata(&path)?;
        Ok(Self { file: FileId { device: metadata.dev(), inode: metadata.ino() }, path })
    }
}

/// `libssl.so`, `libssl.so.3`, `libssl-8b66dd34.so.3` (bundled by a wheel) and the like.
fn is_openssl(name: &str) -> bool {
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

/// The OpenSSL libraries in the system's folders.
#[must_use]
pub fn installed() -> Vec<Library> {
    in_folders(FOLDERS.iter().map(Path::new))
}

fn in_folders<'a>(folders: impl Iterator<Item = &'a Path>) -> Vec<Library> {
    let paths = folders
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(is_openssl))
        // The name behind the links says which version it is.
        .filter_map(|entry| entry.path().canonicalize().ok());
    distinct(paths)
}

/// The OpenSSL libraries that a process has mapped. Paths lead through the process's own root, so
/// that a container's library is found.
#[must_use]
pub fn mapped(procfs: &Path, pid: u32) -> Vec<Library> {
    let process = procfs.join(pid.to_string());
    // A process that is gone, or whose maps may not be read, has none to show.
    let maps = fs::read_to_string(process.join("maps")).unwrap_or_default();
    let paths = maps
        .lines()
        .filter_map(library_of_mapping)
        .map(|path| process.join("root").join(path.trim_start_matches('/')));
    distinct(paths)
}

/// The path in a line of `/proc/PID/maps` (proc(5)): address, permissions, offset, device, inode,
/// path; executable mappings only.
fn library_of_mapping(line: &str) -> Option<&str> {
    let mut fields = line.splitn(6, ' ');
    let permissions = fields.nth(1)?;
    let path = fields.nth(3)?.trim_start();
    let name = path.rsplit('/').next()?;
    (permissions.contains('x') && is_openssl(name)).then_some(path)
}

/// The OpenSSL libraries that any running process has mapped.
#[must_use]
pub fn mapped_by_all(procfs: &Path) -> Vec<Library> {
    let mut seen = HashSet::new();
    pids(procfs)
        .flat_map(|pid| mapped(procfs, pid))
        .filter(|library| seen.insert(library.file))
        .take(MOST)
        .collect()
}

/// The processes that `/proc` shows now.
fn pids(procfs: &Path) -> impl Iterator<Item = u32> {
    fs::read_dir(procfs)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn distinct(paths: impl Iterator<Item = PathBuf>) -> Vec<Library> {
    let mut seen = HashSet::new();
    paths
        .filter_map(|path| Library::at(path).ok())
        .filter(|library| seen.insert(library.file))
        .take(MOST)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn names_of_openssl() {
        for name in ["libssl.so", "libssl.so.3", "libssl.so.1.1", "libssl-8b66dd34.so.3", "libssl-1_1-x64.so"]
        {
            assert!(is_openssl(name), "{name}");
        }
        for name in
            ["libssl3.so", "libsslcommon.so.1", "libssl.a", "libssh.so.4", "xlibssl.so", "libssl_foo.so"]
        {
            assert!(!is_openssl(name), "{name}");
        }
    }

    #[test]
    fn a_mapping_counts_when_it_is_executable() {
        let code = "7f00-7f01 r-xp 0001e000 fd:00 131 /opt/a b/libssl.so.3";
        assert_eq!(library_of_mapping(code), Some("/opt/a b/libssl.so.3"));
        for other in [
            "7f00-7f01 r--p 00000000 fd:00 131                  /opt/libssl.so.3",
            "7f00-7f01 r-xp 00000000 fd:00 131                  /opt/libcrypto.so.3",
            "7f00-7f01 rw-p 00000000 00:00 0 ",
            "garbage",
            "",
        ] {
            assert_eq!(library_of_mapping(other), None, "{other}");
        }
        let padded = "7f00-7f01 r-xp 00000000 fd:00 131                  /opt/libssl.so.3";
        assert_eq!(library_of_mapping(padded), Some("/opt/libssl.so.3"));
    }

    #[test]
    fn links_to_one_file_are_one_library() {
        let folder = std::env::temp_dir().join(format!("spanwire-libraries-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("libssl.so.3"), b"").unwrap();
        let _ = std::os::unix::fs::symlink("libssl.so.3", folder.join("libssl.so"));
        fs::write(folder.join("libz.so"), b"").unwrap();
        assert_eq!(in_folders([folder.as_path()].into_iter()).len(), 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
