//! The thread that writes the audit: in batches, again and again while the disk refuses, and what was lost in the end.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use spanwire_audit::chain::Standing;
use spanwire_audit::record::{Agent, Entry, Lost, Record};
use spanwire_audit::store::{self, Bounds, Store, StoreError};
use tracing::{info, warn};

use super::record::since_1970;
use crate::config::Audit;
use crate::telemetry::Counters;

/// Records in one transaction, which is one wait for the disk.
const BATCH: usize = 1000;
/// How long a record waits for others.
const TOGETHER: Duration = Duration::from_millis(200);
/// Records that are kept while the store cannot be written: about 100 MB of the largest, 50 MB of usual ones.
const HELD_MAX: usize = 65_536;
/// Pauses between attempts: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];
/// How often it is looked for records beyond the bounds.
const RETIRE_EVERY: Duration = Duration::from_mins(1);
/// Transactions of one such look: what is left is for the next.
const RETIRED_AT_ONCE: usize = 20;
/// A clock that goes wrong by more between two looks was set by somebody.
const STEP: Duration = Duration::from_secs(5);

/// What records are written to: a [`Store`], but for tests of what a disk does.
pub(super) trait Sink: Sized + Send {
    /// See [`Store::append`].
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError>;
    /// See [`Store::retire`].
    fn retire(&mut self, bounds: Bounds, now: i64, host: &str) -> Result<u64, StoreError>;
    /// See [`Store::oddity`].
    fn oddity(&mut self) -> Option<String>;
    /// See [`Store::standing`].
    fn standing(&self) -> Standing;
    /// See [`Store::close`].
    fn close(self) -> Result<(), StoreError>;
}

impl Sink for Store {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        Self::append(self, records)
    }

    fn retire(&mut self, bounds: Bounds, now: i64, host: &str) -> Result<u64, StoreError> {
        Self::retire(self, bounds, now, host)
    }

    fn oddity(&mut self) -> Option<String> {
        Self::oddity(self)
    }

    fn standing(&self) -> Standing {
        Self::standing(self)
    }

    fn close(self) -> Result<(), StoreError> {
        Self::close(self)
    }
}

/// Opens the store, also anew after it failed.
pub(super) type Open<S> = Box<dyn FnMut() -> Result<S, StoreError> + Send>;

/// Records that found no room before they came to the thread.
#[derive(Debug, Default)]
pub(super) struct Missed {
    count: AtomicU64,
    first: AtomicI64,
    last: AtomicI64,
}

impl Missed {
    /// One more, of this time.
    pub(super) fn add(&self, time: i64) {
        // One thread adds; what it tears another's reading apart by is a time, not a number.
        if self.count.load(Ordering::Relaxed) == 0 {
            self.first.store(time, Ordering::Relaxed);
        }
        self.last.store(time, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Release);
    }

    fn take(&self) -> Option<Gap> {
        let count = self.count.swap(0, Ordering::Acquire);
        let (first, last) = (self.first.load(Ordering::Relaxed), self.last.load(Ordering::Relaxed));
        (count > 0).then(|| Gap { count, first, last, reason: "the audit's disk was too slow".to_owned() })
    }
}

/// Records that are missing.
#[derive(Debug, PartialEq)]
struct Gap {
    count: u64,
    first: i64,
    last: i64,
    reason: String,
}

pub(super) struct Keeper<S> {
    open: Open<S>,
    path: PathBuf,
    store: Option<S>,
    /// What is wrong with the store's file, which is to be put aside.
    damage: Option<String>,
    keep: Duration,
    bytes: u64,
    host: String,
    held: VecDeque<Record>,
    gap: Option<Gap>,
    waiting: Arc<AtomicUsize>,
    missed: Arc<Missed>,
    counters: Arc<Counters>,
    /// When it is tried again, and the pause after that.
    again: Option<(Instant, Duration)>,
    retired: Instant,
    clock: (Instant, SystemTime),
}

impl<S: Sink> Keeper<S> {
    pub(super) fn new(
        open: Open<S>,
        audit: &Audit,
        host: String,
        (waiting, missed): (&Arc<AtomicUsize>, &Arc<Missed>),
        counters: &Arc<Counters>,
    ) -> Self {
        Self {
            open,
            path: audit.store.clone(),
            store: None,
            damage: None,
            keep: audit.keep,
            bytes: audit.bytes,
            host,
            held: VecDeque::new(),
            gap: None,
            waiting: Arc::clone(waiting),
            missed: Arc::clone(missed),
            counters: Arc::clone(counters),
            again: None,
            retired: Instant::now(),
            clock: (Instant::now(), SystemTime::now()),
        }
    }

    /// Opens the store, and says in it that the agent began. One that is damaged is put aside.
    ///
    /// # Errors
    /// When it cannot be opened, or written to.
    pub(super) fn open(&mut self) -> Result<(), StoreError> {
        // What was found while it was open need not be found again.
        let opened = self.damage.clone().map_or_else(|| (self.open)(), |why| Err(StoreError::Damaged(why)));
        let mut store = match opened {
            Err(StoreError::Damaged(why)) => {
                let aside = self.set_aside(&why)?;
                self.damage = None;
                let mut store = (self.open)()?;
                store.append(&[self.word("store_set_aside", Some(format!("{}: {why}", aside.display())))])?;
                store
            }
            opened => opened?,
        };
        if let Some(oddity) = store.oddity() {
            warn!("the audit store does not fit together: {oddity}; see `spanwire audit verify`");
            store.append(&[self.word("store_odd", Some(oddity))])?;
        }
        store.append(&[self.word("started", None)])?;
        info!("audit: {} stands at {}", self.path.display(), store.standing());
        self.store = Some(store);
        Ok(())
    }

    /// Another agent has the store, and will soon leave it: until then records are held.
    pub(super) fn wait(&mut self) {
        info!("audit: records wait until the agent that was here before leaves {}", self.path.display());
        self.again = Some((Instant::now() + PAUSES[0], PAUSES[0]));
    }

    fn set_aside(&self, why: &str) -> Result<PathBuf, StoreError> {
        let aside = store::set_aside(&self.path, since_1970(SystemTime::now()))?;
        self.counters.audit_set_aside.increment();
        warn!(
            "the audit store {} is damaged ({why}): it is kept as {}, and a new one is begun",
            self.path.display(),
            aside.display()
        );
        Ok(aside)
    }

    /// Works until nobody has any more to record, and all is written or refused once more.
    pub(super) fn run(mut self, records: &Receiver<Box<Record>>) {
        while self.take(records) {
            self.turn(Instant::now());
        }
        // Now or never.
        self.again = None;
        self.turn(Instant::now());
        let stopped = self.word("stopped", None);
        let Some(mut store) = self.store.take() else { return };
        let closed = store.append(&[stopped]).and_then(|()| {
            let standing = store.standing();
            store.close().map(|()| standing)
        });
        match closed {
            Ok(standing) => info!("audit: {} stands at {standing}", self.path.display()),
            Err(error) => warn!("the audit was not closed as it should be, which loses nothing: {error}"),
        }
    }

    /// Takes what comes, together with what comes soon after; false when nothing can come any more.
    fn take(&mut self, records: &Receiver<Box<Record>>) -> bool {
        let now = Instant::now();
        let wait = match self.again {
            // While it is refused there is no hurry.
            Some((at, _)) => at.saturating_duration_since(now).min(PAUSES[0]),
            None => RETIRE_EVERY.min(PAUSES[0]),
        };
        match records.recv_timeout(wait) {
            Ok(record) => self.hold(*record),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        let until = Instant::now() + TOGETHER;
        let mut taken = 1;
        while taken < BATCH {
            match records.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(record) => self.hold(*record),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
            taken += 1;
        }
        true
    }

    fn hold(&mut self, record: Record) {
        if self.held.len() < HELD_MAX {
            self.held.push_back(record);
            return;
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.counters.audit_dropped_queue_full.increment();
        let reason = "the audit could not be written".to_owned();
        self.lose(Gap { count: 1, first: record.time, last: record.time, reason });
    }

    fn lose(&mut self, more: Gap) {
        match &mut self.gap {
            Some(gap) => {
                gap.count += more.count;
                gap.last = more.last;
            }
            None => self.gap = Some(more),
        }
    }

    /// Writes what is held, unless it is too early to try again; looks at the clock and the bounds.
    fn turn(&mut self, now: Instant) {
        self.look_at_clock();
        if self.again.is_some_and(|(at, _)| now < at) {
            return;
        }
        match self.write() {
            Ok(()) => {
                if self.again.take().is_some() {
                    info!("the audit is written again");
                }
            }
            Err(error) => self.refused(&error, now),
        }
        if self.again.is_none() && now.duration_since(self.retired) >= RETIRE_EVERY {
            self.retired = now;
            if let Err(error) = self.retire() {
                self.refused(&error, now);
            }
        }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        if self.store.is_none() {
            self.open()?;
        }
        if let Some(missed) = self.missed.take() {
            self.lose(missed);
        }
        let Some(store) = &mut self.store else { return Ok(()) };
        while !self.held.is_empty() {
            let count = self.held.len().min(BATCH);
            // As it stands in one piece.
            let batch = self.held.make_contiguous().get(..count).unwrap_or_default();
            match store.append(batch) {
                Err(StoreError::Form(error)) => {
                    // One that cannot be written never can.
                    warn!("{error}");
                    let Some(record) = self.held.pop_front() else { break };
                    self.counters.audit_dropped_queue_full.increment();
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                    let reason = error.to_string();
                    self.lose(Gap { count: 1, first: record.time, last: record.time, reason });
                    return self.write();
                }
                result => result?,
            }
            self.held.drain(..count);
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            self.counters.audit_records.add(u64::try_from(count).unwrap_or(u64::MAX));
        }
        if let Some(Gap { count, first, last, reason }) = &self.gap {
            let lost = Lost { records: *count, until: *last, reason: reason.clone() };
            store.append(&[Record { time: *first, host: self.host.clone(), entry: Entry::Lost(lost) }])?;
            self.gap = None;
        }
        Ok(())
    }

    fn refused(&mut self, error: &StoreError, now: Instant) {
        // Expected, where an agent was taken over from.
        if !matches!(error, StoreError::Locked(_)) {
            self.counters.audit_failures.increment();
        }
        if let StoreError::Damaged(why) = error {
            self.store = None;
            self.damage = Some(why.clone());
        }
        let pause = match self.again {
            Some((_, pause)) if matches!(error, StoreError::Locked(_)) => pause,
            Some((_, pause)) => (pause * 2).min(PAUSES[1]),
            None => {
                warn!(
                    "{error}: up to {HELD_MAX} records wait in memory, and what is beyond that is lost, which the audit will \
                     say; it is tried again"
                );
                PAUSES[0]
            }
        };
        self.again = Some((now + pause, pause));
    }

    fn retire(&mut self) -> Result<(), StoreError> {
        let now = SystemTime::now();
        let bounds = Bounds { oldest: now.checked_sub(self.keep).map(since_1970), bytes: Some(self.bytes) };
        let Some(store) = &mut self.store else { return Ok(()) };
        for _ in 0..RETIRED_AT_ONCE {
            let retired = store.retire(bounds, since_1970(now), &self.host)?;
            self.counters.audit_retired.add(retired);
            if retired == 0 {
                break;
            }
        }
        Ok(())
    }

    /// A clock that somebody set makes times in the store mean less: it is to say so.
    fn look_at_clock(&mut self) {
        let (then, wall) = self.clock;
        self.clock = (Instant::now(), SystemTime::now());
        let expected = wall + self.clock.0.duration_since(then);
        let (by, sign) = match self.clock.1.duration_since(expected) {
            Ok(ahead) => (ahead, "+"),
            Err(behind) => (behind.duration(), "-"),
        };
        if by > STEP && self.held.len() < HELD_MAX {
            let detail = format!("{sign}{:.3} s", by.as_secs_f64());
            warn!("the host's clock was set by {detail}: the audit says so");
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let word = self.word("clock_stepped", Some(detail));
            self.held.push_back(word);
        }
    }

    fn word(&self, event: &str, detail: Option<String>) -> Record {
        let agent = Agent { event: event.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), detail };
        let time = since_1970(SystemTime::now());
        Record { time, host: self.host.clone(), entry: Entry::Agent(agent) }
    }
}

#[cfg(test)]
mod tests;
