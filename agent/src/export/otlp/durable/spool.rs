//! The thread that has a receiver's queue on disk, since a disk may take its time.
//!
//! What was pushed is stored by `fsync` within a second: until then it survives the agent's end, and not the machine's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use spanwire_queue::{Counts, Disk, Error, Options, Queue, Record};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::super::item::{Item, Outcome};
use super::Place;
use crate::telemetry::{Counter, Counters};

/// How often is stored what was pushed and acknowledged, and tried again what failed.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// What waits on disk, as the thread last said.
#[derive(Debug, Default)]
pub(in super::super) struct OnDisk {
    /// Items, which the sender reads, too.
    items: Arc<AtomicUsize>,
    bytes: AtomicU64,
}

impl OnDisk {
    /// Spans or log records.
    pub(in super::super) fn items(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.items)
    }

    /// Bytes of files.
    pub(in super::super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

enum Command {
    Push { payload: Vec<u8>, items: usize, stored: oneshot::Sender<bool> },
    Next(oneshot::Sender<Option<Record>>),
    Acknowledge(u64),
    Close,
}

/// The queue, as tasks see it.
pub(in super::super) struct Spool {
    commands: Sender<Command>,
    thread: JoinHandle<()>,
    lost: fn(&Counters, Outcome) -> &Counter,
    counters: Arc<Counters>,
}

impl Spool {
    /// Opens the queue in this place, and starts its thread.
    ///
    /// # Errors
    /// When it cannot be opened, or there is no thread.
    pub(in super::super) fn start<I: Item>(
        Place { folder, bytes, waits }: Place,
        on_disk: Arc<OnDisk>,
        counters: &Arc<Counters>,
    ) -> Result<Self, Error> {
        let options = Options { total_bytes: bytes, ..Options::default() };
        let open = move || Disk::open(&folder).and_then(|disk| Queue::open(disk, options));
        let lost = I::counter;
        let mut keeper = Keeper {
            open: Box::new(open),
            queue: None,
            plural: I::PLURAL,
            counted: Counts::default(),
            waiter: None,
            is_closed: false,
            is_failing: false,
            synced: Instant::now(),
            on_disk,
            lost,
            counters: Arc::clone(counters),
        };
        match keeper.begin() {
            Err(Error::Locked { path, .. }) if waits => {
                info!(
                    "what waits in {} is sent when the agent that was here before has left it",
                    path.display()
                );
            }
            opened => opened?,
        }
        let (commands, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("queue".to_owned())
            .spawn(move || keeper.run(&waiting))
            .map_err(|source| Error::Write { source })?;
        Ok(Self { commands, thread, lost, counters: Arc::clone(counters) })
    }

    /// Puts a request that stands for so many items at the end; false where the disk does not take it.
    pub(super) async fn push(&self, payload: Vec<u8>, items: usize) -> bool {
        let (stored, is_stored) = oneshot::channel();
        let _ = self.commands.send(Command::Push { payload, items, stored });
        is_stored.await.unwrap_or(false)
    }

    /// The oldest request that was not given out, when there is one; none when there is none and no more come. Each is to be
    /// acknowledged before the next: one that is not comes again at the next start.
    pub(super) async fn next(&self) -> Option<Record> {
        let (answer, next) = oneshot::channel();
        let _ = self.commands.send(Command::Next(answer));
        next.await.ok().flatten()
    }

    /// A request has been taken, or is given up.
    pub(super) fn acknowledge(&self, number: u64) {
        let _ = self.commands.send(Command::Acknowledge(number));
    }

    /// Counts items that are given up.
    pub(super) fn lost(&self, items: u32) {
        (self.lost)(&self.counters, Outcome::DiskLost).add(u64::from(items));
    }

    /// No more is pushed.
    pub(super) fn close(&self) {
        let _ = self.commands.send(Command::Close);
    }

    /// Stores what is left, and waits for that until then.
    pub(super) async fn finish(self, until: tokio::time::Instant) {
        let Self { commands, thread, .. } = self;
        drop(commands);
        let stored = tokio::task::spawn_blocking(|| thread.join());
        // It takes a moment more, even where there is no time left.
        let _ = tokio::time::timeout_at(until + SYNC_EVERY, stored).await;
    }
}

/// What the thread has.
struct Keeper {
    open: Box<dyn FnMut() -> Result<Queue, Error> + Send>,
    /// None as long as another agent has it.
    queue: Option<Queue>,
    plural: &'static str,
    /// What was counted so far.
    counted: Counts,
    /// Who waits for a request.
    waiter: Option<oneshot::Sender<Option<Record>>>,
    is_closed: bool,
    /// The disk has failed, and the operator was told.
    is_failing: bool,
    synced: Instant,
    on_disk: Arc<OnDisk>,
    lost: fn(&Counters, Outcome) -> &Counter,
    counters: Arc<Counters>,
}

impl Keeper {
    fn begin(&mut self) -> Result<(), Error> {
        let queue = (self.open)()?;
        let recovered = queue.recovered();
        if recovered.items > 0 {
            info!("{} {} wait on disk from before, and are sent first", recovered.items, self.plural);
        }
        if recovered.missing > 0 {
            warn!(
                "{} requests with {} are missing in the queue on disk: it was damaged, or the machine was stopped",
                recovered.missing, self.plural
            );
            self.counters.queue_requests_missing.add(recovered.missing);
        }
        self.queue = Some(queue);
        self.measure();
        Ok(())
    }

    fn run(mut self, commands: &Receiver<Command>) {
        loop {
            let wait = SYNC_EVERY.saturating_sub(self.synced.elapsed());
            match commands.recv_timeout(wait) {
                Ok(command) => self.obey(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.synced.elapsed() >= SYNC_EVERY {
                self.turn();
            }
            // Before a request is handed out: who does not get rid of it says how many wait.
            self.measure();
            self.serve();
        }
        self.turn();
        self.measure();
        if let Some(left) = self.queue.as_ref().map(|queue| queue.pending().items).filter(|left| *left > 0) {
            info!("{left} {} wait on disk, and are sent at the next start", self.plural);
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Push { payload, items, stored } => {
                let items = u32::try_from(items).unwrap_or(u32::MAX);
                let pushed = self.queue.as_mut().map(|queue| queue.push(&payload, items));
                let is_stored = match pushed {
                    // Another agent has it.
                    None => false,
                    Some(Ok(_)) => true,
                    Some(Err(error)) => {
                        self.counters.queue_failures.increment();
                        self.failed(&error);
                        false
                    }
                };
                // What it had to drop is counted before who waits is told. He may be gone.
                self.measure();
                let _ = stored.send(is_stored);
            }
            Command::Next(waiter) => self.waiter = Some(waiter),
            Command::Acknowledge(number) => {
                if let Some(queue) = &mut self.queue {
                    queue.acknowledge(number);
                }
            }
            Command::Close => self.is_closed = true,
        }
    }

    /// Gives who waits what it waits for.
    fn serve(&mut self) {
        let Some(waiter) = self.waiter.take() else { return };
        match self.queue.as_mut().map(Queue::next_record) {
            Some(Ok(Some(record))) => {
                let _ = waiter.send(Some(record));
            }
            Some(Ok(None)) | None if self.is_closed => {
                let _ = waiter.send(None);
            }
            Some(Err(error)) => {
                self.counters.queue_failures.increment();
                self.failed(&error);
                self.waiter = Some(waiter);
            }
            Some(Ok(None)) | None => self.waiter = Some(waiter),
        }
    }

    /// About once a second: stores what came, or opens what another agent had.
    fn turn(&mut self) {
        self.synced = Instant::now();
        let done = match &mut self.queue {
            Some(queue) => queue.sync(),
            None => match self.begin() {
                Err(Error::Locked { .. }) => Ok(()),
                begun => begun,
            },
        };
        match done {
            Ok(()) if self.is_failing => {
                self.is_failing = false;
                info!("the queue on disk works again");
            }
            Ok(()) => {}
            Err(error) => {
                self.counters.queue_failures.increment();
                self.failed(&error);
            }
        }
    }

    fn failed(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.is_failing, true) {
            warn!("{error}; {} that it does not take are sent from memory", self.plural);
        }
    }

    /// Says what is there, and what was lost.
    fn measure(&mut self) {
        let Some(queue) = &self.queue else { return };
        let (pending, counts) = (queue.pending().items, queue.counts());
        self.on_disk.items.store(usize::try_from(pending).unwrap_or(usize::MAX), Ordering::Relaxed);
        self.on_disk.bytes.store(queue.disk_bytes(), Ordering::Relaxed);
        let before = std::mem::replace(&mut self.counted, counts);
        let dropped = counts.dropped.items.saturating_sub(before.dropped.items);
        if before.dropped.items == 0 && dropped > 0 {
            warn!(
                "the queue on disk is full: the oldest {} in it are dropped. A larger `otlp-queue-size` holds more of an outage",
                self.plural
            );
        }
        (self.lost)(&self.counters, Outcome::DiskFull).add(dropped);
        let lost = counts.lost.items.saturating_sub(before.lost.items);
        (self.lost)(&self.counters, Outcome::DiskLost).add(lost);
    }
}
