#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bytes::Bytes;
use proptest::prelude::*;

use super::Assembler;
use crate::stream::Segment::{self, Data, Gap};

fn data(text: &'static str) -> Segment {
    Data(Bytes::from_static(text.as_bytes()))
}

/// What a series of (position, original length, bytes) becomes, and how many bytes were late.
fn assemble(records: &[(u64, u32, &'static str)]) -> (Vec<Segment>, u64) {
    let mut assembler = Assembler::new();
    let mut segments = Vec::new();
    for (position, original, bytes) in records {
        assembler.push(*position, *original, false, Bytes::from_static(bytes.as_bytes()), &mut |segment| {
            segments.push(segment);
        });
    }
    (segments, assembler.late_bytes())
}

#[test]
fn what_is_missing_at_the_end_is_a_gap() {
    for (positions, moved, expected) in [
        (vec![], 0, 0),
        (vec![], 7, 7),
        (vec![0], 2, 0),
        (vec![0], 5, 3),
        (vec![10], 12, 0),
        (vec![10], 4, 0),
    ] {
        let mut assembler = Assembler::new();
        for position in positions {
            assembler.push(position, 2, false, Bytes::from_static(b"ab"), &mut |_| {});
        }
        let mut missing = 0;
        for _ in 0..2 {
            assembler.end(moved, &mut |segment| {
                if let Segment::Gap(bytes) = segment {
                    missing += bytes;
                }
            });
        }
        assert_eq!(missing, expected, "{moved}");
    }
}

#[test]
fn records_become_segments() {
    for (name, records, expected, late) in [
        ("in order", vec![(0, 2, "ab"), (2, 1, "c")], vec![data("ab"), data("c")], 0),
        (
            "the first record fixes the base",
            vec![(700, 2, "ab"), (702, 1, "c")],
            vec![data("ab"), data("c")],
            0,
        ),
        ("a lost record", vec![(0, 2, "ab"), (5, 1, "c")], vec![data("ab"), Gap(3), data("c")], 0),
        ("a cut record", vec![(0, 9, "ab"), (9, 1, "c")], vec![data("ab"), Gap(7), data("c")], 0),
        ("nothing captured", vec![(0, 9, ""), (9, 1, "c")], vec![Gap(9), data("c")], 0),
        ("nothing moved", vec![(0, 0, ""), (0, 1, "c")], vec![data("c")], 0),
        ("a duplicate", vec![(0, 3, "abc"), (0, 3, "abc"), (3, 1, "d")], vec![data("abc"), data("d")], 3),
        (
            "an overlap",
            vec![(0, 3, "abc"), (1, 3, "bcd"), (4, 1, "e")],
            vec![data("abc"), data("d"), data("e")],
            2,
        ),
        ("an overlap with a cut record", vec![(0, 3, "abc"), (2, 5, "c")], vec![data("abc"), Gap(4)], 1),
        ("more captured than moved", vec![(0, 1, "abc"), (3, 1, "d")], vec![data("abc"), data("d")], 0),
        (
            "at the end of positions",
            vec![(u64::MAX, 2, "ab"), (u64::MAX, 1, "c")],
            vec![data("ab"), data("c")],
            0,
        ),
    ] {
        assert_eq!(assemble(&records), (expected, late), "{name}");
    }
}

proptest! {
    /// Whatever arrives, the bytes handed on and the gaps cover exactly the positions passed.
    #[test]
    fn every_position_is_accounted_for_once(
        records in proptest::collection::vec((0..200_u64, 0..20_u32, 0..20_usize), 1..40)
    ) {
        let stream: Vec<u8> = (0..=255).collect();
        let mut assembler = Assembler::new();
        let base = records[0].0;
        let (mut at, mut furthest) = (base, base);
        for (position, original, captured) in records {
            let from = usize::try_from(position).unwrap();
            let bytes = Bytes::copy_from_slice(&stream[from..from + captured]);
            furthest = furthest.max(position + u64::from(original).max(captured as u64));
            assembler.push(position, original, false, bytes, &mut |segment| match segment {
                Gap(bytes) => at += bytes,
                Segment::Turn => {}
                Data(bytes) => {
                    let from = usize::try_from(at).unwrap();
                    assert_eq!(&stream[from..from + bytes.len()], &bytes[..]);
                    at += bytes.len() as u64;
                }
            });
            prop_assert_eq!(at, furthest);
        }
    }
}

#[test]
fn a_turn_is_that_of_the_first_byte() {
    let cases: [(&str, u64, u32, &'static str, &[Segment]); 4] = [
        ("in order", 2, 1, "c", &[Segment::Turn, data("c")]),
        ("behind a gap", 5, 1, "c", &[Gap(3), Segment::Turn, data("c")]),
        ("not captured", 2, 1, "", &[Gap(1)]),
        ("late in part", 1, 2, "bc", &[data("c")]),
    ];
    for (name, position, original, bytes, expected) in cases {
        let (mut assembler, mut segments) = (Assembler::new(), Vec::new());
        assembler.push(0, 2, false, Bytes::from_static(b"ab"), &mut |_| {});
        assembler.push(position, original, true, Bytes::from_static(bytes.as_bytes()), &mut |segment| {
            segments.push(segment);
        });
        assert_eq!(segments, expected, "{name}");
    }
}
