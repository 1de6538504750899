//! Bounds that traffic meets, and what is told of it.

use super::seal::{COUNTING, Pair, READ_KEY, Sealer, VERSIONS, Version, WRITE_KEY, server_hello};
use super::*;

const HELD: usize = 2 * ((64 << 10) + (64 << 10));

#[test]
fn what_is_not_tls_is_told_at_once() {
    for bytes in
        [&b"POST / HTTP/1.1\r\n"[..], b"\x16\x03\x01\xff\xff", b"\x18\x03\x03\0\x01", b"\x16\x02\x03\0\x01\0"]
    {
        let mut run = Run::new(&[]);
        run.data(Write, bytes);
        assert_eq!(run.session.state(), State::Failed(Failure::NotTls), "{bytes:?}");
        assert_eq!(run.session.held_bytes(), 0);
    }
}

#[test]
fn suites_that_no_key_reads_are_told() {
    for (suite, is_13) in [(0x1303, true), (0x1304, true), (0xc013, false), (0xcca8, false), (0x003c, false)]
    {
        let mut run = Run::new(&[]);
        run.data(Write, &seal::client_hello());
        run.data(Read, &server_hello(suite, is_13));
        assert_eq!(run.session.state(), State::Failed(Failure::Suite(suite)));
        assert_eq!(run.session.held_bytes(), 0);
    }
    for (suite, is_13) in [(0x1301, true), (0x1302, true), (0xc02f, false), (0xc030, false), (0x9d, false)] {
        let mut run = Run::new(&[]);
        run.data(Read, &server_hello(suite, is_13));
        assert_eq!(run.session.state(), State::Handshake);
    }
}

#[test]
fn records_without_a_key_wait_within_bounds() {
    for size in [0, 30, 5000, 16000] {
        let mut pair = Pair::keyless(Version::V13);
        let mut pushed = 0;
        while pair.run.session.state() == State::Handshake {
            let record = pair.read.data(&vec![1; size]);
            pushed += record.len();
            pair.run.data(Read, &record);
            assert!(pair.run.session.held_bytes() <= HELD);
            assert!(pushed < 1 << 20);
        }
        assert_eq!(pair.run.session.state(), State::Failed(Failure::NoKey));
        assert_eq!(pair.run.session.held_bytes(), 0);
        pair.run.key(&READ_KEY);
        assert_eq!(pair.run.story(), [] as [String; 0]);
    }
}

/// What came before, and after it what no longer waits, is missing when the key comes.
#[test]
fn a_key_that_comes_late_reads_what_still_waits() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        pair.data(Read, "begin");
        pair.read = Sealer::new(&[0x77; 16], version);
        for _ in 0..256 + 31 {
            pair.data(Read, "0123456789");
        }
        assert_eq!(pair.run.story(), ["<begin"]);
        pair.run.key(&[0x77; 16]);
        let story = pair.run.story();
        assert_eq!(story.len(), 2 + 256, "{version:?}");
        assert!(story[1].starts_with("<["), "{version:?}");
        assert_eq!(pair.run.session.held_bytes(), 0);
    }
}

#[test]
fn keys_without_end_are_tried_within_bounds() {
    let mut pair = Pair::keyless(Version::V13);
    pair.data(Read, "waits");
    for n in 0..60_000_u32 {
        pair.run.key(&n.to_be_bytes().repeat(4));
    }
    assert_eq!(pair.run.session.state(), State::Failed(Failure::NoKey));
    assert!(pair.run.session.counts().tries <= 50_000);
    assert_eq!((pair.run.keys.len(), pair.run.keys.forgotten()), (1024, 60_000 - 1024));
}

#[test]
fn garbage_after_the_handshake_is_passed_over() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        pair.data(Write, "before");
        pair.run.data(Write, &[0xaa; 3000]);
        pair.data(Write, "behind");
        assert_eq!(pair.run.story(), [">before", ">behind"], "{version:?}");
        // Too much of it ends the search; a gap begins another. One record is missing among all that.
        pair.run.data(Write, &[0xaa; 30_000]);
        pair.data(Write, "lost");
        pair.run.push(Write, Segment::Gap(1));
        pair.data(Write, "found");
        assert_eq!(pair.run.story()[2..], [">[16384]", ">found"], "{version:?}");
    }
}

#[test]
fn headers_without_records_are_tried_within_bounds() {
    for version in [Version::V13, COUNTING] {
        let mut pair = Pair::new(version);
        pair.data(Write, "before");
        while pair.run.session.state() == State::Reading && pair.run.time_ns < 10_000 {
            pair.run.push(Write, Segment::Gap(100));
            pair.run.data(Write, &[&[0xaa][..], &[23, 3, 3, 0, 40].repeat(300)].concat());
            assert!(pair.run.session.held_bytes() <= HELD);
        }
        assert_eq!(pair.run.session.state(), State::Failed(Failure::NoKey), "{version:?}");
    }
}

#[test]
fn a_store_keeps_each_key_once_and_not_for_long() {
    let mut keys = store(&[]);
    let bytes = |n: u32| n.to_be_bytes().repeat(4);
    for n in 0..2000 {
        assert!(keys.insert(key(&bytes(n)), u64::from(n)));
    }
    assert_eq!((keys.len(), keys.forgotten()), (1024, 976));
    assert!(keys.insert(key(&bytes(0)), 3000), "forgotten");
    assert!(!keys.insert(key(&bytes(1999)), 3000));
    keys.expire(1500);
    assert_eq!(keys.len(), 501);
    keys.expire(3000);
    assert_eq!(keys.len(), 2);
    keys.expire(3001);
    assert!(keys.is_empty() && keys.insert(key(&bytes(1999)), 3001));
    for length in 0..64 {
        assert_eq!(TrafficKey::new(&vec![1; length]).is_some(), matches!(length, 16 | 24 | 32));
    }
    assert_eq!(format!("{:?}", key(&WRITE_KEY)), "TrafficKey(128 bits)");
}
