//! The agent under test.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::evidence;
use crate::folder::Folder;
use crate::receiver::{Protocol, Receiver};
use crate::transcript::Transcript;
use crate::{DEADLINE, Setup};

/// What the agent says when its probes are attached.
const CAPTURING: &str = "capture is on";

/// Says which processes it traces.
const INCLUDE: &str = "--include";

/// Arguments for an agent as operators have it: of the whole host, with the usual log.
pub const USUAL: [&str; 4] = [INCLUDE, "", "--log", "info"];

/// The name of its status socket.
const SOCKET: &str = "status.sock";

/// The agent's command, with nothing of this process's settings in its environment.
#[must_use]
pub fn command(setup: &Setup) -> Command {
    let mut command = Command::new(&setup.agent);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("SPANWIRE_") || text.starts_with("OTEL_") {
            command.env_remove(name);
        }
    }
    // The host's own configuration file has no say.
    command
        .env("SPANWIRE_CONFIG", "/dev/null")
        .env("SPANWIRE_LOG", LOG)
        .env("SPANWIRE_STOP_TIMEOUT", "120")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// What the agent logs unless a test wants another: which probes it puts where, too, for which tests wait.
const LOG: &str = "info,spanwire::run::hooks=debug";

/// How long to wait before the agent is asked for its status again.
const AGAIN: Duration = Duration::from_millis(50);

/// Runs a command that ends by itself.
///
/// # Errors
/// When it cannot be started or does not end.
pub async fn finished(command: &mut Command) -> Result<Output> {
    let output = tokio::time::timeout(DEADLINE, command.output()).await;
    output.context("the command does not end")?.context("the command does not start")
}

/// Spans and log records that wait on disk, as an agent's status has it.
#[must_use]
pub fn spans_on_disk(status: &Value) -> Option<f64> {
    let is_disk = |gauge: &&Value| {
        gauge.pointer("/name").and_then(Value::as_str) == Some("queue_spans")
            && gauge.pointer("/labels/queue").and_then(Value::as_str) == Some("disk")
    };
    status.pointer("/gauges")?.as_array()?.iter().find(is_disk)?.pointer("/value")?.as_f64()
}

/// What is left of an agent that ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// The terminal view, if it was asked for.
    pub stdout: String,
    /// The log.
    pub stderr: String,
}

impl Ended {
    /// How many calls it says that it saw.
    #[must_use]
    pub fn calls(&self) -> Option<u64> {
        let said = self.stderr.lines().rev().find_map(|line| line.split_once("stopped; "))?.1;
        said.split_once(" calls")?.0.parse().ok()
    }

    /// What it says that it lost, by its counters' names: `3 words of what it is (name); …`.
    #[must_use]
    pub fn losses(&self) -> BTreeMap<String, u64> {
        let lines =
            self.stderr.lines().filter_map(|line| line.split_once("not everything was seen or delivered: "));
        let causes = lines.flat_map(|(_, causes)| causes.split("; "));
        let loss = |cause: &str| {
            let (said, name) = cause.strip_suffix(')')?.rsplit_once('(')?;
            Some((name.to_owned(), said.split_ascii_whitespace().next()?.parse().ok()?))
        };
        causes.filter_map(loss).collect()
    }
}

/// A running agent that has its probes attached; killed with this value.
#[derive(Debug)]
pub struct Agent {
    process: Child,
    executable: PathBuf,
    folder: Folder,
    stdout: Transcript,
    stderr: Transcript,
}

impl Agent {
    /// Starts `spanwire run` that exports to `receiver`.
    ///
    /// # Errors
    /// When it does not come to capture.
    pub async fn start(setup: &Setup, receiver: &Receiver, arguments: &[&str]) -> Result<Self> {
        Self::exporting(setup, &receiver.endpoint(), receiver.protocol(), arguments).await
    }

    /// As [`Agent::start`], and sends its metrics as well.
    ///
    /// # Errors
    /// When it does not come to capture.
    pub async fn measuring(setup: &Setup, receiver: &Receiver, arguments: &[&str]) -> Result<Self> {
        let mut command = command(setup);
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint())
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", receiver.protocol().name())
            .env("OTEL_METRICS_EXPORTER", "otlp");
        Self::run(command, arguments).await
    }

    /// As [`Agent::start`], and sends log records as well.
    ///
    /// # Errors
    /// When it does not come to capture.
    pub async fn logging(setup: &Setup, receiver: &Receiver, arguments: &[&str]) -> Result<Self> {
        let mut command = command(setup);
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint())
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", receiver.protocol().name())
            .env("OTEL_LOGS_EXPORTER", "otlp");
        Self::run(command, arguments).await
    }

    /// Starts `spanwire run` that exports to `endpoint`, where nobody may listen.
    ///
    /// # Errors
    /// When it does not come to capture.
    pub async fn exporting(
        setup: &Setup,
        endpoint: &str,
        protocol: Protocol,
        arguments: &[&str],
    ) -> Result<Self> {
        let mut command = command(setup);
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.name());
        Self::run(command, arguments).await
    }

    /// Starts `spanwire run` without an endpoint, for its terminal view.
    ///
    /// # Errors
    /// When it does not come to capture.
    pub async fn showing(setup: &Setup, arguments: &[&str]) -> Result<Self> {
        Self::run(command(setup), &[&["--output", "console"], arguments].concat()).await
    }

    /// As [`Agent::start`], of `spanwire service`, which starts the agent as a process of its own.
    ///
    /// # Errors
    /// When it does not come to capture.
    pub async fn serving(setup: &Setup, receiver: &Receiver, arguments: &[&str]) -> Result<Self> {
        let mut command = command(setup);
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint())
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", receiver.protocol().name());
        Self::begin(command, "service", arguments).await
    }

    async fn run<S: AsRef<OsStr>>(command: Command, arguments: &[S]) -> Result<Self> {
        Self::begin(command, "run", arguments).await
    }

    async fn begin<S: AsRef<OsStr>>(mut command: Command, subcommand: &str, arguments: &[S]) -> Result<Self> {
        command.arg(subcommand).args(arguments);
        if !arguments.iter().any(|argument| argument.as_ref() == INCLUDE) {
            // This test and what it starts: others on this host make calls, too.
            command.args([INCLUDE.to_owned(), format!("tree={}", std::process::id())]);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let folder = Folder::new()?;
        // An agent of this host may have the usual place.
        command.env("SPANWIRE_STATUS_SOCKET", folder.path().join(SOCKET));
        let executable = command.as_std().get_program().into();
        let mut process = command.spawn().context("the agent does not start")?;
        let stdout = Transcript::of("agent's view", process.stdout.take().context("no output")?);
        let stderr = Transcript::of("agent's log", process.stderr.take().context("no log")?);
        stderr.wait_for(CAPTURING, DEADLINE, |text| text.contains(CAPTURING)).await?;
        Ok(Self { process, executable, folder, stdout, stderr })
    }

    /// What `spanwire status` says of it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status_text(&self) -> Result<String> {
        self.ask(&["status"]).await
    }

    /// Waits until `spanwire status --json` says what is waited for; returns that.
    ///
    /// # Errors
    /// When it does not answer, or `deadline` passes before that; the message has the last answer.
    pub async fn status_when(
        &self,
        what: &str,
        deadline: Duration,
        found: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        self.told_when(&["status", "--json"], what, deadline, found).await
    }

    /// Waits until `spanwire stats` says what is waited for; returns that.
    ///
    /// # Errors
    /// As [`Agent::status_when`].
    pub async fn stats_when(
        &self,
        what: &str,
        deadline: Duration,
        found: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        self.told_when(&["stats", "--format", "json"], what, deadline, found).await
    }

    async fn told_when(
        &self,
        command: &[&str],
        what: &str,
        deadline: Duration,
        found: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let since = Instant::now();
        loop {
            let told = serde_json::from_str(&self.ask(command).await?)?;
            if found(&told) {
                return Ok(told);
            }
            ensure!(since.elapsed() < deadline, "no sign of {what} in what it tells: {told:#}");
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn ask(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.executable);
        command.args(arguments).arg("--socket").arg(self.socket());
        let output = finished(&mut command).await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Its terminal view.
    #[must_use]
    pub fn view(&self) -> &Transcript {
        &self.stdout
    }

    /// Its process, for as long as it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> &Transcript {
        &self.stderr
    }

    /// Where it is asked for its status.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended by itself.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.process.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        Ok(kill_process(id.context("the agent ended by itself")?, signal)?)
    }

    /// Stops it as an init system does, and waits until it has delivered and ended.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(mut self) -> Result<Ended> {
        self.leave_counters();
        self.signal(Signal::TERM)?;
        self.end().await
    }

    /// Kills it, so that it can clean up nothing.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> Result<Ended> {
        self.process.start_kill()?;
        self.end().await
    }

    fn leave_counters(&self) {
        evidence::counters(&self.executable, &self.socket());
    }

    async fn end(&mut self) -> Result<Ended> {
        let status = tokio::time::timeout(DEADLINE, self.process.wait()).await;
        Ok(Ended {
            status: status.context("the agent does not end")??,
            stdout: self.stdout.wait_for_end(DEADLINE).await?,
            stderr: self.stderr.wait_for_end(DEADLINE).await?,
        })
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // One that was stopped or killed has no id any more: the test has failed before that.
        if self.process.id().is_some() {
            self.leave_counters();
        }
    }
}
