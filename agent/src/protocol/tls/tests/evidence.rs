//! Which key a record is of.

use super::seal::{COUNTING, Pair, READ_KEY, Sealer, VERSIONS, Version, WRITE_KEY};
use super::*;

#[test]
fn padding_and_empty_records_are_no_content() {
    let mut pair = Pair::new(Version::V13);
    for (content, padding) in [(&b"one"[..], 0), (b"", 300), (b"two\0", 16000), (b"", 0)] {
        let record = pair.write.seal(23, content, padding);
        pair.run.data(Write, &record);
    }
    assert_eq!(pair.run.story(), [">one", ">two\0"]);
}

#[test]
fn a_close_is_told_and_other_alerts_are_not() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        pair.data(Write, "bye");
        pair.seal(Write, 21, &[1, 90]);
        pair.seal(Write, 21, &[1, 0]);
        assert_eq!(pair.run.story(), [">bye", ">closed"], "{version:?}");
    }
}

/// Each key is claimed by the direction that it fits, whichever comes first.
#[test]
fn keys_may_come_at_any_time_and_in_any_order() {
    for version in VERSIONS {
        for order in [[WRITE_KEY, READ_KEY], [READ_KEY, WRITE_KEY]] {
            for before in 0..4 {
                let mut pair = Pair::keyless(version);
                let mut keys = order.iter();
                for step in 0..4 {
                    if step == before {
                        keys.by_ref().for_each(|key| pair.run.key(key));
                    }
                    match step {
                        0 => pair.data(Write, "q"),
                        1 => pair.data(Write, "qq"),
                        2 => pair.data(Read, "a"),
                        _ => pair.data(Read, "aa"),
                    }
                }
                keys.for_each(|key| pair.run.key(key));
                assert_eq!(pair.run.content(Write), whole(b"qqq"), "{version:?}");
                assert_eq!(pair.run.content(Read), whole(b"aaa"), "{version:?}");
                assert!(pair.run.keys.is_empty());
            }
        }
    }
}

/// A process that is both ends of a connection expands each key twice.
#[test]
fn two_sessions_may_have_one_key() {
    let mut keys = store(&[]);
    for bytes in [WRITE_KEY, READ_KEY] {
        assert!(keys.insert(key(&bytes), 0));
        assert!(!keys.insert(key(&bytes), 0));
    }
    let mut pairs = [Pair::keyless(Version::V13), Pair::keyless(Version::V13)];
    for pair in &mut pairs {
        std::mem::swap(&mut pair.run.keys, &mut keys);
        pair.data(Write, "question");
        pair.data(Read, "answer");
        assert_eq!(pair.run.story(), [">question", "<turn", "<answer"]);
        std::mem::swap(&mut pair.run.keys, &mut keys);
    }
    assert!(keys.is_empty());
}

#[test]
fn records_of_unknown_keys_before_the_first_content_are_the_handshake() {
    let mut pair = Pair::keyless(Version::V13);
    let mut unknown = Sealer::new(&[0x44; 16], Version::V13);
    for _ in 0..3 {
        let record = unknown.seal(22, &[20, 0, 0, 0], 0);
        pair.run.data(Read, &record);
    }
    pair.run.key(&READ_KEY);
    pair.data(Read, "answer");
    assert_eq!(pair.run.story(), ["<answer"]);
    assert_eq!(pair.run.session.counts().unread_records, 3);
    // Later they are not.
    for _ in 0..3 {
        let record = unknown.data(&[1; 100]);
        pair.run.data(Read, &record);
    }
    pair.read = Sealer::new(&[0x55; 16], Version::V13);
    pair.run.key(&[0x55; 16]);
    pair.data(Read, "more");
    assert_eq!(pair.run.story(), ["<answer", "<[300]", "<more"]);
}

/// Ciphertext that was changed on its way is not content.
#[test]
fn a_changed_record_is_not_read() {
    for version in VERSIONS {
        for at in [0, 1, 2, 5, 12, 14, 30, 39] {
            let mut pair = Pair::new(version);
            pair.data(Write, "before");
            let mut record = pair.write.data(&[b'x'; 10]);
            let at = at.min(record.len() - 1);
            record[at] ^= 1;
            pair.run.data(Write, &record);
            pair.data(Write, "behind");
            pair.run.finish();
            let text = pair.run.story().concat();
            assert!(!text.contains("xx"), "{version:?} {at}: {text}");
        }
    }
}

#[test]
fn of_two_versions_the_one_that_fits_is_found_without_a_handshake() {
    for version in [Version::V13, COUNTING] {
        let mut run = Run::new(&[WRITE_KEY.to_vec()]);
        run.data(Write, &seal::client_hello());
        run.data(Write, &seal::change_cipher_spec());
        run.data(Write, &Sealer::new(&WRITE_KEY, version).data(b"text"));
        assert_eq!(run.story(), [">text"], "{version:?}");
    }
}

/// A model may think for minutes, while other connections' keys come by the thousand.
#[test]
fn the_key_of_an_answer_outlives_its_store() {
    for version in VERSIONS {
        let mut pair = Pair::keyless(version);
        pair.run.key(&WRITE_KEY);
        pair.run.key(&READ_KEY);
        assert!(pair.run.session.awaits_keys());
        pair.data(Write, "question");
        pair.run.keys.expire(u64::MAX);
        for n in 0..2000_u32 {
            pair.run.keys.insert(key(&n.to_be_bytes().repeat(4)), 0);
        }
        assert!(pair.run.session.awaits_keys());
        pair.data(Read, "answer");
        assert_eq!(pair.run.story(), [">question", "<turn", "<answer"]);
        assert!(!pair.run.session.awaits_keys());
    }
}
