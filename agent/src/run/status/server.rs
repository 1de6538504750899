//! Answers `spanwire status` and `spanwire stats` at a Unix socket, and agents that want to take over.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, fchmod};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::super::hooks::Held;
use super::numbers::gauges;
use super::{HAND_OVER, ProcessReport, Report, STATS, UnseenReport};
use crate::correlate::Unseen;
use crate::health::HealthReport;
use crate::pipeline::Seen;
use crate::redact::{for_log, host_for_log, name_for_log};
use crate::telemetry::Counters;

/// How long a reader may take, and the thread that holds the probes to say what it holds.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long somebody may take to say what is asked.
const QUESTION_PATIENCE: Duration = Duration::from_secs(1);

/// Most that wait to ask.
const WAITING: u32 = 128;

/// Longest question that is read.
const QUESTION_BYTES: u64 = 64;

/// Conversations that are remembered.
const UNSEEN: usize = 64;

/// Listens at the socket, and remembers what nobody else does.
pub(crate) struct StatusServer {
    listener: Option<UnixListener>,
    path: PathBuf,
    since: Instant,
    sockets_by: &'static str,
    unseen: VecDeque<UnseenReport>,
    hardening: Vec<String>,
    /// Those that want to take over.
    petitioners: (mpsc::Sender<Petitioner>, mpsc::Receiver<Petitioner>),
}

/// What somebody wants.
pub(crate) enum Asked {
    /// To know something: what, is read when it is answered.
    Question(Question),
    /// To take over.
    HandOver(Petitioner),
}

/// Somebody asks.
pub(crate) struct Question(UnixStream);

/// An agent that wants to take over.
pub(crate) struct Petitioner(UnixStream);

impl Petitioner {
    /// Tells it what it needs to know.
    pub(crate) fn answer<T: Serialize>(self, handover: &T) {
        let Self(mut stream) = self;
        if let Ok(answer) = serde_json::to_vec(handover) {
            tokio::spawn(async move {
                if !matches!(timeout(PATIENCE, stream.write_all(&answer)).await, Ok(Ok(()))) {
                    warn!(
                        "the agent that takes over did not read from when on: some calls may be reported twice, or not at all"
                    );
                }
            });
        }
    }
}

/// What is asked.
enum Subject {
    Status,
    Stats,
    HandOver,
}

impl StatusServer {
    /// Listens at `path`, for this user only. An agent that cannot be asked traces all the same.
    pub(crate) fn start(path: Option<&Path>, sockets_by: &'static str) -> Self {
        let listener = path.and_then(|path| match listen(path) {
            Ok(listener) => Some(listener),
            Err(error) => {
                warn!(
                    "`spanwire status` cannot ask this agent at {}: {error}; tracing goes on; name another place with \
                     --status-socket",
                    path.display()
                );
                None
            }
        });
        let path = path.filter(|_| listener.is_some()).unwrap_or(Path::new("")).to_owned();
        Self {
            listener,
            path,
            since: Instant::now(),
            sockets_by,
            unseen: VecDeque::new(),
            hardening: Vec::new(),
            petitioners: mpsc::channel(1),
        }
    }

    /// Waits until somebody asks, or an agent wants to take over.
    pub(crate) async fn asked(&mut self) -> Asked {
        let Self { listener, petitioners: (_, petitioners), .. } = self;
        tokio::select! {
            question = question(listener.as_ref()) => Asked::Question(question),
            Some(petitioner) = petitioners.recv() => Asked::HandOver(petitioner),
        }
    }

    /// Takes no questions any more, and leaves the place to another agent.
    pub(crate) fn leave(&mut self) {
        if self.listener.take().is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Remembers what the agent has given up.
    pub(crate) fn hardened(&mut self, hardening: Vec<String>) {
        self.hardening = hardening;
    }

    /// Remembers a conversation that was not seen.
    pub(crate) fn remember(&mut self, unseen: &Unseen) {
        if self.unseen.len() >= UNSEEN {
            self.unseen.pop_front();
        }
        let [received_bytes, sent_bytes] = unseen.moved;
        self.unseen.push_back(UnseenReport {
            pid: unseen.process.pid,
            service: name_for_log(&unseen.process.service_name).into_owned(),
            server_name: host_for_log(&unseen.server_name).into_owned(),
            received_bytes,
            sent_bytes,
            milliseconds: unseen.lasted_ns / 1_000_000,
        });
    }

    /// Answers what is asked; of the status when the thread that holds the probes has said what it holds.
    pub(crate) fn answer(
        &self,
        Question(mut stream): Question,
        (seen, health): (Vec<Seen>, HealthReport),
        counters: &Counters,
        held: oneshot::Receiver<Held>,
    ) {
        let mut report = Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            capturing_seconds: self.since.elapsed().as_secs(),
            sockets_by: self.sockets_by.to_owned(),
            unseen: self.unseen.iter().cloned().collect(),
            hardening: self.hardening.clone(),
            counters: counters.snapshot().map(|sample| (sample.name.to_owned(), sample.value)).collect(),
            gauges: gauges(counters),
            ..Report::default()
        };
        let petitioners = self.petitioners.0.clone();
        tokio::spawn(async move {
            let answer = match subject(&mut stream).await {
                Subject::Stats => serde_json::to_vec(&health),
                Subject::Status => {
                    let Ok(Ok(held)) = timeout(PATIENCE, held).await else { return };
                    report.processes = join(seen, &held);
                    report.files = held.files;
                    for file in &mut report.files {
                        file.path = for_log(&file.path).into_owned();
                    }
                    serde_json::to_vec(&report)
                }
                Subject::HandOver => {
                    let _ = petitioners.send(Petitioner(stream)).await;
                    return;
                }
            };
            // Who asked may be gone.
            if let Ok(answer) = answer {
                let _ = timeout(PATIENCE, stream.write_all(&answer)).await;
            }
        });
    }
}

/// Waits until somebody asks; forever, where nobody can.
async fn question(listener: Option<&UnixListener>) -> Question {
    loop {
        match listener {
            Some(listener) => match listener.accept().await {
                Ok((stream, _)) => return Question(stream),
                Err(error) => {
                    debug!("a question for the status was lost: {error}");
                    tokio::time::sleep(PATIENCE).await;
                }
            },
            None => std::future::pending().await,
        }
    }
}

/// Reads the question; who asks none in time asks for the status.
async fn subject(stream: &mut UnixStream) -> Subject {
    let mut line = String::new();
    // All of it: what is left unread when the socket is closed would spoil the answer (`unix_release_sock`).
    let read = timeout(QUESTION_PATIENCE, stream.take(QUESTION_BYTES).read_to_string(&mut line)).await;
    match (read, line.trim_end()) {
        (Ok(Ok(_)), STATS) => Subject::Stats,
        (Ok(Ok(_)), HAND_OVER) => Subject::HandOver,
        _ => Subject::Status,
    }
}

impl Drop for StatusServer {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What was seen of processes, with the probes that they carry.
fn join(seen: Vec<Seen>, held: &Held) -> Vec<ProcessReport> {
    let mut processes: Vec<ProcessReport> = seen
        .into_iter()
        .map(|Seen { pid, service_name, tally }| ProcessReport {
            pid,
            service: name_for_log(&service_name).into_owned(),
            seen: tally,
            ..ProcessReport::default()
        })
        .collect();
    for probed in &held.processes {
        let place = processes.iter().position(|process| process.pid == probed.pid && !process.seen.ended);
        let place = place.unwrap_or_else(|| {
            let (pid, service) = (probed.pid, name_for_log(&probed.name).into_owned());
            processes.push(ProcessReport { pid, service, ..ProcessReport::default() });
            processes.len() - 1
        });
        if let Some(process) = processes.get_mut(place) {
            process.probed_because = probed.reason.name().to_owned();
            process.probed_files = probed.files.iter().map(|file| for_log(file).into_owned()).collect();
        }
    }
    processes.sort_unstable_by_key(|process| process.pid);
    processes
}

/// Takes the place of an agent that is gone, and of no other.
fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another agent answers there"));
        }
        fs::remove_file(path)?;
    }
    let socket = UnixSocket::new_stream()?;
    // The file gets the mode that the socket has when it is bound (`unix_bind_bsd` in net/unix/af_unix.c): nobody can ask
    // in between.
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    socket.bind(path)?;
    socket.listen(WAITING)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::super::super::hooks::Probed;
    use super::*;
    use crate::attach::Reason;
    use crate::pipeline::Tally;

    fn place(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("spanwire-status-{name}-{}/status.sock", std::process::id()))
    }

    #[tokio::test]
    async fn nobody_else_may_ask() {
        use std::os::unix::fs::PermissionsExt as _;

        let path = place("closed");
        let server = StatusServer::start(Some(&path), "");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        drop(server);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[tokio::test]
    async fn what_is_asked_is_answered() {
        let path = place("answer");
        let server = StatusServer::start(Some(&path), "magic");
        let asked = tokio::task::spawn_blocking({
            let path = path.clone();
            move || super::super::ask(&path)
        });
        let asking = question(server.listener.as_ref()).await;
        let (held, waiting) = oneshot::channel();
        let seen = vec![Seen { pid: 7, service_name: "shop".to_owned(), tally: Tally::default() }];
        server.answer(asking, (seen, HealthReport::default()), &Counters::default(), waiting);
        let probed =
            |pid| Probed { pid, name: "node".to_owned(), reason: Reason::Probation, files: Vec::new() };
        let _ = held.send(Held { files: Vec::new(), processes: vec![probed(9), probed(7)] });
        let report = asked.await.unwrap().unwrap();
        assert_eq!(report.sockets_by, "magic");
        let names: Vec<_> = report.processes.iter().map(|process| process.service.as_str()).collect();
        assert_eq!(names, ["shop", "node"]);
        assert_eq!(report.processes[0].probed_because, "on probation");
        drop(server);
        assert!(!path.exists());
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[tokio::test]
    async fn stats_are_answered_whatever_the_probes_do_and_silence_asks_for_the_status() {
        use std::io::Read as _;

        let path = place("stats");
        let server = StatusServer::start(Some(&path), "magic");
        let health = HealthReport { open_traces: 7, ..HealthReport::default() };
        let asked = tokio::task::spawn_blocking({
            let path = path.clone();
            move || super::super::ask_stats(&path)
        });
        let (_held, waiting) = oneshot::channel();
        let asking = question(server.listener.as_ref()).await;
        server.answer(asking, (Vec::new(), health.clone()), &Counters::default(), waiting);
        assert_eq!(asked.await.unwrap().unwrap(), health);

        let silent = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let asking = question(server.listener.as_ref()).await;
        let (held, waiting) = oneshot::channel();
        let _ = held.send(Held { files: Vec::new(), processes: Vec::new() });
        server.answer(asking, (Vec::new(), health), &Counters::default(), waiting);
        let answer = tokio::task::spawn_blocking(move || {
            let mut answer = String::new();
            (&silent).read_to_string(&mut answer).map(|_| answer)
        });
        assert!(answer.await.unwrap().unwrap().contains("\"sockets_by\":\"magic\""));
        drop(server);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[tokio::test]
    async fn one_that_lives_keeps_its_place_and_one_that_is_gone_does_not() {
        let path = place("place");
        let first = StatusServer::start(Some(&path), "");
        assert!(first.listener.is_some());
        assert!(StatusServer::start(Some(&path), "").listener.is_none());
        assert!(path.exists(), "the second leaves it");
        // As a kill leaves it.
        let mut first = first;
        first.listener = None;
        drop(first);
        assert!(path.exists());
        assert!(StatusServer::start(Some(&path), "").listener.is_some());
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
