//! Where and how OTLP is sent: the settings, then the variables of the OTLP exporter specification
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use opentelemetry_otlp::{
    OTEL_EXPORTER_OTLP_COMPRESSION, OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_TIMEOUT,
    OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT, OTEL_EXPORTER_OTLP_TRACES_COMPRESSION,
    OTEL_EXPORTER_OTLP_TRACES_HEADERS, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT,
};
use reqwest::Url;

use super::Environment;
use super::error::{ConfigError, Origin};
use super::settings::Settings;
use super::value::OtlpProtocol;
use crate::percent;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTOCOL: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const INSECURE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE"];
// Each for this signal first: where it is set, the general one does not count.
const HEADERS: [&str; 2] = [OTEL_EXPORTER_OTLP_TRACES_HEADERS, OTEL_EXPORTER_OTLP_HEADERS];
const TIMEOUT: [&str; 2] = [OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, OTEL_EXPORTER_OTLP_TIMEOUT];
const COMPRESSION: [&str; 2] = [OTEL_EXPORTER_OTLP_TRACES_COMPRESSION, OTEL_EXPORTER_OTLP_COMPRESSION];
const CERTIFICATE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
const METRICS_EXPORTER: &str = "OTEL_METRICS_EXPORTER";
const METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const TRACES_PATH: &str = "/v1/traces";
const METRICS_PATH: &str = "/v1/metrics";

/// An OTLP receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct Otlp {
    /// The full URL that spans are sent to. It may hold credentials: [`Otlp::label`] is for the log.
    pub endpoint: String,
    /// How.
    pub protocol: OtlpProtocol,
    /// Headers of each request, which hold keys.
    pub headers: Vec<(String, String)>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Requests are compressed with gzip.
    pub gzip: bool,
    /// A file with the certificates of authorities (PEM) that are trusted beside the system's.
    pub certificate: Option<PathBuf>,
    /// The full URL that the agent's own metrics are sent to, if they are.
    pub metrics: Option<String>,
}

/// Without what may hold a credential.
impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, timeout, gzip, certificate, .. } = self;
        write!(f, "Otlp({}, {protocol:?}, {timeout:?}, gzip: {gzip}, {certificate:?})", self.label())
    }
}

impl Otlp {
    /// A receiver with the specification's defaults.
    #[must_use]
    pub fn new(endpoint: String, protocol: OtlpProtocol) -> Self {
        let timeout = OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT;
        Self {
            endpoint,
            protocol,
            headers: Vec::new(),
            timeout,
            gzip: false,
            certificate: None,
            metrics: None,
        }
    }

    /// The endpoint without user, password, query and fragment.
    #[must_use]
    pub fn label(&self) -> String {
        let Ok(mut url) = Url::parse(&self.endpoint) else { return "the OTLP endpoint".to_owned() };
        // Both fail only for URLs that cannot have a user, which then have none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        url.to_string()
    }
}

/// Whether the settings or the environment name an OTLP endpoint.
pub(super) fn is_configured(settings: &Settings, environment: &Environment) -> bool {
    settings.otlp_endpoint.is_some()
        || [ENDPOINT, TRACES_ENDPOINT].iter().any(|name| variable(environment, name).is_some())
}

/// Finds endpoint and protocol.
///
/// # Errors
/// When either is not one that can be used.
pub(super) fn resolve(
    settings: &Settings,
    origins: &BTreeMap<String, Origin>,
    environment: &Environment,
) -> Result<Otlp, ConfigError> {
    let protocol = match settings.otlp_protocol {
        Some(protocol) => protocol,
        None => protocol_of(environment)?,
    };
    let (origin, key, given, is_base) = if let Some(endpoint) = &settings.otlp_endpoint {
        let origin = origins.get("otlp-endpoint").cloned().unwrap_or(Origin::Default);
        (origin, "otlp-endpoint", endpoint.0.as_str(), true)
    } else if let Some(endpoint) = variable(environment, TRACES_ENDPOINT) {
        (Origin::Environment(TRACES_ENDPOINT.to_owned()), TRACES_ENDPOINT, endpoint, false)
    } else if let Some(endpoint) = variable(environment, ENDPOINT) {
        (Origin::Environment(ENDPOINT.to_owned()), ENDPOINT, endpoint, true)
    } else {
        let endpoint = match protocol {
            OtlpProtocol::Grpc => "http://localhost:4317",
            OtlpProtocol::HttpProtobuf => "http://localhost:4318",
        };
        (Origin::Default, "otlp-endpoint", endpoint, true)
    };
    let insecure = first(environment, INSECURE).is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
    match endpoint_url(given, protocol, is_base, insecure) {
        Some(endpoint) => Ok(Otlp {
            headers: first(environment, HEADERS).map(|(_, value)| headers(value)).unwrap_or_default(),
            timeout: timeout(environment)?,
            gzip: gzip(environment)?,
            certificate: first(environment, CERTIFICATE).map(|(_, path)| path.into()),
            metrics: metrics(environment, &endpoint, protocol),
            ..Otlp::new(endpoint, protocol)
        }),
        None => Err(ConfigError::Invalid {
            origin,
            key: key.to_owned(),
            value: without_credentials(given),
            expected: "a URL such as http://localhost:4318".to_owned(),
        }),
    }
}

/// What was given for a URL, to be shown: without what may be a user, a password or a token, also when it is
/// no URL.
fn without_credentials(given: &str) -> String {
    let given = given.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = match given.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), given),
    };
    // The last sign: a password may hold others, and slashes.
    format!("{scheme}{}", rest.rsplit('@').next().unwrap_or_default())
}

fn protocol_of(environment: &Environment) -> Result<OtlpProtocol, ConfigError> {
    let Some((name, value)) = first(environment, PROTOCOL) else { return Ok(OtlpProtocol::HttpProtobuf) };
    value.parse().map_err(|expected| invalid(name, value, expected))
}

fn timeout(environment: &Environment) -> Result<Duration, ConfigError> {
    let Some((name, value)) = first(environment, TIMEOUT) else {
        return Ok(OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT);
    };
    let milliseconds = value.trim().parse().ok().filter(|milliseconds| *milliseconds > 0);
    milliseconds
        .map(Duration::from_millis)
        .ok_or_else(|| invalid(name, value, "milliseconds, 1 or more".to_owned()))
}

fn gzip(environment: &Environment) -> Result<bool, ConfigError> {
    match first(environment, COMPRESSION) {
        None => Ok(false),
        Some((_, value)) if value.eq_ignore_ascii_case("gzip") => Ok(true),
        Some((_, value)) if value.eq_ignore_ascii_case("none") => Ok(false),
        Some((name, value)) => Err(invalid(name, value, "gzip or none".to_owned())),
    }
}

/// Where metrics go when `OTEL_METRICS_EXPORTER` asks for them: to an endpoint of their own, or beside the
/// spans.
fn metrics(environment: &Environment, spans: &str, protocol: OtlpProtocol) -> Option<String> {
    let asked = variable(environment, METRICS_EXPORTER)?;
    if !asked.split(',').any(|exporter| exporter.trim() == "otlp") {
        return None;
    }
    if let Some(endpoint) = variable(environment, METRICS_ENDPOINT) {
        return endpoint_url(endpoint, protocol, false, false);
    }
    let mut url = Url::parse(spans).ok()?;
    if protocol == OtlpProtocol::HttpProtobuf {
        let base = url.path().trim_end_matches('/').trim_end_matches(TRACES_PATH).to_owned();
        url.set_path(&format!("{base}{METRICS_PATH}"));
    }
    Some(url.to_string())
}

/// `name=value,name=value`, percent-encoded as W3C Baggage. What is no pair is left out.
fn headers(list: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let value = percent::decode(value).map_or_else(|| value.to_owned(), Cow::into_owned);
        (!name.is_empty() && !value.is_empty()).then(|| (name.to_ascii_lowercase(), value))
    };
    list.split(',').filter_map(pair).collect()
}

fn invalid(name: &str, value: &str, expected: String) -> ConfigError {
    ConfigError::Invalid {
        origin: Origin::Environment(name.to_owned()),
        key: name.to_owned(),
        value: value.to_owned(),
        expected,
    }
}

/// The first variable of these that is set, with its value.
fn first<'a>(environment: &'a Environment, names: [&'static str; 2]) -> Option<(&'static str, &'a str)> {
    names.into_iter().find_map(|name| variable(environment, name).map(|value| (name, value)))
}

/// The URL to send to. A base URL gets the path of the traces signal (HTTP only); an endpoint without
/// scheme is allowed for gRPC only and means TLS unless the environment says `INSECURE`.
fn endpoint_url(given: &str, protocol: OtlpProtocol, is_base: bool, insecure: bool) -> Option<String> {
    let full = match protocol {
        OtlpProtocol::Grpc if given.contains("://") => given.to_owned(),
        OtlpProtocol::Grpc if insecure => format!("http://{given}"),
        OtlpProtocol::Grpc => format!("https://{given}"),
        OtlpProtocol::HttpProtobuf => given.to_owned(),
    };
    let mut url = Url::parse(&full).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return None;
    }
    if protocol == OtlpProtocol::HttpProtobuf && is_base && !url.path().ends_with(TRACES_PATH) {
        let path = format!("{}{TRACES_PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Some(url.to_string())
}

/// A variable's value; an empty one counts as not set, as the specification says.
fn variable<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(variables: &[(&str, &str)]) -> Result<Otlp, ConfigError> {
        let environment: Environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        resolve(&Settings::default(), &BTreeMap::new(), &environment)
    }

    #[test]
    fn the_standard_variables_are_honoured_this_signals_first() {
        let plain = resolved(&[]).ok();
        let plain = plain.map(|otlp| (otlp.headers, otlp.timeout, otlp.gzip, otlp.certificate));
        assert_eq!(plain, Some((Vec::new(), Duration::from_secs(10), false, None)));
        let all = resolved(&[
            ("OTEL_EXPORTER_OTLP_HEADERS", "x=y"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", " Api-Key = a%20b%3D , no pair,x=,=y, z=1=2"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "250"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "what"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"),
        ]);
        let all = all.ok().map(|otlp| (otlp.headers, otlp.timeout, otlp.gzip, otlp.certificate));
        let headers = [("api-key", "a b="), ("z", "1=2")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(all, Some((headers, Duration::from_millis(250), true, Some("/ca.pem".into()))));
    }

    #[test]
    fn metrics_are_sent_where_they_are_asked_for() {
        const BASE: (&str, &str) = (ENDPOINT, "http://host/base");
        const ASKED: (&str, &str) = (METRICS_EXPORTER, "prometheus, otlp");
        for (variables, expected) in [
            (vec![BASE], None),
            (vec![BASE, (METRICS_EXPORTER, "none")], None),
            (vec![BASE, ASKED], Some("http://host/base/v1/metrics")),
            (vec![(TRACES_ENDPOINT, "http://host/x"), ASKED], Some("http://host/x/v1/metrics")),
            (vec![BASE, ASKED, (METRICS_ENDPOINT, "http://other/m")], Some("http://other/m")),
            (vec![BASE, ASKED, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], Some("http://host/base")),
        ] {
            let metrics = resolved(&variables).ok().and_then(|otlp| otlp.metrics);
            assert_eq!(metrics.as_deref(), expected, "{variables:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1s"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ] {
            assert!(matches!(resolved(&[(name, value)]), Err(ConfigError::Invalid { .. })), "{name}");
        }
    }

    #[test]
    fn debug_output_holds_no_credential() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://bob:hunter2@host");
        let otlp = resolved(&[endpoint, ("OTEL_EXPORTER_OTLP_HEADERS", "key=hunter2")]);
        let text = format!("{otlp:?}");
        assert!(text.contains("//host/v1/traces") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_bad_endpoint_is_shown_without_its_password() {
        for (given, shown) in [
            ("ftp://bob:hunter2@host/x", "ftp://host/x"),
            ("http://bob:hun/ter2@ho st:1", "http://ho st:1"),
            ("bob:hunter2@host:4317", "host:4317"),
            ("ftp://a:hunter2@b:hunter2@host", "ftp://host"),
            ("ftp://host/?token=hunter2", "ftp://host/"),
            ("ftp://host/#hunter2", "ftp://host/"),
            ("no url", "no url"),
        ] {
            let error = resolved(&[(ENDPOINT, given)]).err();
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(&format!("'{shown}'")) && !error.contains("hunter2"), "{error}");
        }
    }
}
