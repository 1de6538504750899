//! Where monitoring systems ask the agent: the setting, then the variables of the Prometheus exporter
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::error::{ConfigError, Origin};
use super::settings::Settings;
use super::{Environment, NONE};

const KEY: &str = "metrics-listen";
const EXPORTER: &str = "OTEL_METRICS_EXPORTER";
const HOST: &str = "OTEL_EXPORTER_PROMETHEUS_HOST";
const PORT: &str = "OTEL_EXPORTER_PROMETHEUS_PORT";

/// Where nothing else is said (the specification's own).
const USUAL_PORT: u16 = 9464;

/// The host's own, whatever it is called in `/etc/hosts`: no name is looked up.
const LOCAL: &str = "localhost";

/// Where monitoring systems ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// An address of this host.
    pub address: SocketAddr,
    /// The standard variables say so, which a command that the agent starts has as well: there they mean the command.
    pub is_standard: bool,
}

/// Finds the address; none where nobody is to ask.
///
/// # Errors
/// When it is none that can be used.
pub(super) fn resolve(
    settings: &Settings,
    origins: &BTreeMap<String, Origin>,
    environment: &Environment,
) -> Result<Option<Listen>, ConfigError> {
    let Some(given) = &settings.metrics_listen else { return from_environment(environment) };
    if given.0 == NONE {
        return Ok(None);
    }
    let address = address(&given.0).ok_or_else(|| ConfigError::Invalid {
        origin: origins.get(KEY).cloned().unwrap_or(Origin::Default),
        key: KEY.to_owned(),
        value: given.0.clone(),
        expected: "an address and a port such as 127.0.0.1:9464 or [::1]:9464, or none".to_owned(),
    })?;
    Ok(Some(Listen { address, is_standard: false }))
}

fn address(text: &str) -> Option<SocketAddr> {
    let (name, port) = text.rsplit_once(':')?;
    match host(name) {
        Some(host) => Some(SocketAddr::new(host, port.parse().ok()?)),
        None => text.parse().ok(),
    }
}

/// An address without a port.
fn host(text: &str) -> Option<IpAddr> {
    if text == LOCAL {
        Some(IpAddr::V4(Ipv4Addr::LOCALHOST))
    } else {
        text.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    }
}

fn from_environment(environment: &Environment) -> Result<Option<Listen>, ConfigError> {
    // Empty counts as not set, as the specification says.
    let variable = |name: &str| environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let exporters = variable(EXPORTER).unwrap_or_default();
    if !exporters.split(',').any(|exporter| exporter.trim() == "prometheus") {
        return Ok(None);
    }
    let invalid = |name: &str, value: &str, expected: &str| ConfigError::Invalid {
        origin: Origin::Environment(name.to_owned()),
        key: name.to_owned(),
        value: value.to_owned(),
        expected: expected.to_owned(),
    };
    let named = variable(HOST).unwrap_or(LOCAL);
    let host = host(named)
        .or_else(|| named.parse().ok())
        .ok_or_else(|| invalid(HOST, named, "localhost, or an address such as 127.0.0.1 or ::1"))?;
    let port = match variable(PORT) {
        Some(port) => port.parse().map_err(|_| invalid(PORT, port, "a port such as 9464"))?,
        None => USUAL_PORT,
    };
    Ok(Some(Listen { address: SocketAddr::new(host, port), is_standard: true }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::value::Text;
    use super::*;

    fn resolved(setting: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<Listen>, ConfigError> {
        let settings =
            Settings { metrics_listen: setting.map(|text| Text(text.to_owned())), ..Settings::default() };
        let environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        resolve(&settings, &BTreeMap::new(), &environment)
    }

    #[test]
    fn an_address_with_a_port_is_taken_and_nothing_else() {
        for (text, expected) in [
            ("127.0.0.1:9464", Some("127.0.0.1:9464")),
            ("localhost:1", Some("127.0.0.1:1")),
            ("0.0.0.0:0", Some("0.0.0.0:0")),
            ("[::1]:9464", Some("[::1]:9464")),
            ("::1:9464", None),
            ("9464", None),
            (":9464", None),
            ("127.0.0.1", None),
            ("127.0.0.1:65536", None),
            ("metrics.example:9464", None),
            ("", None),
        ] {
            let found = resolved(Some(text), &[]).ok().flatten();
            assert_eq!(found.map(|listen| listen.address.to_string()).as_deref(), expected, "{text}");
        }
        let refused = resolved(Some("9464"), &[]).unwrap_err().to_string();
        assert!(refused.contains("metrics-listen") && refused.contains("127.0.0.1:9464"), "{refused}");
        assert_eq!(resolved(Some("none"), &[]).unwrap(), None);
    }

    #[test]
    fn the_standard_variables_count_where_the_setting_is_silent() {
        let on = (EXPORTER, "otlp, prometheus");
        for (setting, variables, expected) in [
            (None, vec![], None),
            (None, vec![(EXPORTER, "otlp"), (PORT, "1")], None),
            (None, vec![on, (HOST, ""), (PORT, "")], Some("127.0.0.1:9464")),
            (None, vec![on, (HOST, "::1"), (PORT, "1")], Some("[::1]:1")),
            (None, vec![on, (HOST, "0.0.0.0")], Some("0.0.0.0:9464")),
            (Some("none"), vec![on], None),
            (Some("127.0.0.2:7"), vec![on, (PORT, "1")], Some("127.0.0.2:7")),
        ] {
            let found = resolved(setting, &variables).unwrap();
            assert!(found.is_none_or(|listen| listen.is_standard == setting.is_none()));
            let found = found.map(|listen| listen.address.to_string());
            assert_eq!(found.as_deref(), expected, "{setting:?} {variables:?}");
        }
        for (name, value) in [(HOST, "metrics.example"), (PORT, "http")] {
            let refused = resolved(None, &[on, (name, value)]).unwrap_err().to_string();
            assert!(refused.contains(name) && refused.contains(value), "{refused}");
        }
    }
}
