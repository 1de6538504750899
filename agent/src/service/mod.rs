//! `spanwire service`: starts `spanwire run` as a process of its own, and on SIGHUP a second one, with the configuration and the
//! program as they are by then, which takes over from the first.
//!
//! The process that traces has given up what it would take to begin anew: see SECURITY.md. This one has not, and so reads
//! nothing but signals and one byte of each process that it starts.

mod worker;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::{error, info, warn};

pub(crate) use worker::SUPERVISED;
pub use worker::Supervisor;
use worker::Worker;

/// The exit code of a process that another one has taken over from.
pub const HANDED_OVER: u8 = 5;

/// What happens to a process that was started.
enum Event {
    /// It traces, and no other does.
    Ready,
    /// It is over.
    Ended(io::Result<ExitStatus>),
}

/// How far a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It does not trace yet.
    Starting,
    /// It traces.
    Tracing,
    /// Another has taken over from it; it ends what it has begun.
    Leaving,
}

/// The processes that were started and are not over yet, and what there is to do about them.
struct Service<S> {
    start: S,
    workers: Vec<(u64, Worker, Stage)>,
    started: u64,
    events: Sender<(u64, Event)>,
    /// SIGHUP came while one was starting.
    again: bool,
    stopping: bool,
    /// How the last one ended that traced.
    code: Option<u8>,
}

/// Runs `spanwire run` with these arguments until told to stop, or until that ends by itself; returns its exit code. After
/// another agent has taken over, waits for nothing but to be told to stop.
///
/// # Errors
/// When signals cannot be caught, or nothing can be started.
pub async fn supervise(arguments: Vec<OsString>) -> anyhow::Result<u8> {
    let program = program()?;
    // A few at the most are there at once.
    let (events, happened) = channel(16);
    let start = move |id, events| Worker::start(&program, &arguments, id, events);
    Service { start, workers: Vec::new(), started: 0, events, again: false, stopping: false, code: None }
        .run(happened)
        .await
}

/// This program's file: after an upgrade, the one that took its place.
fn program() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe().context("the program's own file is not known")?;
    let text = path.to_string_lossy();
    Ok(text.strip_suffix(" (deleted)").map_or_else(|| path.clone(), PathBuf::from))
}

impl<S: Fn(u64, Sender<(u64, Event)>) -> io::Result<Worker>> Service<S> {
    async fn run(mut self, mut happened: Receiver<(u64, Event)>) -> anyhow::Result<u8> {
        let mut reload = signal(SignalKind::hangup()).context("cannot catch SIGHUP")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot catch SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot catch SIGTERM")?;
        self.begin().context("cannot start the process that traces")?;
        loop {
            tokio::select! {
                _ = reload.recv() => self.reload(),
                _ = interrupt.recv() => self.stop(),
                _ = terminate.recv() => self.stop(),
                Some((id, event)) = happened.recv() => self.happened(id, event),
            }
            if self.workers.is_empty() && (self.stopping || self.code != Some(HANDED_OVER)) {
                let code = self.code.unwrap_or(1);
                return Ok(if code == HANDED_OVER { 0 } else { code });
            }
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        self.started += 1;
        let worker = (self.start)(self.started, self.events.clone())?;
        self.workers.push((self.started, worker, Stage::Starting));
        Ok(())
    }

    /// Starts one that is to take over.
    fn reload(&mut self) {
        if self.stopping {
            return;
        }
        if self.workers.iter().any(|(_, _, stage)| *stage == Stage::Starting) {
            self.again = true;
            return;
        }
        info!("SIGHUP: the configuration is read again, by a process that takes over if it is good");
        if let Err(error) = self.begin() {
            error!("no other process can be started, and the one that traces goes on as it is: {error}");
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        for (_, worker, _) in &self.workers {
            worker.terminate();
        }
    }

    fn happened(&mut self, id: u64, event: Event) {
        match event {
            Event::Ready => {
                for (of, _, stage) in &mut self.workers {
                    *stage = if *of == id { Stage::Tracing } else { Stage::Leaving };
                }
            }
            Event::Ended(status) => {
                let Some(at) = self.workers.iter().position(|(of, ..)| *of == id) else { return };
                let (_, _, stage) = self.workers.remove(at);
                self.ended(stage, code(status));
            }
        }
        let is_starting = self.workers.iter().any(|(_, _, stage)| *stage == Stage::Starting);
        if self.again && !is_starting {
            self.again = false;
            self.reload();
        }
    }

    fn ended(&mut self, stage: Stage, code: u8) {
        let has = |wanted: Stage| self.workers.iter().any(|(_, _, stage)| *stage == wanted);
        let (traces, is_followed) = (has(Stage::Tracing), has(Stage::Starting));
        match stage {
            Stage::Leaving => {}
            Stage::Starting if traces => {
                error!(
                    "the new configuration is not in force, since no process can trace with it (exit code {code}; its reason \
                     stands above): the one before stays in force; mend it and send SIGHUP again"
                );
            }
            Stage::Starting => self.code = Some(code),
            Stage::Tracing => {
                self.code = Some(code);
                match code {
                    _ if self.stopping => {}
                    HANDED_OVER if is_followed => {}
                    HANDED_OVER => info!("another agent traces this host now; this one waits to be stopped"),
                    _ => warn!("the process that traces has ended (exit code {code})"),
                }
            }
        }
    }
}

/// The exit code, or 1 for one that ended otherwise.
fn code(status: io::Result<ExitStatus>) -> u8 {
    status.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests;
