//! The programs that are traced, which know nothing of it.

mod agents;
mod programs;
mod running;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

pub use running::{Done, Running};

use crate::transcript::Transcript;
use crate::{DEADLINE, LONG_DEADLINE, Setup};

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
    /// When the program began the call, in nanoseconds of the wall clock; 0 for programs that do not tell.
    #[serde(default)]
    pub started_ns: u64,
    /// When the program had its result.
    #[serde(default)]
    pub ended_ns: u64,
    /// The process that asked; 0 for curl.
    #[serde(default)]
    pub pid: u32,
}

/// A client to be run.
#[derive(Debug)]
pub struct Client {
    command: Command,
    /// Whether it prints the body that it receives, and nothing else.
    prints_body: bool,
}

impl Client {
    fn new(mut command: Command, prints_body: bool) -> Self {
        command
            .env_remove("OTEL_SERVICE_NAME")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        Self { command, prints_body }
    }

    /// More arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Has another command run it: `prefix`, with this one and its arguments behind.
    #[must_use]
    pub fn through<S: AsRef<OsStr>>(self, prefix: &[S]) -> Self {
        let own = self.command.as_std();
        let mut words = prefix.iter().map(AsRef::as_ref);
        let mut command = Command::new(words.next().unwrap_or_else(|| own.get_program()));
        command.args(words);
        if !prefix.is_empty() {
            command.arg(own.get_program());
        }
        command.args(own.get_args());
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self::new(command, self.prints_body)
    }

    /// Has a command run that runs this one in its own way: see [`Client::words`].
    #[must_use]
    pub fn instead<S: AsRef<OsStr>>(self, words: &[S]) -> Self {
        let mut words = words.iter();
        let mut command = words.next().map_or(self.command, Command::new);
        command.args(words);
        Self::new(command, self.prints_body)
    }

    /// The command line, for those who run it in another way.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let own = self.command.as_std();
        [own.get_program()].into_iter().chain(own.get_args()).map(OsStr::to_owned).collect()
    }

    /// The variables that it sets, for those as well.
    #[must_use]
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let set = |(name, value): (&OsStr, Option<&OsStr>)| Some((name.to_owned(), value?.to_owned()));
        self.command.as_std().get_envs().filter_map(set).collect()
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

    /// It waits for a line before each of its calls: see [`Running::step`].
    #[must_use]
    pub fn by_steps(mut self) -> Self {
        self.command.stdin(Stdio::piped());
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
        let steps = process.stdin.take();
        Ok(Running { process, pid, said, steps, prints_body: self.prints_body })
    }

    /// Runs it to its end, which must be a success.
    ///
    /// # Errors
    /// When it fails, or what it says cannot be read.
    pub async fn run(self) -> Result<Done> {
        self.start()?.end(LONG_DEADLINE).await
    }
}

/// A program of `tests/clients` that does what it is told line by line; killed with this value.
#[derive(Debug)]
pub struct Service {
    _process: Child,
    input: Mutex<ChildStdin>,
    output: Mutex<Lines<BufReader<ChildStdout>>>,
    /// Its process id.
    pub pid: u32,
}

impl Service {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(
        setup: &Setup,
        script: &str,
        arguments: &[&str],
        environment: &[(&str, &OsStr)],
    ) -> Result<Self> {
        let mut command = Command::new(&setup.python);
        command.arg(setup.test_file(Path::new("clients").join(script))).args(arguments);
        command.env("OPENAI_API_KEY", KEY).envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().with_context(|| format!("{command:?}"))?;
        let input = Mutex::new(process.stdin.take().context("no input")?);
        let output = Mutex::new(BufReader::new(process.stdout.take().context("no output")?).lines());
        let pid = process.id().context("a process has an id")?;
        Ok(Self { _process: process, input, output, pid })
    }

    /// Tells it something.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn say(&self, line: &str) -> Result<()> {
        Ok(self.input.lock().await.write_all(format!("{line}\n").as_bytes()).await?)
    }

    /// The next line that it says.
    ///
    /// # Errors
    /// When it is gone, or says nothing.
    pub async fn line(&self) -> Result<String> {
        let mut output = self.output.lock().await;
        let line = tokio::time::timeout(DEADLINE, output.next_line()).await;
        line.context("the service says nothing")??.context("the service has ended")
    }
}
