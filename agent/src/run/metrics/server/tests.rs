#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::text::tests::Scrape;
use super::*;

/// The server, and where it is.
async fn server() -> (SocketAddr, Arc<Counters>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let counters = Arc::new(Counters::default());
    let shared = Arc::clone(&counters);
    tokio::spawn(async move { serve(&listener, &shared).await });
    (address, counters)
}

/// What is answered to these bytes, until the server closes.
async fn asked(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Who is too large may be cut off while it still sends.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> (String, String) {
    let answer = asked(address, format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn metrics_are_answered() {
    let (address, counters) = server().await;
    counters.calls.add(5);
    let (head, body) = get(address, "/metrics?name=x").await;
    assert!(head.starts_with("http/1.1 200 ") && head.contains("text/plain; version=0.0.4"), "{head}");
    assert_eq!(Scrape::of(&body).get("spanwire_calls_total", &[]), Some(5.0));
    let head = asked(address, b"HEAD /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    let (_, body) = get(address, "/metrics").await;
    let answered = ("spanwire_monitoring_requests_total", [("result", "answered")]);
    assert_eq!(Scrape::of(&body).get(answered.0, &answered.1), Some(3.0));
}

#[tokio::test]
async fn nothing_else_is_answered() {
    let (address, _) = server().await;
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", "HTTP/1.1 404 "),
        ("GET /metrics/ HTTP/1.1\r\nhost: a\r\n\r\n", "HTTP/1.1 404 "),
        ("GET /../metrics HTTP/1.1\r\nhost: a\r\n\r\n", "HTTP/1.1 404 "),
        ("DELETE /metrics HTTP/1.1\r\nhost: a\r\n\r\n", "HTTP/1.1 405 "),
        ("POST /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}", "HTTP/1.1 405 "),
    ] {
        let answer = asked(address, request.as_bytes()).await;
        assert!(answer.starts_with(expected), "{request}: {answer}");
    }
}

#[tokio::test]
async fn health_is_that_of_the_threads() {
    let (address, counters) = server().await;
    let (head, body) = get(address, "/healthz").await;
    assert!(head.starts_with("http/1.1 503 ") && body.contains("\"starting\""), "{head} {body}");
    counters.gauges.event_loop.beat(monotonic_ns());
    counters.gauges.hooks.beat(monotonic_ns());
    let (head, body) = get(address, "/healthz").await;
    assert!(head.starts_with("http/1.1 200 ") && head.contains("application/json"), "{head}");
    assert!(body.contains("\"status\":\"ok\""), "{body}");
    // A loop that was last heard of when the host began.
    counters.gauges.event_loop.beat(1);
    let (head, body) = get(address, "/healthz").await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert!(body.contains("\"failing\"") && body.contains("the event loop has not answered"), "{body}");
}

#[tokio::test]
async fn garbage_and_large_heads_are_refused_and_counted() {
    let (address, counters) = server().await;
    let large = format!("GET /metrics HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(4 * HEAD_BYTES));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    let requests: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\n\r\n",
        large.as_bytes(),
        many.as_bytes(),
    ];
    for (count, request) in (1..).zip(requests) {
        let answer = asked(address, request).await;
        assert!(!answer.contains("spanwire_"), "{answer}");
        while counters.monitoring_broken.get() < count {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(counters.monitoring_answered.get(), 0);
    assert!(get(address, "/metrics").await.0.starts_with("http/1.1 200 "));
}

// Time goes on by itself when all wait.
#[tokio::test(start_paused = true)]
async fn who_is_slow_is_cut_off_and_others_are_answered_then() {
    let (address, counters) = server().await;
    let mut slow = Vec::new();
    for _ in 0..3 * CONNECTIONS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nho").await.unwrap();
        slow.push(stream);
    }
    assert!(get(address, "/healthz").await.0.starts_with("http/1.1 503 "));
    for mut stream in slow {
        let mut answer = Vec::new();
        // Closed, with an answer or without.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
    assert_eq!(counters.monitoring_answered.get(), 1);
    assert_eq!(counters.monitoring_broken.get(), 3 * CONNECTIONS as u64);
}
