//! How exchanges end, and when.

use super::*;

#[test]
fn connections_end_in_several_ways() {
    let reset = End::Failed(104);
    let half = read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    let chunked = read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf");
    let open = read("HTTP/1.1 200 OK\r\n\r\nopen");
    let upload = write("PUT /1 HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf");
    for (name, feeds, expected, ended_ns) in [
        ("unanswered, peer", vec![get("/1"), Feed::End(End::PeerClosed)], "/1 0 PeerClosed ", 10),
        ("unanswered, own", vec![get("/1"), Feed::End(End::Closed)], "/1 0 Cancelled ", 10),
        ("unanswered, reset", vec![get("/1"), Feed::End(reset)], "/1 0 Failed(104) ", 10),
        (
            "half, peer",
            vec![get("/1"), half.clone(), Feed::End(End::PeerClosed)],
            "/1 200 PeerClosed half",
            10,
        ),
        ("half, own", vec![get("/1"), half, Feed::End(End::Closed)], "/1 200 Cancelled half", 10),
        (
            "chunked, peer",
            vec![get("/1"), chunked.clone(), Feed::End(End::PeerClosed)],
            "/1 200 PeerClosed half",
            10,
        ),
        ("chunked, lost", vec![get("/1"), chunked, get("/2"), gap(Read, 9), ok("b")], "/1 200 Lost half", 10),
        ("open, peer", vec![get("/1"), open.clone(), Feed::End(End::PeerClosed)], "/1 200 Complete open", 10),
        ("open, own", vec![get("/1"), open.clone(), Feed::End(End::Closed)], "/1 200 Cancelled open", 10),
        ("open, reset", vec![get("/1"), open, Feed::End(reset)], "/1 200 Failed(104) open", 10),
        ("upload, peer", vec![upload.clone(), Feed::End(End::PeerClosed)], "/1 0 PeerClosed ", 10),
        ("upload, lost", vec![upload, gap(Write, 50), get("/2")], "/1 0 Lost ", 0),
        ("keep-alive", vec![get("/1"), ok("a"), get("/2"), Feed::End(End::Closed)], "/1 200 Complete a", 10),
    ] {
        let (steps, _) = run(&feeds);
        assert_eq!(summary(&steps)[0], expected, "{name}");
        assert_eq!(ended(&steps)[0].ended_ns, ended_ns, "{name}");
    }
}

/// A close counts for an answer that has no length, and over TLS it shows by the end of the session alone.
#[test]
fn an_answer_without_a_length_over_tls_ends_with_its_session() {
    let open = "HTTP/1.1 200 OK\r\n\r\nopen";
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    for (answer, expected) in [(open, "/1 200 Complete open"), (half, "/1 200 Cancelled half")] {
        let (mut connection, mut steps) = (HttpConnection::new(Limits::default(), Source::Tls), Vec::new());
        let mut sink = |step| steps.push(step);
        connection.push(Write, 0, Segment::Turn, &mut sink);
        connection.push(Write, 0, Segment::Data("GET /1 HTTP/1.1\r\n\r\n".into()), &mut sink);
        connection.push(Read, 10, Segment::Data(answer.into()), &mut sink);
        connection.end(End::Closed, 90, &mut sink);
        assert_eq!(summary(&steps), [expected]);
        assert_eq!(ended(&steps)[0].ended_ns, 10);
    }
}

/// A server that has read enough answers and closes: the client's writes fail before it reads the answer.
#[test]
fn a_failed_write_does_not_hide_the_answer() {
    let upload = write("PUT /1 HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf");
    let refused = read("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno");
    let (failed, closed) = (Feed::End(End::Failed(32)), Feed::End(End::Closed));
    let cases: [(&str, Vec<Feed>, &[&str], u64); 5] = [
        ("answered", vec![upload.clone(), failed.clone(), refused.clone()], &["/1 413 Complete no"], 20),
        (
            "answered before",
            vec![upload.clone(), refused.clone(), failed.clone()],
            &["/1 413 Complete no"],
            10,
        ),
        ("unanswered", vec![upload.clone(), failed.clone(), closed.clone()], &["/1 0 Failed(32) "], 10),
        (
            "read to the end",
            vec![upload.clone(), failed.clone(), Feed::End(End::PeerClosed)],
            &["/1 0 Failed(32) "],
            10,
        ),
        ("not yet", vec![upload, failed], &[], 0),
    ];
    for (name, feeds, expected, ended_ns) in cases {
        let (steps, _) = run(&feeds);
        assert_eq!(summary(&steps), expected, "{name}");
        assert_eq!(ended(&steps).first().map_or(0, |exchange| exchange.ended_ns), ended_ns, "{name}");
    }
}

#[test]
fn a_server_may_answer_a_client_that_ended_its_sending() {
    let request = read("GET /1 HTTP/1.0\r\n\r\n");
    let answer = write("HTTP/1.0 200 OK\r\n\r\nopen");
    let run = |feeds: &[Feed]| summary(&run(feeds).0);
    let (eof, close) = (Feed::End(End::PeerClosed), Feed::End(End::Closed));
    assert_eq!(run(&[request.clone(), eof.clone(), answer.clone(), close.clone()]), ["/1 200 Complete open"]);
    assert_eq!(run(&[request.clone(), answer, close.clone()]), ["/1 200 Complete open"]);
    assert_eq!(run(&[request.clone(), eof.clone(), close.clone()]), ["/1 0 PeerClosed "]);
    assert_eq!(run(&[request, close]), ["/1 0 Cancelled "]);
    assert_eq!(run(&[read("PUT /1 HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"), eof]), ["/1 0 PeerClosed "]);
}

#[test]
fn an_event_stream_that_is_cut_says_so() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 90\r\n\r\n";
    let (steps, _) = run(&[get("/1"), read(head), read("data: a\n\ndata: b"), Feed::End(End::Closed)]);
    assert_eq!(summary(&steps), ["/1 200 Cancelled [a@20][b!@20]"]);
    let (steps, _) = run(&[get("/1"), read(head), read("data: a\n\n"), Feed::End(End::Closed)]);
    assert_eq!(summary(&steps), ["/1 200 Cancelled [a@20]"]);
    let open = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\ndata: b";
    let (steps, _) = run(&[get("/1"), read(open), Feed::End(End::PeerClosed)]);
    assert_eq!(summary(&steps), ["/1 200 Complete [a@10][b@10]"]);
}
