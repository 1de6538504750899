//! What can go wrong, and what it means for the data.

use std::io;
use std::path::PathBuf;

/// Why the queue could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot hold a queue.
    #[error("the queue's folder {} {why}", path.display())]
    Folder {
        /// As it was given.
        path: PathBuf,
        /// What is wrong, and what mends it.
        why: String,
    },
    /// Another process has the queue.
    #[error(
        "the queue in {} is in use by {}; stop that one, or give this one a folder of its own",
        path.display(), pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The owner, where it could say so.
        pid: Option<u32>,
    },
    /// The bounds contradict each other.
    #[error("the queue cannot be bounded so: {0}")]
    Options(&'static str),
    /// A later version wrote this segment.
    #[error(
        "{name} in the queue's folder has format {version}, and this version reads format 1; \
         run the version that wrote it until the queue is empty, or move the folder away, which gives its data up"
    )]
    Version {
        /// The file.
        name: String,
        /// Its format.
        version: u32,
    },
    /// There are more segments than a queue ever makes.
    #[error("the queue's folder has more than {0} segments, which no queue makes; move the folder away")]
    Segments(usize),
    /// The payload is larger than the bound on one.
    #[error("a payload of {bytes} bytes is larger than the queue takes ({most}); it is not in the queue")]
    TooLarge {
        /// Of the payload.
        bytes: usize,
        /// The bound.
        most: usize,
    },
    /// The queue could not be read. Nothing was given up.
    #[error("cannot read {name} in the queue's folder: {source}; its data stays there, and is tried again")]
    Read {
        /// The file, or `.` for the folder.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The queue could not be read when it was opened.
    #[error(
        "cannot read {name} in the queue's folder: {source}; nothing was changed. Check the disk; if only this file is \
         bad, removing it gives up its data and no other"
    )]
    Unreadable {
        /// The file, or `.` for the folder.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A payload could not be written.
    #[error(
        "cannot write to the queue: {source}; this payload is not in it, those before stay. Check the disk's room"
    )]
    Write {
        /// What the system said.
        source: io::Error,
    },
    /// Records may be lost in a crash although `sync` was asked for: see the crate's documentation.
    #[error(
        "the disk could not store {records} records ({items} items) of the queue: {source}; they stay queued, but are \
         lost if the machine stops before they are sent. Check the disk"
    )]
    NotDurable {
        /// Records that are not durable.
        records: u64,
        /// What they stand for.
        items: u64,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be noted what was acknowledged. What was pushed is durable.
    #[error("cannot note how far the queue is delivered: {source}; after a restart some of it is sent again")]
    Position {
        /// What the system said.
        source: io::Error,
    },
    /// A segment could not be removed. What was pushed and acknowledged is durable.
    #[error("cannot remove {name} from the queue's folder: {source}; it takes room until that works")]
    Remove {
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}
