//! OTLP/gRPC.

use std::error::Error as _;
use std::str::FromStr as _;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::codec::CompressionEncoding;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::{ClientError, Failure, Taken, certificates, left_out, shown};
use crate::config::Otlp;

/// A client that connects when it first sends, and again when the connection is gone.
#[derive(Debug)]
pub(in super::super) struct Client {
    service: TraceServiceClient<Channel>,
    headers: MetadataMap,
}

impl Client {
    pub(super) fn new(receiver: &Otlp) -> Result<Self, ClientError> {
        let mut endpoint = Endpoint::from_shared(receiver.endpoint.clone())?
            .timeout(receiver.timeout)
            .connect_timeout(receiver.timeout);
        if receiver.endpoint.starts_with("https:") {
            endpoint = endpoint.tls_config(tls(receiver)?)?;
        }
        let mut service =
            TraceServiceClient::new(endpoint.connect_lazy()).accept_compressed(CompressionEncoding::Gzip);
        if receiver.gzip {
            service = service.send_compressed(CompressionEncoding::Gzip);
        }
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
        Ok(Self { service, headers })
    }

    pub(super) async fn send(&self, message: &ExportTraceServiceRequest) -> Result<Taken, Failure> {
        let mut request = Request::new(message.clone());
        *request.metadata_mut() = self.headers.clone();
        // A clone shares the connection.
        match self.service.clone().export(request).await {
            Ok(response) => Ok(response.into_inner().into()),
            Err(status) => Err(failure(&status)),
        }
    }
}

/// Whom the client trusts.
pub(in super::super) fn tls(receiver: &Otlp) -> Result<ClientTlsConfig, ClientError> {
    let tls = ClientTlsConfig::new().with_enabled_roots();
    Ok(match certificates(receiver)? {
        Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
        None => tls,
    })
}

/// What a status means ("OTLP/gRPC failures").
pub(super) fn failure(status: &Status) -> Failure {
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
        _ => Failure::Rejected(reason),
    }
}
