//! For tests: a file system of a process (FUSE; linux/fuse.h) that answers no longer than it likes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A file system that is taken away with this value.
pub(crate) struct Silent {
    path: PathBuf,
    /// Closed by the last who has it, which tells all who wait that nobody will answer.
    server: Option<Arc<File>>,
}

impl Silent {
    /// Mounts one that answers nothing; none where that is not permitted.
    pub(crate) fn at(path: PathBuf) -> Option<Self> {
        let server = File::options().read(true).write(true).open("/dev/fuse").ok()?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", server.as_raw_fd());
        let options = CString::new(options).unwrap();
        mount("silent", &path, "fuse", MountFlags::NODEV, Some(options.as_c_str())).ok()?;
        Some(Self { path, server: Some(Arc::new(server)) })
    }

    /// Mounts one in which every name is that of a file of a megabyte, which can be opened; whoever reads
    /// it waits.
    pub(crate) fn with_files(path: PathBuf) -> Option<Self> {
        let silent = Self::at(path)?;
        let server = Arc::clone(silent.server.as_ref().unwrap());
        thread::spawn(move || answer(&server));
        Some(silent)
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // By force: that ends the connection, and so the thread that answers, and all who wait.
        let _ = unmount(&self.path, UnmountFlags::FORCE | UnmountFlags::DETACH);
        drop(self.server.take());
    }
}

/// `fuse_attr` of a file, or of the folder.
fn attributes(node: u64) -> Vec<u8> {
    let (size, mode): (u64, u32) = if node == 1 { (0, 0o040_755) } else { (1 << 20, 0o100_644) };
    let words = [node, size, 0, 0, 0, 0].into_iter().flat_map(u64::to_ne_bytes);
    words.chain([0, 0, 0, mode, 1, 0, 0, 0, 4096, 0].into_iter().flat_map(u32::to_ne_bytes)).collect()
}

/// Answers what is asked until somebody wants to read.
fn answer(mut server: &File) {
    const LOOKUP: u32 = 1;
    const GETATTR: u32 = 3;
    const OPEN: u32 = 14;
    const READ: u32 = 15;
    const STATFS: u32 = 17;
    const INIT: u32 = 26;
    let mut request = vec![0; 1 << 17];
    while let Ok(40..) = server.read(&mut request) {
        let word = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().unwrap());
        let node = u64::from_ne_bytes(request[16..24].try_into().unwrap());
        let hour = 3600_u64.to_ne_bytes();
        let (error, body) = match word(4) {
            INIT => {
                let words = [7, 31, 0, 0, 0, 4096, 0].map(u32::to_ne_bytes).concat();
                (0, [words, vec![0; 36]].concat())
            }
            LOOKUP => {
                let head = [2_u64.to_ne_bytes(), [0; 8], hour, hour, [0; 8]].concat();
                (0, [head, attributes(2)].concat())
            }
            GETATTR => (0, [[hour, [0; 8]].concat(), attributes(node)].concat()),
            OPEN => (0, vec![0; 16]),
            STATFS => (0, vec![0; 80]),
            READ => continue,
            _ => (-38, Vec::new()),
        };
        let length = u32::try_from(16 + body.len()).unwrap().to_ne_bytes();
        let head = [&length[..], &i32::to_ne_bytes(error), &request[8..12], &request[12..16]].concat();
        if server.write(&[head, body].concat()).is_err() {
            return;
        }
    }
}
