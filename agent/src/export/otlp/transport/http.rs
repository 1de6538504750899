//! OTLP/HTTP with protobuf or JSON bodies.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use flate2::write::GzEncoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity, StatusCode};

use super::answer::{Encoding, body};
use super::{ClientError, Failure, Request, Taken, USER_AGENT, advice, left_out};
use crate::config::{self, Compression, Otlp, OtlpProtocol};

/// The library's own default.
const ZSTD_LEVEL: i32 = 3;

/// How the verifier of certificates says that the host has no list of authorities.
const NO_AUTHORITIES: &str = "No CA certificates were loaded";

/// A client that keeps its connections.
#[derive(Debug)]
pub(in super::super) struct Client {
    client: reqwest::Client,
    endpoint: String,
    encoding: Encoding,
    compression: Compression,
}

impl Client {
    pub(super) fn new(receiver: &Otlp) -> Result<Self, ClientError> {
        let encoding = match receiver.protocol {
            OtlpProtocol::HttpJson => Encoding::Json,
            OtlpProtocol::HttpProtobuf | OtlpProtocol::Grpc => Encoding::Protobuf,
        };
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
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(encoding.media_type()));
        let compression = receiver.compression;
        if let Some(name) = name_of(compression) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        // It is built without a cryptographic provider of its own and takes the process's. An error means that
        // one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .timeout(receiver.timeout)
            .user_agent(USER_AGENT)
            // A redirected POST arrives as a GET without the spans, and keys would go to who knows whom.
            .redirect(Policy::none())
            .default_headers(headers);
        let authorities = match &receiver.tls.authorities {
            Some(pem) => Certificate::from_pem_bundle(pem.bytes())?,
            None => Vec::new(),
        };
        builder = if receiver.endpoint.starts_with("https:") {
            builder.tls_certs_merge(authorities)
        } else {
            // A host, or an image, that trusts nobody is no reason not to send without TLS.
            builder.tls_certs_only(authorities)
        };
        if let Some(config::Identity { certificates, key }) = &receiver.tls.identity {
            let both = [certificates.bytes(), b"\n", key.bytes()].concat();
            builder = builder.identity(Identity::from_pem(&both)?);
        }
        let client = builder.build().map_err(|error| {
            if format!("{error:?}").contains(NO_AUTHORITIES) {
                ClientError::NoAuthorities
            } else {
                ClientError::Http(error)
            }
        })?;
        Ok(Self { client, endpoint: receiver.endpoint.clone(), encoding, compression })
    }

    pub(super) async fn send<R: Request>(&self, request: R) -> Result<Taken, Failure> {
        let encoded = match self.encoding {
            Encoding::Protobuf => request.encode_to_vec(),
            Encoding::Json => {
                serde_json::to_vec(&request).map_err(|error| Failure::Rejected(error.to_string()))?
            }
        };
        drop(request);
        let encoded =
            compress(encoded, self.compression).map_err(|error| Failure::unreachable(error.to_string()))?;
        let sent = self.client.post(&self.endpoint).body(encoded).send().await;
        let response = sent.map_err(|error| away(&error))?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| delay(value, SystemTime::now()));
        let encoding = Encoding::of(&response, self.encoding);
        let body = body(response).await.unwrap_or_default();
        if status.is_success() {
            return Ok(encoding.taken::<R>(&body));
        }
        Err(self.failure(status, retry_after, &encoding.message(&body)))
    }

    /// What a status means ("OTLP/HTTP response", "Retryable response codes").
    fn failure(&self, status: StatusCode, retry_after: Option<Duration>, message: &str) -> Failure {
        let mut reason = format!("HTTP status {}", status.as_u16());
        if !message.is_empty() {
            reason = format!("{reason}: {message}");
        }
        match status.as_u16() {
            429 | 502 | 503 | 504 => Failure::Unreachable { reason, retry_after },
            413 => Failure::TooLarge(reason),
            400 => Failure::Invalid(reason),
            415 => Failure::Rejected(self.unsupported(&reason)),
            300..=399 => Failure::Rejected(format!(
                "{reason}: redirects are not followed; set `otlp-endpoint` to where it has moved"
            )),
            _ => Failure::Rejected(reason),
        }
    }

    /// What can be done where the kind of body is not taken.
    fn unsupported(&self, reason: &str) -> String {
        let json = "if it does not take JSON, set `otlp-protocol` to http/protobuf";
        let json = (self.encoding == Encoding::Json).then_some(json);
        let advice: Vec<_> = advice(self.compression).into_iter().chain(json).collect();
        format!("{reason}; {}", advice.join("; ")).trim_end_matches("; ").to_owned()
    }
}

/// The name of a content encoding.
fn name_of(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some("gzip"),
        Compression::Zstd => Some("zstd"),
    }
}

fn compress(body: Vec<u8>, compression: Compression) -> std::io::Result<Vec<u8>> {
    match compression {
        Compression::None => Ok(body),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&body)?;
            encoder.finish()
        }
        Compression::Zstd => {
            let mut compressed = Vec::with_capacity(zstd_safe::compress_bound(body.len()));
            zstd_safe::compress(&mut compressed, &body, ZSTD_LEVEL)
                .map_err(|code| std::io::Error::other(zstd_safe::get_error_name(code)))?;
            Ok(compressed)
        }
    }
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

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
pub(super) fn delay(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}
