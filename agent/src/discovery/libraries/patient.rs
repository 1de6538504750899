//! Work that may never come back: whoever serves a file system, over a network or as a process (FUSE), may
//! leave every look at a file waiting for as long as it likes, and nothing takes a thread out of that. So
//! such looks are left to threads of their own, and who wants them waits for a bounded time.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// Hands a result over.
type Delivery = Box<dyn FnOnce() + Send>;

struct Job {
    work: Box<dyn FnOnce() -> Delivery + Send>,
    /// The way to the thread that does it.
    way: Sender<Job>,
}

#[derive(Debug, Default)]
struct Threads {
    /// The ways to those that have nothing to do; they end with these.
    idle: Vec<Sender<Job>>,
    /// All of them.
    count: usize,
}

/// Threads for work that may never come back. One that does not is left behind, and another does what
/// comes next, up to a bound.
#[derive(Clone, Debug)]
pub struct Patient {
    threads: Arc<Mutex<Threads>>,
    most: usize,
    begin: fn(),
}

impl Patient {
    /// At most `most` threads, each of which does `begin` first; none is started yet.
    #[must_use]
    pub fn new(most: usize, begin: fn()) -> Self {
        Self { threads: Arc::default(), most, begin }
    }

    /// Does work on one of the threads, and waits for it.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when it has not come back within `limit`: it goes on, and its result is
    /// lost. [`io::ErrorKind::ResourceBusy`] when all threads are held up.
    pub fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let (answer, result) = sync_channel(1);
        let work = Box::new(move || -> Delivery {
            let done = work();
            // Nobody may wait for it any more.
            Box::new(move || drop(answer.send(done)))
        });
        let thread = self.thread()?;
        let job = Job { work, way: thread.clone() };
        thread.send(job).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        result
            .recv_timeout(limit)
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "its file system does not answer in time"))
    }

    /// The way to a thread that has nothing to do.
    fn thread(&self) -> io::Result<Sender<Job>> {
        let mut threads = lock(&self.threads);
        if let Some(idle) = threads.idle.pop() {
            return Ok(idle);
        }
        if threads.count >= self.most {
            let held_up = "too many file systems do not answer";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, held_up));
        }
        let (jobs, waiting) = channel();
        let counted = Counted(Arc::downgrade(&self.threads));
        let begin = self.begin;
        thread::Builder::new().name("files".to_owned()).spawn(move || {
            begin();
            counted.serve(&waiting);
        })?;
        threads.count += 1;
        Ok(jobs)
    }
}

fn lock(threads: &Mutex<Threads>) -> MutexGuard<'_, Threads> {
    threads.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread, counted as long as it lives.
struct Counted(Weak<Mutex<Threads>>);

impl Counted {
    fn serve(&self, waiting: &Receiver<Job>) {
        while let Ok(Job { work, way }) = waiting.recv() {
            let deliver = work();
            // Before the result is there: who waits for it may have more to do at once.
            if let Some(threads) = self.0.upgrade() {
                lock(&threads).idle.push(way);
            }
            deliver();
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(threads) = self.0.upgrade() {
            let mut threads = lock(&threads);
            threads.count = threads.count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn what_does_not_come_back_holds_up_one_thread_and_nobody_else() {
        let patient = Patient::new(2, || {});
        assert_eq!(patient.run(LONG, || 1).unwrap(), 1);
        let (release, held) = channel::<()>();
        let kind = patient.run(SHORT, move || held.recv().is_ok()).unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::TimedOut);
        for number in 0..8 {
            assert_eq!(patient.run(LONG, move || number).unwrap(), number);
        }
        let (release_other, held) = channel::<()>();
        let (done, is_done) = channel();
        let work = move || {
            let _ = held.recv();
            let _ = done.send(());
        };
        patient.run(SHORT, work).unwrap_err();
        assert_eq!(patient.run(LONG, || ()).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        // A thread that comes back after all is of use again, as soon as it says so.
        drop((release, release_other));
        is_done.recv().unwrap();
        while patient.run(LONG, || ()).is_err() {
            thread::yield_now();
        }
        assert!(lock(&patient.threads).count <= 2);
    }

    #[test]
    fn a_thread_that_fails_makes_room_for_another() {
        let patient = Patient::new(1, || {});
        for _ in 0..3 {
            let failed = patient.run(LONG, || -> u8 { std::panic::resume_unwind(Box::new(())) });
            failed.unwrap_err();
            while lock(&patient.threads).count > 0 {
                thread::yield_now();
            }
        }
        assert_eq!(patient.run(LONG, || 1).unwrap(), 1);
    }
}
