//! Joins the sources of settings: flags over environment over file over defaults.

use std::collections::BTreeMap;
use std::path::Path;

use serde_yaml_ng::{Mapping, Value};

use super::error::{ConfigError, Origin};
use super::secret::HIDDEN;
use super::settings::Settings;
use super::{Environment, PREFIX};

/// Names unlike all others by more than this (Jaro-Winkler, 0 to 1) get no suggestion.
const LIKENESS: f64 = 0.75;

/// The joined settings, and for each where its value came from.
#[derive(Debug)]
pub(super) struct Layers {
    names: Vec<String>,
    values: Mapping,
    origins: BTreeMap<String, Origin>,
    /// Variables that look like settings and are none, each with the one that it is most like.
    unknown: Vec<(String, Option<String>)>,
}

impl Layers {
    /// Begins with the defaults; later sources win.
    pub(super) fn new() -> Self {
        let values = mapping(&Settings::defaults());
        Self { names: Settings::names(), values, origins: BTreeMap::new(), unknown: Vec::new() }
    }

    /// Lays a configuration file over what is there. `null` leaves a setting as it was.
    pub(super) fn file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let syntax = |message| ConfigError::Syntax { path: path.to_owned(), message };
        let root: Value = serde_yaml_ng::from_str(text).map_err(|error| syntax(error.to_string()))?;
        let settings = match root {
            Value::Null => return Ok(()),
            Value::Mapping(settings) => settings,
            _ => return Err(syntax("expected lines of the form 'name: value'".to_owned())),
        };
        for (key, value) in settings {
            let key = scalar(&key).ok_or_else(|| syntax("a setting's name is not text".to_owned()))?;
            let origin = Origin::File(path.to_owned(), line_of(text, &key));
            if !self.names.contains(&key) {
                let nearest = self.nearest(&key);
                return Err(ConfigError::Unknown { origin, key, nearest });
            }
            self.set(key, value, origin)?;
        }
        Ok(())
    }

    /// Lays the `SPANWIRE_*` variables over what is there. An empty variable counts as not set. One that names no
    /// setting is not refused: Kubernetes makes `SPANWIRE_PORT` and others for a Service of that name.
    pub(super) fn environment(&mut self, environment: &Environment) -> Result<(), ConfigError> {
        for (variable, value) in environment {
            let Some(name) = variable.strip_prefix(PREFIX).filter(|name| *name != "CONFIG") else { continue };
            let key = name.to_ascii_lowercase().replace('_', "-");
            if variable_of(&key) != *variable || !self.names.contains(&key) {
                let nearest = self.nearest(&key).map(|nearest| variable_of(&nearest));
                self.unknown.push((variable.clone(), nearest));
                continue;
            }
            if !value.is_empty() {
                let origin = Origin::Environment(variable.clone());
                self.set(key, Value::String(value.clone()), origin)?;
            }
        }
        Ok(())
    }

    /// Lays the flags, which clap has read and checked already, over what is there.
    pub(super) fn flags(&mut self, flags: &Settings) -> Result<(), ConfigError> {
        for (key, value) in mapping(flags) {
            let key = scalar(&key).unwrap_or_default();
            self.set(key.clone(), value, Origin::Flag(key))?;
        }
        Ok(())
    }

    /// A line about the variables that name no setting, if there are any. Their values are nobody's business.
    pub(super) fn warning(&self) -> Option<String> {
        let shown = |(name, nearest): &(String, Option<String>)| match nearest {
            Some(nearest) => format!("{name} (did you mean {nearest}?)"),
            None => name.clone(),
        };
        let names: Vec<_> = self.unknown.iter().map(shown).collect();
        (!names.is_empty())
            .then(|| format!("environment variables that name no setting are ignored: {}", names.join(", ")))
    }

    /// The settings, each present that has a default, and a look-up of their origins.
    pub(super) fn join(self) -> Result<(Settings, BTreeMap<String, Origin>), ConfigError> {
        // Every value was read on its own by `set`, so this cannot fail but by a mistake in `Settings`.
        let settings =
            serde_yaml_ng::from_value(Value::Mapping(self.values)).map_err(|error| ConfigError::Invalid {
                origin: Origin::Default,
                key: "settings".to_owned(),
                value: String::new(),
                expected: error.to_string(),
            })?;
        Ok((settings, self.origins))
    }

    /// Takes one value after reading it alone, so that an error names it and its place.
    fn set(&mut self, key: String, value: Value, origin: Origin) -> Result<(), ConfigError> {
        if value.is_null() {
            return Ok(());
        }
        let alone = Mapping::from_iter([(Value::String(key.clone()), value.clone())]);
        if let Err(error) = serde_yaml_ng::from_value::<Settings>(Value::Mapping(alone)) {
            let shown = || scalar(&value).unwrap_or_else(|| compact(&value));
            let value = if Settings::is_secret(&key) { HIDDEN.to_owned() } else { shown() };
            return Err(ConfigError::Invalid { origin, key, value, expected: error.to_string() });
        }
        self.origins.insert(key.clone(), origin);
        self.values.insert(Value::String(key), value);
        Ok(())
    }

    fn nearest(&self, key: &str) -> Option<String> {
        let key = key.to_ascii_lowercase().replace('_', "-");
        self.names
            .iter()
            .map(|name| (strsim::jaro_winkler(name, &key), name))
            .filter(|(likeness, _)| *likeness >= LIKENESS)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name.clone())
    }
}

/// The environment variable of a setting.
fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('-', "_"))
}

fn mapping(settings: &Settings) -> Mapping {
    // Fails for no `Settings`: all its fields are written as strings.
    match serde_yaml_ng::to_value(settings) {
        Ok(Value::Mapping(mapping)) => mapping,
        _ => Mapping::new(),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// A list or mapping on one line, for a message.
fn compact(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "a nested value".to_owned())
}

/// The line on which a top-level key stands, from 1.
fn line_of(text: &str, key: &str) -> Option<usize> {
    text.lines()
        .position(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')))
        .map(|index| index + 1)
}
