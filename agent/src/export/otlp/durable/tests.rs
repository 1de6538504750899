#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span as OtlpSpan;

use super::super::item::Content;
use super::super::receiver::Receiver;
use super::super::source::Source;
use super::super::transport::{Failure, Taken};
use super::*;
use crate::export::fixture;
use crate::telemetry::Counters;

/// A folder of its own, removed with this value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("spanwire-durable-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn place(&self) -> Place {
        Place { folder: self.0.clone(), bytes: 64 << 20, waits: false }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A receiver that remembers the spans that it takes, by the first byte of their ids, and may be away.
#[derive(Clone, Default)]
struct Remembers(Arc<Mutex<(Vec<u8>, bool)>>);

impl Remembers {
    fn away() -> Self {
        Self(Arc::new(Mutex::new((Vec::new(), true))))
    }

    fn taken(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }
}

impl Transport<ExportTraceServiceRequest> for Remembers {
    async fn send(&self, request: ExportTraceServiceRequest) -> Result<Taken, Failure> {
        let (taken, is_away) = &mut *self.0.lock().unwrap();
        if *is_away {
            return Err(Failure::Unreachable { reason: "away".to_owned(), retry_after: None });
        }
        let scopes = request.resource_spans.iter().flat_map(|group| &group.scope_spans);
        let spans = scopes.flat_map(|scope| &scope.spans);
        taken.extend(spans.filter_map(|span| span.span_id.first()));
        Ok(Taken::default())
    }
}

fn start(receiver: &Remembers, place: Place, counters: &Arc<Counters>) -> Receiver<OtlpSpan> {
    let room = (100, Some(place));
    Receiver::start(receiver.clone(), "test".to_owned(), Content::Events, room, Arc::clone(counters)).unwrap()
}

fn queue(receiver: &Receiver<OtlpSpan>, ids: impl IntoIterator<Item = u8>) {
    for id in ids {
        // Each in a request of its own would be as good.
        receiver.queue(Source::from(fixture::redacted(id, &fixture::process(1, "agent"))));
    }
}

/// Waits until that is so.
async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

#[tokio::test]
async fn what_a_receiver_misses_comes_in_order_from_the_next_agent_and_nothing_counts_as_lost() {
    let (folder, counters) = (Folder::new(), Arc::new(Counters::default()));
    let away = Remembers::away();
    let receiver = start(&away, folder.place(), &counters);
    for id in 1..=3 {
        queue(&receiver, [id]);
        until(|| receiver.on_disk().0 == usize::from(id)).await;
    }
    // None is in memory, too.
    until(|| receiver.waiting() == 0).await;
    assert!(receiver.on_disk().1 > 0);
    receiver.stop(soon()).await;
    let back = Remembers::default();
    let receiver = start(&back, folder.place(), &counters);
    queue(&receiver, [4]);
    until(|| back.taken().len() == 4).await;
    assert_eq!(back.taken(), [1, 2, 3, 4]);
    until(|| receiver.on_disk().0 == 0).await;
    receiver.stop(soon()).await;
    assert_eq!((counters.spans_exported.get(), counters.loss_summary()), (4, None));
    assert!(away.taken().is_empty());
}

#[tokio::test]
async fn an_agent_that_is_killed_leaves_what_it_has_written() {
    let (folder, copy, counters) = (Folder::new(), Folder::new(), Arc::new(Counters::default()));
    let receiver = start(&Remembers::away(), folder.place(), &counters);
    queue(&receiver, 1..=3);
    until(|| receiver.on_disk().0 == 3).await;
    // As the file system has it at this moment.
    fs::create_dir(&copy.0).unwrap();
    for entry in fs::read_dir(&folder.0).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.0.join(entry.file_name())).unwrap();
    }
    let back = Remembers::default();
    let next = start(&back, copy.place(), &counters);
    until(|| back.taken().len() == 3).await;
    assert_eq!(back.taken(), [1, 2, 3]);
    receiver.stop(soon()).await;
    next.stop(soon()).await;
}

#[tokio::test]
async fn a_queue_of_another_agent_is_refused_or_waited_for_with_what_comes_sent_from_memory() {
    let (folder, counters) = (Folder::new(), Arc::new(Counters::default()));
    let away = Remembers::away();
    let before = start(&away, folder.place(), &counters);
    queue(&before, [1]);
    until(|| before.on_disk().0 == 1).await;
    let back = Remembers::default();
    let refused = Receiver::<OtlpSpan>::start(
        back.clone(),
        "test".to_owned(),
        Content::Events,
        (100, Some(folder.place())),
        Arc::clone(&counters),
    );
    assert!(matches!(refused, Err(spanwire_queue::Error::Locked { .. })));
    let after = start(&back, Place { waits: true, ..folder.place() }, &counters);
    queue(&after, [2]);
    until(|| back.taken() == [2]).await;
    before.stop(soon()).await;
    until(|| back.taken() == [2, 1]).await;
    queue(&after, [3]);
    until(|| back.taken() == [2, 1, 3]).await;
    after.stop(soon()).await;
    assert_eq!(counters.loss_summary(), None);
}

#[tokio::test]
async fn past_its_bound_the_oldest_go_and_are_counted() {
    const MEGABYTE: usize = 1 << 20;
    let (folder, counters) = (Folder::new(), Arc::new(Counters::default()));
    let on_disk = Arc::new(OnDisk::default());
    let place = Place { bytes: 40 << 20, ..folder.place() };
    let spool = Spool::start::<OtlpSpan>(place, Arc::clone(&on_disk), &counters).unwrap();
    for number in 0..60 {
        assert!(spool.push(vec![number; MEGABYTE], 10).await);
    }
    let left = on_disk.items().load(Ordering::Relaxed) as u64;
    assert!(on_disk.bytes() <= 40 << 20);
    assert_eq!(counters.spans_dropped_disk_full.get() + left, 600);
    assert!((1..600).contains(&left), "{left}");
    let oldest = spool.next().await.unwrap();
    assert_eq!(u64::from(*oldest.payload.first().unwrap()) * 10, 600 - left);
    spool.acknowledge(oldest.number);
    // As many as can be are handed out, then the end is told.
    spool.close();
    let mut count = 1;
    while let Some(record) = spool.next().await {
        spool.acknowledge(record.number);
        count += 1;
    }
    assert_eq!(count * 10, left);
    spool.finish(soon()).await;
}

#[test]
fn each_signal_of_each_receiver_has_a_folder_and_keeps_it() {
    let queue = DiskQueue { folder: "/q".into(), bytes: 0 };
    let one = folder(&queue, "spans", "http://localhost:4318/v1/traces");
    assert_eq!(one, Path::new("/q/spans-5122c660abcb3639"));
    assert_ne!(one, folder(&queue, "logs", "http://localhost:4318/v1/traces"));
    assert_ne!(one, folder(&queue, "spans", "http://localhost:4319/v1/traces"));
}
