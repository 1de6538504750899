//! The programs that are traced, which know nothing of it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::standin::StandIn;
use crate::transcript::Transcript;
use crate::{LONG_DEADLINE, Setup};

/// The key that every client sends and nobody may ever export.
pub const KEY: &str = "sk-test-5f0c1e7b9a3d4826b7c05d2e8f914a6c";

/// Text that stands in every prompt, and in the provider's error messages.
pub const CANARY: &str = "prompt-canary";

/// What a client says about one call.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Received {
    /// The answer's id.
    pub id: Option<String>,
    /// Tokens.
    pub input_tokens: Option<i64>,
    /// Tokens.
    pub output_tokens: Option<i64>,
    /// The class of the error that it met.
    pub error: Option<String>,
    /// When the program began the call, in nanoseconds of the wall clock; 0 for curl.
    #[serde(default)]
    pub started_ns: u64,
    /// When the program had its result.
    #[serde(default)]
    pub ended_ns: u64,
}

/// A client to be run.
#[derive(Debug)]
pub struct Client {
    command: Command,
    is_curl: bool,
}

impl Client {
    /// A program of `tests/clients`, by its file's name.
    #[must_use]
    pub fn python(setup: &Setup, script: &str, standin: &StandIn) -> Self {
        Self::python_at(&setup.python, setup, script, standin)
    }

    /// A program of `tests/clients`, run by another interpreter.
    #[must_use]
    pub fn python_at(interpreter: &Path, setup: &Setup, script: &str, standin: &StandIn) -> Self {
        let mut command = Command::new(interpreter);
        command.arg(setup.test_file(Path::new("clients").join(script)));
        command.args(["--base-url", &standin.base_url()]).env("OPENAI_API_KEY", KEY);
        if let Some(ca) = standin.ca() {
            command.env("SSL_CERT_FILE", ca).env("REQUESTS_CA_BUNDLE", ca);
        }
        Self::new(command, false)
    }

    /// curl, which asks `model` once.
    #[must_use]
    pub fn curl(standin: &StandIn, model: &str) -> Self {
        Self::curl_at(Path::new("curl"), standin, model)
    }

    /// A curl of one's own.
    #[must_use]
    pub fn curl_at(executable: &Path, standin: &StandIn, model: &str) -> Self {
        let body = json!({"model": model, "messages": [{"role": "user", "content": CANARY}]});
        let mut command = Command::new(executable);
        command.args(["--silent", "--show-error", "--data-binary", &body.to_string()]);
        command.args(["--header", "content-type: application/json"]);
        command.arg("--header").arg(format!("authorization: Bearer {KEY}"));
        if let Some(ca) = standin.ca() {
            command.arg("--cacert").arg(ca);
        }
        command.arg(format!("{}/chat/completions", standin.base_url()));
        Self::new(command, true)
    }

    fn new(mut command: Command, is_curl: bool) -> Self {
        command
            .env_remove("OTEL_SERVICE_NAME")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        Self { command, is_curl }
    }

    /// More arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Asks for `model`.
    #[must_use]
    pub fn model(self, model: &str) -> Self {
        self.args(["--model", model])
    }

    /// Makes `count` calls (of each thread).
    #[must_use]
    pub fn count(self, count: usize) -> Self {
        self.args(["--count", &count.to_string()])
    }

    /// Sets `OTEL_SERVICE_NAME`.
    #[must_use]
    pub fn service(mut self, name: &str) -> Self {
        self.command.env("OTEL_SERVICE_NAME", name);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(mut self) -> Result<Running> {
        let mut process = self.command.spawn().with_context(|| format!("{:?}", self.command))?;
        let pid = process.id().context("a process has an id")?;
        let said = Transcript::of("client", process.stdout.take().context("no output")?);
        Ok(Running { process, pid, said, is_curl: self.is_curl })
    }

    /// Runs it to its end, which must be a success.
    ///
    /// # Errors
    /// When it fails, or what it says cannot be read.
    pub async fn run(self) -> Result<Done> {
        self.start()?.end(LONG_DEADLINE).await
    }
}

/// A client that runs.
#[derive(Debug)]
pub struct Running {
    process: Child,
    pid: u32,
    said: Transcript,
    is_curl: bool,
}

/// A client that ended well.
#[derive(Clone, Debug)]
pub struct Done {
    /// The process that it was.
    pub pid: u32,
    /// Its calls, in the order in which they ended.
    pub calls: Vec<Received>,
}

impl Running {
    /// Waits until the client has the results of `count` calls.
    ///
    /// # Errors
    /// When it ends before that.
    pub async fn calls(&self, count: usize) -> Result<()> {
        let enough = |text: &str| text.lines().count() >= count;
        self.said.wait_for("so many calls", LONG_DEADLINE, enough).await.map(drop)
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// When it fails, or does not end by `deadline`, or what it says cannot be read.
    pub async fn end(mut self, deadline: Duration) -> Result<Done> {
        let text = self.said.wait_for_end(deadline).await?;
        let status = tokio::time::timeout(deadline, self.process.wait()).await??;
        if self.is_curl {
            return Ok(Done { pid: self.pid, calls: vec![curl_received(status.code(), &text)] });
        }
        ensure!(status.success(), "the client failed ({status}); it said:\n{text}");
        let read = |line| serde_json::from_str(line).with_context(|| format!("the client said {line}"));
        Ok(Done { pid: self.pid, calls: text.lines().map(read).collect::<Result<_>>()? })
    }
}

/// What curl received, by its exit code and the body that it printed.
fn curl_received(code: Option<i32>, body: &str) -> Received {
    let document: Value = serde_json::from_str(body).unwrap_or_default();
    let number = |pointer| document.pointer(pointer).and_then(Value::as_i64);
    Received {
        id: document.pointer("/id").and_then(Value::as_str).map(str::to_owned),
        input_tokens: number("/usage/prompt_tokens"),
        output_tokens: number("/usage/completion_tokens"),
        error: (code != Some(0)).then(|| format!("curl {code:?}")),
        ..Received::default()
    }
}
