//! `spanwire run`: the event loop between the kernel, the pipeline and the exporters.

mod clocks;
pub mod command;
mod effects;
mod error;
mod expedite;
mod exporting;
mod handover;
mod hooks;
mod losses;
mod metrics;
mod pace;
mod privilege;
mod redacting;
mod secrecy;
mod signals;
pub mod status;
mod unseen;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::{info, warn};

use crate::attach::{Scope, TlsMode};
use crate::bpf::{Control, DecodeError, Options, Programs, Ring, Sockets};
use crate::config::{Config, Rule, TlsChoice};
use crate::correlate::Correlator;
use crate::correlate::ids::IdGenerator;
use crate::discovery::admission::Admission;
use crate::discovery::process::{Begun, ProcessTable, Procfs};
use crate::discovery::scope::{KernelRules, by_number, plant};
use crate::event::Event;
use crate::export::audit::{self, Patience};
use crate::pipeline::{Effect, Pipeline};
use crate::price::Prices;
use crate::provider::{self, BodyLimits};
use crate::redact::{self, Policy, Redactor};
use crate::telemetry::Counters;
use clocks::clock;
pub use clocks::monotonic_ns;
pub use error::StartError;
use exporting::Exporting;
pub use handover::Ended;
use handover::{Leaving, Taken};
use hooks::{HookOptions, Hooks};
use metrics::{Monitoring, monitor};
use pace::{Next, Pace};
pub(crate) use privilege::Duty;
use privilege::Hardening;
pub use privilege::{SUBCOMMAND, attach_uprobes, examine};
use redacting::Redacting;
pub use signals::stop_signal;
use status::{Asked, Question, StatusServer};
use unseen::Teller;

/// The mounted process file system.
pub const PROC: &str = "/proc";

/// Where users have their names.
const PASSWD: &str = "/etc/passwd";

/// Most processes that are remembered.
const PROCESSES: usize = 16_384;

/// How often losses are looked for and the clock is corrected.
const UPKEEP: Duration = Duration::from_secs(1);

/// Size in bytes from which a ring may be polled: it holds what comes until its reader is woken by amount. 2 GB/s
/// at the most were seen.
const POLLED_RING: u32 = 4 << 20;

/// A running agent.
pub struct Agent {
    ring: Ring,
    /// Of keys.
    keys: Ring,
    control: Control,
    sockets: Sockets,
    pipeline: Pipeline,
    redacting: Redacting,
    exporting: Exporting,
    hooks: Hooks,
    status: StatusServer,
    monitoring: Option<Monitoring>,
    counters: Arc<Counters>,
    effects: VecDeque<Effect>,
    drops_told: u64,
    unseen: Teller,
    hardening: Hardening,
    duty: Duty,
    pace: Pace,
    stop_timeout: Duration,
    /// Set once another agent has taken over.
    leaving: Option<Leaving>,
}

impl Agent {
    /// Loads and attaches everything; capture is on when this returns, and the calling thread has all its privileges still. Must be called within the tokio runtime that
    /// [`Agent::trace`] will run on: best one of a single thread, so that no record wakes two.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(config: &Config, counters: Arc<Counters>) -> Result<Self, StartError> {
        secrecy::hide();
        let policy = Arc::new(Policy::new(config.content.clone())?);
        redact::show_by(&policy);
        let mut hardening = Hardening::of(config);
        // The place of one that is taken over from is free later.
        let first = !config.take_over;
        let mut monitoring = first.then(|| monitor(config, &mut hardening, &counters)).transpose()?.flatten();
        // What reads content may do no more than what exports it.
        let audit = config.audit.as_ref().map(|audit| {
            let approved = config.approved_endpoints.clone();
            let counters = Arc::clone(&counters);
            let patience = if config.take_over { Patience::UntilFree } else { Patience::None };
            hardening
                .store(audit, || audit::Writer::start(audit, host_name(), approved, (patience, counters)))
        });
        let audit = audit.transpose().context("no audit can be kept")?;
        let (mut exporting, redacting) = hardening.export(|| {
            let exporting = Exporting::start(config, audit, &counters)?;
            let redactor = Redactor::new(policy, Arc::clone(&counters));
            Ok((exporting, Redacting::start(redactor, &counters)?))
        })?;
        expedite::restore();
        let rules =
            |rules: &[Rule]| by_number(rules.to_vec(), Path::new(PASSWD)).map_err(anyhow::Error::from);
        let (include, exclude) = (rules(&config.include)?, rules(&config.exclude)?);
        let kernel_rules =
            KernelRules::of(&include, &exclude, Path::new(PROC)).map_err(anyhow::Error::from)?;
        let options = Options {
            ring_bytes: config.ring_size,
            probe_log: config.probe_log,
            hooks: config.hooks,
            uprobes: config.uprobes,
            tls_keys: config.tls != TlsChoice::Calls,
        };
        let mut programs = Programs::load(options, &kernel_rules)?;
        // Before any thread has begun to look at what the agent itself starts.
        hardening.separate(&mut programs);
        let ring = programs.ring()?;
        let keys = programs.keys()?;
        let mut control = programs.control()?;
        let mut known_sockets = programs.sockets()?;
        if config.services {
            for path in provider::usual_paths() {
                control.read_whole(path).context("a path cannot be named to the kernel side")?;
            }
        }
        let mut trees = programs.trees(&kernel_rules)?;
        let mut members = || {
            plant(&kernel_rules.trees, Path::new(PROC), |pid, bits| {
                trees.add(pid, bits).context("the table of process trees is full")
            })
        };
        // Before sockets are seen: one that moves bytes of a process that is no member yet is ignored from then on.
        members()?;
        let sockets = programs.attach_tracepoints()?;
        // Now that forks are seen.
        members()?;
        counters.gauges.ring_bytes.set(u64::from(config.ring_size));
        // Said once; an agent starts once.
        let sockets_by = sockets.name();
        let _ = counters.gauges.start.sockets_by.set(sockets_by);
        let prices = config.prices.as_deref().map(Prices::with_rules).transpose();
        let prices = prices.map_err(anyhow::Error::from)?.unwrap_or_default();
        let is_enforced = kernel_rules.is_complete;
        let scope = Scope::new(include, exclude);
        let admission = Admission::new(scope, PROC.into(), is_enforced, trees.into_lookup());
        let hook_options = HookOptions {
            libraries: &config.libraries,
            mode: match config.tls {
                TlsChoice::Auto => TlsMode::Auto,
                TlsChoice::Keys => TlsMode::Keys,
                TlsChoice::Calls => TlsMode::Calls,
            },
            follow_peers: config.follow_peers,
            services: Admission::by(rules(&config.services_from_start)?, PROC.into())
                .map_err(anyhow::Error::from)?,
        };
        let procfs = Procfs::new(PROC.into())
            .with_host_name(host_name())
            .with_passwd(Path::new(PASSWD))
            .with_lineage(config.audit.is_some());
        let begun = Begun::new(procfs.clone());
        // Before it is said that capture is on: whoever reads that may ask.
        let ask_at = || StatusServer::start(config.status_socket.as_deref(), sockets_by);
        let status = first.then(ask_at);
        hardening.spare(programs.multi(), &mut control);
        let hooks = hardening.hooks(|| {
            Hooks::start((programs, sockets), admission.clone(), begun.clone(), &hook_options, &counters)
        })?;
        let mut taken = Taken::default();
        let status = match status {
            Some(status) => status,
            None => {
                taken = handover::take_over(config.status_socket.as_deref())?;
                exporting.limit_to(taken.tenure);
                monitoring = monitor(config, &mut hardening, &counters)?;
                ask_at()
            }
        };
        let limit = u64::from(config.body_limit);
        let mut pipeline = Pipeline::new(
            ProcessTable::new(procfs, PROCESSES).with(begun),
            admission,
            Correlator::new(IdGenerator::from_os(), prices)
                .with_trees(config.services)
                .with_adopt(config.adopt)
                .with_approved(config.approved_endpoints.clone()),
            clock(),
            BodyLimits { request_bytes: limit, response_bytes: limit, kept_bytes: 0 },
            Arc::clone(&counters),
        )
        .with_content(config.content.clone())
        .with_memory_budget(config.memory_budget)
        .with_keys(config.tls != TlsChoice::Calls)
        .with_http(config.services);
        taken.follow(&mut pipeline, &mut known_sockets, &hooks);
        secrecy::lock();
        Ok(Self {
            ring,
            keys,
            control,
            sockets: known_sockets,
            pipeline,
            redacting,
            exporting,
            status,
            monitoring,
            hooks,
            counters,
            effects: VecDeque::new(),
            drops_told: 0,
            unseen: Teller::default(),
            hardening,
            duty: Duty::default(),
            pace: Pace::new(config.ring_size >= POLLED_RING),
            stop_timeout: config.stop_timeout,
            leaving: None,
        })
    }

    /// What there is to do beside tracing.
    #[must_use]
    pub(crate) fn with(mut self, duty: Duty) -> Self {
        self.duty = duty;
        self
    }

    /// Gives up what is not needed any more, traces until `stop` is done or another agent has taken over, then ends what is
    /// under way and delivers it.
    ///
    /// # Errors
    /// When the ring buffer can no longer be read.
    pub async fn trace(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<Ended> {
        self.status.hardened(self.hardening.finish(self.duty));
        tokio::pin!(stop);
        let mut upkeep = interval(UPKEEP);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let look = sleep(Duration::ZERO);
        tokio::pin!(look);
        let mut next = Next::Again;
        loop {
            let mut was_woken = false;
            let Self { ring, status, redacting, exporting, .. } = &mut self;
            tokio::select! {
                biased;
                () = &mut stop => break,
                // This looks at the ring, too.
                _ = upkeep.tick() => {
                    self.upkeep();
                    if self.has_left() {
                        break;
                    }
                }
                asked = status.asked() => {
                    match asked {
                        Asked::Question(question) => self.answer(question),
                        Asked::HandOver(petitioner) => self.hand_over(petitioner),
                    }
                    continue;
                }
                () = exporting.due() => {
                    exporting.hand_over();
                    continue;
                }
                done = redacting.next() => {
                    done.take(exporting);
                    continue;
                }
                woken = ring.woken() => {
                    woken.context("the ring buffer cannot be read any more; start the agent anew")?;
                    was_woken = true;
                }
                () = &mut look, if matches!(next, Next::After(_)) => {}
                // A timer would come a millisecond later.
                () = yield_now(), if next == Next::Again => {}
            }
            next = self.read(was_woken);
            if let Next::After(time) = next {
                look.as_mut().reset(Instant::now() + time);
            }
        }
        let ended = if self.leaving.is_some() { Ended::HandedOver } else { Ended::Stopped };
        self.stop().await;
        Ok(ended)
    }

    /// Takes what is in the ring, and does what follows from it; says when to do so again.
    fn read(&mut self, was_woken: bool) -> Next {
        let Self { ring, keys, pipeline, effects, counters, pace, control, .. } = self;
        let (taken, empty) = ring.take(|event| {
            // Before each: what is sent under a key comes after it.
            keys.drain(|key| handle(key, pipeline, effects, counters));
            handle(event, pipeline, effects, counters);
        });
        // What was received may come before its key.
        keys.drain(|key| handle(key, pipeline, effects, counters));
        let (next, wakeups) = pace.read(taken > 0, empty, was_woken);
        // Refused, what it was told before holds, which costs time but no data.
        let _ = wakeups.map(|wakeups| control.wake_for(wakeups));
        self.perform();
        next
    }

    async fn stop(mut self) {
        let Self { ring, keys, pipeline, effects, counters, leaving, .. } = &mut self;
        ring.drain(|event| {
            keys.drain(|key| handle(key, pipeline, effects, counters));
            handle(event, pipeline, effects, counters);
        });
        keys.drain(|key| handle(key, pipeline, effects, counters));
        let until_ns = leaving.as_ref().map(Leaving::at_ns);
        pipeline.finish(monotonic_ns(), until_ns, &mut |effect| effects.push_back(effect));
        self.perform();
        self.upkeep();
        for line in self.unseen.rest() {
            warn!("{line}");
        }
        let Self { redacting, mut exporting, hooks, monitoring, counters, stop_timeout, .. } = self;
        redacting.finish(stop_timeout).await.into_iter().for_each(|done| done.take(&mut exporting));
        exporting.shutdown(stop_timeout).await;
        // Until now its last numbers could be asked for.
        drop(monitoring);
        if tokio::task::spawn_blocking(|| hooks.detach()).await.is_err() {
            warn!("the probes were not taken off; the kernel does so when the agent is gone");
        }
        let calls = counters.calls.get();
        match counters.loss_summary() {
            Some(losses) => warn!("stopped; {calls} calls; not everything was seen or delivered: {losses}"),
            None => info!("stopped; {calls} calls, nothing lost"),
        }
    }

    /// Tells who asks what there is.
    fn answer(&mut self, question: Question) {
        let Self { pipeline, exporting, counters, hooks, .. } = self;
        self.status.answer(question, (pipeline.seen(), exporting.health()), counters, hooks.held());
    }

    /// Corrects the clock and tells of records that the kernel had to drop.
    fn upkeep(&mut self) {
        self.pipeline.set_clock(clock());
        self.measure();
        let Self { pipeline, effects, .. } = self;
        pipeline.refresh(monotonic_ns(), &mut |effect| effects.push_back(effect));
        self.perform();
        self.unseen.due(monotonic_ns()).into_iter().for_each(|line| warn!("{line}"));
        self.count_losses();
    }
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

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
