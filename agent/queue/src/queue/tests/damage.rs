//! What is damaged or fails in known places.

use super::faulty::Faults;
use super::*;
use crate::segment::{SegmentHeader, name};

/// Four records in one segment, the next in another one.
fn filled() -> Faulty {
    let disk = Faulty::new(1);
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    for number in 0..4_u8 {
        queue.push(&[number; 1000], 1).unwrap();
        queue.sync().unwrap();
    }
    assert_eq!(disk.segments().len(), 2);
    disk
}

/// Three records of 1032 bytes are behind the header of 32.
fn record_at(number: usize) -> usize {
    32 + number * 1032
}

/// What is done to the first segment, and what is left: payloads, missing records, damaged bytes.
type Case = (&'static str, fn(&mut Vec<u8>), &'static [u8], u64, u64);

#[test]
fn behind_damage_the_next_good_record_comes() {
    let cases: [Case; 11] = [
        ("none", |_| {}, &[0, 1, 2, 3], 0, 0),
        ("a payload", |bytes| bytes[record_at(1) + 500] ^= 1, &[0, 2, 3], 1, 1032),
        ("a header", |bytes| bytes[record_at(1) + 17] ^= 1, &[0, 2, 3], 1, 1032),
        ("a marker", |bytes| bytes[record_at(0)] ^= 1, &[1, 2, 3], 1, 1032),
        ("the last one", |bytes| bytes[record_at(2) + 40] ^= 1, &[0, 1, 3], 1, 1032),
        ("a sector", |bytes| bytes[1536..2048].fill(0), &[0, 2, 3], 1, 1032),
        ("over a border", |bytes| bytes[1000..1100].fill(0xff), &[2, 3], 2, 2064),
        ("the segment's header", |bytes| bytes[9] ^= 1, &[3], 3, 3 * 1032 + 32),
        ("cut short", |bytes| bytes.truncate(record_at(2) + 900), &[0, 1, 3], 1, 900),
        ("empty", Vec::clear, &[3], 3, 0),
        ("more behind it", |bytes| bytes.extend([7; 99]), &[0, 1, 2, 3], 0, 99),
    ];
    for (what, harm, expected, missing, damaged_bytes) in cases {
        let disk = filled();
        let mut content = disk.content(&name(0));
        harm(&mut content);
        disk.put(&name(0), &content);
        let mut queue = Queue::open(disk, SMALL).unwrap();
        let records = expected.len() as u64;
        let recovered = Recovered { records, items: records, missing, damaged_bytes, cut_bytes: 0 };
        assert_eq!(queue.recovered(), recovered, "{what}");
        let came: Vec<_> = drain(&mut queue).iter().map(|payload| payload[0]).collect();
        assert_eq!(came, expected, "{what}");
    }
}

#[test]
fn an_unfinished_end_is_cut_off() {
    let disk = filled();
    let mut content = disk.content(&name(1));
    let whole = content.len();
    content.extend_from_within(32..600);
    disk.put(&name(1), &content);
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    assert_eq!((queue.recovered().cut_bytes, queue.recovered().damaged_bytes), (568, 0));
    assert_eq!(disk.content(&name(1)).len(), whole);
    assert_eq!(queue.push(b"next", 1).unwrap(), 4);
    assert_eq!(drain(&mut queue).len(), 5);
}

#[test]
fn what_looks_like_a_record_in_a_payload_is_none() {
    let disk = Faulty::new(1);
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    // The marker of another segment is the best that one could know.
    let mut forged = Vec::new();
    record::encode(&mut forged, 12345, 0, 1, b"forged").unwrap();
    queue.push(&forged.repeat(20), 1).unwrap();
    queue.push(b"good", 1).unwrap();
    queue.sync().unwrap();
    let mut content = disk.content(&name(0));
    content[32 + 8] ^= 1;
    disk.put(&name(0), &content);
    assert_eq!(drain(&mut Queue::open(disk, SMALL).unwrap()), [b"good"]);
}

#[test]
fn the_position_outlives_a_torn_slot() {
    let disk = filled();
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    for number in 0..2 {
        queue.next_record().unwrap();
        assert!(queue.acknowledge(number));
        queue.sync().unwrap();
    }
    drop(queue);
    let content = disk.content("position");
    // 0 was stored in the first slot, 1 in the second, 2 in the first again.
    for (torn, expected) in [(&[][..], 2), (&[0], 1), (&[4096], 2), (&[0, 4096], 0)] {
        let mut content = content.clone();
        torn.iter().for_each(|slot| content[slot + 10] ^= 1);
        let disk = disk.fork();
        disk.put("position", &content);
        let mut queue = Queue::open(disk, SMALL).unwrap();
        assert_eq!(queue.next_record().unwrap().unwrap().number, expected, "{torn:?}");
        assert_eq!(queue.recovered().missing, 0);
    }
}

#[test]
fn a_later_format_is_left_alone() {
    let disk = filled();
    let mut content = SegmentHeader { first: 0, marker: 1 }.encode();
    content.truncate(28);
    content[24] = 2;
    content.extend_from_slice(&crc32fast::hash(&content).to_le_bytes());
    disk.put(&name(0), &content);
    let error = Queue::open(disk.clone(), SMALL).err().unwrap();
    assert!(matches!(error, Error::Version { version: 2, .. }), "{error}");
    assert_eq!(disk.content(&name(0)), content);
}

#[test]
fn what_cannot_be_read_at_the_start_is_left_alone() {
    let disk = filled();
    disk.set_faults(Faults { read: true, always: true, ..Faults::default() });
    let error = Queue::open(disk.clone(), SMALL).err().unwrap();
    assert!(matches!(&error, Error::Unreadable { name, .. } if name == "position"), "{error}");
    assert_eq!(drain(&mut Queue::open(disk.fork(), SMALL).unwrap()).len(), 4);
}

#[test]
fn a_segment_that_cannot_be_read_is_given_up_and_counted() {
    let disk = filled();
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    assert_eq!(queue.next_record().unwrap().unwrap().number, 0);
    queue.reader = None;
    disk.set_faults(Faults { read: true, always: true, ..Faults::default() });
    assert_eq!(queue.next_record().unwrap(), None);
    disk.set_faults(Faults::default());
    assert_eq!(queue.pending().records, 4, "one is in flight");
    assert!(queue.acknowledge(0));
    assert_eq!(queue.counts().lost, Tally { records: 3, items: 3 });
    assert_eq!(queue.pending(), Tally::default());
    assert_eq!(queue.push(b"next", 1).unwrap(), 4);
    assert_eq!(drain(&mut queue), [b"next"]);
}

#[test]
fn a_segment_that_somebody_removed_is_counted() {
    let disk = filled();
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    disk.remove(&name(0)).unwrap();
    let payloads = drain(&mut queue);
    assert_eq!(payloads, [[3; 1000]]);
    assert_eq!(queue.counts().lost, Tally { records: 3, items: 3 });
    queue.sync().unwrap();
    assert_eq!(disk.segments(), []);
}

#[test]
fn a_full_disk_refuses_what_is_new_and_keeps_the_rest() {
    let disk = filled();
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    for truncates in [true, false] {
        disk.set_faults(Faults { write: true, names: !truncates, always: true, ..Faults::default() });
        for _ in 0..3 {
            let error = queue.push(&[9; 500], 1).unwrap_err();
            assert!(matches!(error, Error::Write { .. }), "{error}");
        }
        disk.set_faults(Faults::default());
        queue.push(&[4; 500], 1).unwrap();
        queue.sync().unwrap();
    }
    let came: Vec<_> = drain(&mut queue).iter().map(|payload| payload[0]).collect();
    assert_eq!(came, [0, 1, 2, 3, 4, 4]);
    assert_eq!(queue.counts().dropped, Tally::default());
    drop(queue);
    disk.crash(0);
    assert_eq!(drain(&mut Queue::open(disk, SMALL).unwrap()).len(), 6);
}

#[test]
fn after_a_failed_fsync_a_new_segment_begins() {
    let disk = Faulty::new(5);
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    queue.push(b"durable", 1).unwrap();
    queue.sync().unwrap();
    queue.push(b"doubtful", 20).unwrap();
    queue.push(b"doubtful", 30).unwrap();
    disk.set_faults(Faults { sync: true, always: true, ..Faults::default() });
    let error = queue.sync().unwrap_err();
    assert!(matches!(error, Error::NotDurable { records: 2, items: 50, .. }), "{error}");
    disk.set_faults(Faults::default());
    queue.push(b"behind", 1).unwrap();
    assert_eq!(disk.segments().len(), 2);
    queue.sync().unwrap();
    drop(queue);
    disk.crash(0);
    let payloads = drain(&mut Queue::open(disk, SMALL).unwrap());
    assert_eq!(payloads.first().unwrap(), b"durable");
    assert_eq!(payloads.last().unwrap(), b"behind");
}

#[test]
fn what_a_failed_push_leaves_is_counted() {
    let disk = Faulty::new(5);
    let options = Options { total_bytes: 1 << 20, segment_bytes: 1 << 16, payload_bytes: 30_000 };
    let mut queue = Queue::open(disk.clone(), options).unwrap();
    for round in 0..20 {
        queue.push(b"good", 1).unwrap();
        disk.set_faults(Faults { write: true, names: true, always: true, ..Faults::default() });
        assert!(queue.push(&[7; 30_000], 1).is_err());
        assert!(disk.room() <= queue.disk_bytes(), "{round}");
        disk.set_faults(Faults::default());
    }
    queue.push(b"good", 1).unwrap();
    assert!(disk.room() <= queue.disk_bytes());
    assert_eq!(drain(&mut queue).len(), 21);
}

#[test]
fn segments_that_fail_at_their_begin_are_counted() {
    let disk = Faulty::new(5);
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    disk.set_faults(Faults { write: true, names: true, ..Faults::default() });
    for _ in 0..2000 {
        queue.push(&[7; 3000], 1).ok();
        assert!(disk.room() <= queue.disk_bytes());
        assert!(queue.disk_bytes() <= SMALL.total_bytes);
    }
}

#[test]
fn nothing_is_removed_before_the_position_says_so() {
    let disk = filled();
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    assert_eq!(drain(&mut queue).len(), 4);
    disk.set_faults(Faults { write: true, always: true, ..Faults::default() });
    let error = queue.sync().unwrap_err();
    assert!(matches!(error, Error::Position { .. }), "{error}");
    assert_eq!(disk.segments().len(), 2);
    disk.set_faults(Faults::default());
    queue.sync().unwrap();
    assert_eq!(disk.segments(), []);
}

#[test]
fn a_restart_begins_before_what_is_lost_and_not_counted() {
    let disk = filled();
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    let mut content = disk.content(&name(0));
    content[record_at(0) + 500] ^= 1;
    disk.put(&name(0), &content);
    assert_eq!(queue.next_record().unwrap().unwrap().number, 1);
    assert!(queue.acknowledge(1));
    queue.sync().unwrap();
    drop(queue);
    let queue = Queue::open(disk, SMALL).unwrap();
    assert_eq!((queue.recovered().records, queue.recovered().missing), (3, 1));
}

#[test]
fn what_cannot_be_read_again_after_a_rewind_is_lost() {
    let disk = filled();
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    for number in 0..3 {
        assert_eq!(queue.next_record().unwrap().unwrap().number, number);
    }
    assert!(queue.acknowledge(2));
    queue.rewind();
    queue.rewind();
    assert!(!queue.acknowledge(1), "it is not in flight now");
    queue.reader = None;
    disk.remove(&name(0)).unwrap();
    assert_eq!(drain(&mut queue), [[3; 1000]]);
    assert_eq!(queue.counts().lost, Tally { records: 2, items: 2 });
    assert_eq!(queue.pending(), Tally::default());
}

#[test]
fn what_is_lost_and_counted_does_not_hold_the_position_back() {
    let disk = Faulty::new(5);
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    queue.push(&[0; 1000], 1).unwrap();
    queue.push(&[1; 1000], 1).unwrap();
    let mut content = disk.content(&name(0));
    content[record_at(0) + 500] ^= 1;
    disk.put(&name(0), &content);
    assert_eq!(drain(&mut queue), [[1; 1000]]);
    assert_eq!(queue.next_record().unwrap(), None);
    assert_eq!(queue.counts().lost, Tally { records: 1, items: 1 });
    queue.sync().unwrap();
    drop(queue);
    let recovered = Queue::open(disk, SMALL).unwrap().recovered();
    assert_eq!((recovered.records, recovered.missing), (0, 0));
}
