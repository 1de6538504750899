//! One attempt to hand something to a receiver, and what its answer means (OTLP specification 1.x).

mod answer;
mod grpc;
mod http;
mod request;
#[cfg(test)]
pub(super) mod tests;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::config::{Compression, Otlp, OtlpProtocol};
pub(super) use request::Request;

/// Characters of a receiver's message that are shown.
const MESSAGE_MAX: usize = 200;
/// Bytes of an answer that are read; what a longer one says does not count.
const ANSWER_MAX_BYTES: usize = 64 << 10;
/// Who sends.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Why a client could not be built. No text of it holds a credential.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It is for OTLP/gRPC.
    #[error(transparent)]
    Grpc(#[from] tonic::transport::Error),
    /// It is for OTLP/HTTP.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// Nobody is trusted who could vouch for the receiver.
    #[error(
        "this host has no list of authorities, so no receiver's certificate can be checked: install the package \
         ca-certificates, or name a file of authorities in `otlp-certificate`"
    )]
    NoAuthorities,
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

/// As much as is shown of a text that the receiver wrote.
fn shown(text: &str) -> String {
    text.chars().take(MESSAGE_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Takes requests to the receiver.
pub(super) trait Transport<R>: Send + Sync + 'static {
    /// Makes one attempt.
    fn send(&self, request: R) -> impl Future<Output = Result<Taken, Failure>> + Send;
}

impl<R: Send + 'static, T: Transport<R>> Transport<R> for Arc<T> {
    fn send(&self, request: R) -> impl Future<Output = Result<Taken, Failure>> + Send {
        T::send(self, request)
    }
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
            OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => Self::Http(http::Client::new(receiver)?),
        })
    }
}

impl<R: Request> Transport<R> for Client {
    async fn send(&self, request: R) -> Result<Taken, Failure> {
        match self {
            Self::Grpc(client) => client.send(request).await,
            Self::Http(client) => client.send(request).await,
        }
    }
}

/// Says that a configured header is no header. Its value is not shown.
fn left_out(name: &str) {
    warn!("the OTLP header '{name}' has a name or a value that no header can have, and is left out");
}

/// What the operator can do where a receiver does not know a kind of compression; nothing without any.
fn advice(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some("if it does not take gzip, set `otlp-compression` to none"),
        Compression::Zstd => Some("if it does not take zstd, set `otlp-compression` to gzip or none"),
    }
}
