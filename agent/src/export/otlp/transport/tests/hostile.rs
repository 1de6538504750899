//! Receivers that mean no good, or are broken.

use super::*;

/// Answers each request by what is done with its connection, over and over. It has the connection's only end.
fn server(answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if request(&mut stream).is_some() {
                // The client may have gone.
                let _ = answer(&mut stream);
            }
        }
    });
    endpoint
}

async fn sent(endpoint: String, timeout: Duration) -> Result<Taken, Failure> {
    send(&Otlp { timeout, ..Otlp::new(endpoint, HTTP) }).await
}

const SOON: Duration = Duration::from_millis(200);
const LATE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_answer_that_breaks_off_says_as_much_as_its_status() {
    let cut = |head: &'static str| {
        server(move |stream| stream.write_all(format!("{head}\r\ncontent-length: 50\r\n\r\nabc").as_bytes()))
    };
    assert_eq!(sent(cut("HTTP/1.1 200 OK"), LATE).await, Ok(Taken::default()));
    let refused = Failure::Rejected("HTTP status 403".to_owned());
    assert_eq!(sent(cut("HTTP/1.1 403 Forbidden"), LATE).await, Err(refused));
    // Before its status is whole it says nothing.
    for head in ["", "HTTP/1.1 20"] {
        let failure = sent(server(move |stream| stream.write_all(head.as_bytes())), LATE).await.unwrap_err();
        assert!(matches!(failure, Failure::Unreachable { .. }), "{failure}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    for garbage in [&b"\x16\x03\x01\x00\x00"[..], b"SSH-2.0-OpenSSH\r\n\r\n", &[0; 100_000]] {
        let failure = sent(server(move |stream| stream.write_all(garbage)), LATE).await.unwrap_err();
        assert!(matches!(failure, Failure::Unreachable { .. }), "{failure}");
    }
}

/// Writes for as long as it is read.
fn endless(head: &'static str, piece: &'static [u8]) -> String {
    server(move |stream| {
        stream.write_all(head.as_bytes())?;
        loop {
            stream.write_all(piece)?;
        }
    })
}

#[tokio::test]
async fn an_answer_without_end_is_left_at_its_bound() {
    // Within the bound of time, or these would take a minute each.
    let began = std::time::Instant::now();
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(sent(endless(chunks, b"4\r\nabcd\r\n"), LATE).await, Ok(Taken::default()));
    let long = "HTTP/1.1 400 Bad Request\r\ncontent-length: 999999999999\r\n\r\n";
    let refused = Failure::Invalid("HTTP status 400".to_owned());
    assert_eq!(sent(endless(long, &[b'{'; 1000]), LATE).await, Err(refused));
    let failure = sent(endless("HTTP/1.1 200 OK\r\n", b"x: y\r\n"), LATE).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable { .. }), "{failure}");
    assert!(began.elapsed() < LATE);
}

#[tokio::test]
async fn an_answer_that_stops_half_way_is_left_after_the_timeout() {
    let stuck = |head: &'static str| {
        server(move |stream| {
            stream.write_all(head.as_bytes())?;
            // Until the client goes.
            stream.read(&mut [0]).map(drop)
        })
    };
    let taken = stuck("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nabc");
    assert_eq!(sent(taken, SOON).await, Ok(Taken::default()));
    let failure = sent(stuck("HTTP/1.1 200 OK\r\nx:"), SOON).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable { .. }), "{failure}");
}

#[tokio::test]
async fn redirects_are_not_followed_with_keys() {
    for status in [301, 302, 303, 307, 308] {
        let (elsewhere, got) = http_server("200 OK", b"");
        let answer = format!("HTTP/1.1 {status} Moved\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n");
        let endpoint = server(move |stream| stream.write_all(answer.as_bytes()));
        let reason = rejected(sent(endpoint, LATE).await);
        assert!(reason.starts_with(&format!("HTTP status {status}: redirects are not followed")), "{reason}");
        assert!(got.try_recv().is_err());
    }
}

#[tokio::test]
async fn grpc_that_answers_too_much_has_taken_the_spans() {
    let message = "x".repeat(2 * ANSWER_MAX_BYTES);
    let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: message };
    let (endpoint, _got) =
        grpc_server(Ok(ExportTraceServiceResponse { partial_success: Some(partial) })).await;
    assert_eq!(attempt(endpoint, GRPC).await, Ok(Taken::default()));
}

/// Begins an answer, and never ends it.
struct Stuck;

#[tonic::async_trait]
impl TraceService for Stuck {
    async fn export(
        &self,
        _: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn grpc_that_never_answers_is_left_after_the_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder().add_service(TraceServiceServer::new(Stuck));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let receiver = Otlp { timeout: SOON, ..Otlp::new(endpoint, GRPC) };
    assert_eq!(send(&receiver).await, Err(Failure::unreachable("no answer in time")));
}
