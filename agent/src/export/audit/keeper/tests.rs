#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel, sync_channel};

use super::*;

/// What a store has been told, and what it is to answer.
#[derive(Default)]
struct Disk {
    records: Vec<Record>,
    /// Answers to the next calls; those after them succeed.
    answers: VecDeque<StoreError>,
    opened: usize,
    retired: Vec<Bounds>,
}

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Disk>>);

impl Fake {
    fn answer(&self, error: StoreError) {
        self.0.lock().unwrap().answers.push_back(error);
    }

    /// What was written, in words.
    fn words(&self) -> Vec<String> {
        let disk = self.0.lock().unwrap();
        let word = |record: &Record| match &record.entry {
            Entry::Agent(agent) => agent.event.clone(),
            Entry::Lost(lost) => format!("lost {} from {} to {}", lost.records, record.time, lost.until),
            _ => format!("record {}", record.time),
        };
        disk.records.iter().map(word).collect()
    }
}

impl Sink for Fake {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let mut disk = self.0.lock().unwrap();
        match disk.answers.pop_front() {
            Some(error) => Err(error),
            None => {
                disk.records.extend_from_slice(records);
                Ok(())
            }
        }
    }

    fn retire(&mut self, bounds: Bounds, _: i64, _: &str) -> Result<u64, StoreError> {
        let mut disk = self.0.lock().unwrap();
        disk.retired.push(bounds);
        Ok(u64::from(disk.retired.len() < 3))
    }

    fn oddity(&mut self) -> Option<String> {
        None
    }

    fn standing(&self) -> Standing {
        Standing::EMPTY
    }

    fn close(self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A keeper whose store is open, with its disk and counters.
fn keeper() -> (Keeper<Fake>, Fake, Arc<Counters>) {
    let disk = Fake::default();
    let counters = Arc::new(Counters::default());
    let audit = Audit {
        store: "/nowhere/audit.db".into(),
        keep: Duration::from_hours(24),
        bytes: 1 << 30,
        key: None,
    };
    let opened = disk.clone();
    let open = move || {
        opened.0.lock().unwrap().opened += 1;
        Ok(opened.clone())
    };
    let shared = (&Arc::default(), &Arc::default());
    let mut keeper = Keeper::new(Box::new(open), &audit, "h".to_owned(), shared, &counters);
    keeper.open().unwrap();
    (keeper, disk, counters)
}

fn record(time: i64) -> Record {
    let agent = Lost { records: 1, until: time, reason: "a test".to_owned() };
    Record { time, host: "h".to_owned(), entry: Entry::Lost(agent) }
}

fn give(keeper: &mut Keeper<Fake>, times: std::ops::Range<i64>) {
    for time in times {
        keeper.waiting.fetch_add(1, Ordering::Relaxed);
        keeper.hold(record(time));
    }
}

#[test]
fn what_is_refused_is_tried_again_later_and_later_and_nothing_is_lost() {
    let (mut keeper, disk, counters) = keeper();
    let mut now = Instant::now();
    give(&mut keeper, 0..3);
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        disk.answer(StoreError::Full);
        keeper.turn(now);
        assert_eq!(keeper.again.map(|(at, _)| at), Some(now + Duration::from_secs(pause)));
        // Too early.
        keeper.turn(now + Duration::from_secs(pause) / 2);
        assert_eq!(disk.words(), ["started"]);
        now += Duration::from_secs(pause);
    }
    keeper.turn(now);
    let expected = ["started", "lost 1 from 0 to 0", "lost 1 from 1 to 1", "lost 1 from 2 to 2"];
    assert_eq!(disk.words(), expected);
    assert_eq!((counters.audit_failures.get(), counters.audit_records.get()), (8, 3));
    assert_eq!((keeper.again, keeper.waiting.load(Ordering::Relaxed)), (None, 0));
    assert_eq!(counters.audit_dropped_queue_full.get(), 0);
}

#[test]
fn what_is_beyond_memory_is_lost_and_the_store_says_so() {
    let (mut keeper, disk, counters) = keeper();
    let now = Instant::now();
    let held = i64::try_from(HELD_MAX).unwrap();
    disk.answer(StoreError::Write("read-only".to_owned()));
    give(&mut keeper, 0..1);
    keeper.turn(now);
    give(&mut keeper, 1..held + 5);
    assert_eq!((keeper.held.len(), counters.audit_dropped_queue_full.get()), (HELD_MAX, 5));
    keeper.missed.add(held + 7);
    keeper.missed.add(held + 9);
    keeper.turn(now + Duration::from_secs(1));
    let words = disk.words();
    assert_eq!(words.len(), 1 + HELD_MAX + 1);
    assert_eq!(words.last().unwrap(), &format!("lost 7 from {held} to {}", held + 9));
    assert_eq!((keeper.waiting.load(Ordering::Relaxed), &keeper.gap), (0, &None));
    assert_eq!(keeper.missed.take(), None);
}

#[test]
fn a_store_that_turns_out_damaged_is_put_aside_and_a_new_one_begun() {
    let (mut keeper, disk, counters) = keeper();
    let folder = std::env::temp_dir().join(format!("spanwire-keeper-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    keeper.path = folder.join("audit.db");
    std::fs::write(&keeper.path, "damaged").unwrap();
    let now = Instant::now();
    disk.answer(StoreError::Damaged("a page".to_owned()));
    give(&mut keeper, 0..1);
    keeper.turn(now);
    assert!(keeper.store.is_none());
    // Opening it would notice nothing.
    keeper.turn(now + Duration::from_secs(1));
    assert_eq!(disk.words(), ["started", "store_set_aside", "started", "lost 1 from 0 to 0"]);
    assert_eq!((disk.0.lock().unwrap().opened, counters.audit_set_aside.get()), (2, 1));
    assert!(!keeper.path.exists() && std::fs::read_dir(&folder).unwrap().count() == 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_record_without_form_is_lost_alone() {
    let (mut keeper, disk, counters) = keeper();
    disk.answer(StoreError::Form(spanwire_audit::canonical::FormError::Number));
    give(&mut keeper, 0..2);
    keeper.turn(Instant::now());
    assert_eq!(disk.words(), ["started", "lost 1 from 1 to 1", "lost 1 from 0 to 0"]);
    assert_eq!(counters.audit_dropped_queue_full.get(), 1);
}

#[test]
fn bounds_are_looked_at_from_time_to_time() {
    let (mut keeper, disk, counters) = keeper();
    let now = Instant::now();
    keeper.turn(now);
    assert!(disk.0.lock().unwrap().retired.is_empty());
    keeper.turn(now + 2 * RETIRE_EVERY);
    assert_eq!((disk.0.lock().unwrap().retired.len(), counters.audit_retired.get()), (3, 2));
    let bounds = disk.0.lock().unwrap().retired.first().copied().unwrap();
    let age = since_1970(SystemTime::now()) - bounds.oldest.unwrap();
    assert!(age >= 24 * 3_600_000_000 && bounds.bytes == Some(1 << 30), "{age}");
}

#[test]
fn a_clock_that_is_set_is_recorded() {
    let (mut keeper, disk, _) = keeper();
    keeper.turn(Instant::now());
    keeper.clock.1 -= Duration::from_hours(1);
    keeper.turn(Instant::now());
    keeper.clock.1 += Duration::from_hours(1);
    keeper.turn(Instant::now());
    assert_eq!(disk.words(), ["started", "clock_stepped", "clock_stepped"]);
    let details: Vec<_> = disk.0.lock().unwrap().records.iter().filter_map(detail).collect();
    assert!(details.first().unwrap().starts_with("+36"), "{details:?}");
    assert!(details.last().unwrap().starts_with('-'), "{details:?}");
}

fn detail(record: &Record) -> Option<String> {
    let Entry::Agent(agent) = &record.entry else { return None };
    agent.detail.clone()
}

#[test]
fn all_that_came_is_written_when_nobody_has_any_more() {
    let (keeper, disk, counters) = keeper();
    let waiting = Arc::clone(&keeper.waiting);
    let (queue, records) = sync_channel(5000);
    for time in 0..2500 {
        waiting.fetch_add(1, Ordering::Relaxed);
        queue.send(Box::new(record(time))).unwrap();
    }
    drop(queue);
    keeper.run(&records);
    let words = disk.words();
    assert_eq!((words.len(), words.last().unwrap().as_str()), (2502, "stopped"));
    assert_eq!((waiting.load(Ordering::Relaxed), counters.audit_records.get()), (0, 2500));
}

/// A disk that does not answer holds up the thread alone.
#[test]
fn a_disk_that_does_not_answer_holds_up_nobody() {
    struct Slow(std::sync::mpsc::Receiver<()>, Fake);
    impl Sink for Slow {
        fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
            self.0.recv().unwrap();
            self.1.append(records)
        }
        fn retire(&mut self, _: Bounds, _: i64, _: &str) -> Result<u64, StoreError> {
            Ok(0)
        }
        fn oddity(&mut self) -> Option<String> {
            None
        }
        fn standing(&self) -> Standing {
            Standing::EMPTY
        }
        fn close(self) -> Result<(), StoreError> {
            Ok(())
        }
    }
    let disk = Fake::default();
    let (go, gone): (Sender<()>, _) = channel();
    let mut slow = Some(Slow(gone, disk.clone()));
    let audit = Audit {
        store: "/nowhere/audit.db".into(),
        keep: Duration::from_hours(24),
        bytes: 1 << 30,
        key: None,
    };
    let counters = Arc::new(Counters::default());
    let (waiting, missed) = (Arc::default(), Arc::new(Missed::default()));
    let open = move || slow.take().ok_or(StoreError::Full);
    let mut keeper = Keeper::new(Box::new(open), &audit, "h".to_owned(), (&waiting, &missed), &counters);
    go.send(()).unwrap();
    keeper.open().unwrap();
    let (queue, records) = sync_channel(super::super::QUEUE);
    let thread = std::thread::spawn(move || keeper.run(&records));
    let mut full = 0_u64;
    for time in 0..20_000 {
        waiting.fetch_add(1, Ordering::Relaxed);
        // As `Writer::add` does.
        if queue.try_send(Box::new(record(time))).is_err() {
            waiting.fetch_sub(1, Ordering::Relaxed);
            missed.add(time);
            full += 1;
        }
    }
    let least = 20_000 - super::super::QUEUE - BATCH;
    assert!(full >= least as u64, "{full}");
    // Now it answers all that is asked.
    drop(queue);
    for _ in 0..100 {
        // Its end may have come.
        let _ = go.send(());
    }
    thread.join().unwrap();
    // In one record, or in two where the thread was late.
    let of = |record: &Record| match &record.entry {
        Entry::Lost(lost) if lost.reason.contains("too slow") => lost.records,
        _ => 0,
    };
    assert_eq!(disk.0.lock().unwrap().records.iter().map(of).sum::<u64>(), full);
    assert_eq!(waiting.load(Ordering::Relaxed), 0);
}
