//! Headers of requests, which hold keys.

use std::borrow::Cow;
use std::io::Read as _;

use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::super::error::ConfigError;
use super::source::{Found, Signal, Source};
use crate::percent;

/// Bytes that are read of a file at the most.
const FILE_MAX: u64 = 64 << 10;

/// Names in lower case, with their values.
pub(super) type Headers = Vec<(String, String)>;

/// The headers for a signal: those of the settings, of a file and inline, or else those of the variables.
///
/// # Errors
/// When a setting is not what is expected. Of a variable, what is no pair is left out, as the specification says.
pub(super) fn headers(source: &Source<'_>, signal: Signal) -> Result<Headers, ConfigError> {
    let file = source.find_given("headers-file").map(|found| from_file(&found)).transpose()?;
    let inline = source.find_given("headers").map(|found| inline(&found)).transpose()?;
    if file.is_none() && inline.is_none() {
        let found = source.find("headers", signal);
        return Ok(found.map(|found| pairs(found.text).filter_map(Result::ok).collect()).unwrap_or_default());
    }
    let mut headers = file.unwrap_or_default();
    for (name, value) in inline.unwrap_or_default() {
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value));
    }
    Ok(headers)
}

/// `name=value,name=value`, or a mapping.
fn inline(found: &Found<'_>) -> Result<Headers, ConfigError> {
    let wrong = || found.invalid_secret("headers as name=value,name=value or as a mapping of names to text");
    let headers: Option<Headers> = if found.text.starts_with('{') {
        let map: Map<String, Value> = serde_yaml_ng::from_str(found.text).map_err(|_| wrong())?;
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        };
        map.into_iter().map(|(name, value)| Some((name.to_ascii_lowercase(), text(value)?))).collect()
    } else {
        pairs(found.text).collect::<Result<_, _>>().ok()
    };
    headers.filter(|headers| headers.iter().all(is_header)).ok_or_else(wrong)
}

/// Lines of the form `name: value`; empty ones and those that begin with `#` do not count.
fn from_file(found: &Found<'_>) -> Result<Headers, ConfigError> {
    let mut text = String::new();
    let read =
        std::fs::File::open(found.text).and_then(|file| file.take(FILE_MAX + 1).read_to_string(&mut text));
    match read {
        Err(error) => return Err(found.invalid(format!("a file of headers that can be read: {error}"))),
        Ok(bytes) if bytes as u64 > FILE_MAX => {
            return Err(found.invalid(format!("a file of at most {FILE_MAX} bytes")));
        }
        Ok(_) => {}
    }
    let lines = text.lines().map(str::trim).enumerate();
    let header = |(at, line): (usize, &str)| {
        let header = line
            .split_once(':')
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        header.filter(is_header).ok_or_else(|| {
            found.invalid(format!("a file of lines 'name: value', which line {} is not", at + 1))
        })
    };
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(header).collect()
}

/// Pairs as of W3C Baggage, percent-encoded; an error for each that is none.
fn pairs(list: &str) -> impl Iterator<Item = Result<(String, String), ()>> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let value = percent::decode(value).map_or_else(|| value.to_owned(), Cow::into_owned);
        (!name.is_empty() && !value.is_empty()).then(|| (name.to_ascii_lowercase(), value))
    };
    list.split(',').filter(|text| !text.trim().is_empty()).map(move |text| pair(text).ok_or(()))
}

fn is_header((name, value): &(String, String)) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok()
        && HeaderValue::from_str(value).is_ok()
        && !value.is_empty()
}
