//! One call in one line.

use std::time::Duration;

use super::text::{self, Style, clip, pad, paint, thousands};
use crate::correlate::span::{Kind, Span, Status};
use crate::value::Value;

const SERVICE_WIDTH: usize = 20;
const NAME_WIDTH: usize = 26;
const RESULT_WIDTH: usize = 20;
const TOKENS_WIDTH: usize = 20;
const TIME_WIDTH: usize = 8;
const COST_WIDTH: usize = 10;
const SERVER_WIDTH: usize = 48;
const NOTES_WIDTH: usize = 80;

/// What is shown of a call: clipped and safe to print.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    time: String,
    service: String,
    name: String,
    result: String,
    duration: Duration,
    first_chunk: Option<Duration>,
    server: String,
    /// Why something is missing.
    notes: String,
    cached: Option<u64>,
    /// In US dollars.
    pub(super) cost: Option<f64>,
    /// Tokens in and out; `None` where the wire did not say.
    pub(super) tokens: (Option<u64>, Option<u64>),
    /// The call failed.
    pub(super) failed: bool,
    /// It is a call of a model or a store; else what stands here is what such below it come to.
    pub(super) is_call: bool,
}

impl Row {
    pub(super) fn new(span: &Span) -> Self {
        let failed = span.status == Status::Error;
        let result = if failed {
            string(span, "error.type").unwrap_or("error").to_owned()
        } else {
            match get(span, "gen_ai.response.finish_reasons") {
                Some(reasons @ Value::Array(_)) => list(reasons, ","),
                _ => integer(span, "http.response.status_code")
                    .filter(|_| is_plain(span))
                    .map_or_else(|| "-".to_owned(), |status| status.to_string()),
            }
        };
        let is_call = span.kind == Kind::Client && !is_plain(span);
        let name = match string(span, "url.path").filter(|_| is_plain(span)) {
            Some(path) => format!("{} {path}", span.name),
            None => span.name.clone(),
        };
        let tokens = |own, below| integer(span, own).or_else(|| integer(span, below));
        let server = match (string(span, "server.address"), integer(span, "server.port")) {
            (Some(address), Some(port)) if port != 443 => format!("{address}:{port}"),
            (Some(address), _) => address.to_owned(),
            (None, _) => String::new(),
        };
        let notes = match get(span, "spanwire.notes") {
            Some(notes @ Value::Array(_)) => format!("({})", list(notes, "; ")),
            _ => String::new(),
        };
        let first_chunk = match get(span, "gen_ai.response.time_to_first_chunk") {
            Some(Value::Double(seconds)) => Duration::try_from_secs_f64(*seconds).ok(),
            _ => None,
        };
        let cost = match get(span, "gen_ai.cost.total").or_else(|| get(span, "spanwire.total.cost")) {
            Some(Value::Double(usd)) => Some(*usd),
            _ => None,
        };
        Self {
            cost,
            time: text::time_of_day(span.ended),
            service: clip(&span.process.service_name, SERVICE_WIDTH),
            name: clip(&name, NAME_WIDTH),
            result: clip(&result, RESULT_WIDTH),
            duration: span.ended.duration_since(span.started).unwrap_or_default(),
            first_chunk,
            server: clip(&server, SERVER_WIDTH),
            notes: clip(&notes, NOTES_WIDTH),
            cached: integer(span, "gen_ai.usage.cache_read.input_tokens").filter(|cached| *cached > 0),
            tokens: (
                tokens("gen_ai.usage.input_tokens", "spanwire.total.input_tokens"),
                tokens("gen_ai.usage.output_tokens", "spanwire.total.output_tokens"),
            ),
            is_call,
            failed,
        }
    }

    /// The line shown when the call ends.
    pub(super) fn line(&self, color: bool) -> String {
        let cells = [
            self.time.clone(),
            pad(&self.service, SERVICE_WIDTH),
            pad(&self.name, NAME_WIDTH),
            paint(&pad(&self.result, RESULT_WIDTH), self.style(), color),
            pad(&self.token_text(), TOKENS_WIDTH),
            format!("{:>TIME_WIDTH$}", text::duration(self.duration)),
            format!("{:>TIME_WIDTH$}", self.first_chunk.map(text::duration).unwrap_or_default()),
            format!("{:>COST_WIDTH$}", self.cost.map(text::dollars).unwrap_or_default()),
            self.server.clone(),
            paint(&self.notes, Style::Aside, color && !self.notes.is_empty()),
        ];
        cells.join("  ").trim_end().to_owned()
    }

    /// The call within a tree, where time and service stand above it.
    pub(super) fn leaf(&self, color: bool) -> String {
        let result = paint(&self.result, self.style(), color);
        let cost = self.cost.map(|usd| format!("  {}", text::dollars(usd))).unwrap_or_default();
        format!("{}  {result}  {}  {}{cost}", self.name, self.token_text(), text::duration(self.duration))
    }

    fn style(&self) -> Style {
        if self.failed { Style::Bad } else { Style::Good }
    }

    /// `1,234→56 (1,024)`, the cached part in brackets.
    fn token_text(&self) -> String {
        let known = |tokens: Option<u64>| tokens.map_or_else(|| "?".to_owned(), thousands);
        match self.tokens {
            (None, None) => "-".to_owned(),
            (input, output) => {
                let cached =
                    self.cached.map(|cached| format!(" ({})", thousands(cached))).unwrap_or_default();
                format!("{}→{}{cached}", known(input), known(output))
            }
        }
    }
}

/// The names of the columns.
pub(super) fn heading(color: bool) -> String {
    let cells = [
        pad("UTC", 8),
        pad("SERVICE", SERVICE_WIDTH),
        pad("CALL", NAME_WIDTH),
        pad("RESULT", RESULT_WIDTH),
        pad("IN→OUT (CACHED)", TOKENS_WIDTH),
        format!("{:>TIME_WIDTH$}", "TOOK"),
        format!("{:>TIME_WIDTH$}", "FIRST"),
        format!("{:>COST_WIDTH$}", "COST"),
        "SERVER".to_owned(),
    ];
    paint(&cells.join("  "), Style::Aside, color)
}

/// HTTP that is no call of a model or a store.
fn is_plain(span: &Span) -> bool {
    let is_step = string(span, "fi.span.kind") == Some("CHAIN") && span.kind != Kind::Internal;
    is_step && get(span, "gen_ai.operation.name").is_none()
}

fn get<'a>(span: &'a Span, name: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn string<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    match get(span, name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn list(value: &Value, separator: &str) -> String {
    value.as_strings().collect::<Vec<_>>().join(separator)
}

fn integer(span: &Span, name: &str) -> Option<u64> {
    match get(span, name) {
        Some(Value::Int(number)) => u64::try_from(*number).ok(),
        _ => None,
    }
}
