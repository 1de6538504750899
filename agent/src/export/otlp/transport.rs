//! One attempt to hand spans to the receiver, and what its answer means (OTLP specification 1.x).

pub(super) mod grpc;
pub(super) mod http;
#[cfg(test)]
pub(super) mod tests;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tracing::warn;

use crate::config::{Otlp, OtlpProtocol};

/// Characters of a receiver's message that are shown.
const MESSAGE_MAX: usize = 200;

/// Why a client could not be built. No text of it holds a credential.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of `OTEL_EXPORTER_OTLP_CERTIFICATE`.
    #[error("cannot read the certificates in {path}: {source}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is for OTLP/gRPC.
    #[error(transparent)]
    Grpc(#[from] tonic::transport::Error),
    /// It is for OTLP/HTTP.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// It is for metrics.
    #[error("its client for metrics: {0}")]
    Metrics(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Why spans were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The receiver was not reached, or asked for patience: the same spans may pass later.
    Unreachable {
        /// What happened.
        reason: String,
        /// Not before.
        retry_after: Option<Duration>,
    },
    /// The receiver might have taken fewer.
    TooLarge(String),
    /// The receiver objects to something in the request: others of its spans may be good.
    Invalid(String),
    /// The receiver will not have spans from us.
    Rejected(String),
}

impl Failure {
    fn unreachable(reason: impl Into<String>) -> Self {
        Self::Unreachable { reason: reason.into(), retry_after: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unreachable { reason, .. }
        | Self::TooLarge(reason)
        | Self::Invalid(reason)
        | Self::Rejected(reason)) = self;
        f.write_str(reason)
    }
}

/// What the receiver says of a request that it took ("Partial Success").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Spans of it that it refused.
    pub(super) rejected: u64,
    /// Why, or what else the operator should know.
    pub(super) message: String,
}

impl From<ExportTraceServiceResponse> for Taken {
    fn from(response: ExportTraceServiceResponse) -> Self {
        let partial = response.partial_success.unwrap_or_default();
        let rejected = u64::try_from(partial.rejected_spans).unwrap_or(0);
        Self { rejected, message: shown(&partial.error_message) }
    }
}

/// As much as is shown of a text that the receiver wrote.
fn shown(text: &str) -> String {
    text.chars().take(MESSAGE_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Takes spans to the receiver.
pub(super) trait Transport: Send + Sync + 'static {
    /// Makes one attempt.
    fn send(
        &self,
        request: &ExportTraceServiceRequest,
    ) -> impl Future<Output = Result<Taken, Failure>> + Send;
}

/// The client of either protocol.
#[derive(Debug)]
pub(super) enum Client {
    Grpc(Box<grpc::Client>),
    Http(http::Client),
}

impl Client {
    /// Builds the client without contacting the receiver. Must be called within a tokio runtime.
    pub(super) fn new(receiver: &Otlp) -> Result<Self, ClientError> {
        Ok(match receiver.protocol {
            OtlpProtocol::Grpc => Self::Grpc(Box::new(grpc::Client::new(receiver)?)),
            OtlpProtocol::HttpProtobuf => Self::Http(http::Client::new(receiver)?),
        })
    }
}

impl Transport for Client {
    async fn send(&self, request: &ExportTraceServiceRequest) -> Result<Taken, Failure> {
        match self {
            Self::Grpc(client) => client.send(request).await,
            Self::Http(client) => client.send(request).await,
        }
    }
}

/// The certificates that the operator trusts beside the system's, in PEM.
fn certificates(receiver: &Otlp) -> Result<Option<Vec<u8>>, ClientError> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| ClientError::Certificate { path: path.clone(), source })
    };
    receiver.certificate.as_ref().map(read).transpose()
}

/// Says that a configured header is no header. Its value is not shown.
fn left_out(name: &str) {
    warn!("the OTLP header '{name}' has a name or a value that no header can have, and is left out");
}
