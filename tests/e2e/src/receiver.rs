//! A real OTLP receiver for traces and metrics, over gRPC or HTTP, and for logs over HTTP.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tonic::codec::CompressionEncoding;
use tonic::transport::server::TcpIncoming;

use crate::evidence::Evidence;
use crate::span::Span;

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP with protobuf bodies.
    Http,
}

impl Protocol {
    /// Its name in `OTEL_EXPORTER_OTLP_PROTOCOL`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http/protobuf",
        }
    }
}

#[derive(Debug, Default)]
struct Received {
    spans: Vec<Span>,
    logs: Vec<LogRecord>,
    bytes: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Store {
    received: Arc<watch::Sender<Received>>,
    evidence: Arc<Evidence>,
    /// How long each request takes.
    takes: Duration,
}

impl Store {
    fn add(&self, export: &ExportTraceServiceRequest, bytes: &[u8]) {
        let spans = Span::all_of(&export.resource_spans);
        spans.iter().for_each(|span| self.evidence.show(span));
        self.received.send_modify(|received| {
            received.spans.extend(spans);
            received.bytes.extend_from_slice(bytes);
        });
    }

    /// Of metrics only the bytes are kept.
    fn keep(&self, bytes: &[u8]) {
        self.received.send_modify(|received| received.bytes.extend_from_slice(bytes));
    }
}

#[tonic::async_trait]
impl TraceService for Store {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let headers = format!("{:?}", request.metadata());
        let export = request.into_inner();
        // Texts stand in protobuf as they are, so encoding again shows every one that was sent.
        self.add(&export, &[headers.into_bytes(), export.encode_to_vec()].concat());
        tokio::time::sleep(self.takes).await;
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Store {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, tonic::Status> {
        let headers = format!("{:?}", request.metadata());
        self.keep(&[headers.into_bytes(), request.into_inner().encode_to_vec()].concat());
        Ok(tonic::Response::new(ExportMetricsServiceResponse::default()))
    }
}

async fn take(State(store): State<Store>, headers: HeaderMap, body: Bytes) -> Result<Vec<u8>, StatusCode> {
    let bytes = unpacked(&headers, &body)?;
    let export = ExportTraceServiceRequest::decode(bytes.as_slice()).map_err(|_| StatusCode::BAD_REQUEST)?;
    store.add(&export, &[format!("{headers:?}").into_bytes(), bytes].concat());
    tokio::time::sleep(store.takes).await;
    Ok(ExportTraceServiceResponse::default().encode_to_vec())
}

async fn keep(State(store): State<Store>, headers: HeaderMap, body: Bytes) -> Result<(), StatusCode> {
    let bytes = unpacked(&headers, &body)?;
    store.keep(&[format!("{headers:?}").into_bytes(), bytes].concat());
    // An empty answer is one without anything to tell.
    Ok(())
}

async fn take_logs(State(store): State<Store>, headers: HeaderMap, body: Bytes) -> Result<(), StatusCode> {
    let bytes = unpacked(&headers, &body)?;
    let export = ExportLogsServiceRequest::decode(bytes.as_slice()).map_err(|_| StatusCode::BAD_REQUEST)?;
    let scopes = export.resource_logs.into_iter().flat_map(|logs| logs.scope_logs);
    let records: Vec<_> = scopes.flat_map(|scope| scope.log_records).collect();
    store.received.send_modify(|received| received.logs.extend(records));
    store.keep(&bytes);
    Ok(())
}

fn unpacked(headers: &HeaderMap, body: &Bytes) -> Result<Vec<u8>, StatusCode> {
    let mut bytes = body.to_vec();
    if headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
        bytes.clear();
        let mut decoder = flate2::read::GzDecoder::new(body.as_ref());
        decoder.read_to_end(&mut bytes).map_err(|_| StatusCode::BAD_REQUEST)?;
    }
    Ok(bytes)
}

/// A receiver that listens until it is stopped or dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    protocol: Protocol,
    received: watch::Receiver<Received>,
    /// Its own: servers hand each connection to a task, and all of those must end with the receiver.
    runtime: Option<Runtime>,
}

impl Receiver {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(protocol: Protocol) -> Result<Self> {
        Self::start_on(protocol, 0).await
    }

    /// Listens on `port` of 127.0.0.1: see [`Reserved`].
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start_on(protocol: Protocol, port: u16) -> Result<Self> {
        Self::listen(protocol, port, Duration::ZERO).await
    }

    /// Listens on a free port of 127.0.0.1, and takes so long for each request.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn slow(protocol: Protocol, takes: Duration) -> Result<Self> {
        Self::listen(protocol, 0, takes).await
    }

    async fn listen(protocol: Protocol, port: u16, takes: Duration) -> Result<Self> {
        let socket = reusable(port).context("the receiver's port")?;
        let address = socket.local_addr()?;
        let (sender, received) = watch::channel(Received::default());
        let evidence = Arc::new(Evidence::new("spans", "txt"));
        let store = Store { received: Arc::new(sender), evidence, takes };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let handle = runtime.handle().clone();
        let receiver = Self { address, protocol, received, runtime: Some(runtime) };
        let _inside = handle.enter();
        let listener = socket.listen(BACKLOG)?;
        match protocol {
            Protocol::Grpc => {
                let metrics =
                    MetricsServiceServer::new(store.clone()).accept_compressed(CompressionEncoding::Gzip);
                let traces = TraceServiceServer::new(store).accept_compressed(CompressionEncoding::Gzip);
                let incoming = TcpIncoming::from(listener);
                let router = tonic::transport::Server::builder().add_service(traces).add_service(metrics);
                // A server that fails receives nothing, which fails the test.
                handle.spawn(async move { drop(router.serve_with_incoming(incoming).await) })
            }
            Protocol::Http => {
                let router = axum::Router::new().route("/v1/traces", post(take));
                let router = router.route("/v1/metrics", post(keep));
                let router = router.route("/v1/logs", post(take_logs)).with_state(store);
                handle.spawn(async move { drop(axum::serve(listener, router).await) })
            }
        };
        Ok(receiver)
    }

    /// Stops listening and closes every connection; returns what came until then. Once this returns, the
    /// port is free for another.
    ///
    /// # Errors
    /// When it cannot be stopped.
    pub async fn stop(mut self) -> Result<Vec<Span>> {
        if let Some(runtime) = self.runtime.take() {
            // Waits for its tasks, which no asynchronous task may.
            tokio::task::spawn_blocking(move || drop(runtime)).await?;
        }
        Ok(self.spans())
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` names it by.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How it is spoken to.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The spans received so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.received.borrow().spans.clone()
    }

    /// The log records received so far.
    #[must_use]
    pub fn logs(&self) -> Vec<LogRecord> {
        self.received.borrow().logs.clone()
    }

    /// Every byte received so far: headers, and bodies unpacked.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.received.borrow().bytes.clone()
    }

    /// Waits until `found` says that the spans are those that it waits for; returns all.
    ///
    /// # Errors
    /// When `deadline` passes before that; the message has the spans.
    pub async fn wait_for(
        &self,
        what: &str,
        deadline: Duration,
        mut found: impl FnMut(&[Span]) -> bool,
    ) -> Result<Vec<Span>> {
        let mut received = self.received.clone();
        match tokio::time::timeout(deadline, received.wait_for(|received| found(&received.spans))).await {
            Ok(Ok(received)) => return Ok(received.spans.clone()),
            Ok(Err(_)) => bail!("the receiver ended before {what}"),
            Err(_) => {}
        }
        let spans = self.spans();
        let last: Vec<_> = spans.iter().rev().take(20).collect();
        bail!("{what} did not arrive; {} spans did, the last of them: {last:#?}", spans.len());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Connections that may wait for a receiver.
const BACKLOG: u32 = 128;

/// A socket on a port of 127.0.0.1 that others of this process may share.
fn reusable(port: u16) -> Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    // Also where an earlier one's connections have just ended.
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    Ok(socket)
}

/// A port of 127.0.0.1 for a receiver that comes and goes: nobody else can have it in between, and who
/// connects meanwhile is refused.
#[derive(Debug)]
pub struct Reserved(TcpSocket);

impl Reserved {
    /// Takes one.
    ///
    /// # Errors
    /// When there is none.
    pub fn port() -> Result<Self> {
        Ok(Self(reusable(0)?))
    }

    /// Its number.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn number(&self) -> Result<u16> {
        Ok(self.0.local_addr()?.port())
    }
}

/// A port of 127.0.0.1 that nobody listens on.
///
/// # Errors
/// When there is none.
pub async fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port())
}
