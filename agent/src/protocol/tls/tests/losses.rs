//! What is missing of the bytes is missing of the content, and no more.

use super::seal::{COUNTING, Pair, VERSIONS, Version};
use super::*;

#[test]
fn lost_records_are_a_gap_of_their_content() {
    for version in VERSIONS {
        for lost in
            [&[&[7; 10][..]][..], &[&[7; 300], &[8; 1], &[9; 77]], &[&[1; 16384][..]; 9], &[&[1; 1][..]; 200]]
        {
            let mut pair = Pair::new(version);
            pair.data(Write, "before");
            pair.lose(Write, lost);
            pair.data(Write, "behind");
            pair.data(Write, "end");
            let missing: usize = lost.iter().map(|content| content.len()).sum();
            assert_eq!(
                pair.run.story(),
                [">before", &format!(">[{missing}]"), ">behind", ">end"],
                "{version:?}"
            );
            assert_eq!(pair.run.session.counts().missing_bytes, missing as u64);
        }
    }
}

#[test]
fn a_gap_may_begin_and_end_anywhere() {
    for version in VERSIONS {
        let texts = ["first", "the second one", "the third record", "fourth", "fifth"];
        let whole: usize = texts.iter().map(|text| text.len() + 40).sum();
        for from in 0..whole {
            for length in [1, 4, 5, 30, 60, 90] {
                let mut pair = Pair::new(version);
                pair.data(Write, "begin");
                let bytes: Vec<u8> = texts.iter().flat_map(|text| pair.write.data(text.as_bytes())).collect();
                let (from, to) = (from.min(bytes.len()), (from + length).min(bytes.len()));
                pair.run.data(Write, &bytes[..from]);
                pair.run.push(Write, Segment::Gap((to - from) as u64));
                pair.run.data(Write, &bytes[to..]);
                pair.data(Write, "end");
                let expected = ["begin", &texts.concat(), "end"].concat();
                let content = pair.run.content(Write);
                assert_eq!(content.len(), expected.len(), "{version:?} {from}..{to}: {:?}", pair.run.story());
                for (found, expected) in content.iter().zip(expected.bytes()) {
                    assert!(found.is_none_or(|found| found == expected), "{version:?} {from}..{to}");
                }
                // All that was whole is there: a gap of up to a record damages two or three.
                let lost = content.iter().filter(|byte| byte.is_none()).count();
                assert!(lost <= 60, "{version:?} {from}..{to}: {:?}", pair.run.story());
                assert_eq!(from == to, lost == 0);
            }
        }
    }
}

#[test]
fn a_turn_is_where_a_call_begins() {
    let mut pair = Pair::new(Version::V13);
    pair.data(Write, "1");
    pair.data(Write, "2");
    pair.seal(Read, 22, &[4, 0, 0, 2, 1, 1]);
    pair.data(Write, "3");
    pair.data(Read, "a");
    pair.data(Read, "b");
    pair.data(Write, "4");
    assert_eq!(pair.run.story(), [">1", ">2", ">3", "<turn", "<a", "<b", ">turn", ">4"]);
}

/// Behind a gap it is one only where the kernel side says so, or the gap was before what the other end said.
#[test]
fn a_turn_may_be_lost() {
    let begin = |pair: &mut Pair| {
        pair.data(Write, "1");
        pair.data(Read, "a");
    };
    let mut pair = Pair::new(Version::V13);
    begin(&mut pair);
    pair.lose(Write, &[b"2"]);
    pair.data(Write, "3");
    assert_eq!(pair.run.story()[3..], [">[1]", ">3"]);

    let mut pair = Pair::new(Version::V13);
    begin(&mut pair);
    pair.lose(Write, &[b"2"]);
    pair.run.push(Write, Segment::Turn);
    pair.data(Write, "3");
    assert_eq!(pair.run.story()[3..], [">[1]", ">turn", ">3"]);

    let mut pair = Pair::new(Version::V13);
    begin(&mut pair);
    pair.lose(Write, &[b"2"]);
    pair.data(Read, "b");
    pair.data(Write, "3");
    assert_eq!(pair.run.story()[3..], ["<b", ">[1]", ">turn", ">3"]);
}

#[test]
fn a_key_may_change_in_a_gap() {
    let mut pair = Pair::new(Version::V13);
    pair.data(Write, "before");
    let lost = [pair.write.data(&[1; 500]), pair.write.seal(22, &[24, 0, 0, 1, 0], 0)].concat();
    pair.run.push(Write, Segment::Gap(lost.len() as u64));
    pair.write = seal::Sealer::new(&[0x33; 16], Version::V13);
    pair.data(Write, "behind");
    assert_eq!(pair.run.story(), [">before"]);
    pair.run.key(&[0x33; 16]);
    // Estimated: two records were lost, and taken for one.
    assert_eq!(pair.run.story(), [">before", ">[527]", ">behind"]);
}

/// The kernel side lost the handshake, or left it out.
#[test]
fn a_connection_may_be_met_late() {
    for version in [Version::V13, COUNTING] {
        let mut run = Run::new(&[seal::WRITE_KEY.to_vec()]);
        let mut write = seal::Sealer::new(&seal::WRITE_KEY, version);
        write.sequence = 9;
        run.push(Write, Segment::Gap(5000));
        run.data(Write, &write.data(b"later"));
        run.data(Write, &write.data(b"and on"));
        let story = run.story();
        assert!(story[0].starts_with(">["), "{story:?}");
        assert_eq!(story[1..], [">later", ">and on"], "{version:?}");
    }
}

#[test]
fn what_is_missing_at_the_end_is_told() {
    let mut pair = Pair::new(Version::V13);
    pair.data(Write, "begin");
    pair.data(Read, "answer");
    pair.lose(Write, &[&[1; 1000]]);
    pair.run.finish();
    assert_eq!(pair.run.story(), [">begin", "<turn", "<answer", ">[1000]"]);
    pair.data(Write, "nothing more");
    assert_eq!(pair.run.story().len(), 4);
}
