//! Where and how OTLP is sent: the settings, then the variables of the OTLP exporter specification
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).

use std::collections::BTreeMap;

use reqwest::Url;

use super::Environment;
use super::error::{ConfigError, Origin};
use super::settings::Settings;
use super::value::OtlpProtocol;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTOCOL: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const INSECURE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE"];
const TRACES_PATH: &str = "/v1/traces";

/// An OTLP receiver. Headers, timeout and compression are read from the standard variables by the
/// exporter itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    /// The full URL that spans are sent to. It may hold credentials: [`Otlp::label`] is for the log.
    pub endpoint: String,
    /// How.
    pub protocol: OtlpProtocol,
}

impl Otlp {
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
    let insecure = INSECURE
        .iter()
        .find_map(|name| variable(environment, name))
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match endpoint_url(given, protocol, is_base, insecure) {
        Some(endpoint) => Ok(Otlp { endpoint, protocol }),
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
    let given = PROTOCOL.iter().find_map(|name| variable(environment, name).map(|value| (*name, value)));
    let Some((name, value)) = given else { return Ok(OtlpProtocol::HttpProtobuf) };
    value.parse().map_err(|expected| ConfigError::Invalid {
        origin: Origin::Environment(name.to_owned()),
        key: name.to_owned(),
        value: value.to_owned(),
        expected,
    })
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
            let environment = Environment::from([(ENDPOINT.to_owned(), given.to_owned())]);
            let error = resolve(&Settings::default(), &BTreeMap::new(), &environment).err();
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(&format!("'{shown}'")) && !error.contains("hunter2"), "{error}");
        }
    }
}
