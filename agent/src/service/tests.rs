#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::process::ExitStatusExt as _;

use super::*;

type Start = fn(u64, Sender<(u64, Event)>) -> io::Result<Worker>;

/// What is started in place of workers ends at once, and says nothing.
fn service() -> (Service<Start>, Receiver<(u64, Event)>) {
    let (events, happened) = channel(16);
    let start: Start = |id, events| Worker::start(std::path::Path::new("/bin/true"), &[], id, events);
    let service =
        Service { start, workers: Vec::new(), started: 0, events, again: false, stopping: false, code: None };
    (service, happened)
}

fn stages<S>(service: &Service<S>) -> Vec<(u64, Stage)> {
    service.workers.iter().map(|(id, _, stage)| (*id, *stage)).collect()
}

fn ended(code: i32) -> Event {
    Event::Ended(Ok(ExitStatus::from_raw(code << 8)))
}

#[tokio::test]
async fn one_that_is_ready_takes_the_place_of_the_one_before() {
    let (mut service, _happened) = service();
    service.begin().unwrap();
    service.happened(1, Event::Ready);
    service.reload();
    assert_eq!(stages(&service), [(1, Stage::Tracing), (2, Stage::Starting)]);
    service.happened(2, Event::Ready);
    assert_eq!(stages(&service), [(1, Stage::Leaving), (2, Stage::Tracing)]);
    service.happened(1, ended(i32::from(HANDED_OVER)));
    assert_eq!((stages(&service), service.code), (vec![(2, Stage::Tracing)], None));
}

#[tokio::test]
async fn one_that_cannot_trace_leaves_the_one_before_in_its_place() {
    let (mut service, _happened) = service();
    service.begin().unwrap();
    service.happened(1, Event::Ready);
    service.reload();
    service.happened(2, ended(2));
    assert_eq!((stages(&service), service.code), (vec![(1, Stage::Tracing)], None));
}

#[tokio::test]
async fn what_is_asked_while_one_starts_is_done_when_that_is_over() {
    let (mut service, _happened) = service();
    service.begin().unwrap();
    service.reload();
    service.reload();
    assert_eq!(stages(&service), [(1, Stage::Starting)], "once, and later");
    service.happened(1, Event::Ready);
    assert_eq!(stages(&service), [(1, Stage::Tracing), (2, Stage::Starting)]);
}

#[tokio::test]
async fn the_end_of_the_one_that_traces_is_the_end() {
    let (mut service, _happened) = service();
    service.begin().unwrap();
    service.happened(1, ended(3));
    assert_eq!((service.workers.len(), service.code), (0, Some(3)));
}

#[tokio::test]
async fn a_worker_that_says_nothing_is_told_to_have_ended() {
    let (mut service, mut happened) = service();
    service.begin().unwrap();
    let (id, event) = happened.recv().await.unwrap();
    assert!(id == 1 && matches!(event, Event::Ended(Ok(status)) if status.success()));
}
