//! How exchanges end, and when.

use super::*;

#[test]
fn connections_end_in_several_ways() {
    let reset = End::Failed(104);
    let half = read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    let chunked = read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf");
    let open = read("HTTP/1.1 200 OK\r\n\r\nopen");
    let upload = write("PUT /1 HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf");
    for (name, feeds, expected) in [
        ("unanswered, peer", vec![get("/1"), Feed::End(End::PeerClosed)], "/1 0 PeerClosed "),
        ("unanswered, own", vec![get("/1"), Feed::End(End::Closed)], "/1 0 Cancelled "),
        ("unanswered, reset", vec![get("/1"), Feed::End(reset)], "/1 0 Failed(104) "),
        ("half, peer", vec![get("/1"), half.clone(), Feed::End(End::PeerClosed)], "/1 200 PeerClosed half"),
        ("half, own", vec![get("/1"), half, Feed::End(End::Closed)], "/1 200 Cancelled half"),
        ("chunked, peer", vec![get("/1"), chunked, Feed::End(End::PeerClosed)], "/1 200 PeerClosed half"),
        ("open, peer", vec![get("/1"), open.clone(), Feed::End(End::PeerClosed)], "/1 200 Complete open"),
        ("open, own", vec![get("/1"), open.clone(), Feed::End(End::Closed)], "/1 200 Cancelled open"),
        ("open, reset", vec![get("/1"), open, Feed::End(reset)], "/1 200 Failed(104) open"),
        ("upload, peer", vec![upload, Feed::End(End::PeerClosed)], "/1 0 PeerClosed "),
    ] {
        let (steps, _) = run(&feeds);
        assert_eq!(summary(&steps), [expected], "{name}");
        assert_eq!(ended(&steps)[0].ended_ns, 10 * (feeds.len() as u64 - 1), "{name}");
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
    assert_eq!(summary(&steps), ["/1 200 Cancelled [a@20][b!@30]"]);
    let (steps, _) = run(&[get("/1"), read(head), read("data: a\n\n"), Feed::End(End::Closed)]);
    assert_eq!(summary(&steps), ["/1 200 Cancelled [a@20]"]);
    let open = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\ndata: b";
    let (steps, _) = run(&[get("/1"), read(open), Feed::End(End::PeerClosed)]);
    assert_eq!(summary(&steps), ["/1 200 Complete [a@10][b@20]"]);
}
