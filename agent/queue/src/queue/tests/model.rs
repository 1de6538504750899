//! A queue beside a list that says what must come of it, under faults and crashes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::faulty::{Faults, Faulty};
use super::*;
use crate::Record;

/// A payload that was put into the queue.
#[derive(Clone, Debug)]
struct Entry {
    /// In the order in which they were pushed.
    id: u64,
    number: u64,
    items: u32,
    payload: Vec<u8>,
    /// `sync` said so.
    is_durable: bool,
    /// `sync` said that it is not.
    is_doubtful: bool,
    is_in_flight: bool,
}

/// What is done to a queue.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Push(usize, u32),
    Sync,
    Next,
    /// One of those in flight.
    Acknowledge(usize),
    Rewind,
    Reopen,
    /// With so many percent of what was not synced kept.
    Crash(u64),
    Faults(Faults),
}

pub(super) struct World {
    pub(super) disk: Faulty,
    queue: Option<Queue<Faulty>>,
    /// Must come yet, as far as it is durable: pushed, not acknowledged and not dropped.
    waiting: Vec<Entry>,
    /// May come again after a restart: acknowledged, dropped, or lost in a crash, and not noted durably.
    maybe: BTreeMap<u64, Entry>,
    next_id: u64,
    /// Delivered last since the start or since `rewind`.
    last: Option<u64>,
    faults: Faults,
    /// Whether anything failed since the last crash, and whether reads or syncs did.
    is_faulty: bool,
    is_lossy: bool,
    /// What left `waiting` unacknowledged since the start.
    gone: Tally,
    acknowledged: u64,
    room_at_start: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let disk = Faulty::new(seed);
        let queue = Queue::open(disk.clone(), SMALL).unwrap();
        Self {
            disk,
            queue: Some(queue),
            waiting: Vec::new(),
            maybe: BTreeMap::new(),
            next_id: 0,
            last: None,
            faults: Faults::default(),
            is_faulty: false,
            is_lossy: false,
            gone: Tally::default(),
            acknowledged: 0,
            room_at_start: 0,
        }
    }

    pub(super) fn run(&mut self, op: &Op) {
        match *op {
            Op::Push(length, items) => self.push(length, items),
            Op::Sync => self.sync(),
            Op::Next => {
                self.next();
            }
            Op::Acknowledge(which) => {
                let in_flight = self.waiting.iter().filter(|entry| entry.is_in_flight);
                let numbers: Vec<_> = in_flight.map(|entry| entry.number).collect();
                if !numbers.is_empty() {
                    self.acknowledge(numbers[which % numbers.len()]);
                }
            }
            Op::Rewind => {
                self.queue().rewind();
                self.waiting.iter_mut().for_each(|entry| entry.is_in_flight = false);
                self.last = None;
            }
            Op::Reopen => self.restart(None),
            Op::Crash(keep_percent) => self.restart(Some(keep_percent)),
            Op::Faults(faults) => {
                self.disk.set_faults(faults);
                self.faults = faults;
                self.is_faulty |= faults.write || faults.read || faults.sync || faults.names;
                self.is_lossy |= faults.read || faults.sync || faults.names;
            }
        }
        self.check();
    }

    fn queue(&mut self) -> &mut Queue<Faulty> {
        self.queue.as_mut().unwrap()
    }

    fn may_fail(&self) -> bool {
        let Faults { write, read, sync, names, .. } = self.faults;
        write || read || sync || names || self.disk.is_down()
    }

    fn push(&mut self, length: usize, items: u32) {
        let id = self.next_id;
        self.next_id += 1;
        let mut payload = id.to_le_bytes().to_vec();
        payload.resize(payload.len().max(length), u8::try_from(id % 251).unwrap());
        let room_before = self.queue().disk_bytes();
        let dropped_before = self.queue().counts().dropped;
        let pushed = self.queue().push(&payload, items);
        if self.queue().counts().dropped != dropped_before {
            let needed = room(32 + record::size(payload.len() as u64));
            assert!(room_before + needed > SMALL.total_bytes, "dropped at {room_before} bytes");
        }
        match pushed {
            Ok(number) => self.waiting.push(Entry {
                id,
                number,
                items,
                payload,
                is_durable: false,
                is_doubtful: false,
                is_in_flight: false,
            }),
            Err(error) => assert!(self.may_fail(), "{error}"),
        }
    }

    fn sync(&mut self) {
        let unsynced =
            self.waiting.iter().chain(self.maybe.values()).filter(|entry| !entry.is_durable).count();
        match self.queue().sync() {
            Ok(()) => {
                let settled = self.queue().settled();
                self.maybe.retain(|_, entry| entry.number >= settled);
                self.durable();
            }
            // It says that what was pushed is durable.
            Err(Error::Position { .. } | Error::Remove { .. }) if self.may_fail() => self.durable(),
            Err(Error::NotDurable { records, .. }) if self.may_fail() || self.is_lossy => {
                assert!(records > 0 && usize::try_from(records).unwrap() <= unsynced);
                self.waiting.iter_mut().for_each(|entry| entry.is_doubtful |= !entry.is_durable);
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn durable(&mut self) {
        self.waiting.iter_mut().for_each(|entry| entry.is_durable |= !entry.is_doubtful);
    }

    fn next(&mut self) -> Option<Record> {
        let in_flight = self.queue().in_flight.len();
        let record = match self.queue().next_record() {
            Ok(record) => record,
            Err(error) => {
                assert!(self.may_fail(), "{error}");
                return None;
            }
        };
        let (last, is_lossy) = (self.last, self.is_lossy || self.disk.is_down());
        let is_due = |entry: &&Entry| last.is_none_or(|last| entry.number > last);
        let due = self.waiting.iter().find(is_due).map(|entry| entry.number);
        match &record {
            Some(record) => {
                assert!(last.is_none_or(|last| record.number > last), "out of order");
                assert!(due == Some(record.number) || is_lossy, "skipped {due:?} for {}", record.number);
                let entry = self.waiting.iter_mut().find(|entry| entry.number == record.number).unwrap();
                assert_eq!((&record.payload, record.items), (&entry.payload, entry.items));
                entry.is_in_flight = true;
                self.last = Some(record.number);
            }
            None => assert!(due.is_none() || is_lossy || in_flight == IN_FLIGHT_MAX, "{due:?} does not come"),
        }
        record
    }

    fn acknowledge(&mut self, number: u64) {
        assert!(self.queue().acknowledge(number));
        assert!(!self.queue().acknowledge(number));
        let place = self.waiting.iter().position(|entry| entry.number == number).unwrap();
        let entry = self.waiting.remove(place);
        self.maybe.insert(entry.id, entry);
        self.acknowledged += 1;
    }

    /// What holds after every operation.
    fn check(&mut self) {
        // What is lost is counted when its segment is done with.
        let queue = self.queue.as_ref().unwrap();
        let segments = queue.segments.iter().chain(queue.active.as_ref().map(|active| &active.segment));
        let unsettled =
            segments.filter(|segment| segment.end > queue.position).map(|segment| segment.first).next();
        let settled = unsettled.unwrap_or(queue.position);
        let (gone, waiting) = self.waiting.drain(..).partition(|entry| entry.number < settled);
        self.waiting = waiting;
        for entry in gone as Vec<Entry> {
            self.gone.add(1, u64::from(entry.items));
            self.maybe.insert(entry.id, entry);
        }
        let mut expected = Tally::default();
        self.waiting.iter().for_each(|entry| expected.add(1, u64::from(entry.items)));
        let (counts, pending, recovered) =
            (self.queue().counts(), self.queue().pending(), self.queue().recovered());
        assert_eq!(pending, expected);
        assert_eq!(
            recovered.records + counts.pushed.records,
            counts.acknowledged.records + counts.dropped.records + counts.lost.records + pending.records
        );
        assert_eq!(
            recovered.items + counts.pushed.items,
            counts.acknowledged.items + counts.dropped.items + counts.lost.items + pending.items
        );
        assert_eq!(counts.acknowledged.records, self.acknowledged);
        assert_eq!(counts.dropped.records + counts.lost.records, self.gone.records);
        assert_eq!(counts.dropped.items + counts.lost.items, self.gone.items);
        assert!(counts.lost == Tally::default() || self.is_lossy || self.disk.is_down());
        let room = self.queue().disk_bytes();
        assert!(self.disk.room() <= room, "{} bytes, {room} counted", self.disk.room());
        assert!(room <= SMALL.total_bytes.max(self.room_at_start));
    }

    /// Opens the queue anew, behind a crash or not.
    fn restart(&mut self, crash: Option<u64>) {
        let missing_before = self.queue().recovered().missing;
        self.queue = None;
        if let Some(keep_percent) = crash {
            self.disk.crash(keep_percent);
        } else if self.is_lossy {
            // However that ends, it loses nothing.
            drop(Queue::open(self.disk.clone(), SMALL));
            // Which `fsync` failed is known to the process that is gone.
            let entries = self.waiting.iter_mut().chain(self.maybe.values_mut());
            entries.for_each(|entry| entry.is_doubtful |= !entry.is_durable);
        }
        self.disk.set_faults(Faults::default());
        let mut fork = Queue::open(self.disk.fork(), SMALL).unwrap();
        let recovered = fork.recovered();
        let mut survivors: Vec<Entry> = Vec::new();
        while let Some(Record { number, items, payload }) = fork.next_record().unwrap() {
            assert!(fork.acknowledge(number));
            let id = u64::from_le_bytes(*payload.first_chunk().unwrap());
            let waiting = self.waiting.iter().find(|entry| entry.id == id);
            let entry =
                waiting.or(self.maybe.get(&id)).unwrap_or_else(|| panic!("{id} comes again, or anew"));
            assert_eq!((number, items, &payload), (entry.number, entry.items, &entry.payload));
            assert!(survivors.last().is_none_or(|last| last.id < id), "out of order");
            let mut entry = entry.clone();
            (entry.is_in_flight, entry.is_doubtful) = (false, entry.is_doubtful && crash.is_none());
            survivors.push(entry);
        }
        assert_eq!(fork.counts().lost, Tally::default());
        let must = |entry: &&Entry| entry.is_durable || (crash.is_none() && !self.is_lossy);
        for entry in self.waiting.iter().filter(must) {
            assert!(survivors.iter().any(|survivor| survivor.id == entry.id), "{} is lost", entry.id);
        }
        if !self.is_faulty && (crash.is_none() || self.waiting.iter().all(|entry| entry.is_durable)) {
            assert!(recovered.missing <= missing_before, "{recovered:?}");
        }
        for entry in std::mem::take(&mut self.waiting) {
            self.maybe.insert(entry.id, entry);
        }
        for entry in &survivors {
            self.maybe.remove(&entry.id);
        }
        self.waiting = survivors;
        let queue = Queue::open(self.disk.clone(), SMALL).unwrap();
        self.room_at_start = queue.disk_bytes();
        self.queue = Some(queue);
        self.disk.set_faults(self.faults);
        if crash.is_some() {
            (self.faults, self.is_faulty, self.is_lossy) = (Faults::default(), false, false);
            self.disk.set_faults(self.faults);
        }
        (self.last, self.gone, self.acknowledged) = (None, Tally::default(), 0);
    }

    /// Without faults, everything comes, and nothing is left.
    pub(super) fn finish(&mut self) {
        self.run(&Op::Faults(Faults::default()));
        if self.disk.is_down() {
            self.run(&Op::Crash(50));
        }
        self.run(&Op::Rewind);
        loop {
            let record = self.next();
            self.check();
            let Some(record) = record else { break };
            self.acknowledge(record.number);
            self.check();
        }
        assert!(self.waiting.is_empty());
        // The first says what is not durable, and that is settled now.
        self.queue().sync().ok();
        self.run(&Op::Sync);
        self.run(&Op::Crash(0));
        assert!(self.waiting.is_empty());
        for length in 0..40 {
            self.run(&Op::Push(length * 60, 3));
        }
        self.run(&Op::Sync);
        self.run(&Op::Crash(50));
        assert!(!self.waiting.is_empty());
    }
}

fn faults() -> impl Strategy<Value = Faults> {
    prop_oneof![
        1 => Just(Faults::default()),
        2 => any::<[bool; 4]>().prop_map(|[write, read, sync, names]| Faults { write, read, sync, names, always: false }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (0..3000_usize, 0..9_u32).prop_map(|(length, items)| Op::Push(length, items)),
        6 => (0..100_usize, 0..9_u32).prop_map(|(length, items)| Op::Push(length, items)),
        6 => Just(Op::Sync),
        10 => Just(Op::Next),
        8 => any::<usize>().prop_map(Op::Acknowledge),
        1 => Just(Op::Rewind),
        1 => Just(Op::Reopen),
        1 => prop_oneof![Just(0), Just(50), Just(90), Just(100)].prop_map(Op::Crash),
        2 => faults().prop_map(Op::Faults),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_is_what_the_list_says(seed: u64, ops in proptest::collection::vec(op(), 1..200)) {
        let mut world = World::new(seed);
        for op in &ops {
            world.run(op);
        }
        world.finish();
    }
}
