use proptest::prelude::*;

use super::{SseEvent, SseParser};

fn event(name: &str, data: &str) -> SseEvent {
    SseEvent { name: name.into(), data: data.into(), damaged: false }
}

fn damaged(name: &str, data: &str) -> SseEvent {
    SseEvent { damaged: true, ..event(name, data) }
}

fn parse(pieces: &[&[u8]], limit: usize) -> Vec<SseEvent> {
    let (mut parser, mut events) = (SseParser::new(limit), Vec::new());
    for piece in pieces {
        parser.push(piece, &mut |event| events.push(event));
    }
    parser.finish(&mut |event| events.push(event));
    events
}

#[test]
fn streams_become_events() {
    for (stream, expected) in [
        (&b""[..], vec![]),
        (b"data: a\n\n", vec![event("", "a")]),
        (b"data:a\n\ndata:  b\n\n", vec![event("", "a"), event("", " b")]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", vec![event("", "a"), event("", "b"), event("", "c")]),
        (b"\xEF\xBB\xBFdata: a\n\n", vec![event("", "a")]),
        (b"data: a\n\xEF\xBB\xBFdata: b\n\n", vec![event("", "a")]),
        (b": keep-alive\n\ndata: a\n: within\ndata: b\n\n", vec![event("", "a\nb")]),
        (b"event: message_start\ndata: {}\n\n", vec![event("message_start", "{}")]),
        (b"event: x\n\ndata: a\n\n", vec![event("", "a")]),
        (b"id: 1\nretry: 5\nweird\ndata\n\n", vec![event("", "")]),
        (b"data: a\n\ndata: last", vec![event("", "a"), event("", "last")]),
        (b"data: [DONE]\n", vec![event("", "[DONE]")]),
        (b"data: \xC3\xA9\xFF\n\n", vec![event("", "\u{e9}\u{fffd}")]),
        (b"data: a\ndata:\ndata: b\n\n", vec![event("", "a\n\nb")]),
    ] {
        let name = String::from_utf8_lossy(stream);
        assert_eq!(parse(&[stream], 64), expected, "{name:?} at once");
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(parse(&bytes, 64), expected, "{name:?} byte by byte");
    }
}

#[test]
fn a_large_event_is_cut_and_says_so() {
    assert_eq!(parse(&[b"data: abcdef\n\ndata: x\n\n"], 8), [damaged("", "ab"), event("", "x")]);
    assert_eq!(parse(&[b"data: ab\ndata: cde\n\n"], 10), [event("", "ab\ncde")]);
    assert_eq!(parse(&[b"data: abcd\ndata: efgh\ndata: ijkl\n\n"], 10), [damaged("", "abcd\nefgh\n")]);
    assert_eq!(parse(&[b": a very long comment\ndata: x\n\n"], 8), [event("", "x")], "a comment is no loss");
}

#[test]
fn a_gap_damages_the_event_under_way_and_no_other() {
    let run = |before: &[u8], after: &[u8]| {
        let (mut parser, mut events) = (SseParser::new(64), Vec::new());
        parser.push(before, &mut |event| events.push(event));
        parser.gap();
        parser.push(after, &mut |event| events.push(event));
        parser.finish(&mut |event| events.push(event));
        events
    };
    assert_eq!(run(b"data: ab", b"yz\n\ndata: c\n\n"), [damaged("", "ab"), event("", "c")]);
    assert_eq!(run(b"data: a\n\n", b"yz\n\ndata: c\n\n"), [event("", "a"), damaged("", ""), event("", "c")]);
    assert_eq!(
        run(b"event: n\r", b"data: not seen as a field\ndata: z\n\n"),
        [damaged("n", "z")],
        "the gap's last line is of unknown begin"
    );
    assert_eq!(run(b"data: a", b""), [damaged("", "a")]);
}

#[test]
fn memory_is_bounded() {
    let mut parser = SseParser::new(100);
    for _ in 0..1_000 {
        parser.push(&[b'x'; 1_000], &mut |_| {});
        parser.push(b"\ndata: 0123456789\nevent: 0123456789", &mut |_| {});
    }
    let held = parser.line.capacity() + parser.data.capacity() + parser.name.capacity();
    assert!(held <= 3 * 2 * 100, "{held} bytes held");
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(
        stream in "(data|event|:|id)?:? ?[a-zé\n\r:]{0,12}(\n|\r|\r\n){0,2}(data: [a-z]{0,20}\n\n?){0,4}",
        cuts in proptest::collection::vec(1..9_usize, 1..40),
    ) {
        let (mut rest, mut pieces) = (stream.as_bytes(), Vec::new());
        for cut in cuts {
            let (piece, tail) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        pieces.push(rest);
        prop_assert_eq!(parse(&pieces, 12), parse(&[stream.as_bytes()], 12));
    }

    #[test]
    fn any_bytes_are_survived(pieces in proptest::collection::vec(any::<Vec<u8>>(), 0..8)) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        for event in parse(&pieces, 16) {
            prop_assert!(event.data.len() <= 3 * 16 && event.name.len() <= 3 * 16);
        }
    }
}
