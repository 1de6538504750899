#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::sync::Mutex;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio::time::{Instant, sleep};

use super::batch::ITEMS_MAX;
use super::delivery::CONCURRENT;
use super::sender::{CUTS_MAX, GIVE_UP};
use super::transport::{Failure, Taken, Transport};
use super::*;
use crate::config::Sampling;
use crate::export::fixture;

mod several;

/// A receiver that plays along, is away, or refuses; tests run it in tokio's paused time.
#[derive(Clone, Default)]
struct Judged(Arc<Mutex<State>>);

/// What the receiver says of a request with spans of these first bytes of their ids.
type Judge = Box<dyn FnMut(&[u8]) -> Result<Taken, Failure> + Send>;

#[derive(Default)]
struct State {
    failure: Option<Failure>,
    judge: Option<Judge>,
    /// Takes so long for each request.
    takes: Duration,
    /// Never answers.
    hangs: bool,
    under_way: usize,
    most_under_way: usize,
    attempts: Vec<Instant>,
    /// How many processes and spans each accepted request had.
    accepted: Vec<(usize, usize)>,
}

impl Judged {
    fn failing(failure: Failure) -> Self {
        let receiver = Self::default();
        receiver.0.lock().unwrap().failure = Some(failure);
        receiver
    }

    fn judging(judge: impl FnMut(&[u8]) -> Result<Taken, Failure> + Send + 'static) -> Self {
        let receiver = Self::default();
        receiver.0.lock().unwrap().judge = Some(Box::new(judge));
        receiver
    }

    fn recover(&self) {
        self.0.lock().unwrap().failure = None;
    }

    fn accepted(&self) -> Vec<(usize, usize)> {
        self.0.lock().unwrap().accepted.clone()
    }

    fn attempts(&self) -> Vec<Instant> {
        self.0.lock().unwrap().attempts.clone()
    }

    fn spans(&self) -> usize {
        self.accepted().iter().map(|(_, count)| count).sum()
    }
}

impl Transport<ExportTraceServiceRequest> for Judged {
    async fn send(&self, request: ExportTraceServiceRequest) -> Result<Taken, Failure> {
        let (hangs, takes) = {
            let mut state = self.0.lock().unwrap();
            state.attempts.push(Instant::now());
            state.under_way += 1;
            state.most_under_way = state.most_under_way.max(state.under_way);
            (state.hangs, state.takes)
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        if !takes.is_zero() {
            sleep(takes).await;
        }
        let spans = request.resource_spans.iter().flat_map(|group| &group.scope_spans);
        let ids: Vec<_> = spans.flat_map(|scope| &scope.spans).map(|span| span.span_id[0]).collect();
        let mut state = self.0.lock().unwrap();
        state.under_way -= 1;
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        let taken = state.judge.as_mut().map_or_else(|| Ok(Taken::default()), |judge| judge(&ids))?;
        state.accepted.push((request.resource_spans.len(), ids.len()));
        Ok(taken)
    }
}

fn exporter(receivers: &[&Judged], capacity: usize, counters: &Arc<Counters>) -> Exporter {
    let start = |receiver: &&Judged| {
        let (transport, room) = ((*receiver).clone(), (capacity, None));
        Receiver::start(transport, "test".to_owned(), Content::Events, room, Arc::clone(counters)).unwrap()
    };
    let sampler = Sampler::new(Sampling::default(), counters);
    Exporter {
        spans: receivers.iter().map(start).collect(),
        logs: Vec::new(),
        metrics: None,
        sampler,
        audit_events: None,
    }
}

fn start(receiver: &Judged, capacity: usize) -> (Exporter, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    (exporter(&[receiver], capacity, &counters), counters)
}

fn away() -> Failure {
    Failure::Unreachable { reason: "network error".to_owned(), retry_after: None }
}

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn a_quiet_moment_ends_a_batch() {
    let receiver = Judged::default();
    let (mut exporter, counters) = start(&receiver, 10);
    let process = fixture::process(1, "agent");
    exporter.export(fixture::redacted(1, &process));
    exporter.export(fixture::redacted(2, &process));
    sleep(Duration::from_millis(150)).await;
    assert_eq!(receiver.spans(), 0);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.accepted(), [(1, 2)], "one process, two spans");
    assert_eq!(counters.spans_exported.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_steady_trickle_is_sent_every_second() {
    let receiver = Judged::default();
    let (mut exporter, _) = start(&receiver, 100);
    let process = fixture::process(1, "agent");
    for _ in 0..25 {
        exporter.export(fixture::redacted(1, &process));
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(receiver.accepted().len(), 2);
    assert!(receiver.spans() >= 20);
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_is_sent_at_once_and_holds_all_processes() {
    let receiver = Judged::default();
    let (mut exporter, _) = start(&receiver, 2 * ITEMS_MAX);
    let (one, two) = (fixture::process(1, "one"), fixture::process(2, "two"));
    for _ in 0..ITEMS_MAX - 1 {
        exporter.export(fixture::redacted(1, &one));
    }
    exporter.export(fixture::redacted(1, &two));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(receiver.accepted(), [(2, ITEMS_MAX)]);
}

/// A host on which programs live for one call, and a receiver that is far away.
#[tokio::test(start_paused = true)]
async fn two_thousand_processes_are_a_few_requests() {
    const PROCESSES: u32 = 2000;
    let receiver = Judged::default();
    receiver.0.lock().unwrap().takes = Duration::from_millis(80);
    let (mut exporter, counters) = start(&receiver, 8192);
    for pid in 0..PROCESSES {
        exporter.export(fixture::redacted(1, &fixture::process(pid, "short")));
    }
    exporter.shutdown(LIMIT).await;
    assert_eq!(counters.loss_summary(), None);
    assert_eq!(counters.spans_exported.get(), u64::from(PROCESSES));
    assert_eq!(receiver.accepted(), [(512, 512), (512, 512), (512, 512), (464, 464)]);
}

#[tokio::test(start_paused = true)]
async fn so_many_requests_are_under_way_at_once() {
    let receiver = Judged::default();
    receiver.0.lock().unwrap().takes = Duration::from_secs(1);
    let (mut exporter, counters) = start(&receiver, 10 * ITEMS_MAX);
    let process = fixture::process(1, "agent");
    for _ in 0..10 * ITEMS_MAX {
        exporter.export(fixture::redacted(1, &process));
    }
    exporter.shutdown(LIMIT).await;
    assert_eq!(counters.spans_exported.get(), 10 * ITEMS_MAX as u64);
    assert_eq!(receiver.0.lock().unwrap().most_under_way, CONCURRENT);
}

#[tokio::test(start_paused = true)]
async fn an_outage_loses_nothing_within_the_queue() {
    let receiver = Judged::failing(away());
    let (mut exporter, counters) = start(&receiver, 100);
    let (one, two) = (fixture::process(1, "one"), fixture::process(2, "two"));
    exporter.export(fixture::redacted(1, &one));
    exporter.export(fixture::redacted(2, &two));
    sleep(Duration::from_secs(60)).await;
    for _ in 0..50 {
        exporter.export(fixture::redacted(3, &one));
    }
    let waits: Vec<_> = receiver.attempts().windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert!(waits.len() >= 4, "{waits:?}");
    for (wait, middle) in waits.iter().zip([1000, 2000, 4000, 8000]) {
        assert!((middle * 8 / 10..=middle * 12 / 10 + 1).contains(wait), "{waits:?}");
    }
    receiver.recover();
    sleep(Duration::from_secs(60)).await;
    let mut accepted = receiver.accepted();
    accepted.sort_unstable();
    assert_eq!(accepted, [(1, 50), (2, 2)]);
    assert_eq!(counters.spans_exported.get(), 52);
    assert_eq!(counters.export_failures.get(), receiver.attempts().len() as u64 - 2);
    assert_eq!(counters.loss_summary(), None);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_and_counts() {
    let receiver = Judged::failing(away());
    let (mut exporter, counters) = start(&receiver, 10);
    let process = fixture::process(1, "agent");
    exporter.export(fixture::redacted(1, &process));
    sleep(Duration::from_secs(1)).await;
    for _ in 0..15 {
        exporter.export(fixture::redacted(2, &process));
    }
    assert_eq!(counters.spans_dropped_queue_full.get(), 5);
    receiver.recover();
    exporter.shutdown(LIMIT).await;
    assert_eq!(receiver.spans(), 11);
    assert_eq!(counters.spans_dropped_shutdown.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_given_up_after_five_minutes() {
    let receiver = Judged::failing(away());
    let (mut exporter, counters) = start(&receiver, 10);
    let process = fixture::process(1, "agent");
    exporter.export(fixture::redacted(1, &process));
    sleep(GIVE_UP - Duration::from_secs(1)).await;
    assert_eq!(counters.spans_dropped_expired.get(), 0);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(counters.spans_dropped_expired.get(), 1);
    receiver.recover();
    exporter.export(fixture::redacted(2, &process));
    exporter.shutdown(LIMIT).await;
    assert_eq!(receiver.accepted(), [(1, 1)]);
    assert_eq!(counters.spans_dropped_shutdown.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn refused_spans_are_dropped_at_once() {
    let receiver = Judged::failing(Failure::Rejected("HTTP status 400".to_owned()));
    let (mut exporter, counters) = start(&receiver, 10);
    exporter.export(fixture::redacted(1, &fixture::process(1, "agent")));
    exporter.shutdown(LIMIT).await;
    assert_eq!(counters.spans_dropped_rejected.get(), 1);
    assert_eq!(counters.spans_dropped_shutdown.get(), 0);
    assert_eq!(receiver.attempts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn spans_refused_in_part_do_not_count_as_exported() {
    for (rejected, expected) in [(1, (1, 1)), (0, (2, 0)), (100, (0, 2))] {
        let receiver = Judged::judging(move |_| Ok(Taken { rejected, message: "bad".to_owned() }));
        let (mut exporter, counters) = start(&receiver, 10);
        let process = fixture::process(1, "agent");
        exporter.export(fixture::redacted(1, &process));
        exporter.export(fixture::redacted(2, &process));
        exporter.shutdown(LIMIT).await;
        assert_eq!((counters.spans_exported.get(), counters.spans_dropped_rejected.get()), expected);
    }
}

/// Sends a batch of as many spans, of which those with id 13 are `bad`, to a receiver with this judgement.
async fn sent(spans: usize, bad: &[usize], judge: Judged) -> (Judged, Arc<Counters>) {
    let (mut exporter, counters) = start(&judge, 8192);
    let process = fixture::process(1, "agent");
    for at in 0..spans {
        exporter.export(fixture::redacted(if bad.contains(&at) { 13 } else { 1 }, &process));
    }
    exporter.shutdown(LIMIT).await;
    (judge, counters)
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_sent_in_pieces() {
    let judge = Judged::judging(|ids| match ids.len() {
        0..=100 => Ok(Taken::default()),
        _ => Err(Failure::TooLarge("HTTP status 413".to_owned())),
    });
    let (receiver, counters) = sent(ITEMS_MAX, &[], judge).await;
    assert_eq!(receiver.accepted(), [(1, 64); 8]);
    assert_eq!(counters.spans_exported.get(), ITEMS_MAX as u64);
    assert_eq!((counters.loss_summary(), counters.export_failures.get()), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn a_span_that_is_objected_to_goes_alone_and_the_others_pass() {
    let judge = Judged::judging(|ids| match ids.contains(&13) {
        true => Err(Failure::Invalid("HTTP status 400".to_owned())),
        false => Ok(Taken::default()),
    });
    let (receiver, counters) = sent(ITEMS_MAX, &[0, 300, 511], judge).await;
    assert_eq!(counters.spans_exported.get(), ITEMS_MAX as u64 - 3);
    assert_eq!(counters.spans_dropped_rejected.get(), 3);
    assert!(receiver.attempts().len() <= 6 * 9, "{}", receiver.attempts().len());
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_objects_to_everything_is_not_asked_for_each_span() {
    for failure in
        [Failure::Invalid("HTTP status 400".to_owned()), Failure::TooLarge("HTTP status 413".to_owned())]
    {
        let judge = Judged::judging(move |_| Err(failure.clone()));
        let (receiver, counters) = sent(ITEMS_MAX, &[], judge).await;
        assert_eq!(counters.spans_dropped_rejected.get(), ITEMS_MAX as u64);
        assert_eq!(receiver.attempts().len(), 2 * CUTS_MAX + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_never_passes_does_not_hold_up_the_others() {
    let judge = Judged::judging(|ids| if ids.contains(&13) { Err(away()) } else { Ok(Taken::default()) });
    let (receiver, counters) = sent(4 * ITEMS_MAX, &[0], judge).await;
    assert_eq!(receiver.accepted(), [(1, ITEMS_MAX); 3]);
    assert_eq!(counters.spans_dropped_shutdown.get(), ITEMS_MAX as u64);
}

#[tokio::test(start_paused = true)]
async fn the_receiver_says_when_to_come_back() {
    let patience = Failure::Unreachable {
        reason: "HTTP status 429".to_owned(),
        retry_after: Some(Duration::from_secs(42)),
    };
    let receiver = Judged::failing(patience);
    let (mut exporter, counters) = start(&receiver, 10);
    exporter.export(fixture::redacted(1, &fixture::process(1, "agent")));
    sleep(Duration::from_secs(42)).await;
    receiver.recover();
    exporter.shutdown(LIMIT).await;
    let attempts = receiver.attempts();
    assert_eq!(attempts.len(), 2);
    assert!(attempts[1] - attempts[0] <= Duration::from_secs(42));
    assert!(attempts[1] - attempts[0] >= Duration::from_millis(41_799));
    assert_eq!(counters.spans_exported.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_batch_that_passes_wakes_those_that_wait() {
    let receiver = Judged::failing(away());
    let (mut exporter, _) = start(&receiver, 10);
    let process = fixture::process(1, "agent");
    exporter.export(fixture::redacted(1, &process));
    // It waits for up to half a minute now.
    sleep(Duration::from_secs(100)).await;
    receiver.recover();
    exporter.export(fixture::redacted(2, &process));
    sleep(Duration::from_millis(250)).await;
    assert_eq!(receiver.accepted().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn shutdown_sends_what_waits() {
    let receiver = Judged::default();
    let (mut exporter, counters) = start(&receiver, 2 * ITEMS_MAX);
    let process = fixture::process(1, "agent");
    for _ in 0..ITEMS_MAX + 3 {
        exporter.export(fixture::redacted(1, &process));
    }
    exporter.shutdown(LIMIT).await;
    assert_eq!(receiver.accepted(), [(1, ITEMS_MAX), (1, 3)]);
    assert_eq!(counters.loss_summary(), None);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_a_receiver_that_is_away_or_hangs() {
    for hangs in [false, true] {
        let receiver = Judged::failing(away());
        receiver.0.lock().unwrap().hangs = hangs;
        let (mut exporter, counters) = start(&receiver, 2 * ITEMS_MAX);
        let process = fixture::process(1, "agent");
        for _ in 0..ITEMS_MAX + 3 {
            exporter.export(fixture::redacted(1, &process));
        }
        sleep(Duration::from_secs(20)).await;
        let began = Instant::now();
        exporter.shutdown(LIMIT).await;
        assert!(began.elapsed() <= if hangs { LIMIT } else { Duration::from_millis(1) });
        assert_eq!(counters.spans_dropped_shutdown.get(), ITEMS_MAX as u64 + 3);
    }
}
