#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn event(payload: &str) -> Vec<u8> {
    let headers =
        [(":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event")];
    encode(&headers, payload.as_bytes())
}

enum Input {
    Data(Vec<u8>),
    Gap(Option<u64>),
}
use Input::{Data, Gap};

fn read(inputs: Vec<Input>) -> Vec<String> {
    let (mut parser, mut messages) = (EventStreamParser::new(200), Vec::new());
    let mut sink = |message: Message| {
        let payload = String::from_utf8_lossy(&message.payload).into_owned();
        messages.push(match (message.damaged, message.kind) {
            (true, _) => "!".to_owned(),
            (_, Kind::Event) => payload,
            (_, kind) => format!("{kind:?} {} {payload}", message.name),
        });
    };
    for input in inputs {
        match input {
            Data(bytes) => parser.push(&bytes, &mut sink),
            Gap(missing) => parser.gap(missing, &mut sink),
        }
    }
    parser.finish(&mut sink);
    messages
}

/// The vectors of AWS's own tests: <https://smithy.io/2.0/aws/amazon-eventstream.html>.
#[test]
fn the_specification_s_messages_are_read() {
    let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 5, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
    assert_eq!(read(vec![Data(empty.to_vec())]), [""]);
    let mut payload = vec![0, 0, 0, 0x1d, 0, 0, 0, 0, 0xfd, 0x52, 0x8c, 0x5a];
    payload.extend(b"{'foo':'bar'}");
    payload.extend([0xc3, 0x65, 0x39, 0x36]);
    assert_eq!(read(vec![Data(payload)]), ["{'foo':'bar'}"]);
}

#[test]
fn messages_are_read() {
    let exception =
        encode(&[(":exception-type", "throttlingException"), (":message-type", "exception")], b"{}");
    let error = encode(&[(":message-type", "error"), (":error-code", "InternalError")], b"");
    let all = [event("a"), exception, error, event("b")].concat();
    let expected = ["a", "Exception throttlingException {}", "Error InternalError ", "b"];
    assert_eq!(read(vec![Data(all.clone())]), expected);
    for size in 1..40 {
        assert_eq!(read(all.chunks(size).map(|piece| Data(piece.to_vec())).collect()), expected, "{size}");
    }
}

#[test]
fn damage_is_told() {
    let flip = |at: usize| {
        let mut bytes = [event("a"), event("b")].concat();
        bytes[at] ^= 1;
        read(vec![Data(bytes)])
    };
    let length = event("a").len();
    assert_eq!(flip(length - 5), ["!", "b"], "the payload");
    assert_eq!(flip(length - 1), ["!", "b"], "the checksum");
    assert_eq!(flip(20), ["!", "b"], "a header");
    assert_eq!(flip(3), ["!", "b"], "the length: the next message is found by its own");
    assert_eq!(flip(length + 9), ["a", "!"], "the checksum of the lengths");
    assert_eq!(read(vec![Data(event(&"x".repeat(300))), Data(event("b"))]), ["!", "b"], "too large");
    assert_eq!(read(vec![Data(event("a")[..length - 1].to_vec())]), ["!"], "cut");
    assert_eq!(
        read(vec![Data(event("a")), Data(event("b")[..5].to_vec())]),
        ["a", "!"],
        "cut in the lengths"
    );
    assert_eq!(read(vec![Data(b"<html>no event stream at all".to_vec())]), ["!"]);
    let odd = encode(&[(":event-type", "x")], b"");
    let mut odd_headers = odd.clone();
    let kind = 12 + 1 + ":event-type".len();
    odd_headers[kind] = 77;
    let end = odd.len() - 4;
    let sum = crc32fast::hash(&odd_headers[..end]).to_be_bytes();
    odd_headers[end..].copy_from_slice(&sum);
    assert_eq!(read(vec![Data(odd_headers), Data(event("b"))]), ["!", "b"], "a header of no known type");
}

#[test]
fn gaps_cost_what_they_hit() {
    let stream = [event("a"), event("b"), event("c"), event("d")].concat();
    let length = event("a").len();
    let missing = |from: usize, to: usize| {
        let gap = Gap(Some((to - from) as u64));
        read(vec![Data(stream[..from].to_vec()), gap, Data(stream[to..].to_vec())])
    };
    assert_eq!(missing(length + 20, length + 40), ["a", "!", "c", "d"], "within one");
    assert_eq!(missing(length + 20, 2 * length), ["a", "!", "c", "d"], "to its end");
    assert_eq!(missing(length, 2 * length), ["a", "!", "c", "d"], "exactly one");
    assert_eq!(missing(length + 3, length + 20), ["a", "!", "c", "d"], "its length");
    assert_eq!(missing(length + 20, 2 * length + 20), ["a", "!", "d"], "two");
    assert_eq!(missing(20, 4 * length), ["!"], "to the end");
    let unknown = vec![Data(stream[..length + 20].to_vec()), Gap(None)];
    assert_eq!(read(unknown), ["a", "!"], "compressed");
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0_usize..400, missing in 0_u64..300) {
        let mut parser = EventStreamParser::new(100);
        let (before, behind) = bytes.split_at(at.min(bytes.len()));
        parser.push(before, &mut |_| {});
        parser.gap(Some(missing), &mut |_| {});
        parser.push(behind, &mut |_| {});
        prop_assert!(parser.held.len() <= 100);
        parser.finish(&mut |_| {});
    }

    #[test]
    fn any_split_gives_the_same_messages(
        payloads in prop::collection::vec("[a-z]{0,90}", 0..4), flipped in prop::option::of(0_usize..300), size in 1_usize..50,
    ) {
        let mut bytes = payloads.iter().map(|payload| event(payload)).collect::<Vec<_>>().concat();
        if let Some(byte) = flipped.and_then(|at| bytes.get_mut(at)) {
            *byte ^= 4;
        }
        let split = read(bytes.chunks(size).map(|piece| Data(piece.to_vec())).collect());
        prop_assert_eq!(read(vec![Data(bytes)]), split);
    }
}
