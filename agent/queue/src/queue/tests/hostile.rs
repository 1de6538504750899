//! Whatever the files hold, opening ends, and nothing comes that was not pushed.

use proptest::prelude::*;

use super::*;
use crate::record::encode;
use crate::segment::{SegmentHeader, name};

/// Opens, reads all, and goes on; returns what came.
fn use_up(disk: &Faulty) -> Vec<Vec<u8>> {
    let mut queue = match Queue::open(disk.clone(), SMALL) {
        Ok(queue) => queue,
        Err(Error::Version { .. }) => return Vec::new(),
        Err(error) => panic!("{error}"),
    };
    let recovered = queue.recovered();
    assert_eq!(queue.pending(), Tally { records: recovered.records, items: recovered.items });
    let mut numbers = Vec::new();
    let mut payloads = Vec::new();
    while let Some(record) = queue.next_record().unwrap() {
        assert!(queue.acknowledge(record.number));
        numbers.push(record.number);
        payloads.push(record.payload);
    }
    assert!(numbers.is_sorted_by(|a, b| a < b));
    assert_eq!((payloads.len() as u64, queue.counts().lost.records), (recovered.records, 0));
    for _ in 0..10 {
        queue.push(b"new", 1).unwrap();
        queue.sync().unwrap();
    }
    assert_eq!(drain(&mut queue), vec![b"new"; 10]);
    payloads
}

/// A segment all of whose checksums are right.
fn segment(first: u64, marker: u64, records: &[(u64, u64, Vec<u8>)]) -> Vec<u8> {
    let mut content = SegmentHeader { first, marker }.encode();
    for (its_marker, number, payload) in records {
        let mut record = Vec::new();
        encode(&mut record, *its_marker, *number, 1, payload).unwrap();
        content.append(&mut record);
    }
    content
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..6_u64, 1 => any::<u64>(), 1 => (1_u64 << 62) - 3..(1 << 62) + 3]
}

fn record() -> impl Strategy<Value = (u64, u64, Vec<u8>)> {
    (prop_oneof![9 => Just(7), 1 => Just(8_u64)], number(), proptest::collection::vec(any::<u8>(), 0..40))
}

/// A change of a file: of a byte, of a range, of its length, or of a range to what is elsewhere in it.
type Harm = (u8, usize, usize, usize);

fn harm(content: &mut Vec<u8>, (kind, a, b, count): Harm) {
    if content.is_empty() {
        return;
    }
    let (a, b) = (a % content.len(), b % content.len());
    let count = count.min(content.len() - a).min(content.len() - b);
    match kind {
        0 => content[a] ^= 1 << (b % 8),
        1 => content[a..a + count].fill(0),
        2 => content.truncate(a),
        3 => content.copy_within(a..a + count, b),
        _ => content.copy_within(a / 8 * 8..a / 8 * 8 + count, b / 8 * 8),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_can_be_opened(files in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 3)) {
        let disk = Faulty::new(1);
        for (name, content) in [name(0), name(9), "position".to_owned()].iter().zip(&files) {
            disk.put(name, content);
        }
        prop_assert_eq!(use_up(&disk), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn numbers_that_make_no_sense_do_no_harm(
        segments in proptest::collection::vec(
            (number(), proptest::collection::vec(record(), 0..6), any::<u64>()), 0..5
        ),
        position in proptest::option::of(number()),
    ) {
        let disk = Faulty::new(1);
        for (first, records, ordinal) in segments {
            disk.put(&name(ordinal >> (ordinal % 64)), &segment(first, 7, &records));
        }
        if let Some(position) = position {
            let mut stored = Position::load(&disk).unwrap();
            stored.store(&disk, position).unwrap();
        }
        use_up(&disk);
    }

    #[test]
    fn only_what_was_pushed_comes_of_damaged_files(
        harms in proptest::collection::vec((0..3_usize, (0..5_u8, any::<usize>(), any::<usize>(), 1..1500_usize)), 1..6),
        lengths in proptest::collection::vec(0..900_usize, 10..30),
    ) {
        let disk = Faulty::new(1);
        let mut queue = Queue::open(disk.clone(), SMALL).unwrap();
        let mut pushed = Vec::new();
        for (id, length) in lengths.iter().enumerate() {
            let mut payload = id.to_le_bytes().to_vec();
            payload.resize(8 + length, 7);
            queue.push(&payload, 1).unwrap();
            pushed.push(payload);
        }
        queue.sync().unwrap();
        drop(queue);
        for (which, change) in harms {
            let segments = disk.segments();
            let (name, mut content) = segments[which % segments.len()].clone();
            harm(&mut content, change);
            disk.put(&name, &content);
        }
        let mut left = pushed.iter();
        for payload in use_up(&disk) {
            prop_assert!(left.any(|pushed| *pushed == payload), "out of order, twice or never pushed");
        }
    }
}

#[test]
fn memory_does_not_follow_what_files_say() {
    // Headers that are right, each of which announces the largest payload: none is there.
    let mut content = SegmentHeader { first: 0, marker: 7 }.encode();
    let mut record = Vec::new();
    encode(&mut record, 7, 0, 1, &vec![1; PAYLOAD_MAX_BYTES]).unwrap();
    let header = record[..32].to_vec();
    while content.len() < 3 * PAYLOAD_MAX_BYTES {
        content.extend_from_slice(&header);
    }
    let disk = Faulty::new(1);
    disk.put(&name(0), &content);
    let used = allocation_counter::measure(|| {
        let mut queue = Queue::open(disk.clone(), Options::default()).unwrap();
        assert_eq!(queue.next_record().unwrap(), None);
    });
    assert!(used.bytes_max < 300_000, "{used:?}");
}
