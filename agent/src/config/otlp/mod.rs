//! Where and how OTLP is sent: the settings, then the variables of the OTLP exporter specification
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).

mod header;
mod output;
mod source;
mod tls;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use reqwest::Url;

use super::Environment;
use super::error::{ConfigError, Origin};
use super::settings::Settings;
use super::value::{Compression, OtlpProtocol};
pub(super) use output::Outputs;
use source::{Found, Signal, Source, variable};
pub use tls::{Identity, Pem, Tls};

/// How long an attempt may take where nothing else is said, as the specification has it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Milliseconds that an attempt may take at the most: as long as a batch is tried at all.
const TIMEOUT_MAX_MS: u64 = 300_000;

/// An OTLP receiver: where each signal goes that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// Spans.
    pub traces: Option<Otlp>,
    /// The agent's own metrics, and those of the services that it traces.
    pub metrics: Option<Otlp>,
    /// What was said, in place of events of spans.
    pub logs: Option<Otlp>,
}

impl Receiver {
    /// All that is sent to it.
    pub fn signals(&self) -> impl Iterator<Item = &Otlp> {
        [&self.traces, &self.metrics, &self.logs].into_iter().flatten()
    }
}

/// Where and how one signal is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Otlp {
    /// The full URL. It may hold credentials: [`Otlp::label`] is for the log.
    pub endpoint: String,
    /// How.
    pub protocol: OtlpProtocol,
    /// Headers of each request, which hold keys.
    pub headers: Vec<(String, String)>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How requests are compressed.
    pub compression: Compression,
    /// Certificates and keys.
    pub tls: Tls,
}

/// Without what may hold a credential.
impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, timeout, compression, tls, .. } = self;
        write!(f, "Otlp({}, {protocol:?}, {timeout:?}, {compression:?}, {tls:?})", self.label())
    }
}

impl Otlp {
    /// With the specification's defaults.
    #[must_use]
    pub fn new(endpoint: String, protocol: OtlpProtocol) -> Self {
        Self {
            endpoint,
            protocol,
            headers: Vec::new(),
            timeout: TIMEOUT,
            compression: Compression::None,
            tls: Tls::default(),
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
fn is_configured(settings: &Settings, environment: &Environment) -> bool {
    let names = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    settings.otlp_endpoint.is_some()
        || settings.otlp_endpoints.is_some()
        || names.iter().any(|name| variable(environment, name).is_some())
}

/// Finds the receivers of what is to be sent.
///
/// # Errors
/// When something that is said of one cannot be used.
pub(super) fn resolve(
    settings: &Settings,
    origins: &BTreeMap<String, Origin>,
    environment: &Environment,
    outputs: &Outputs,
) -> Result<Vec<Receiver>, ConfigError> {
    if !outputs.traces && !outputs.metrics && !outputs.logs {
        return Ok(Vec::new());
    }
    let mut sources = Vec::new();
    let further = Source::of_endpoints(settings, origins)?;
    let main = Source::of_settings(settings, origins, environment);
    let is_named = Signal::ALL.iter().any(|signal| main.find("endpoint", *signal).is_some());
    // Where no receiver is named at all, the usual place.
    if further.is_empty() || is_named {
        sources.push(main);
    }
    sources.extend(further);
    let receiver = |source: Source<'_>| {
        let traces = || target(&source, Signal::Traces);
        let other = |signal| beside(&source, environment, signal);
        Ok(Receiver {
            traces: outputs.traces.then(traces).transpose()?,
            metrics: outputs.metrics.then(|| other(Signal::Metrics)).transpose()?,
            logs: outputs.logs.then(|| other(Signal::Logs)).transpose()?,
        })
    };
    sources.into_iter().map(receiver).collect()
}

/// Where metrics and logs go: to an endpoint of their own, or beside the spans.
fn beside(source: &Source<'_>, environment: &Environment, signal: Signal) -> Result<Otlp, ConfigError> {
    let has_own = source.find("endpoint", signal).is_some();
    if has_own || variable(environment, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").is_none() {
        return target(source, signal);
    }
    let mut beside = target(source, Signal::Traces)?;
    if beside.protocol != OtlpProtocol::Grpc
        && let Ok(mut url) = Url::parse(&beside.endpoint)
    {
        url.set_path(&path_of(url.path(), signal));
        beside.endpoint = url.to_string();
    }
    Ok(beside)
}

/// Where and how a signal is sent.
fn target(source: &Source<'_>, signal: Signal) -> Result<Otlp, ConfigError> {
    let find = |key| source.find(key, signal);
    let protocol = match find("protocol") {
        Some(found) => found.text.parse().map_err(|expected: String| found.invalid(expected))?,
        None => OtlpProtocol::HttpProtobuf,
    };
    let endpoint = match find("endpoint") {
        Some(found) => {
            let insecure = find("insecure").is_some_and(|found| found.text.eq_ignore_ascii_case("true"));
            let base = (!found.is_of_signal).then_some(signal);
            endpoint_url(found.text, protocol, base, insecure).ok_or_else(|| {
                found.invalid_but_shown_as(
                    without_credentials(found.text),
                    "a URL such as http://localhost:4318",
                )
            })?
        }
        None if protocol == OtlpProtocol::Grpc => "http://localhost:4317".to_owned(),
        None => format!("http://localhost:4318{}", signal.path()),
    };
    Ok(Otlp {
        headers: header::headers(source, signal)?,
        timeout: find("timeout").map_or(Ok(TIMEOUT), |found| timeout(&found))?,
        compression: match find("compression") {
            Some(found) => {
                let word = found.text.to_ascii_lowercase();
                word.parse().map_err(|expected: String| found.invalid(expected))?
            }
            None => Compression::None,
        },
        tls: Tls::read(source, signal)?,
        ..Otlp::new(endpoint, protocol)
    })
}

fn timeout(found: &Found<'_>) -> Result<Duration, ConfigError> {
    let milliseconds = found.text.trim().parse().ok();
    milliseconds
        .filter(|milliseconds| (1..=TIMEOUT_MAX_MS).contains(milliseconds))
        .map(Duration::from_millis)
        .ok_or_else(|| found.invalid(format!("milliseconds from 1 to {TIMEOUT_MAX_MS}")))
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

/// The URL to send to. A base URL gets the path of the signal that it is for (HTTP only); an endpoint without
/// scheme is allowed for gRPC only and means TLS unless `insecure`.
fn endpoint_url(given: &str, protocol: OtlpProtocol, base: Option<Signal>, insecure: bool) -> Option<String> {
    let full = match protocol {
        OtlpProtocol::Grpc if given.contains("://") => given.to_owned(),
        OtlpProtocol::Grpc if insecure => format!("http://{given}"),
        OtlpProtocol::Grpc => format!("https://{given}"),
        OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => given.to_owned(),
    };
    let mut url = Url::parse(&full).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return None;
    }
    if let Some(signal) = base.filter(|_| protocol != OtlpProtocol::Grpc) {
        url.set_path(&path_of(url.path(), signal));
    }
    Some(url.to_string())
}

/// A base path with that of a signal behind it, in place of another signal's where it has one.
fn path_of(base: &str, signal: Signal) -> String {
    let base = base.trim_end_matches('/');
    let base = Signal::ALL.iter().find_map(|signal| base.strip_suffix(signal.path())).unwrap_or(base);
    format!("{base}{}", signal.path())
}
