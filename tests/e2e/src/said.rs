//! Dialogues by vendors' SDKs (`tests/content`), what was truly said in them, and whether spans say the same.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::process::{Child, Command};

use crate::folder::Folder;
use crate::receiver::Receiver;
use crate::span::Span;
use crate::transcript::Transcript;
use crate::{DEADLINE, LONG_DEADLINE, Setup};

const SCRIPT: &str = "content/said.py";

/// Answers as the vendors do, until it is dropped.
#[derive(Debug)]
pub struct Vendors {
    _process: Child,
    port: u16,
}

/// What a program says that it said and heard.
#[derive(Debug)]
pub struct Truth {
    /// Secrets in it, and what stands in their places where they are hidden.
    pub planted: BTreeMap<String, String>,
    /// Its calls.
    pub calls: Vec<Call>,
}

/// One call, in the conventions' shape.
#[derive(Clone, Debug, Deserialize)]
pub struct Call {
    /// By which it is known.
    pub model: String,
    /// Instructions that stand apart.
    pub system: Value,
    /// The request's messages.
    pub input: Value,
    /// The response's.
    pub output: Value,
    /// What was offered.
    pub tools: Value,
}

impl Call {
    /// What each attribute is to have.
    pub fn places(&self) -> [(&'static str, &Value); 4] {
        [
            ("gen_ai.system_instructions", &self.system),
            ("gen_ai.input.messages", &self.input),
            ("gen_ai.output.messages", &self.output),
            ("gen_ai.tool.definitions", &self.tools),
        ]
    }
}

impl Vendors {
    /// Starts them.
    ///
    /// # Errors
    /// When they do not start.
    pub async fn start(setup: &Setup) -> Result<Self> {
        let mut command = Command::new(&setup.python);
        command.arg(setup.test_file(SCRIPT)).arg("--serve").stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let told = Transcript::of("vendors", process.stdout.take().context("no output")?);
        let port = told.wait_for("its port", DEADLINE, |text| text.ends_with('\n')).await?;
        Ok(Self { port: port.trim().parse()?, _process: process })
    }

    /// Has a program that is called `service` talk with them, with these arguments: see the script.
    ///
    /// # Errors
    /// When it fails.
    pub async fn talk(&self, setup: &Setup, service: &str, arguments: &[&str]) -> Result<Truth> {
        let folder = Folder::new()?;
        let file = folder.path().join("truth.jsonl");
        let mut client = Command::new(&setup.python);
        client.arg(setup.test_file(SCRIPT)).args(["--call", &self.port.to_string()]).arg(&file);
        client.args(arguments).env("OTEL_SERVICE_NAME", service);
        client.stdin(Stdio::null()).kill_on_drop(true);
        let done =
            tokio::time::timeout(LONG_DEADLINE, client.output()).await.context("it does not end")??;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Truth::read(&std::fs::read_to_string(&file)?)
    }
}

impl Truth {
    fn read(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Planted {
            planted: BTreeMap<String, String>,
        }
        let mut lines = text.lines();
        let Planted { planted } = serde_json::from_str(lines.next().context("nothing was said")?)?;
        let calls = lines.map(serde_json::from_str).collect::<Result<Vec<_>, _>>()?;
        ensure!(!calls.is_empty(), "no calls were made");
        Ok(Self { planted, calls })
    }

    /// The calls without what is planted and the data of images, as they are to leave under `redacted`.
    #[must_use]
    pub fn redacted(&self) -> Vec<Call> {
        let hidden: Vec<_> =
            self.planted.iter().map(|(secret, token)| (secret.as_str(), token.as_str())).collect();
        self.each(&|value| cleaned(value, &hidden, true))
    }

    /// The calls without credentials, as they are to leave under `full`.
    #[must_use]
    pub fn full(&self) -> Vec<Call> {
        let secrets = self.planted.iter().filter(|(_, token)| token.as_str() == "[CREDENTIAL]");
        let hidden: Vec<_> = secrets.map(|(secret, token)| (secret.as_str(), token.as_str())).collect();
        self.each(&|value| cleaned(value, &hidden, false))
    }

    fn each(&self, change: &dyn Fn(&Value) -> Value) -> Vec<Call> {
        let changed = |call: &Call| Call {
            model: call.model.clone(),
            system: change(&call.system),
            input: change(&call.input),
            output: change(&call.output),
            tools: change(&call.tools),
        };
        self.calls.iter().map(changed).collect()
    }

    /// Waits for the spans of all calls, in the calls' order.
    ///
    /// # Errors
    /// When one does not come.
    pub async fn spans(&self, receiver: &Receiver) -> Result<Vec<Span>> {
        let of = |spans: &[Span], call: &Call| {
            let model = Some(call.model.as_str());
            spans.iter().find(|span| span.text("gen_ai.request.model") == model).cloned()
        };
        let all = |spans: &[Span]| self.calls.iter().all(|call| of(spans, call).is_some());
        let spans = receiver.wait_for("spans of all calls", DEADLINE, all).await?;
        Ok(self.calls.iter().filter_map(|call| of(&spans, call)).collect())
    }

    /// That none of what is planted and hidden in this mode is among these bytes.
    ///
    /// # Errors
    /// When some is.
    pub fn is_not_in(&self, bytes: &[u8], hides_all: bool) -> Result<()> {
        for (secret, token) in &self.planted {
            let is_there = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            let is_hidden = hides_all || token == "[CREDENTIAL]";
            ensure!(!(is_hidden && is_there), "{token} left the host");
        }
        Ok(())
    }
}

/// A value with tokens in place of secrets.
fn cleaned(value: &Value, hidden: &[(&str, &str)], is_redacted: bool) -> Value {
    let inner = |value: &Value| cleaned(value, hidden, is_redacted);
    match value {
        Value::String(text) => {
            hidden.iter().fold(text.clone(), |text, (secret, token)| text.replace(secret, token)).into()
        }
        Value::Array(elements) => elements.iter().map(inner).collect(),
        Value::Object(members) => {
            let mut cleaned: Map<_, _> =
                members.iter().map(|(name, member)| (name.clone(), inner(member))).collect();
            if is_redacted && value["type"] == "blob" {
                cleaned.insert("content".to_owned(), "".into());
            }
            cleaned.into()
        }
        other => other.clone(),
    }
}

/// What a span's attributes say of each of a call's places; `null` where there is none.
///
/// # Errors
/// When one is no JSON.
pub fn in_attributes(span: &Span, call: &Call) -> Result<Vec<Value>> {
    let place = |(name, _): (&str, &Value)| match span.text(name) {
        Some(text) => serde_json::from_str(text).with_context(|| format!("{name} is no JSON: {text}")),
        None => Ok(Value::Null),
    };
    call.places().into_iter().map(place).collect()
}

/// The same of its event of the conventions' name, which has structures.
///
/// # Errors
/// When there is not one of them.
pub fn in_event(span: &Span, call: &Call) -> Result<Vec<Value>> {
    let events = span.events("gen_ai.client.inference.operation.details");
    let [event] = events.as_slice() else { bail!("{} events: {span:#?}", events.len()) };
    let place = |(name, _): (&str, &Value)| event.get(name).cloned().unwrap_or_default();
    Ok(call.places().into_iter().map(place).collect())
}

/// Compares what was said with what is told of it, whole.
///
/// # Errors
/// At each place's first difference.
pub fn compare(call: &Call, told: &[Value]) -> Result<()> {
    let mut faults = Vec::new();
    for ((name, expected), told) in call.places().into_iter().zip(told) {
        // What is empty is not there.
        let nothing = expected.as_array().is_some_and(Vec::is_empty) && told.is_null();
        if !nothing && let Some(fault) = difference(name, expected, told) {
            faults.push(fault);
        }
    }
    ensure!(faults.is_empty(), "{}: {}", call.model, faults.join("\n"));
    Ok(())
}

/// Where two values are not the same. Data may be cut where its mark says how much is missing.
fn difference(place: &str, expected: &Value, told: &Value) -> Option<String> {
    match (expected, told) {
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = (0..).zip(one.iter().zip(other));
            pairs
                .map(|(at, (one, other))| difference(&format!("{place}/{at}"), one, other))
                .find_map(|one| one)
        }
        (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            let is_data = |name: &str| name == "content" && expected["type"] == "blob";
            let pairs = one.iter().zip(other.values());
            pairs
                .filter(|((name, one), other)| !(is_data(name) && is_cut_of(other, one)))
                .find_map(|((name, one), other)| difference(&format!("{place}/{name}"), one, other))
        }
        // Numbers may be told as integers or not.
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => None,
        _ => (expected != told).then(|| format!("{place}: {told} in place of {expected}")),
    }
}

/// Whether it is the beginning of data with a mark that says how many bytes are missing, but for the padding.
fn is_cut_of(told: &Value, whole: &Value) -> bool {
    let (Some(told), Some(whole)) = (told.as_str(), whole.as_str()) else { return false };
    let Some((kept, mark)) = told.rsplit_once("…[") else { return false };
    let missing = mark.strip_suffix(" bytes cut]").and_then(|count| count.parse::<usize>().ok());
    whole.starts_with(kept) && missing == Some(whole.trim_end_matches('=').len() - kept.len())
}

/// Whether all that is told is true, though some is missing: each text is one that was said, or the beginning of one
/// and marked as that.
///
/// # Errors
/// At the first that is not; when nothing is marked.
pub fn compare_part(call: &Call, told: &[Value]) -> Result<()> {
    let mut said = Vec::new();
    call.places().into_iter().for_each(|(_, value)| texts(value, &mut said));
    let mut found = Vec::new();
    told.iter().for_each(|value| texts(value, &mut found));
    let mut marked = 0;
    for text in found {
        let beginning =
            text.strip_suffix("cut]").and_then(|text| text.rsplit_once("…[")).map(|(kept, _)| kept);
        marked += usize::from(beginning.is_some());
        let is_true = match beginning {
            Some(kept) => said.iter().any(|whole| whole.starts_with(kept)),
            None => said.contains(&text),
        };
        ensure!(is_true, "{}: nobody said {text}", call.model);
    }
    ensure!(marked > 0, "{}: nothing is marked as cut: {told:?}", call.model);
    Ok(())
}

/// All texts in a value.
fn texts<'a>(value: &'a Value, sink: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => sink.push(text),
        Value::Array(elements) => elements.iter().for_each(|element| texts(element, sink)),
        Value::Object(members) => members.values().for_each(|member| texts(member, sink)),
        _ => {}
    }
}
