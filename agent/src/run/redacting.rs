//! Redaction on its way to the exporters: here and now where no content is wanted, else on a thread of its own, so that the
//! one that reads the ring never waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tracing::warn;

use super::exporting::Exporting;
use crate::correlate::Unseen;
use crate::correlate::span::Span;
use crate::redact::{Redacted, Redactor, Said};
use crate::telemetry::Counters;

/// Spans, contents and ends that may wait for the thread.
const WAITING_MAX: usize = 16_384;
/// Bytes of contents that may wait for it.
const WAITING_MAX_BYTES: usize = 32 << 20;

/// Where spans become ones that may leave.
pub(super) struct Redacting {
    way: Way,
    counters: Arc<Counters>,
}

enum Way {
    Here(Box<Redactor>),
    Thread(Worker),
}

struct Worker {
    jobs: SyncSender<Job>,
    done: UnboundedReceiver<Done>,
    /// Bytes of contents that wait.
    waiting_bytes: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

enum Job {
    Span(Box<Span>),
    Said(Said),
    Unseen(Box<Unseen>),
    ProcessEnded(u32),
}

/// What comes out, in the order in which it went in.
pub(super) enum Done {
    /// A span that may leave.
    Span(Redacted<Span>),
    /// A conversation that was not read.
    Unseen(Redacted<Unseen>),
    /// The last span of this process is out.
    ProcessEnded(u32),
}

impl Done {
    /// Hands it on to the exporters.
    pub(super) fn take(self, exporting: &mut Exporting) {
        match self {
            Self::Span(span) => exporting.add(span),
            Self::Unseen(unseen) => exporting.unseen(&unseen),
            Self::ProcessEnded(pid) => exporting.process_ended(pid),
        }
    }
}

impl Redacting {
    /// Begins; with a thread of its own where contents are to be redacted.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(redactor: Redactor, counters: &Arc<Counters>) -> anyhow::Result<Self> {
        let counters = Arc::clone(counters);
        if !redactor.wants_content() {
            return Ok(Self { way: Way::Here(Box::new(redactor)), counters });
        }
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let (out, done) = unbounded_channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let bytes = Arc::clone(&waiting_bytes);
        let thread = std::thread::Builder::new()
            .name("redact".to_owned())
            .spawn(move || redact(redactor, &waiting, &bytes, &out))
            .context("cannot start a thread that redacts")?;
        Ok(Self { way: Way::Thread(Worker { jobs, done, waiting_bytes, thread }), counters })
    }

    /// Takes a span; one that is ready at once is given back. Never blocks: a span that finds no room is dropped and counted.
    pub(super) fn span(&mut self, span: Span) -> Option<Redacted<Span>> {
        match &mut self.way {
            Way::Here(redactor) => Some(redactor.redact(span)),
            Way::Thread(worker) => {
                if worker.jobs.try_send(Job::Span(Box::new(span))).is_err() {
                    self.counters.spans_dropped_redaction.increment();
                }
                None
            }
        }
    }

    /// Takes what a call said, before its span. Never blocks: what finds no room is dropped and counted, and the span
    /// says so.
    pub(super) fn said(&mut self, said: Said) {
        let Way::Thread(worker) = &mut self.way else { return };
        let bytes = said.held_bytes();
        let waiting = worker.waiting_bytes.load(Ordering::Relaxed);
        if waiting.saturating_add(bytes) > WAITING_MAX_BYTES {
            self.counters.contents_dropped.increment();
            return;
        }
        worker.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        if worker.jobs.try_send(Job::Said(said)).is_err() {
            worker.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.counters.contents_dropped.increment();
        }
    }

    /// Takes a conversation that was not read; one that is ready at once is given back. Never blocks: one that finds no room
    /// is dropped and counted.
    pub(super) fn unseen(&mut self, unseen: Unseen) -> Option<Redacted<Unseen>> {
        match &mut self.way {
            Way::Here(redactor) => Some(redactor.redact_unseen(unseen)),
            Way::Thread(worker) => {
                if worker.jobs.try_send(Job::Unseen(Box::new(unseen))).is_err() {
                    self.counters.spans_dropped_redaction.increment();
                }
                None
            }
        }
    }

    /// A process is over; whether its last span is out already.
    pub(super) fn process_ended(&mut self, pid: u32) -> bool {
        match &self.way {
            Way::Here(_) => true,
            // Where there is no room, its tree is shown with what is there of it.
            Way::Thread(worker) => worker.jobs.try_send(Job::ProcessEnded(pid)).is_err(),
        }
    }

    /// Says how much waits, in the gauges.
    pub(super) fn measure(&self) {
        if let Way::Thread(worker) = &self.way {
            let waiting = worker.waiting_bytes.load(Ordering::Relaxed);
            self.counters.gauges.redaction_waiting_bytes.set(waiting as u64);
        }
    }

    /// The next that is done by the thread; never, without one.
    pub(super) async fn next(&mut self) -> Done {
        if let Way::Thread(worker) = &mut self.way
            && let Some(done) = worker.done.recv().await
        {
            return done;
        }
        std::future::pending().await
    }

    /// All that is still to come, for at most about `limit`; counts the spans that are left behind.
    pub(super) async fn finish(self, limit: Duration) -> Vec<Done> {
        let Way::Thread(Worker { jobs, mut done, thread, .. }) = self.way else { return Vec::new() };
        drop(jobs);
        let mut rest = Vec::new();
        let all = async {
            while let Some(one) = done.recv().await {
                rest.push(one);
            }
        };
        if timeout(limit, all).await.is_err() {
            warn!("the agent stops before all spans are redacted: what is left is dropped");
        } else if tokio::task::spawn_blocking(|| thread.join()).await.is_err() {
            warn!("the thread that redacts failed");
        }
        rest
    }
}

/// The thread: until nobody has any more to redact.
fn redact(
    mut redactor: Redactor,
    waiting: &Receiver<Job>,
    waiting_bytes: &AtomicUsize,
    out: &UnboundedSender<Done>,
) {
    for job in waiting {
        let done = match job {
            Job::Said(said) => {
                let bytes = said.held_bytes();
                redactor.said(&said);
                waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
                continue;
            }
            Job::Span(span) => Done::Span(redactor.redact(*span)),
            Job::Unseen(unseen) => Done::Unseen(redactor.redact_unseen(*unseen)),
            Job::ProcessEnded(pid) => Done::ProcessEnded(pid),
        };
        if out.send(done).is_err() {
            return;
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::call::{EventLog, Recorded, Ticket};
    use crate::config::{ContentMode, ContentPolicy};
    use crate::event::Role;
    use crate::export::fixture;
    use crate::redact::Policy;

    fn redacting(mode: ContentMode) -> Redacting {
        let counters = Arc::new(Counters::default());
        let policy = Policy::new(ContentPolicy { mode, limit: 1 << 16, ..ContentPolicy::default() }).unwrap();
        Redacting::start(Redactor::new(Arc::new(policy), Arc::clone(&counters)), &counters).unwrap()
    }

    fn span() -> Span {
        fixture::span(1, &fixture::process(7, "shop"))
    }

    fn said(span: &Span, ticket: u64) -> Said {
        let recorded = Recorded {
            request: Vec::new(),
            response: Vec::new(),
            events: EventLog::default(),
            lists_are_events: false,
            is_cut: false,
            convert: |_, content| content.query = Some("mail bob@x.example".to_owned()),
        };
        let process = Arc::clone(&span.process);
        Said {
            ticket: Ticket(ticket),
            recorded: Box::new(recorded),
            provider: "openai",
            process,
            role: Role::Client,
        }
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_in_its_order_and_redacted() {
        let mut redacting = redacting(ContentMode::Redacted);
        for ticket in 0..100 {
            let span = Span { content: Some(Ticket(ticket)), ..span() };
            redacting.said(said(&span, ticket));
            assert!(redacting.span(span).is_none(), "the thread has it");
            assert!(!redacting.process_ended(u32::try_from(ticket).unwrap()));
        }
        let Done::Span(first) = redacting.next().await else { unreachable!() };
        let query = first.get().attributes.iter().find(|(name, _)| name == "gen_ai.retrieval.query.text");
        assert_eq!(query.map(|(_, value)| value.clone()), Some("mail [EMAIL]".into()));
        let rest = redacting.finish(Duration::from_mins(1)).await;
        let ends =
            rest.iter().filter_map(|done| if let Done::ProcessEnded(pid) = done { Some(*pid) } else { None });
        assert_eq!(ends.collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        assert_eq!(rest.len(), 199);
    }

    #[tokio::test]
    async fn without_content_there_is_no_thread() {
        let mut redacting = redacting(ContentMode::Off);
        assert!(redacting.span(span()).is_some() && redacting.process_ended(1));
        assert!(redacting.finish(Duration::from_secs(1)).await.is_empty());
    }

    #[tokio::test]
    async fn what_finds_no_room_is_counted() {
        let mut redacting = redacting(ContentMode::Full);
        let Way::Thread(worker) = &redacting.way else { unreachable!() };
        worker.waiting_bytes.store(WAITING_MAX_BYTES, Ordering::Relaxed);
        redacting.said(said(&span(), 1));
        assert_eq!(redacting.counters.contents_dropped.get(), 1);
    }
}
