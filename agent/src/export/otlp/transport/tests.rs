#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::SystemTime;

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span as OtlpSpan;
use prost::Message as _;
use tonic::codec::CompressionEncoding;
use tonic::transport::server::{Server, TcpIncoming};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::*;
use crate::export::fixture;
use crate::export::otlp::batch::{Batch, Filling};
use crate::export::otlp::item::Content;

mod hostile;
mod json;
mod tls;

const HTTP: OtlpProtocol = OtlpProtocol::HttpProtobuf;
const GRPC: OtlpProtocol = OtlpProtocol::Grpc;

/// One request as the server got it: its head in lower case, and its body.
pub(in crate::export::otlp) struct Got(
    pub(in crate::export::otlp) String,
    pub(in crate::export::otlp) Vec<u8>,
);

/// Serves one HTTP answer, after its first line, to every connection, and says where.
pub(in crate::export::otlp) fn http_server(
    answer: &'static str,
    body: &'static [u8],
) -> (String, Receiver<Got>) {
    let (address, got) = serve(|stream| stream, answer, body);
    (format!("http://{address}/v1/traces"), got)
}

/// Does so over what is made of each connection. One that breaks off is none.
fn serve<S: Read + Write>(
    wrap: impl Fn(TcpStream) -> S + Send + 'static,
    answer: &'static str,
    body: &'static [u8],
) -> (SocketAddr, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, got): (Sender<Got>, _) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = wrap(stream.unwrap());
            let Some(request) = request(&mut stream) else { continue };
            let _ = tell.send(request);
            let head =
                format!("HTTP/1.1 {answer}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), body].concat());
            let _ = stream.flush();
        }
    });
    (address, got)
}

/// The request that comes on a connection, if it comes whole.
fn request(stream: &mut impl Read) -> Option<Got> {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    let mut awaited = None;
    while awaited.is_none_or(|(_, awaited)| seen.len() < awaited) {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        seen.extend(&buffer[..count]);
        let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        awaited = text.find("\r\n\r\n").and_then(|end| {
            let length = text.split("content-length: ").nth(1)?;
            Some((end, end + 4 + length.split("\r\n").next()?.parse::<usize>().ok()?))
        });
    }
    let end = awaited?.0;
    let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
    Some(Got(head, seen.split_off(end + 4)))
}

/// Answers every gRPC request alike.
struct Grpc(Result<ExportTraceServiceResponse, Status>, Sender<Request<ExportTraceServiceRequest>>);

#[tonic::async_trait]
impl TraceService for Grpc {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let _ = self.1.send(request);
        self.0.clone().map(Response::new)
    }
}

async fn grpc_server(
    answer: Result<ExportTraceServiceResponse, Status>,
) -> (String, Receiver<Request<ExportTraceServiceRequest>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (tell, got) = channel();
    let service = TraceServiceServer::new(Grpc(answer, tell))
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd);
    let server = Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    (endpoint, got)
}

fn batch() -> Batch<OtlpSpan> {
    let mut filling = Filling::new(Content::Events);
    for pid in 1..=2 {
        filling.push(&fixture::redacted(1, &fixture::process(pid, "agent")).into());
    }
    filling.finish()
}

async fn send(receiver: &Otlp) -> Result<Taken, Failure> {
    Client::new(receiver).unwrap().send(batch().request()).await
}

async fn attempt(endpoint: String, protocol: OtlpProtocol) -> Result<Taken, Failure> {
    send(&Otlp::new(endpoint, protocol)).await
}

/// Why the spans were refused for good.
fn rejected(result: Result<Taken, Failure>) -> String {
    let failure = result.unwrap_err();
    assert!(matches!(failure, Failure::Rejected(_)), "{failure:?}");
    failure.to_string()
}

fn unused() -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{address}/")
}

fn partial() -> ExportTraceServiceResponse {
    let message = "too\nold".to_owned();
    let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: message };
    ExportTraceServiceResponse { partial_success: Some(partial) }
}

fn unpacked(body: &[u8], compression: Compression) -> Vec<u8> {
    let mut plain = Vec::new();
    match compression {
        Compression::None => plain.extend(body),
        Compression::Gzip => drop(GzDecoder::new(body).read_to_end(&mut plain).unwrap()),
        Compression::Zstd => {
            plain.reserve(1 << 20);
            zstd_safe::decompress(&mut plain, body).unwrap();
        }
    }
    plain
}

#[tokio::test]
async fn one_request_arrives_with_all_that_was_configured() {
    for (compression, name) in
        [(Compression::None, None), (Compression::Gzip, Some("gzip")), (Compression::Zstd, Some("zstd"))]
    {
        let header = ("x-api-key".to_owned(), "hunter2".to_owned());
        let bad = ("not a header".to_owned(), "x".to_owned());
        let otlp = |endpoint, protocol| Otlp {
            headers: vec![header.clone(), bad.clone()],
            compression,
            ..Otlp::new(endpoint, protocol)
        };
        let (endpoint, got) = http_server("200 OK", b"");
        assert_eq!(send(&otlp(endpoint, HTTP)).await, Ok(Taken::default()));
        let Got(head, body) = got.recv().unwrap();
        assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        assert!(head.contains("user-agent: spanwire/"), "{head}");
        assert!(head.contains("x-api-key: hunter2") && !head.contains("not a header"), "{head}");
        let encoding = name.map(|name| format!("content-encoding: {name}\r\n"));
        assert_eq!(head.contains("content-encoding"), name.is_some(), "{head}");
        assert!(encoding.is_none_or(|encoding| format!("{head}\r\n").contains(&encoding)), "{head}");
        let body = unpacked(&body, compression);
        assert_eq!(ExportTraceServiceRequest::decode(body.as_slice()).unwrap(), batch().request());

        let (endpoint, got) = grpc_server(Ok(ExportTraceServiceResponse::default())).await;
        assert_eq!(send(&otlp(endpoint, GRPC)).await, Ok(Taken::default()));
        let request = got.recv().unwrap();
        assert_eq!(request.metadata().get("x-api-key").unwrap(), "hunter2");
        let agent = request.metadata().get("user-agent").unwrap().to_str().unwrap();
        assert!(agent.starts_with("spanwire/"), "{agent}");
        let encoding = request.metadata().get("grpc-encoding").map(|name| name.to_str().unwrap().to_owned());
        assert_eq!(encoding.as_deref(), name);
        assert_eq!(request.into_inner(), batch().request());
    }
}

#[tokio::test]
async fn who_does_not_know_a_compression_or_json_is_told_of_with_what_to_set() {
    let json = OtlpProtocol::HttpJson;
    for (protocol, compression, advice) in [
        (HTTP, Compression::None, ""),
        (HTTP, Compression::Gzip, "; if it does not take gzip, set `otlp-compression` to none"),
        (HTTP, Compression::Zstd, "; if it does not take zstd, set `otlp-compression` to gzip or none"),
        (json, Compression::None, "; if it does not take JSON, set `otlp-protocol` to http/protobuf"),
    ] {
        let (endpoint, _got) = http_server("415 Unsupported Media Type", b"");
        let failure = send(&Otlp { compression, ..Otlp::new(endpoint, protocol) }).await;
        assert_eq!(failure, Err(Failure::Rejected(format!("HTTP status 415{advice}"))));
    }
    // A server that knows gzip alone says so itself.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (tell, _got) = channel();
    let service = TraceServiceServer::new(Grpc(Ok(ExportTraceServiceResponse::default()), tell));
    let server = Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let receiver = Otlp { compression: Compression::Zstd, ..Otlp::new(endpoint, GRPC) };
    let reason = rejected(send(&receiver).await);
    assert!(
        reason.contains("Unimplemented") && reason.ends_with("set `otlp-compression` to gzip or none"),
        "{reason}"
    );
}

#[tokio::test]
async fn what_was_refused_of_a_request_comes_with_its_answer() {
    let taken = Ok(Taken { rejected: 3, message: "too old".to_owned() });
    let (endpoint, _got) = grpc_server(Ok(partial())).await;
    assert_eq!(attempt(endpoint, GRPC).await, taken);
    let (endpoint, _got) = http_server("200 OK", b"\x0a\x0b\x08\x03\x12\x07too\nold");
    assert_eq!(attempt(endpoint, HTTP).await, taken);
    // Neither an answer that is none nor one without end says anything against the spans.
    for body in [b"\xff\xff".as_slice(), &[b'x'; 100_000]] {
        assert_eq!(attempt(http_server("202 Accepted", body).0, HTTP).await, Ok(Taken::default()));
    }
}

#[tokio::test]
async fn http_statuses_follow_the_specification() {
    let patience = |status: u16, seconds: Option<u64>| Failure::Unreachable {
        reason: format!("HTTP status {status}"),
        retry_after: seconds.map(Duration::from_secs),
    };
    let text = |status: u16| format!("HTTP status {status}");
    for (answer, expected) in [
        ("429 Slow Down\r\nRetry-After: 17", patience(429, Some(17))),
        ("503 Service Unavailable\r\nRetry-After: soon", patience(503, None)),
        ("503 Service Unavailable\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT", patience(503, Some(0))),
        ("502 Bad Gateway", patience(502, None)),
        ("504 Gateway Timeout", patience(504, None)),
        ("413 Content Too Large", Failure::TooLarge(text(413))),
        ("400 Bad Request", Failure::Invalid(text(400))),
        ("401 Unauthorized", Failure::Rejected(text(401))),
        ("404 Not Found", Failure::Rejected(text(404))),
        ("500 Internal Server Error", Failure::Rejected(text(500))),
    ] {
        assert_eq!(attempt(http_server(answer, b"").0, HTTP).await, Err(expected), "{answer}");
    }
}

#[tokio::test]
async fn grpc_statuses_follow_the_specification() {
    let patience = |delay: u64| {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(delay)));
        Status::with_error_details(Code::ResourceExhausted, "slow down", details)
    };
    let wait = Failure::Unreachable {
        reason: "gRPC status ResourceExhausted: slow down".to_owned(),
        retry_after: Some(Duration::from_secs(17)),
    };
    let (endpoint, _got) = grpc_server(Err(patience(17))).await;
    assert_eq!(attempt(endpoint, GRPC).await, Err(wait));
    let text = |code: Code| format!("gRPC status {code:?}: why");
    for (code, expected) in [
        (Code::Unavailable, Failure::unreachable(text(Code::Unavailable))),
        (Code::Cancelled, Failure::unreachable(text(Code::Cancelled))),
        (Code::DeadlineExceeded, Failure::unreachable(text(Code::DeadlineExceeded))),
        (Code::Aborted, Failure::unreachable(text(Code::Aborted))),
        (Code::OutOfRange, Failure::unreachable(text(Code::OutOfRange))),
        (Code::DataLoss, Failure::unreachable(text(Code::DataLoss))),
        (Code::ResourceExhausted, Failure::TooLarge(text(Code::ResourceExhausted))),
        (Code::InvalidArgument, Failure::Invalid(text(Code::InvalidArgument))),
        (Code::Unauthenticated, Failure::Rejected(text(Code::Unauthenticated))),
        (Code::PermissionDenied, Failure::Rejected(text(Code::PermissionDenied))),
        (Code::Unimplemented, Failure::Rejected(text(Code::Unimplemented))),
        (Code::Internal, Failure::Rejected(text(Code::Internal))),
        (Code::Unknown, Failure::Rejected(text(Code::Unknown))),
    ] {
        let (endpoint, _got) = grpc_server(Err(Status::new(code, "why"))).await;
        assert_eq!(attempt(endpoint, GRPC).await, Err(expected), "{code:?}");
    }
}

#[tokio::test]
async fn who_is_not_there_is_unreachable_and_no_password_is_told() {
    for protocol in [GRPC, HTTP] {
        let endpoint = unused().replace("http://", "http://bob:hunter2@");
        let failure = attempt(endpoint, protocol).await.unwrap_err();
        assert!(matches!(&failure, Failure::Unreachable { retry_after: None, .. }), "{failure}");
        assert!(!failure.to_string().contains("hunter2"), "{failure}");
    }
}

#[tokio::test]
async fn one_who_does_not_answer_is_unreachable() {
    // It accepts connections, and that is all.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/", silent.local_addr().unwrap());
    for protocol in [GRPC, HTTP] {
        let timeout = Duration::from_millis(50);
        let receiver = Otlp { timeout, ..Otlp::new(endpoint.clone(), protocol) };
        let failure = send(&receiver).await.unwrap_err();
        assert!(matches!(&failure, Failure::Unreachable { .. }), "{failure}");
    }
}

#[tokio::test]
async fn one_who_speaks_the_other_protocol_is_noticed() {
    let (endpoint, _got) = http_server("404 Not Found", b"");
    assert!(attempt(endpoint, GRPC).await.is_err());
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    for (value, seconds) in [
        ("0", Some(0)),
        (" 120 ", Some(120)),
        ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
        ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
        ("-1", None),
        ("soon", None),
    ] {
        assert_eq!(http::delay(value, now), seconds.map(Duration::from_secs), "{value}");
    }
}
