//! Delivery by way of a queue on disk: batches are written there first, and sent from there, one after the other, so that
//! neither an outage of the receiver nor the end of the agent loses what was written.
//!
//! Where the disk does not take a batch, it is sent from memory.

mod spool;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::warn;

use super::batch::Batch;
use super::delivery::{Batcher, CONCURRENT, Stop, overdue};
use super::item::Item;
use super::sender::Sender;
use super::transport::Transport;
use crate::config::DiskQueue;
pub(super) use spool::{OnDisk, Spool};

/// How long items wait for others, and for the next one of them: until they are on disk, the agent's end loses them.
pub(super) const PACE: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(50)];

/// Digits of the hash that tells the folders of receivers apart.
const HASH_DIGITS: usize = 16;

/// The folder of one receiver's queue: `signal`, and a hash of where it goes.
pub(super) fn folder(queue: &DiskQueue, signal: &str, endpoint: &str) -> PathBuf {
    let hash = Sha256::digest(endpoint.as_bytes());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    queue.folder.join(format!("{signal}-{}", hash.get(..HASH_DIGITS).unwrap_or_default()))
}

/// Tells of folders of receivers that are not configured any more.
pub(super) fn tell_of_others(queue: &DiskQueue, known: &[PathBuf]) {
    let entries = std::fs::read_dir(&queue.folder).into_iter().flatten().flatten();
    let others = entries.map(|entry| entry.path()).filter(|path| path.is_dir() && !known.contains(path));
    for other in others.filter(|path| has_segments(path)) {
        warn!(
            "{} holds what an OTLP receiver did not take that is not configured any more: it stays there, and is not sent. \
             Configure that receiver again, or remove the folder",
            other.display()
        );
    }
}

fn has_segments(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|end| end == "segment"))
}

/// Where a receiver's queue is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    /// The most that its files take.
    pub(super) bytes: u64,
    /// One that another agent has is waited for.
    pub(super) waits: bool,
}

/// The task that empties a receiver's queue in memory into the one on disk, and that one into the receiver.
pub(super) struct Durable<T, I> {
    batcher: Batcher<I>,
    /// Sends what the disk does not take.
    from_memory: Arc<Sender<T, I>>,
    from_disk: Arc<Sender<T, I>>,
    spool: Spool,
    stopping: watch::Receiver<Stop>,
}

impl<T: Transport<I::Request>, I: Item> Durable<T, I> {
    pub(super) fn new(
        batcher: Batcher<I>,
        [from_memory, from_disk]: [Arc<Sender<T, I>>; 2],
        spool: Spool,
        stopping: watch::Receiver<Stop>,
    ) -> Self {
        Self { batcher, from_memory, from_disk, spool, stopping }
    }

    /// Works until the queue in memory is closed, and all of it is on disk and delivered, or the time to stop is over: what is
    /// left in memory then stays in `kept`, for the owner to count, and what is on disk stays there.
    pub(super) async fn run(self) {
        let Self { mut batcher, from_memory, from_disk, spool, stopping } = self;
        let mut senders = JoinSet::new();
        let fill = async {
            while let Some(batch) = batcher.next_batch().await {
                let (items, payload) = (batch.items(), batch.request().encode_to_vec());
                if spool.push(payload, items).await {
                    from_memory.release(items);
                    continue;
                }
                while senders.len() >= CONCURRENT {
                    senders.join_next().await;
                }
                senders.spawn(Arc::clone(&from_memory).deliver(batch, stopping.clone()));
            }
            spool.close();
            while senders.join_next().await.is_some() {}
        };
        let drain = async {
            while let Some(record) = spool.next().await {
                let is_settled = match I::Request::decode(&*record.payload) {
                    Ok(request) => from_disk.settle(Batch::of_request(request), stopping.clone()).await,
                    // Its checksum was right: another version's, then.
                    Err(error) => {
                        warn!("what waited for an OTLP receiver cannot be read, and is given up: {error}");
                        spool.lost(record.items);
                        true
                    }
                };
                if is_settled {
                    spool.acknowledge(record.number);
                } else {
                    break;
                }
            }
        };
        tokio::select! {
            _ = async { tokio::join!(fill, drain) } => {}
            () = overdue(stopping.clone()) => {}
        }
        senders.shutdown().await;
        let until = stopping.borrow().unwrap_or_else(Instant::now);
        spool.finish(until).await;
    }
}
