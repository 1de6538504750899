//! `spanwire run`: the event loop between the kernel, the pipeline and the exporters.

mod expedite;
mod hooks;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};
use spanwire_abi::{gap, kind};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::attach::Sign;
use crate::bpf::{Control, DecodeError, LoadError, Options, Programs, Ring};
use crate::config::Config;
use crate::correlate::Correlator;
use crate::correlate::clock::Clock;
use crate::correlate::ids::IdGenerator;
use crate::discovery::process::{ProcessTable, Procfs};
use crate::event::Event;
use crate::export::Exporters;
use crate::pipeline::{Effect, Pipeline, Unseen};
use crate::provider::BodyLimits;
use crate::telemetry::Counters;
use hooks::Hooks;

/// The mounted process file system.
pub const PROC: &str = "/proc";

/// How long the exporters may take to deliver what waits when the agent stops.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Most processes that are remembered.
const PROCESSES: usize = 16_384;

/// How often losses are looked for and the clock is corrected.
const UPKEEP: Duration = Duration::from_secs(1);

/// Why tracing did not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kernel or the privileges do not allow it.
    #[error("{}", crate::preflight::refused(.0))]
    Refused(#[from] LoadError),
    /// Something else.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

/// A running agent.
pub struct Agent {
    ring: Ring,
    control: Control,
    pipeline: Pipeline,
    exporters: Exporters,
    hooks: Hooks,
    counters: Arc<Counters>,
    effects: VecDeque<Effect>,
    drops_told: u64,
}

impl Agent {
    /// Loads and attaches everything; capture is on when this returns. Needs a tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(config: &Config, counters: Arc<Counters>) -> Result<Self, StartError> {
        let exporters = Exporters::start(config, &counters).map_err(anyhow::Error::from)?;
        let mut programs = Programs::load(Options {
            ring_bytes: config.ring_size,
            probe_log: config.probe_log,
            hooks: config.hooks,
        })?;
        let ring = programs.ring()?;
        let control = programs.control()?;
        let hooks = Hooks::start(programs, &config.libraries, &counters)?;
        let limit = usize::try_from(config.body_limit).unwrap_or(usize::MAX);
        let procfs =
            Procfs::new(PROC.into()).with_host_name(host_name()).with_passwd(Path::new("/etc/passwd"));
        let pipeline = Pipeline::new(
            ProcessTable::new(procfs, PROCESSES),
            Correlator::new(IdGenerator::from_os()),
            clock(),
            BodyLimits { request_bytes: limit, response_bytes: limit },
            Arc::clone(&counters),
        );
        Ok(Self {
            ring,
            control,
            pipeline,
            exporters,
            hooks,
            counters,
            effects: VecDeque::new(),
            drops_told: 0,
        })
    }

    /// Traces until `stop` is done, then ends what is under way and delivers it.
    ///
    /// # Errors
    /// When the ring buffer can no longer be read.
    pub async fn trace(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::pin!(stop);
        let mut upkeep = interval(UPKEEP);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let Self { ring, pipeline, effects, counters, .. } = &mut self;
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = upkeep.tick() => self.upkeep(),
                read = ring.read(|event| handle(event, pipeline, effects, counters)) => {
                    read.context("the ring buffer cannot be read any more; start the agent anew")?;
                    self.perform();
                }
            }
        }
        self.stop().await;
        Ok(())
    }

    async fn stop(mut self) {
        let Self { ring, pipeline, effects, counters, .. } = &mut self;
        ring.drain(|event| handle(event, pipeline, effects, counters));
        pipeline.finish(monotonic_ns(), &mut |effect| effects.push_back(effect));
        self.perform();
        self.upkeep();
        let Self { exporters, hooks, counters, .. } = self;
        exporters.shutdown(SHUTDOWN).await;
        if tokio::task::spawn_blocking(|| hooks.detach()).await.is_err() {
            warn!("the probes were not taken off; the kernel does so when the agent is gone");
        }
        match counters.loss_summary() {
            Some(losses) => warn!("stopped; not everything was seen or delivered: {losses}"),
            None => info!("stopped; {} calls, nothing lost", counters.calls.get()),
        }
    }

    /// Does what the pipeline asks for.
    fn perform(&mut self) {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Span(span) => self.exporters.export(span),
                Effect::Decide { connection, position, verdict } => {
                    if self.control.decide(connection, position, verdict).is_err() {
                        self.counters.verdicts_refused.increment();
                    }
                }
                Effect::TlsClient { pid, server_name, known } => {
                    self.hooks.sign(pid, Sign::Client { server_name, known });
                }
                Effect::Judged { pid, of_interest } => self.hooks.judged(pid, of_interest),
                Effect::ProcessEnded { pid } => {
                    self.hooks.ended(pid);
                    self.exporters.process_ended(pid);
                }
                Effect::Unseen(unseen) => tell(&unseen),
            }
        }
    }

    /// Corrects the clock and tells of records that the kernel had to drop.
    fn upkeep(&mut self) {
        self.pipeline.set_clock(clock());
        let Ok(drops) = self.control.drops() else { return };
        let mut of = [0; 3];
        for (kind, dropped) in (0..).zip(drops) {
            match kind {
                kind::DATA => of[0] += dropped,
                kind::OPENED | kind::TIED | kind::ENDED | kind::HELLO => of[1] += dropped,
                _ => of[2] += dropped,
            }
        }
        for (cause, bytes) in (0..).zip(self.control.gaps().unwrap_or_default()) {
            let counter = match cause {
                gap::IO_URING => &self.counters.gap_io_uring_bytes,
                gap::COMPAT => &self.counters.gap_compat_bytes,
                gap::UNTIED => &self.counters.gap_untied_bytes,
                _ => &self.counters.gap_no_buffer_bytes,
            };
            counter.set(bytes);
        }
        let [chunks, connections, processes] = of;
        self.counters.ring_drops_chunk.set(chunks);
        self.counters.ring_drops_connection.set(connections);
        self.counters.ring_drops_process.set(processes);
        let all = chunks + connections + processes;
        if all > self.drops_told {
            warn!(
                "the ring buffer was full: {} records were lost, {all} in all; the calls concerned are marked as \
                 incomplete; a larger --ring-size makes this rarer",
                all - self.drops_told
            );
            self.drops_told = all;
        }
    }
}

/// Done when the operator asks the agent to stop: SIGINT or SIGTERM.
///
/// # Errors
/// When the signals cannot be caught.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot catch SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot catch SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn handle(
    event: Result<Event, DecodeError>,
    pipeline: &mut Pipeline,
    effects: &mut VecDeque<Effect>,
    counters: &Counters,
) {
    match event {
        Ok(event) => pipeline.handle(event, &mut |effect| effects.push_back(effect)),
        Err(_) => counters.undecodable_records.increment(),
    }
}

/// Tells of a conversation with a provider of which only the outside was seen.
fn tell(unseen: &Unseen) {
    let [received, sent] = unseen.moved;
    warn!(
        "{} (pid {}) talked TLS to {} for {:.1} s, {sent} bytes sent and {received} received, and was not seen: its \
         TLS code is not known",
        unseen.process.service_name,
        unseen.process.pid,
        unseen.server_name,
        Duration::from_nanos(unseen.lasted_ns).as_secs_f64(),
    );
}

/// The kernel's clock for events, in nanoseconds.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// How the kernel's clock stands to the calendar now.
fn clock() -> Clock {
    Clock::new(monotonic_ns(), SystemTime::now())
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
