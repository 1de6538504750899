#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::sync::Mutex;

use opentelemetry_sdk::trace::SpanData;
use tokio::time::{Instant, sleep};

use super::delivery::{BATCH, GIVE_UP};
use super::transport::Failure;
use super::*;
use crate::discovery::process::Process;
use crate::export::fixture;

/// A receiver that plays along, is away, or refuses; tests run it in tokio's paused time.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    failure: Option<Failure>,
    /// Refuses so many spans of each request that it accepts.
    refuses: Option<(Arc<Counters>, u64)>,
    /// Never answers.
    hangs: bool,
    attempts: Vec<Instant>,
    /// Process and number of spans of each accepted request.
    accepted: Vec<(u32, usize)>,
}

impl Receiver {
    fn failing(failure: Failure) -> Self {
        let receiver = Self::default();
        receiver.0.lock().unwrap().failure = Some(failure);
        receiver
    }

    fn recover(&self) {
        self.0.lock().unwrap().failure = None;
    }

    fn accepted(&self) -> Vec<(u32, usize)> {
        self.0.lock().unwrap().accepted.clone()
    }

    fn spans(&self) -> usize {
        self.accepted().iter().map(|(_, count)| count).sum()
    }
}

impl Transport for Receiver {
    async fn send(&mut self, process: &Process, spans: Vec<SpanData>) -> Result<(), Failure> {
        let hangs = self.0.lock().unwrap().hangs;
        if hangs {
            std::future::pending::<()>().await;
        }
        let mut state = self.0.lock().unwrap();
        state.attempts.push(Instant::now());
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        if let Some((counters, refused)) = &state.refuses {
            counters.spans_dropped_rejected.add(*refused);
        }
        state.accepted.push((process.pid, spans.len()));
        Ok(())
    }
}

fn start(receiver: &Receiver, capacity: usize) -> (Exporter, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let exporter = Exporter::spawn(receiver.clone(), "test".to_owned(), capacity, Arc::clone(&counters));
    (exporter, counters)
}

fn away() -> Failure {
    Failure::Unreachable("network error".to_owned())
}

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn a_quiet_moment_ends_a_batch() {
    let receiver = Receiver::default();
    let (exporter, counters) = start(&receiver, 10);
    let process = fixture::process(1, "agent");
    exporter.export(fixture::redacted(1, &process));
    exporter.export(fixture::redacted(2, &process));
    sleep(Duration::from_millis(150)).await;
    assert_eq!(receiver.spans(), 0);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.accepted(), [(1, 2)]);
    assert_eq!(counters.spans_exported.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_steady_trickle_is_sent_every_second() {
    let receiver = Receiver::default();
    let (exporter, _) = start(&receiver, 100);
    let process = fixture::process(1, "agent");
    for _ in 0..25 {
        exporter.export(fixture::redacted(1, &process));
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(receiver.accepted().len(), 2);
    assert!(receiver.spans() >= 20);
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_is_sent_at_once_and_each_process_apart() {
    let receiver = Receiver::default();
    let (exporter, _) = start(&receiver, 2 * BATCH);
    let (one, two) = (fixture::process(1, "one"), fixture::process(2, "two"));
    for _ in 0..BATCH - 1 {
        exporter.export(fixture::redacted(1, &one));
    }
    exporter.export(fixture::redacted(1, &two));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(receiver.accepted(), [(1, BATCH - 1), (2, 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_loses_nothing_within_the_queue() {
    let receiver = Receiver::failing(away());
    let (exporter, counters) = start(&receiver, 100);
    let (one, two) = (fixture::process(1, "one"), fixture::process(2, "two"));
    exporter.export(fixture::redacted(1, &one));
    exporter.export(fixture::redacted(2, &two));
    sleep(Duration::from_secs(60)).await;
    for _ in 0..50 {
        exporter.export(fixture::redacted(3, &one));
    }
    let waits: Vec<_> = {
        let state = receiver.0.lock().unwrap();
        state.attempts.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect()
    };
    assert!(waits.len() >= 4, "{waits:?}");
    for (wait, middle) in waits.iter().zip([1000, 2000, 4000, 8000]) {
        assert!((middle * 8 / 10..=middle * 12 / 10 + 1).contains(wait), "{waits:?}");
    }
    receiver.recover();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(receiver.accepted(), [(1, 1), (2, 1), (1, 50)]);
    assert_eq!(counters.spans_exported.get(), 52);
    assert_eq!(counters.export_failures.get(), waits.len() as u64 + 1);
    assert_eq!(counters.loss_summary(), None);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_and_counts() {
    let receiver = Receiver::failing(away());
    let (exporter, counters) = start(&receiver, 10);
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
    let receiver = Receiver::failing(away());
    let (exporter, counters) = start(&receiver, 10);
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
    let receiver = Receiver::failing(Failure::Rejected("HTTP status 400".to_owned()));
    let (exporter, counters) = start(&receiver, 10);
    exporter.export(fixture::redacted(1, &fixture::process(1, "agent")));
    exporter.shutdown(LIMIT).await;
    assert_eq!(counters.spans_dropped_rejected.get(), 1);
    assert_eq!(counters.spans_dropped_shutdown.get(), 0);
    assert_eq!(receiver.0.lock().unwrap().attempts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn spans_refused_in_part_do_not_count_as_exported() {
    let receiver = Receiver::default();
    let (exporter, counters) = start(&receiver, 10);
    receiver.0.lock().unwrap().refuses = Some((Arc::clone(&counters), 1));
    let process = fixture::process(1, "agent");
    exporter.export(fixture::redacted(1, &process));
    exporter.export(fixture::redacted(2, &process));
    exporter.shutdown(LIMIT).await;
    assert_eq!((counters.spans_exported.get(), counters.spans_dropped_rejected.get()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn shutdown_sends_what_waits() {
    let receiver = Receiver::default();
    let (exporter, counters) = start(&receiver, 2 * BATCH);
    let process = fixture::process(1, "agent");
    for _ in 0..BATCH + 3 {
        exporter.export(fixture::redacted(1, &process));
    }
    exporter.shutdown(LIMIT).await;
    assert_eq!(receiver.accepted(), [(1, BATCH), (1, 3)]);
    assert_eq!(counters.loss_summary(), None);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_a_receiver_that_is_away_or_hangs() {
    for hangs in [false, true] {
        let receiver = Receiver::failing(away());
        receiver.0.lock().unwrap().hangs = hangs;
        let (exporter, counters) = start(&receiver, 2 * BATCH);
        let process = fixture::process(1, "agent");
        for _ in 0..BATCH + 3 {
            exporter.export(fixture::redacted(1, &process));
        }
        sleep(Duration::from_secs(20)).await;
        let began = Instant::now();
        exporter.shutdown(LIMIT).await;
        assert!(began.elapsed() <= if hangs { LIMIT } else { Duration::from_millis(1) });
        assert_eq!(counters.spans_dropped_shutdown.get(), BATCH as u64 + 3);
    }
}
