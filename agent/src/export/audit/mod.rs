//! The audit: a record of each exchange with a model or a store, and of each conversation that could not be read, in a
//! store that shows afterwards whether anything in it was changed (`spanwire_audit`).
//!
//! A thread of its own writes, so that neither a slow nor a full disk holds up anything else: what waits for it is bounded,
//! and what is beyond that is counted, and told in the store itself as soon as it can be written again.

mod keeper;
mod record;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use spanwire_audit::chain::SealKey;
use spanwire_audit::record::{Entry, Record};
use spanwire_audit::store::{Store, StoreError};

use crate::config::{Audit, Endpoints, KeyBytes};
use crate::correlate::Unseen;
use crate::correlate::span::Span;
use crate::redact::Redacted;
use crate::telemetry::Counters;
use keeper::{Keeper, Missed};

/// Records that wait for the thread.
const QUEUE: usize = 8192;

/// Why there can be no audit.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its key cannot be had.
    #[error("{0}; without it nobody can tell whether the audit was changed")]
    Key(String),
    /// There is no thread for it.
    #[error("cannot start the thread that writes the audit: {0}")]
    Thread(std::io::Error),
}

/// What is done about a store that another agent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It is refused.
    None,
    /// Records wait until that agent is gone: this one takes over from it.
    UntilFree,
}

/// The pipeline's end of the audit.
pub struct Writer {
    queue: SyncSender<Box<Record>>,
    /// Records taken in and not written yet.
    waiting: Arc<AtomicUsize>,
    missed: Arc<Missed>,
    thread: JoinHandle<()>,
    host: String,
    key: SealKey,
    approved: Endpoints,
    counters: Arc<Counters>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({})", self.host)
    }
}

impl Writer {
    /// Opens the store and starts the thread that writes to it, which has the rights of the one that calls. A store that is
    /// damaged is put aside, and a new one begun.
    ///
    /// # Errors
    /// See [`AuditError`]: an operator who wants an audit does not want an agent without one.
    pub fn start(
        audit: &Audit,
        host: String,
        approved: Endpoints,
        (patience, counters): (Patience, Arc<Counters>),
    ) -> Result<Self, AuditError> {
        let folder = audit.store.parent();
        if let Some(folder) = folder.filter(|folder| !folder.exists()) {
            // Before the key, which lies in it.
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|error| StoreError::Io(folder.to_owned(), error))?;
        }
        let key = KeyBytes::read_or_draw(&audit.key_path()).map_err(AuditError::Key)?;
        let key = SealKey::new(key.get());
        let (path, seal) = (audit.store.clone(), key.clone());
        let open = move || Store::open(&path, seal.clone());
        let (queue, records) = sync_channel(QUEUE);
        let (waiting, missed) = (Arc::new(AtomicUsize::new(0)), Arc::new(Missed::default()));
        let mut keeper = Keeper::new(Box::new(open), audit, host.clone(), (&waiting, &missed), &counters);
        match keeper.open() {
            Err(StoreError::Locked(_)) if patience == Patience::UntilFree => keeper.wait(),
            opened => opened?,
        }
        let thread = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || keeper.run(&records))
            .map_err(AuditError::Thread)?;
        Ok(Self { queue, waiting, missed, thread, host, key, approved, counters })
    }

    /// Records a span, if it stands for an exchange. Never blocks: what finds no room is counted, and the store will say so.
    pub fn span(&self, span: &Redacted<Span>) {
        if let Some(record) = record::of_span(span, &self.host, &self.key) {
            self.add(record);
        }
    }

    /// Records a conversation that was not read. Never blocks.
    pub fn unseen(&self, unseen: &Redacted<Unseen>) {
        let is_approved = self.approved.approve(&unseen.get().server_name, None);
        self.add(record::of_unseen(unseen, &self.host, is_approved, SystemTime::now()));
    }

    fn add(&self, record: Record) {
        let approval = match &record.entry {
            Entry::Exchange(exchange) => exchange.approval,
            Entry::Unread(unread) => unread.approval,
            Entry::Lost(_) | Entry::Retired(_) | Entry::Agent(_) => None,
        };
        if approval == Some(spanwire_audit::record::Approval::Unapproved) {
            self.counters.audit_unapproved.increment();
        }
        let time = record.time;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(Box::new(record)).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counters.audit_dropped_queue_full.increment();
            self.missed.add(time);
        }
    }

    /// Writes what waits, for at most `limit`; what is left then is counted.
    pub async fn shutdown(self, limit: Duration) {
        let Self { queue, waiting, thread, counters, .. } = self;
        drop(queue);
        let written = tokio::task::spawn_blocking(|| thread.join());
        let _ = tokio::time::timeout(limit, written).await;
        let left = waiting.load(Ordering::Relaxed);
        counters.audit_dropped_shutdown.add(u64::try_from(left).unwrap_or(u64::MAX));
        if left > 0 {
            tracing::warn!("{left} records of the audit were not written; nothing in it says so");
        }
    }
}
