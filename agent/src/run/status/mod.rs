//! What a running agent says of itself, `spanwire status`, and of the traces that it has seen, `spanwire stats`.
//!
//! Who asks says what, as a line; one who says nothing asks for the status.

mod numbers;
mod server;
mod stats;
mod text;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::health::HealthReport;
use crate::pipeline::Tally;

pub(super) use server::{Asked, Petitioner, Question, StatusServer};
pub use stats::show_stats;
pub use text::show;

/// How long the agent may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer that is read.
const ANSWER_BYTES: u64 = 64 << 20;

/// The whole answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The agent's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Seconds since capture began.
    pub capturing_seconds: u64,
    /// By what the bytes on sockets are seen.
    pub sockets_by: String,
    /// Files with TLS code.
    pub files: Vec<FileReport>,
    /// Processes that carry probes, or of which something was seen.
    pub processes: Vec<ProcessReport>,
    /// The latest conversations with providers of which only the outside was seen.
    pub unseen: Vec<UnseenReport>,
    /// What the agent has given up, and what it keeps.
    pub hardening: Vec<String>,
    /// All counters, by name.
    pub counters: BTreeMap<String, u64>,
    /// What the agent holds and uses now, and what it counts by words.
    #[serde(default)]
    pub gauges: Vec<GaugeReport>,
}

/// A number that is none of the counters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GaugeReport {
    /// Its name, as `/metrics` has it without prefix.
    pub name: String,
    /// What it is of.
    pub labels: BTreeMap<String, String>,
    /// Its value; of seconds or bytes where the name says so.
    pub value: f64,
}

/// A file with TLS code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// As the process that used it first sees it.
    pub path: String,
    /// Whose TLS code it holds.
    pub stacks: Vec<String>,
    /// Where it is probed.
    pub sites: Vec<SiteReport>,
}

/// A place for a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteReport {
    /// The function.
    pub function: String,
    /// Of the instruction, in the file.
    pub offset: u64,
    /// What a probe costs there: `emulated` or `single-stepped`.
    pub class: String,
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessReport {
    /// Process id in the host's PID namespace.
    pub pid: u32,
    /// The name of its service.
    pub service: String,
    /// Why it carries probes; empty if it carries none.
    pub probed_because: String,
    /// The files on whose use it carries them.
    pub probed_files: Vec<String>,
    /// What was seen of it.
    pub seen: Tally,
}

/// A conversation with a provider that was not seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnseenReport {
    /// Process id.
    pub pid: u32,
    /// The name of its service.
    pub service: String,
    /// The server that the ClientHello names.
    pub server_name: String,
    /// Bytes received, TLS included.
    pub received_bytes: u64,
    /// Bytes sent, TLS included.
    pub sent_bytes: u64,
    /// From the ClientHello to the end, in milliseconds.
    pub milliseconds: u64,
}

/// The line that asks for [`HealthReport`].
const STATS: &str = "stats";
/// The line that asks for [`Report`].
const STATUS: &str = "status";
/// The line that asks the agent to hand over to the one that asks.
pub(super) const HAND_OVER: &str = "hand-over";

/// Asks the agent at this socket for its status.
///
/// # Errors
/// When nobody answers there, or not in this program's words.
pub fn ask(socket: &Path) -> io::Result<Report> {
    ask_for(STATUS, socket)
}

/// Asks the agent at this socket what traces measure.
///
/// # Errors
/// When nobody answers there, or not in this program's words.
pub fn ask_stats(socket: &Path) -> io::Result<HealthReport> {
    ask_for(STATS, socket)
}

/// Asks the agent at this socket for something, by the line that does.
///
/// # Errors
/// When nobody answers there, or not with what is asked for.
pub(super) fn ask_for<T: DeserializeOwned>(what: &str, socket: &Path) -> io::Result<T> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // An agent that takes no questions may have answered and gone; what it said is read all the same.
    let _ = stream.write_all(format!("{what}\n").as_bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answer = String::new();
    stream.take(ANSWER_BYTES).read_to_string(&mut answer)?;
    serde_json::from_str(&answer).map_err(io::Error::other)
}
