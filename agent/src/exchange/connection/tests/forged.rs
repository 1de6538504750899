//! What a client uploads is never read as a request.

use super::*;

const FORGED: &str = "POST /v1/chat/completions HTTP/1.1\r\nHost: forged\r\nContent-Length: 0\r\n\r\n";

fn upload(fields: &str) -> Feed {
    write(&format!("POST /upload HTTP/1.1\r\nHost: h\r\n{fields}\r\n"))
}

fn length(bytes: usize) -> String {
    format!("Content-Length: {bytes}\r\n")
}

/// Paths of the requests that were read.
fn begun(steps: &[Step]) -> Vec<&str> {
    steps
        .iter()
        .filter_map(|step| if let Step::Began { request, .. } = step { Some(&*request.path) } else { None })
        .collect()
}

#[test]
fn a_body_is_no_request() {
    let forged = || write(FORGED);
    let chunk = |text: &str| write(&format!("{:x}\r\n{text}\r\n", text.len()));
    let size = FORGED.len();
    let next = || vec![ok("done"), get("/next"), ok("b")];
    let coding = "Transfer-Encoding: chunked\r\n";
    let go_on = || read("HTTP/1.1 100 Continue\r\n\r\n");
    let cases: [(&str, Vec<Feed>, &[&str]); 12] = [
        (
            "left, at a cut of the body",
            vec![upload(&length(2 * size)), Feed::Skip(0), forged(), forged()],
            &["/upload", "/next"],
        ),
        (
            "left, the body asked for",
            vec![upload(&length(size)), Feed::Skip(0), go_on(), forged()],
            &["/upload", "/next"],
        ),
        (
            "left, its begin left out",
            vec![
                upload(&length(2 * size)),
                Feed::Skip(0),
                go_on(),
                gap(Write, size as u64),
                Feed::Turned,
                forged(),
            ],
            &["/upload", "/next"],
        ),
        (
            "left, what is left out reaches further",
            vec![upload(&length(size)), Feed::Skip(0), gap(Write, 9 * size as u64), forged()],
            &["/upload", "/next"],
        ),
        ("in chunks", vec![upload(coding), chunk(FORGED), write("0\r\n\r\n")], &["/upload", "/next"]),
        (
            "a chunk in two calls, asked for",
            vec![upload(coding), go_on(), write(&format!("{size:x}\r\n")), forged(), write("\r\n0\r\n\r\n")],
            &["/upload", "/next"],
        ),
        ("lost, a cut of the body", vec![upload(coding), gap(Write, 9), forged()], &["/upload", "/next"]),
        ("lost, the whole head", vec![get("/"), ok("a"), gap(Write, 50), forged()], &["/", "/next"]),
        (
            "lost, the body asked for",
            vec![upload(&length(2 * size)), go_on(), gap(Write, size as u64), Feed::Turned, forged()],
            &["/upload", "/next"],
        ),
        ("lost, within a head", vec![write("POST /a HTTP/1.1\r\nA: "), gap(Write, 9), forged()], &["/next"]),
        ("joined late", vec![Feed::Unmarked, forged(), forged()], &["/next"]),
        ("joined late, a body cut", vec![write("tail"), forged()], &["/next"]),
    ];
    for (name, mut feeds, expected) in cases {
        feeds.extend(next());
        let (steps, connection) = run(&feeds);
        assert_eq!(begun(&steps), expected, "{name}");
        assert_eq!(summary(&steps).last().map(String::as_str), Some("/next 200 Complete b"), "{name}");
        assert_eq!(connection.state(), State::Following, "{name}");
    }
}

/// Where its rest begins anew could not be told behind a gap.
#[test]
fn an_upload_in_chunks_is_left_once_it_is_whole() {
    let (_, mut connection) = run(&[upload("Transfer-Encoding: chunked\r\n"), write("5\r\nhello\r\n")]);
    assert!(!connection.skip(0));
    connection.push(Write, 30, Segment::Data(Bytes::from_static(b"0\r\n\r\n")), &mut |_| {});
    assert!(connection.skip(0));
}

/// A head that began at a turn and never ended takes nothing of the next request in.
#[test]
fn a_request_is_not_put_together_of_two() {
    let begin = "POST /v1/chat/completions HTTP/1.1\r\nX: ";
    let (steps, _) =
        run(&[get("/"), ok("a"), gap(Write, 9), Feed::Turned, write(begin), ok("b"), get("/next"), ok("c")]);
    assert_eq!(begun(&steps), ["/", "/next"]);
}

#[test]
fn what_follows_a_left_exchange_is_read() {
    let alike = |exchanges: u64| {
        [gap(Write, 40 * exchanges), Feed::Turned, get("/next"), gap(Read, 60 * exchanges), ok("b")]
    };
    for exchanges in [1, 3] {
        let (steps, _) = run(&[&[get("/"), Feed::Skip(0)][..], &alike(exchanges)[..]].concat());
        assert_eq!(summary(&steps), ["/next 200 Complete b"]);
        assert_eq!(ended(&steps)[0].missing_bytes, 0, "what was left out is not missing");
    }
    let late =
        [get("/"), Feed::Skip(0), Feed::Turned, get("/next"), read("rest of an answer"), get("/3"), ok("c")];
    assert_eq!(summary(&run(&late).0), ["/next 0 Lost ", "/3 200 Complete c"]);
}
