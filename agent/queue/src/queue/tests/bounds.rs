//! Bounds on bytes, records in flight, segments and options.

use super::*;
use crate::record::encode;
use crate::segment::{SEGMENTS_MAX, SegmentHeader, name};

#[test]
fn options_that_contradict_each_other_are_refused() {
    let check = |total_bytes, segment_bytes, payload_bytes| {
        Options { total_bytes, segment_bytes, payload_bytes }.check().is_ok()
    };
    assert!(Options::default().check().is_ok());
    for (total_bytes, segment_bytes, payload_bytes, is_right) in [
        (OTHER_FILES_BYTES + 8192, 72, 8, true),
        (OTHER_FILES_BYTES + 8191, 72, 8, false),
        (OTHER_FILES_BYTES + 8192, 71, 8, false),
        (OTHER_FILES_BYTES + 8192, 4097, 8, false),
        (1 << 31, 1 << 29, PAYLOAD_MAX_BYTES, true),
        (1 << 31, 1 << 29, PAYLOAD_MAX_BYTES + 1, false),
        (u64::MAX, u64::MAX, 8, false),
        (u64::MAX, 1 << 40, 8, true),
    ] {
        assert_eq!(
            check(total_bytes, segment_bytes, payload_bytes),
            is_right,
            "{total_bytes} {segment_bytes}"
        );
    }
}

#[test]
fn a_payload_that_is_too_large_is_refused() {
    let mut queue = Queue::open(Faulty::new(1), SMALL).unwrap();
    assert!(matches!(queue.push(&[0; 3001], 1), Err(Error::TooLarge { bytes: 3001, most: 3000 })));
    assert_eq!(queue.push(&[0; 3000], 1).unwrap(), 0);
    assert_eq!(queue.counts().pushed, Tally { records: 1, items: 1 });
}

#[test]
fn the_oldest_go_when_the_room_is_used_up() {
    let mut queue = Queue::open(Faulty::new(1), SMALL).unwrap();
    // One a segment, of which five have room.
    for number in 0..5 {
        queue.push(&[number; 3000], 10 + u32::from(number)).unwrap();
    }
    assert_eq!(queue.next_record().unwrap().unwrap().number, 0);
    assert_eq!(queue.next_record().unwrap().unwrap().number, 1);
    assert!(queue.acknowledge(0));
    assert_eq!(queue.counts().dropped, Tally::default());
    queue.push(&[5; 3000], 15).unwrap();
    assert_eq!(queue.counts().dropped, Tally::default(), "it was delivered");
    queue.push(&[6; 3000], 16).unwrap();
    queue.push(&[7; 3000], 17).unwrap();
    assert_eq!(queue.counts().dropped, Tally { records: 2, items: 11 + 12 });
    assert!(!queue.acknowledge(1), "it was dropped in flight");
    queue.rewind();
    let left: Vec<_> = drain(&mut queue).iter().map(|payload| payload[0]).collect();
    assert_eq!(left, [3, 4, 5, 6, 7]);
}

#[test]
fn room_comes_back_when_all_is_delivered() {
    let disk = Faulty::new(1);
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    for number in 0..5 {
        queue.push(&[number; 3000], 1).unwrap();
    }
    assert_eq!(drain(&mut queue).len(), 5);
    queue.sync().unwrap();
    assert_eq!(disk.segments().len(), 1, "the active one stays");
    queue.push(&[5; 3000], 1).unwrap();
    queue.sync().unwrap();
    assert_eq!(disk.segments().len(), 1);
    assert!(queue.reader.is_none(), "an open file would keep its room");
    assert_eq!(drain(&mut queue).len(), 1);
    queue.sync().unwrap();
    let operations = disk.operations();
    queue.sync().unwrap();
    assert_eq!(disk.operations(), operations, "nothing to do");
    drop(queue);
    let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
    queue.sync().unwrap();
    assert_eq!(disk.segments().len(), 0);
    assert_eq!(queue.push(b"next", 1).unwrap(), 6);
}

#[test]
fn records_in_flight_are_bounded_and_come_again_after_a_rewind() {
    let options = Options { total_bytes: 1 << 20, segment_bytes: 1 << 14, payload_bytes: 100 };
    let mut queue = Queue::open(Faulty::new(1), options).unwrap();
    let most = u64::try_from(IN_FLIGHT_MAX).unwrap();
    for _ in 0..most + 2 {
        queue.push(b"payload", 1).unwrap();
    }
    let next = |queue: &mut Queue<Faulty>| queue.next_record().unwrap().map(|record| record.number);
    for number in 0..most {
        assert_eq!(next(&mut queue), Some(number));
    }
    assert_eq!(next(&mut queue), None);
    assert!(queue.acknowledge(1));
    assert_eq!(next(&mut queue), None, "the oldest holds the others up");
    assert!(queue.acknowledge(0));
    assert_eq!([next(&mut queue), next(&mut queue), next(&mut queue)], [Some(most), Some(most + 1), None]);
    assert!(queue.acknowledge(3));
    queue.rewind();
    assert_eq!([next(&mut queue), next(&mut queue)], [Some(2), Some(4)]);
    queue.rewind();
    assert_eq!(drain(&mut queue).len(), usize::try_from(most - 1).unwrap());
    assert_eq!((queue.pending(), queue.position), (Tally::default(), most + 2));
}

/// A folder with this many segments of one record each.
fn folder(count: usize) -> Faulty {
    let disk = Faulty::new(1);
    for number in 0..count as u64 {
        let mut content = SegmentHeader { first: number, marker: 7 }.encode();
        let mut record = Vec::new();
        encode(&mut record, 7, number, 1, b"payload").unwrap();
        content.append(&mut record);
        disk.put(&name(number), &content);
    }
    disk
}

#[test]
fn segments_are_bounded() {
    let options = Options { total_bytes: 1 << 30, ..SMALL };
    let mut queue = Queue::open(folder(SEGMENTS_MAX + 3), options).unwrap();
    assert_eq!(queue.recovered().records, SEGMENTS_MAX as u64 + 3);
    queue.push(b"one more", 1).unwrap();
    assert_eq!(queue.counts().dropped.records, 4);
    assert_eq!(queue.segments.len() + 1, SEGMENTS_MAX);
    assert_eq!(queue.next_record().unwrap().unwrap().number, 4);
    let error = Queue::open(folder(4 * SEGMENTS_MAX + 1), options).err().unwrap();
    assert!(matches!(error, Error::Segments(_)), "{error}");
}
