//! The stand-in provider, and what it says that it truly sent.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tokio::process::{Child, ChildStdin, Command};

use crate::door::is_knock;
use crate::folder::Folder;
use crate::transcript::Transcript;
use crate::{DEADLINE, Setup};

/// One line of the log: a request and its answer, as `tests/standin/provider.py` writes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Served {
    /// The model that was asked for.
    pub request_model: String,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The model that the answer names.
    pub response_model: String,
    /// The answer's id.
    pub id: String,
    /// Tokens, as the answer says if it says so.
    pub input_tokens: i64,
    /// Tokens, as the answer says if it says so.
    pub output_tokens: i64,
    /// Whether the answer, as asked for, has usage.
    pub usage_sent: bool,
    /// The finish reason.
    pub finish_reason: String,
    /// The HTTP status; none where no HTTP was spoken.
    pub status: Option<i64>,
    /// The client's port, or none on a Unix socket.
    #[serde(default)]
    pub client_port: Option<u16>,
    /// When the request was there, in nanoseconds of the wall clock.
    pub received_ns: u64,
    /// When the answer began.
    #[serde(default)]
    pub first_byte_ns: Option<u64>,
    /// The server's name, as the request has it.
    pub host: String,
    /// The request's `traceparent`, the first where there are several.
    #[serde(default)]
    pub traceparent: Option<String>,
    /// What services name the request by: see [`crate::services`].
    #[serde(default)]
    pub reference: Option<String>,
    /// Names of the request's headers, in lower case.
    pub header_names: Vec<String>,
    /// How its connection speaks TLS; none where it does not.
    #[serde(default)]
    pub tls: Option<Agreed>,
}

/// What client and stand-in agreed on for a TLS connection.
#[derive(Clone, Debug, Deserialize)]
pub struct Agreed {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// The cipher suite, by OpenSSL's name.
    pub cipher: String,
    /// Whether the client resumed a session.
    pub resumed: bool,
}

/// A provider's name, by which stand-ins know themselves, too.
pub const PROVIDER: &str = "api.openai.com";

#[derive(Deserialize)]
struct Ready {
    port: u16,
    ca: Option<PathBuf>,
    unix: Option<PathBuf>,
}

/// A running stand-in; it ends with this value.
#[derive(Debug)]
pub struct StandIn {
    /// Its port on 127.0.0.1.
    pub port: u16,
    ca: Option<PathBuf>,
    unix: Option<PathBuf>,
    said: Transcript,
    input: Option<ChildStdin>,
    process: Child,
    _folder: Folder,
}

impl StandIn {
    /// Starts one that speaks TLS, or HTTP without it when `plain`.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(setup: &Setup, plain: bool) -> Result<Self> {
        Self::start_at(setup, plain, false, &[], "127.0.0.1").await
    }

    /// Starts one that asks before it lets a TLS client begin: see [`crate::scene::Scene`].
    ///
    /// # Errors
    /// When it does not start.
    pub async fn asking(setup: &Setup, plain: bool) -> Result<Self> {
        Self::start_at(setup, plain, true, &[], "127.0.0.1").await
    }

    /// Starts one that listens on `address`, run by the command `prefix`: in another network.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_at(
        setup: &Setup,
        plain: bool,
        asks: bool,
        prefix: &[OsString],
        address: &str,
    ) -> Result<Self> {
        let mut arguments = vec!["--address", address];
        arguments.extend(plain.then_some("--plain"));
        arguments.extend(asks.then_some("--ask"));
        Self::start_with(setup, &arguments, prefix).await
    }

    /// Starts one with these arguments of `tests/standin/every.py`, run by the command `prefix`.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_with(setup: &Setup, arguments: &[&str], prefix: &[OsString]) -> Result<Self> {
        let folder = Folder::new()?;
        let mut words = prefix.iter().map(OsString::as_os_str).chain([setup.python.as_os_str()]);
        let mut command = Command::new(words.next().context("a command")?);
        command.args(words);
        command.arg(setup.test_file("standin/every.py")).arg("--echo").arg("--dir").arg(folder.path());
        command.args(arguments);
        let input = if arguments.contains(&"--ask") { Stdio::piped() } else { Stdio::null() };
        command.stdin(input).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().context("the stand-in does not start")?;
        let input = process.stdin.take();
        let said = Transcript::of("stand-in", process.stdout.take().context("no output")?);
        let first = said.wait_for("readiness", DEADLINE, |text| text.contains('\n')).await?;
        let Ready { port, ca, unix } = serde_json::from_str(first.lines().next().unwrap_or_default())?;
        Ok(Self { port, ca, unix, said, input, process, _folder: folder })
    }

    /// The API's address, by the name that its certificate has.
    #[must_use]
    pub fn base_url(&self) -> String {
        let scheme = if self.ca.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}/v1", self.port)
    }

    /// The API's address, by a provider's name that its certificate has as well: [`PROVIDER`].
    #[must_use]
    pub fn provider_url(&self) -> String {
        self.base_url().replace("localhost", PROVIDER)
    }

    /// The CA that clients must trust; none without TLS.
    #[must_use]
    pub fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// Its certificate and the private key, which are good for other servers on this host, too; none without TLS.
    #[must_use]
    pub fn certificate(&self) -> Option<(PathBuf, PathBuf)> {
        let folder = self.ca.as_deref()?.parent()?;
        Some((folder.join("leaf.pem"), folder.join("leaf.key")))
    }

    /// Its Unix socket; none with TLS.
    #[must_use]
    pub fn unix(&self) -> Option<&Path> {
        self.unix.as_deref()
    }

    /// Its process, for as long as it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// The log, once it has `count` entries.
    ///
    /// # Errors
    /// When there are fewer at the deadline, or it cannot be read.
    pub async fn log(&self, count: usize) -> Result<Vec<Served>> {
        // The first line says that it is ready.
        fn served(text: &str) -> impl Iterator<Item = &str> {
            text.lines().skip(1).filter(|line| !is_knock(line))
        }
        let text = self.said.wait_for("all requests", DEADLINE, |text| served(text).count() >= count).await?;
        served(&text).map(|line| serde_json::from_str(line).context("the stand-in's log")).collect()
    }

    /// All that it says.
    pub(crate) fn said(&self) -> &Transcript {
        &self.said
    }

    /// Where it is told who may begin, once.
    pub(crate) fn take_input(&mut self) -> Option<ChildStdin> {
        self.input.take()
    }
}
