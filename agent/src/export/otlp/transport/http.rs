//! OTLP/HTTP with protobuf bodies.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, ClientBuilder, Response, StatusCode};

use super::{ClientError, Failure, Taken, certificates, left_out};
use crate::config::Otlp;

/// Bytes of an answer that are read; a longer one's message is not.
const ANSWER_MAX_BYTES: usize = 64 << 10;

/// A client that keeps its connections.
#[derive(Debug)]
pub(in super::super) struct Client {
    client: reqwest::Client,
    endpoint: String,
    gzip: bool,
}

impl Client {
    pub(super) fn new(receiver: &Otlp) -> Result<Self, ClientError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &receiver.headers {
            match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
                (Ok(name), Ok(mut value)) => {
                    value.set_sensitive(true);
                    headers.insert(name, value);
                }
                _ => left_out(name),
            }
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        if receiver.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let client = builder(receiver)?.default_headers(headers).build()?;
        Ok(Self { client, endpoint: receiver.endpoint.clone(), gzip: receiver.gzip })
    }

    pub(super) async fn send(&self, message: &ExportTraceServiceRequest) -> Result<Taken, Failure> {
        let mut body = message.encode_to_vec();
        if self.gzip {
            body = compress(&body).map_err(|error| Failure::unreachable(error.to_string()))?;
        }
        let response =
            self.client.post(&self.endpoint).body(body).send().await.map_err(|error| away(&error))?;
        let status = response.status();
        if status.is_success() {
            // What cannot be read says nothing against the spans, which were taken.
            return Ok(answer(response).await.map(Taken::from).unwrap_or_default());
        }
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Err(failure(status, retry_after.and_then(|value| delay(value, SystemTime::now()))))
    }
}

/// A client that waits as long and trusts as much as is configured.
pub(in super::super) fn builder(receiver: &Otlp) -> Result<ClientBuilder, ClientError> {
    // It is built without a cryptographic provider of its own and takes the process's. An error means that
    // one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().timeout(receiver.timeout).user_agent(concat!(
        env!("CARGO_PKG_NAME"),
        "/",
        env!("CARGO_PKG_VERSION")
    ));
    Ok(match certificates(receiver)? {
        Some(pem) => builder.tls_certs_merge(Certificate::from_pem_bundle(&pem)?),
        None => builder,
    })
}

fn compress(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

async fn answer(mut response: Response) -> Option<ExportTraceServiceResponse> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        body.extend_from_slice(&piece);
        if body.len() > ANSWER_MAX_BYTES {
            return None;
        }
    }
    ExportTraceServiceResponse::decode(body.as_slice()).ok()
}

/// The receiver did not answer. The error's own text holds the URL, with what credentials are in it.
fn away(error: &reqwest::Error) -> Failure {
    Failure::unreachable(match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        error if error.is_redirect() => "too many redirects",
        _ => "network error",
    })
}

/// What a status means ("OTLP/HTTP response", "Retryable response codes").
pub(super) fn failure(status: StatusCode, retry_after: Option<Duration>) -> Failure {
    let reason = format!("HTTP status {}", status.as_u16());
    match status.as_u16() {
        429 | 502 | 503 | 504 => Failure::Unreachable { reason, retry_after },
        413 => Failure::TooLarge(reason),
        400 => Failure::Invalid(reason),
        _ => Failure::Rejected(reason),
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
pub(super) fn delay(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}
