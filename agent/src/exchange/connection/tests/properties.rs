//! What holds for any traffic.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Shape {
    Length,
    Chunked,
    Events,
    GzipEvents,
}

/// The body that the n-th exchange of a capture must have.
fn expected(n: usize, shape: Shape) -> String {
    match shape {
        Shape::Length | Shape::Chunked => format!("body of {n}, some length to cut"),
        Shape::Events | Shape::GzipEvents => {
            format!("data: one of {n}\n\nevent: x\r\ndata: two of {n}\r\n\r\n")
        }
    }
}

fn chunked(body: &[u8]) -> Vec<u8> {
    chunked_by(body, 7)
}

fn chunked_by(body: &[u8], size: usize) -> Vec<u8> {
    let mut coded = Vec::new();
    for chunk in body.chunks(size) {
        write!(coded, "{:x}\r\n", chunk.len()).unwrap();
        coded.extend_from_slice(chunk);
        coded.extend_from_slice(b"\r\n");
    }
    coded.extend_from_slice(b"0\r\n\r\n");
    coded
}

fn response(n: usize, shape: Shape) -> Vec<u8> {
    let body = expected(n, shape).into_bytes();
    let (fields, body) = match shape {
        Shape::Length => (format!("Content-Length: {}", body.len()), body),
        Shape::Chunked => ("Transfer-Encoding: chunked".into(), chunked(&body)),
        Shape::Events => {
            ("Content-Type: text/event-stream\r\nTransfer-Encoding: chunked".into(), chunked(&body))
        }
        Shape::GzipEvents => {
            let fields =
                "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked";
            (fields.into(), chunked(&gzip(&body)))
        }
    };
    [format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").into_bytes(), body].concat()
}

fn request(n: usize, shape: Shape) -> Vec<u8> {
    let body = format!("question {n}");
    match shape {
        Shape::Length | Shape::Events => {
            format!("POST /{n} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
        }
        Shape::Chunked | Shape::GzipEvents => {
            let head = format!("POST /{n} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
            [head.into_bytes(), chunked(body.as_bytes())].concat()
        }
    }
}

/// A capture of one connection, each message in one call.
fn capture(shapes: &[Shape]) -> Vec<(u64, Feed)> {
    let messages = shapes.iter().enumerate().flat_map(|(n, shape)| {
        [Feed::Data(Write, request(n, *shape)), Feed::Data(Read, response(n, *shape))]
    });
    (0..).step_by(10).zip(messages).collect()
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let shape =
        prop_oneof![Just(Shape::Length), Just(Shape::Chunked), Just(Shape::Events), Just(Shape::GzipEvents)];
    proptest::collection::vec(shape, 1..5)
}

/// Steps with adjacent pieces of one body joined.
fn joined(steps: Vec<Step>) -> Vec<Step> {
    let mut joined = Vec::<Step>::new();
    for step in steps {
        let pieces = match (joined.last_mut(), &step) {
            (Some(Step::Request { ordinal: a, frame: all }), Step::Request { ordinal: b, frame })
            | (Some(Step::Response { ordinal: a, frame: all }), Step::Response { ordinal: b, frame })
                if a == b =>
            {
                Some((&mut all.payload, &frame.payload))
            }
            _ => None,
        };
        match pieces {
            Some((Payload::Document(all), Payload::Document(bytes))) => {
                *all = [&all[..], &bytes[..]].concat().into();
            }
            _ => joined.push(step),
        }
    }
    joined
}

/// Bodies of the exchanges that ended, with what they admit to; events joined as they were sent.
fn bodies(steps: &[Step]) -> Vec<(Exchange, String)> {
    let mut bodies = std::collections::HashMap::<u64, String>::new();
    let mut ended = Vec::new();
    for step in steps {
        match step {
            Step::Response { ordinal, frame } => {
                let body = bodies.entry(*ordinal).or_default();
                match &frame.payload {
                    Payload::Document(bytes) => body.push_str(&String::from_utf8_lossy(bytes)),
                    Payload::Event(event) => body.push_str(&event.data),
                    Payload::Line { .. } | Payload::Message(_) | Payload::Gap(_) | Payload::Trailers(_) => {}
                }
            }
            Step::Ended(exchange) => {
                ended.push((exchange.clone(), bodies.remove(&exchange.ordinal).unwrap_or_default()));
            }
            _ => {}
        }
    }
    ended
}

/// Splits each message into calls of the given sizes, in turn.
fn split(feeds: Vec<(u64, Feed)>, sizes: &[usize]) -> Vec<(u64, Feed)> {
    let mut sizes = sizes.iter().cycle();
    let mut split = Vec::new();
    for (time_ns, feed) in feeds {
        let Feed::Data(direction, bytes) = feed else { continue };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            split.push((time_ns, Feed::Data(direction, piece.to_vec())));
            rest = tail;
        }
    }
    split
}

/// Loses calls, or their ends: which, and how many bytes are kept of it.
fn lossy(mut feeds: Vec<(u64, Feed)>, lost: Vec<(usize, usize)>) -> Vec<(u64, Feed)> {
    let calls = feeds.len();
    for (index, kept) in lost {
        let (_, feed) = &mut feeds[index % calls];
        if let Feed::Data(direction, bytes) = feed {
            let kept = kept % (bytes.len() + 1);
            let missing = bytes.len() - kept;
            let direction = *direction;
            // Only a whole loss can stand for itself; a cut one keeps its begin.
            if kept == 0 {
                *feed = Feed::Gap(direction, missing as u64);
            } else {
                bytes.truncate(kept);
                let (time_ns, gap) = (feeds[index % calls].0, Feed::Gap(direction, missing as u64));
                feeds.insert(index % calls + 1, (time_ns, gap));
            }
        }
    }
    feeds
}

/// A record that was lost shows with the next of its direction.
fn as_seen(feeds: Vec<(u64, Feed)>) -> Vec<(u64, Feed)> {
    let (mut missing, mut seen) = ([0; 2], Vec::new());
    let mut feeds = feeds.into_iter().peekable();
    while let Some((time_ns, feed)) = feeds.next() {
        let direction = match (&feed, feeds.peek()) {
            (Feed::Data(direction, _), _) | (Feed::Turned, Some((_, Feed::Data(direction, _)))) => *direction,
            (Feed::Gap(direction, bytes), _) => {
                missing[usize::from(*direction == Write)] += bytes;
                continue;
            }
            _ => Write,
        };
        let gap = std::mem::take(&mut missing[usize::from(direction == Write)]);
        if gap > 0 {
            seen.push((time_ns, Feed::Gap(direction, gap)));
        }
        seen.push((time_ns, feed));
    }
    seen
}

proptest! {
    #[test]
    fn any_split_gives_the_same_steps(
        shapes in shapes(),
        sizes in proptest::collection::vec(1..40_usize, 1..20),
    ) {
        let (whole, _) = run_timed(&capture(&shapes), Limits::default());
        prop_assert_eq!(bodies(&whole).len(), shapes.len());
        let (pieces, _) = run_timed(&split(capture(&shapes), &sizes), Limits::default());
        prop_assert_eq!(joined(whole), joined(pieces));
    }

    /// Lost calls, or their ends, never make an exchange that claims to be whole with another body
    /// than the one that was sent.
    #[test]
    fn no_loss_is_silent(
        shapes in shapes(),
        sizes in proptest::collection::vec(1..60_usize, 1..20),
        lost in proptest::collection::vec((0..200_usize, 0..60_usize), 1..6),
        at_once in any::<bool>(),
    ) {
        let feeds = marked(&lossy(split(capture(&shapes), &sizes), lost));
        let (steps, _) = run_marked(if at_once { feeds } else { as_seen(feeds) }, Limits::default());
        for (exchange, body) in bodies(&steps) {
            let n: usize = exchange.request.path[1..].parse().unwrap();
            let sent = match shapes[n] {
                shape @ (Shape::Length | Shape::Chunked) => expected(n, shape),
                Shape::Events | Shape::GzipEvents => format!("one of {n}two of {n}"),
            };
            let admits = exchange.missing_bytes > 0 || !exchange.notes.is_empty();
            prop_assert!(exchange.outcome != Outcome::Complete || admits || body == sent, "{exchange:?}: {body}");
            // Whatever was lost, no body is mixed with that of another exchange.
            for other in (0..shapes.len()).filter(|other| *other != n) {
                prop_assert!(!body.contains(&format!("of {other}")), "{n} has {body}");
            }
        }
    }

    /// Whatever was lost: the exchanges behind it are read.
    #[test]
    fn the_footing_is_found_after_any_loss(
        shapes in shapes(),
        sizes in proptest::collection::vec(1..60_usize, 1..20),
        lost in proptest::collection::vec((0..200_usize, 0..60_usize), 1..9),
        at_once in any::<bool>(),
    ) {
        let mut feeds = lossy(split(capture(&shapes), &sizes), lost);
        for n in 0..4 {
            feeds.push((1_000 + 2 * n, get(&format!("/clean{n}"))));
            feeds.push((1_001 + 2 * n, ok("clean")));
        }
        let feeds = if at_once { marked(&feeds) } else { as_seen(marked(&feeds)) };
        let (steps, connection) = run_marked(feeds, Limits::default());
        prop_assert_eq!(connection.state(), State::Following);
        let clean: Vec<_> = bodies(&steps).into_iter().rev().take(4).rev().collect();
        for (n, (exchange, body)) in clean.iter().enumerate() {
            let path = format!("/clean{n}");
            prop_assert_eq!((&*exchange.request.path, exchange.outcome, &**body), (&*path, Outcome::Complete, "clean"));
        }
    }

    /// A client that writes a body as it likes, and a connection of which anything is lost.
    #[test]
    fn no_upload_is_read_as_a_request(
        // Size of the calls, whether the body comes in chunks, whether the exchange is left.
        uploads in proptest::collection::vec((1..200_usize, any::<bool>(), any::<bool>()), 1..4),
        sizes in proptest::collection::vec(1..200_usize, 1..10),
        lost in proptest::collection::vec(0..100_usize, 0..6),
        asked_for in any::<bool>(),
    ) {
        const FORGED: &[u8] = b"POST /forged HTTP/1.1\r\nHost: forged\r\nContent-Length: 0\r\n\r\n";
        let (mut connection, mut kernel) = (HttpConnection::new(Limits::default(), Source::Socket), Kernel::default());
        let (mut begun, mut calls, mut sizes) = (Vec::new(), 0, sizes.iter().cycle());
        let mut push = |connection: &mut HttpConnection, direction, bytes: &[u8], is_body: bool| {
            let mut sink = |step| {
                if let Step::Began { ordinal, request, .. } = step {
                    begun.push((ordinal, request.path.clone()));
                }
            };
            calls += 1;
            // Where the answer that asked for the body is lost, too, nobody can tell: see `HttpConnection`.
            let is_lost = (is_body || !asked_for) && lost.contains(&calls);
            let bytes = (!is_lost).then(|| Bytes::copy_from_slice(bytes)).ok_or(bytes.len() as u64);
            if kernel.turns(direction, bytes.as_deref().ok()) {
                connection.push(direction, calls as u64, Segment::Turn, &mut sink);
            }
            let segment = match bytes {
                Ok(bytes) => Segment::Data(bytes),
                Err(missing) => Segment::Gap(missing),
            };
            connection.push(direction, calls as u64, segment, &mut sink);
            begun.last().map(|(ordinal, _)| *ordinal)
        };
        for (copies, in_chunks, is_left) in uploads {
            let body = FORGED.repeat(copies % 4 + 1);
            let (field, body) = if in_chunks {
                ("Transfer-Encoding: chunked".to_owned(), chunked_by(&body, FORGED.len()))
            } else {
                (format!("Content-Length: {}", body.len()), body)
            };
            let head = format!("POST /real HTTP/1.1\r\n{field}\r\n\r\n");
            let ordinal = push(&mut connection, Write, head.as_bytes(), false);
            if is_left && let Some(ordinal) = ordinal {
                connection.skip(ordinal);
            }
            if asked_for {
                push(&mut connection, Read, b"HTTP/1.1 100 Continue\r\n\r\n", false);
            }
            let mut rest = &body[..];
            while !rest.is_empty() {
                // Often where a forged one begins.
                let size = *sizes.next().unwrap();
                let size = if size % 2 == 0 { FORGED.len() } else { size };
                let (piece, tail) = rest.split_at(size.min(rest.len()));
                push(&mut connection, Write, piece, true);
                rest = tail;
            }
            push(&mut connection, Read, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
        }
        prop_assert!(begun.iter().all(|(_, path)| path == "/real"), "{begun:?}");
    }

    #[test]
    fn any_bytes_are_survived_in_bounded_memory(
        feeds in proptest::collection::vec(
            (
                any::<bool>(),
                prop_oneof![
                    any::<Vec<u8>>(),
                    "(GET|POST|PRI) [/*]?[a-z]{0,5} HTTP/1.[01]\r\n(Content-Length: [0-9]{1,3}\r\n)?\r\n".prop_map(String::into_bytes),
                    "HTTP/1.1 [1-5]0[0-4] OK\r\n(Transfer-Encoding: chunked\r\n)?\r\n[0-5]?\r\n".prop_map(String::into_bytes),
                ],
                0..50_u64,
            ),
            0..60,
        ),
    ) {
        let limits = Limits { held_bytes: 64, held_segments: 8, outstanding: 4, event_bytes: 32, ..Limits::default() };
        let (mut connection, mut began, mut ended) = (HttpConnection::new(limits, Source::Socket), 0, 0);
        for (time_ns, (written, bytes, gap)) in (0..).zip(feeds) {
            let direction = if written { Write } else { Read };
            let mut sink = |step| match step {
                Step::Began { .. } => began += 1,
                Step::Ended(_) => ended += 1,
                _ => {}
            };
            if gap % 2 == 0 {
                connection.push(direction, time_ns, Segment::Turn, &mut sink);
            }
            connection.push(direction, time_ns, Segment::Data(Bytes::from(bytes)), &mut sink);
            if gap > 40 {
                connection.push(direction, time_ns, Segment::Gap(gap), &mut sink);
            }
            prop_assert!(connection.held.held_bytes() <= 64 && connection.outstanding.len() <= 4);
        }
        connection.end(End::Closed, 1_000, &mut |step| ended += u32::from(matches!(step, Step::Ended(_))));
        prop_assert_eq!(began, ended, "every exchange that began ends once");
    }
}
