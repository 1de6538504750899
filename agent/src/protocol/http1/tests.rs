#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;

use super::*;
use crate::stream::Segment;

/// The parts of one direction in short: heads by a closure, bodies joined.
#[derive(Default)]
struct Log(Vec<String>);

impl Log {
    fn part<H>(&mut self, part: Part<H>, head: impl Fn(&H) -> String) {
        let body = match part {
            Part::Head(parsed) => return self.0.push(head(&parsed)),
            Part::Body(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Part::BodyGap(bytes) => format!("({bytes})"),
            Part::Trailers(trailers) => format!("{trailers:?}"),
            Part::End => return self.0.push("end".into()),
            Part::Tunnel => return self.0.push("tunnel".into()),
        };
        match self.0.last_mut().filter(|last| last.starts_with(':')) {
            Some(last) => last.push_str(&body),
            None => self.0.push(format!(":{body}")),
        }
    }

    fn error(&mut self, error: Error) {
        self.0.push(format!("error: {error}"));
    }
}

fn requests(segments: &[Segment]) -> Vec<String> {
    let head = |head: &RequestHead| {
        let host = head.host.as_deref().unwrap_or("-");
        let port = head.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{} {host}{port} {}", head.method, head.path)
    };
    let (mut parser, mut log) = (RequestParser::new(), Log::default());
    for mut segment in std::iter::once(Segment::Turn).chain(segments.iter().cloned()) {
        loop {
            match parser.read(&mut segment) {
                Ok(Some(part)) => log.part(part, head),
                Ok(None) => break,
                Err(error @ Error::Lost(_)) => log.error(error),
                Err(error) => {
                    log.error(error);
                    return log.0;
                }
            }
        }
    }
    log.0
}

fn responses(method: &str, segments: &[Segment]) -> Vec<String> {
    let head = |head: &ResponseHead| head.status.to_string();
    let (mut parser, mut log) = (ResponseParser::new(), Log::default());
    for mut segment in segments.iter().cloned() {
        loop {
            match parser.read(&mut segment, method) {
                Ok(Some(part)) => log.part(part, head),
                Ok(None) => break,
                Err(error @ Error::Lost(_)) => {
                    log.error(error);
                    parser.restart();
                }
                Err(error) => {
                    log.error(error);
                    return log.0;
                }
            }
        }
    }
    if parser.ends_at_close() {
        log.0.push("open".into());
    }
    log.0
}

fn data(text: &str) -> Segment {
    Segment::Data(Bytes::copy_from_slice(text.as_bytes()))
}

fn single_bytes(text: &str) -> Vec<Segment> {
    text.bytes().map(|byte| Segment::Data(Bytes::copy_from_slice(&[byte]))).collect()
}

fn in_step() -> RequestParser {
    let mut parser = RequestParser::new();
    assert_eq!(parser.read(&mut Segment::Turn.clone()), Ok(None));
    parser
}

#[test]
fn requests_are_read_however_they_are_split() {
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(4_097));
    let large = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(262_144));
    let cases: [(&str, &[&str]); 27] = [
        ("GET /a?key=k HTTP/1.1\r\nHost: H:80\r\n\r\n", &["GET h:80 /a", "end"]),
        ("GET / HTTP/1.0\n\n", &["GET - /", "end"]),
        (
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\n\r\n",
            &["POST - /", ":hi", "end", "GET - /2", "end"],
        ),
        (
            "POST / HTTP/1.1\r\ncontent-length: 2, 2\r\nContent-Length:2\r\n\r\nhi",
            &["POST - /", ":hi", "end"],
        ),
        ("GET / HTTP/1.1\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\n\r\n", &["GET - /", "end", "GET - /2", "end"]),
        (
            "PUT / HTTP/1.1\r\ntransfer-encoding: CHUNKED\r\n\r\n2;x\r\nhi\r\n0\r\nA: b\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
            &["PUT - /", ":hi", "end", "GET - /2", "end"],
        ),
        ("PUT / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", &["PUT - /", "end"]),
        ("GET http://u:p@[::1]:8/x?y HTTP/1.1\r\nHost: other\r\n\r\n", &["GET ::1:8 /x", "end"]),
        ("CONNECT api:443 HTTP/1.1\r\nHost: x\r\n\r\n", &["CONNECT api:443 ", "end"]),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &["GET - /", "end"]),
        (
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            &["error: malformed HTTP message: conflicting content-length"],
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n",
            &["error: malformed HTTP message: conflicting content-length"],
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            &["error: malformed HTTP message: content-length with transfer-encoding"],
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
            &["error: malformed HTTP message: invalid content-length"],
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
            &["error: malformed HTTP message: invalid content-length"],
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            &["error: malformed HTTP message: invalid content-length"],
        ),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
            &["error: malformed HTTP message: a transfer coding after chunked"],
        ),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            &["error: malformed HTTP message: request body of unknown length"],
        ),
        (
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            &["error: malformed HTTP message: transfer-encoding in HTTP/1.0"],
        ),
        ("GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n", &["error: malformed HTTP message: invalid field name"]),
        (
            "GET / HTTP/1.1\r\nContent-Length : 1\r\n\r\n",
            &["error: malformed HTTP message: invalid field name"],
        ),
        (&many, &["error: malformed HTTP message: too many header fields"]),
        (&large, &["error: malformed HTTP message: head too large"]),
        ("GET / HTTP/1.1\r\n\r\nnonsense", &["GET - /", "end", "error: not HTTP"]),
        ("GET / HTTP/1.1\r\n\r\nGET / HTTP/3.1\r\n", &["GET - /", "end", "error: not HTTP"]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &["error: HTTP/2"]),
        ("SELECT 1\r\n\r\n", &[]),
    ];
    for (input, expected) in cases {
        let name = input.get(..60).unwrap_or(input);
        assert_eq!(requests(&[data(input)]), expected, "{name:?} at once");
        assert_eq!(requests(&single_bytes(input)), expected, "{name:?} byte by byte");
    }
}

#[test]
fn responses_are_read_however_they_are_split() {
    let cases: [(&str, &str, &[&str]); 19] = [
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n",
            &["200", ":hi", "end", "404", "end"],
        ),
        (
            "GET",
            "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            &["200", ":hi", "end"],
        ),
        ("GET", "HTTP/1.0 200 OK\r\n\r\nall the rest", &["200", ":all the rest", "open"]),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nrest", &["200", ":rest", "open"]),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", &["200", "end"]),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", &["304", "end"]),
        ("GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", &["204", "end"]),
        (
            "POST",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            &["200", ":x", "end"],
        ),
        ("POST", "HTTP/1.1 100 Continue\r\n\r\n", &[]),
        ("GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{81}", &["101", "tunnel"]),
        ("CONNECT", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", &["200", "tunnel"]),
        ("CONNECT", "HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\nhello", &["407", ":hello", "end"]),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nserver: s\r\n\r\n",
            &["200", ":xHeaders([(\"server\", \"s\")])", "end"],
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            &["200", "error: malformed HTTP message: conflicting content-length"],
        ),
        ("GET", "HTTP/1.1 204 OK\r\na: b\r\n\tc\r\n\r\n", &["204", "end"]),
        ("GET", "HTTP/1.1 099 Low\r\n\r\n", &["error: malformed HTTP message: invalid head"]),
        ("GET", "HTTP/1.1 20 OK\r\n\r\n", &["error: not HTTP"]),
        ("GET", "HTTP/2 200\r\n\r\n", &["error: not HTTP"]),
        ("GET", "200 OK\r\n", &["error: not HTTP"]),
    ];
    for (method, input, expected) in cases {
        assert_eq!(responses(method, &[data(input)]), expected, "{input:?} at once");
        assert_eq!(responses(method, &single_bytes(input)), expected, "{input:?} byte by byte");
    }
}

#[test]
fn a_gap_in_a_body_of_known_length_keeps_the_framing() {
    let head = "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nab";
    let next = "GET /2 HTTP/1.1\r\n\r\n";
    let inside = [data(head), Segment::Gap(6), data("yz"), data(next)];
    assert_eq!(requests(&inside), ["POST - /", ":ab(6)yz", "end", "GET - /2", "end"]);
    let to_the_end = [data(head), Segment::Gap(8), data(next)];
    assert_eq!(requests(&to_the_end), ["POST - /", ":ab(8)", "end", "GET - /2", "end"]);
    let beyond = [data(head), Segment::Gap(9), data("ET /1 HTTP/1.1\r\n\r\n"), data(next)];
    assert_eq!(requests(&beyond), ["POST - /", ":ab(8)", "end", "error: 1 bytes lost"]);
    let [head, gap, rest, next] = beyond;
    let turned = [head, gap, rest, Segment::Turn, next];
    assert_eq!(requests(&turned), ["POST - /", ":ab(8)", "end", "error: 1 bytes lost", "GET - /2", "end"]);
}

#[test]
fn framing_lost_in_a_head_or_between_chunks_is_found_again_at_a_message() {
    let next = "GET /2 HTTP/1.1\r\n\r\n";
    let in_head = [data("GET /1 HT"), Segment::Gap(4), data("x\r\n\r\n"), Segment::Turn, data(next)];
    assert_eq!(requests(&in_head), ["error: 4 bytes lost", "GET - /2", "end"]);
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab";
    let in_chunks = [data(chunked), Segment::Gap(40), data("0\r\n\r\n"), Segment::Turn, data(next)];
    assert_eq!(requests(&in_chunks), ["POST - /", ":ab", "error: 40 bytes lost", "GET - /2", "end"]);
    let response = [data("HTTP/1.1 200 OK\r\n"), Segment::Gap(4), data("HTTP/1.1 204 No\r\n\r\n")];
    assert_eq!(responses("GET", &response), ["error: 4 bytes lost", "204", "end"]);
    let closed_by_peer = [data("HTTP/1.0 200 OK\r\n\r\na"), Segment::Gap(4), data("b")];
    assert_eq!(responses("GET", &closed_by_peer), ["200", ":a(4)b", "open"]);
}

#[test]
fn only_what_follows_a_turn_begins_a_request_again() {
    let tail = "tail of a body\r\nGET /no HTTP/1.1\r\n\r\n";
    let forged = data("POST /no HTTP/1.1\r\n\r\n");
    let next = data("OPTIONS * HTTP/1.1\r\n\r\n");
    let late = [data(tail), forged.clone(), Segment::Turn, next.clone()];
    assert_eq!(requests(&late), ["OPTIONS - *", "end"]);
    let looks_like_one = [data("TITLE of a book\nmore"), forged.clone(), Segment::Turn, next.clone()];
    assert_eq!(requests(&looks_like_one), ["OPTIONS - *", "end"]);
    let never_whole = [data("GET /no HTTP/1.1\r\nA: "), Segment::Turn, next.clone()];
    assert_eq!(requests(&never_whole), ["OPTIONS - *", "end"]);
    let put = data("PUT / HTTP/1.1\r\nContent-Length: 21\r\n\r\n");
    let told_by_framing = [put, Segment::Turn, forged, next];
    assert_eq!(
        requests(&told_by_framing),
        ["PUT - /", ":POST /no HTTP/1.1\r\n\r\n", "end", "OPTIONS - *", "end"]
    );
}

#[test]
fn only_allowed_fields_are_kept() {
    let mut segment = data(
        "POST / HTTP/1.1\r\nAuthorization: Bearer secret\r\nX-API-Key: secret\r\nCookie: secret\r\n\
         X-Weaviate-Api-Key: secret\r\nMcp-Session-Id: secret\r\nContent-Type:  application/json \r\n\
         TraceParent: 00-1-2-01\r\nbaggage: user=secret\r\nX-Datadog-Tags: user=secret\r\nX-RateLimit-Remaining-Tokens: 5\r\n\r\n",
    );
    let Ok(Some(Part::Head(head))) = in_step().read(&mut segment) else { panic!("no head") };
    assert!(!format!("{head:?}").contains("secret"));
    assert_eq!(head.headers.get("content-type"), Some("application/json"));
    assert_eq!(head.headers.get("traceparent"), Some("00-1-2-01"));
    assert_eq!(head.headers.get("x-ratelimit-remaining-tokens"), Some("5"));
    assert_eq!(head.headers.get("authorization"), None);
}

#[test]
fn bodies_are_slices_of_the_segment() {
    let whole = Bytes::from_static(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    let (mut parser, mut segment) = (in_step(), Segment::Data(whole.clone()));
    assert!(matches!(parser.read(&mut segment), Ok(Some(Part::Head(_)))));
    let Ok(Some(Part::Body(body))) = parser.read(&mut segment) else { panic!("no body") };
    assert_eq!(body.as_ptr(), whole.slice(whole.len() - 5..).as_ptr());
}
