//! Where a receiver's settings come from: the agent's own, or the variables of the OTLP exporter specification.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use super::super::Environment;
use super::super::error::{ConfigError, Origin};
use super::super::secret::HIDDEN;
use super::super::settings::Settings;
use super::super::value::Text;

/// What can be said of a receiver. In the settings each has `otlp-` before it.
pub(super) const KEYS: [&str; 9] = [
    "endpoint",
    "protocol",
    "headers",
    "headers-file",
    "timeout",
    "compression",
    "certificate",
    "client-certificate",
    "client-key",
];

/// Receivers at the most: each has a queue of its own.
const RECEIVERS_MAX: usize = 8;

/// Telemetry that is sent by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    pub(super) const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// As it stands in the names of variables.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
            Self::Logs => "LOGS",
        }
    }

    /// What is appended to a base URL.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }
}

/// What one source says of one receiver.
#[derive(Default)]
pub(super) struct Source<'a> {
    /// By key.
    given: BTreeMap<&'static str, Given>,
    /// What counts where nothing is given.
    variables: Option<&'a Environment>,
}

/// A value with the name and place of its setting.
struct Given {
    name: String,
    origin: Origin,
    text: String,
}

/// A value that was looked up.
pub(super) struct Found<'a> {
    pub(super) text: &'a str,
    name: String,
    origin: Origin,
    /// It is from a variable of this one signal.
    pub(super) is_of_signal: bool,
}

impl Found<'_> {
    /// The value will not do. It is shown.
    pub(super) fn invalid(&self, expected: impl Into<String>) -> ConfigError {
        self.invalid_but_shown_as(self.text.to_owned(), expected)
    }

    /// The value will not do, and is not to be seen.
    pub(super) fn invalid_secret(&self, expected: impl Into<String>) -> ConfigError {
        self.invalid_but_shown_as(HIDDEN.to_owned(), expected)
    }

    /// The value will not do; this stands for it.
    pub(super) fn invalid_but_shown_as(&self, value: String, expected: impl Into<String>) -> ConfigError {
        let Self { name, origin, .. } = self;
        ConfigError::Invalid { origin: origin.clone(), key: name.clone(), value, expected: expected.into() }
    }
}

impl<'a> Source<'a> {
    /// The settings `otlp-endpoint` and those beside it, before the variables.
    pub(super) fn of_settings(
        settings: &Settings,
        origins: &BTreeMap<String, Origin>,
        environment: &'a Environment,
    ) -> Self {
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.0.clone());
        let values = [
            text(&settings.otlp_endpoint),
            settings.otlp_protocol.map(|protocol| protocol.to_string()),
            settings.otlp_headers.as_ref().map(|headers| headers.0.clone()),
            text(&settings.otlp_headers_file),
            settings.otlp_timeout.map(|timeout| timeout.to_string()),
            settings.otlp_compression.map(|compression| compression.to_string()),
            text(&settings.otlp_certificate),
            text(&settings.otlp_client_certificate),
            text(&settings.otlp_client_key),
        ];
        let given = KEYS.into_iter().zip(values).filter_map(|(key, text)| {
            let name = format!("otlp-{key}");
            let origin = origins.get(&name).cloned().unwrap_or(Origin::Default);
            Some((key, Given { name, origin, text: text? }))
        });
        Self { given: given.collect(), variables: Some(environment) }
    }

    /// One for each receiver of the setting `otlp-endpoints`. What such a receiver is told is what stands there, and
    /// nothing from variables: a key is for one receiver alone.
    ///
    /// # Errors
    /// When it is not what is expected.
    pub(super) fn of_endpoints(
        settings: &Settings,
        origins: &BTreeMap<String, Origin>,
    ) -> Result<Vec<Self>, ConfigError> {
        const NAME: &str = "otlp-endpoints";
        let Some(list) = &settings.otlp_endpoints else { return Ok(Vec::new()) };
        let origin = origins.get(NAME).cloned().unwrap_or(Origin::Default);
        let invalid = |key: String, value: &str, expected: String| ConfigError::Invalid {
            origin: origin.clone(),
            key,
            value: value.to_owned(),
            expected,
        };
        let kind = "URLs separated by commas, or a list of them or of mappings with an endpoint";
        let wrong = || invalid(NAME.to_owned(), HIDDEN, kind.to_owned());
        let entries = if list.0.starts_with(['[', '{']) {
            serde_yaml_ng::from_str::<Vec<Value>>(&list.0).map_err(|_| wrong())?
        } else {
            let urls = list.0.split(',').map(str::trim).filter(|url| !url.is_empty());
            urls.map(|url| Value::String(url.to_owned())).collect()
        };
        if entries.len() > RECEIVERS_MAX {
            let count = format!("{} receivers", entries.len());
            return Err(invalid(NAME.to_owned(), &count, format!("{RECEIVERS_MAX} receivers at the most")));
        }
        let source = |(at, entry): (usize, Value)| {
            let mut source = Self::default();
            let mut give = |key: &'static str, text: String| {
                let name = format!("{NAME}, {key} of receiver {}", at + 1);
                source.given.insert(key, Given { name, origin: origin.clone(), text });
            };
            match entry {
                Value::String(url) => give("endpoint", url),
                Value::Mapping(entry) => {
                    for (key, value) in entry {
                        let name = format!("{NAME}, receiver {}", at + 1);
                        let key = key.as_str().unwrap_or_default();
                        let Some(known) = KEYS.into_iter().find(|known| *known == key) else {
                            return Err(invalid(name, key, format!("only the keys {}", KEYS.join(", "))));
                        };
                        let text = match value {
                            Value::Null => continue,
                            Value::String(text) => text.trim().to_owned(),
                            other => serde_json::to_string(&other).map_err(|_| wrong())?,
                        };
                        give(known, text);
                    }
                }
                _ => return Err(wrong()),
            }
            if !source.given.contains_key("endpoint") {
                let name = format!("{NAME}, receiver {}", at + 1);
                return Err(invalid(name, HIDDEN, "an endpoint, such as http://localhost:4318".to_owned()));
            }
            Ok(source)
        };
        entries.into_iter().enumerate().map(source).collect()
    }

    /// What is said of this: by setting, by the signal's own variable, or by the general one.
    pub(super) fn find(&self, key: &'static str, signal: Signal) -> Option<Found<'_>> {
        if let Some(Given { name, origin, text }) = self.given.get(key) {
            return Some(Found { text, name: name.clone(), origin: origin.clone(), is_of_signal: false });
        }
        let end = key.to_ascii_uppercase().replace('-', "_");
        let of_signal = format!("OTEL_EXPORTER_OTLP_{}_{end}", signal.word());
        let general = format!("OTEL_EXPORTER_OTLP_{end}");
        [(of_signal, true), (general, false)].into_iter().find_map(|(name, is_of_signal)| {
            let text = variable(self.variables?, &name)?;
            Some(Found { text, origin: Origin::Environment(name.clone()), name, is_of_signal })
        })
    }

    /// What the settings say of this, without the variables.
    pub(super) fn find_given(&self, key: &str) -> Option<Found<'_>> {
        let Given { name, origin, text } = self.given.get(key)?;
        Some(Found { text, name: name.clone(), origin: origin.clone(), is_of_signal: false })
    }
}

/// A variable's value; an empty one counts as not set, as the specification says.
pub(super) fn variable<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}
