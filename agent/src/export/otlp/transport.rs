//! One attempt to hand spans to the receiver, and what a failure means.

use std::fmt;
use std::future::Future;

use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};

use super::convert;
use crate::config::{Otlp, OtlpProtocol};
use crate::discovery::process::Process;

/// Why spans were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The receiver was not reached, or asked for patience: the same spans may pass later.
    Unreachable(String),
    /// The receiver will not have these spans, now or later.
    Rejected(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reason) | Self::Rejected(reason) => f.write_str(reason),
        }
    }
}

/// Takes the spans of one process to the receiver.
pub(super) trait Transport: Send + 'static {
    /// Makes one attempt.
    fn send(
        &mut self,
        process: &Process,
        spans: Vec<SpanData>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The OpenTelemetry client. It repeats an attempt by itself, a few times within its timeout, and
/// heeds the receiver's `Retry-After`.
#[derive(Debug)]
pub(super) struct Client(SpanExporter);

impl Client {
    /// Builds the client without contacting the receiver. Must be called within a tokio runtime.
    pub(super) fn new(receiver: &Otlp) -> Result<Self, ExporterBuildError> {
        // The client of OTLP/HTTP is built without a cryptographic provider of its own and takes the
        // process's. An error means that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let exporter = match receiver.protocol {
            OtlpProtocol::HttpProtobuf => SpanExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(&receiver.endpoint)
                .build()?,
            OtlpProtocol::Grpc => {
                let builder = SpanExporter::builder().with_tonic().with_endpoint(&receiver.endpoint);
                if receiver.endpoint.starts_with("https:") {
                    // The library's own default trusts no certificate at all.
                    builder.with_tls_config(ClientTlsConfig::new().with_enabled_roots()).build()?
                } else {
                    builder.build()?
                }
            }
        };
        Ok(Self(exporter))
    }
}

impl Transport for Client {
    async fn send(&mut self, process: &Process, spans: Vec<SpanData>) -> Result<(), Failure> {
        self.0.set_resource(&convert::resource(process));
        self.0.export(spans).await.map_err(|error| classify(&error))
    }
}

/// gRPC codes after which a client tries again (OTLP specification 1.x, "OTLP/gRPC failures").
/// `ResourceExhausted` counts only with a hint that the library does not pass on; in doubt, spans are kept.
const RETRYABLE_CODES: [&str; 7] = [
    "Cancelled",
    "DeadlineExceeded",
    "ResourceExhausted",
    "Aborted",
    "OutOfRange",
    "Unavailable",
    "DataLoss",
];

/// HTTP statuses after which a client tries again ("OTLP/HTTP retryable response codes").
const RETRYABLE_STATUSES: [&str; 4] = ["429", "502", "503", "504"];

/// What an error of the library means. It has no kinds, so that its text must be read: an unknown one
/// counts as unreachable, since a span too many beats a lost one. The tests hold this to the real library.
fn classify(error: &OTelSdkError) -> Failure {
    let OTelSdkError::InternalFailure(message) = error else {
        return Failure::Unreachable(error.to_string());
    };
    if let Some((_, status)) = message.split_once("status code: ") {
        let reason = format!("HTTP status {status}");
        return if RETRYABLE_STATUSES.contains(&status) {
            Failure::Unreachable(reason)
        } else {
            Failure::Rejected(reason)
        };
    }
    if let Some((_, code)) = message.split_once("gRPC code: ") {
        let reason = format!("gRPC status {code}");
        // A status that the server sent has no cause behind it; one that tonic made up has.
        let (name, cause) = code.split_once(": ").map_or((code, None), |(name, cause)| (name, Some(cause)));
        return if RETRYABLE_CODES.contains(&name) || cause.is_some() {
            Failure::Unreachable(reason)
        } else {
            Failure::Rejected(reason)
        };
    }
    if message.contains("will not be sent") {
        return Failure::Rejected("the request would be too large".to_owned());
    }
    Failure::Unreachable(message.trim_start_matches("HTTP export failed: ").to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::export::fixture;
    use crate::telemetry::Counters;

    /// Serves one HTTP status to every connection, and says where.
    fn server(status: &'static str) -> String {
        server_with(status, b"")
    }

    fn server_with(status: &'static str, body: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut seen = Vec::new();
                let mut buffer = [0; 4096];
                let mut awaited = None;
                while awaited.is_none_or(|awaited| seen.len() < awaited) {
                    let count = stream.read(&mut buffer).unwrap_or(0);
                    if count == 0 {
                        break;
                    }
                    seen.extend(&buffer[..count]);
                    let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
                    awaited = text.find("\r\n\r\n").map(|end| {
                        let length = text.split("content-length: ").nth(1).unwrap();
                        end + 4 + length.split("\r\n").next().unwrap().parse::<usize>().unwrap()
                    });
                }
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(&[head.as_bytes(), body].concat());
            }
        });
        format!("http://{address}/v1/traces")
    }

    async fn attempt(endpoint: String, protocol: OtlpProtocol) -> Result<(), Failure> {
        let process = fixture::process(1, "agent");
        let span = convert::span_data(&fixture::redacted(1, &process), &convert::scope());
        Client::new(&Otlp { endpoint, protocol }).unwrap().send(&process, vec![span]).await
    }

    fn unused() -> String {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        format!("http://{address}/")
    }

    #[tokio::test]
    async fn http_success_and_failures_are_told_apart() {
        let http = OtlpProtocol::HttpProtobuf;
        assert_eq!(attempt(server("200 OK"), http).await, Ok(()));
        for (status, reason) in
            [("400 Bad Request", "HTTP status 400"), ("401 Unauthorized", "HTTP status 401")]
        {
            assert_eq!(attempt(server(status), http).await, Err(Failure::Rejected(reason.to_owned())));
        }
        assert_eq!(
            attempt(server("503 Service Unavailable"), http).await,
            Err(Failure::Unreachable("HTTP status 503".to_owned()))
        );
        assert_eq!(attempt(unused(), http).await, Err(Failure::Unreachable("network error".to_owned())));
    }

    #[tokio::test]
    async fn refused_spans_of_an_accepted_request_are_counted() {
        // ExportTraceServiceResponse { partial_success { rejected_spans: 3, error_message: "bad" } }
        let body = b"\x0a\x07\x08\x03\x12\x03bad";
        let counters = Arc::new(Counters::default());
        let log =
            tracing_subscriber::registry().with(crate::telemetry::refusal::layer(Arc::clone(&counters)));
        let _log = tracing::subscriber::set_default(log);
        assert_eq!(attempt(server_with("200 OK", body), OtlpProtocol::HttpProtobuf).await, Ok(()));
        assert_eq!(counters.spans_dropped_rejected.get(), 3);
    }

    #[tokio::test]
    async fn grpc_without_a_server_is_unreachable() {
        let failure = attempt(unused(), OtlpProtocol::Grpc).await.unwrap_err();
        assert!(
            matches!(&failure, Failure::Unreachable(reason) if reason.starts_with("gRPC status ")),
            "{failure}"
        );
    }

    #[tokio::test]
    async fn clients_for_tls_can_be_built() {
        for protocol in [OtlpProtocol::Grpc, OtlpProtocol::HttpProtobuf] {
            Client::new(&Otlp { endpoint: "https://localhost:1/".to_owned(), protocol }).unwrap();
        }
    }

    #[test]
    fn grpc_statuses_follow_the_specification() {
        let classified = |code: &str| {
            classify(&OTelSdkError::InternalFailure(format!(
                "TonicTracesClient export failed with gRPC code: {code}"
            )))
        };
        for code in ["Unavailable", "DeadlineExceeded", "ResourceExhausted", "Unknown: transport error"] {
            assert!(matches!(classified(code), Failure::Unreachable(_)), "{code}");
        }
        for code in ["InvalidArgument", "Unauthenticated", "PermissionDenied", "Unimplemented", "Unknown"] {
            assert_eq!(classified(code), Failure::Rejected(format!("gRPC status {code}")));
        }
    }
}
