//! OTLP/gRPC.

use std::error::Error as _;
use std::str::FromStr as _;
use std::time::Duration;

use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

use super::{ANSWER_MAX_BYTES, ClientError, Failure, Request, Taken, USER_AGENT, advice, left_out, shown};
use crate::config::{Compression, Otlp, Tls};

/// How tonic begins to say that an answer is longer than it may be.
const TOO_LONG: &str = "Error, decoded message length too large";

/// How tonic says that the host has no list of authorities.
const NO_AUTHORITIES: &str = "NativeCertsNotFound";

/// A client that connects when it first sends, and again when the connection is gone.
#[derive(Debug)]
pub(in super::super) struct Client {
    service: Grpc<Channel>,
    headers: MetadataMap,
    timeout: Duration,
    compression: Compression,
}

impl Client {
    pub(super) fn new(receiver: &Otlp) -> Result<Self, ClientError> {
        let mut endpoint = Endpoint::from_shared(receiver.endpoint.clone())?
            .user_agent(USER_AGENT)?
            .connect_timeout(receiver.timeout);
        if receiver.endpoint.starts_with("https:") {
            endpoint = match endpoint.clone().tls_config(tls(&receiver.tls).with_enabled_roots()) {
                Err(error) if format!("{error:?}").contains(NO_AUTHORITIES) => {
                    if receiver.tls.authorities.is_none() {
                        return Err(ClientError::NoAuthorities);
                    }
                    endpoint.tls_config(tls(&receiver.tls))?
                }
                configured => configured?,
            };
        }
        // Answers are short: none needs to be compressed.
        let mut service = Grpc::new(endpoint.connect_lazy()).max_decoding_message_size(ANSWER_MAX_BYTES);
        let compression = receiver.compression;
        service = match compression {
            Compression::None => service,
            Compression::Gzip => service.send_compressed(CompressionEncoding::Gzip),
            Compression::Zstd => service.send_compressed(CompressionEncoding::Zstd),
        };
        let mut headers = MetadataMap::new();
        for (name, value) in &receiver.headers {
            match (AsciiMetadataKey::from_str(name), AsciiMetadataValue::from_str(value)) {
                (Ok(name), Ok(mut value)) => {
                    value.set_sensitive(true);
                    headers.insert(name, value);
                }
                _ => left_out(name),
            }
        }
        Ok(Self { service, headers, timeout: receiver.timeout, compression })
    }

    pub(super) async fn send<R: Request>(&self, message: R) -> Result<Taken, Failure> {
        // An endpoint's own time limit ends with the head of the answer, which may have no end.
        let answer = timeout(self.timeout, self.call(message)).await;
        match answer.map_err(|_| Failure::unreachable("no answer in time"))? {
            Ok(answer) => Ok(answer.into()),
            // What it says is not read, which says nothing against what it took.
            Err(status) if status.message().starts_with(TOO_LONG) => Ok(Taken::default()),
            Err(status) => Err(failure(&status, self.compression)),
        }
    }

    async fn call<R: Request>(&self, message: R) -> Result<R::Response, Status> {
        let mut request = tonic::Request::new(message);
        *request.metadata_mut() = self.headers.clone();
        // A clone shares the connection.
        let mut service = self.service.clone();
        service.ready().await.map_err(|error| Status::from_error(error.into()))?;
        let path = PathAndQuery::from_static(R::METHOD);
        Ok(service.unary(request, path, ProstCodec::default()).await?.into_inner())
    }
}

/// Whom the client trusts beside the host's authorities, and who it says it is.
fn tls(tls: &Tls) -> ClientTlsConfig {
    let mut config = ClientTlsConfig::new();
    if let Some(pem) = &tls.authorities {
        config = config.ca_certificate(Certificate::from_pem(pem.bytes()));
    }
    if let Some(identity) = &tls.identity {
        config = config.identity(Identity::from_pem(identity.certificates.bytes(), identity.key.bytes()));
    }
    config
}

/// What a status means ("OTLP/gRPC failures").
fn failure(status: &Status, compression: Compression) -> Failure {
    let reason = match status.message() {
        "" => format!("gRPC status {:?}", status.code()),
        message => format!("gRPC status {:?}: {}", status.code(), shown(message)),
    };
    let retry_after = status.get_details_retry_info().and_then(|info| info.retry_delay);
    // What a server sent has no cause behind it; what the client made of an error of the transport has.
    if status.source().is_some() {
        return Failure::unreachable(reason);
    }
    match status.code() {
        Code::ResourceExhausted if retry_after.is_none() => Failure::TooLarge(reason),
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Failure::Unreachable { reason, retry_after },
        Code::InvalidArgument => Failure::Invalid(reason),
        Code::Unimplemented => match advice(compression) {
            Some(advice) => Failure::Rejected(format!("{reason}; {advice}")),
            None => Failure::Rejected(reason),
        },
        _ => Failure::Rejected(reason),
    }
}
