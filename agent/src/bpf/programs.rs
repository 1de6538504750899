//! Loading the BPF object, and attaching what sees the whole host: sockets and processes.

use aya::programs::raw_trace_point::RawTracePoint;
use aya::programs::uprobe::UProbe;
use aya::programs::{Program, ProgramError};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned};
use tracing::debug;

use super::multi::Multi;
use super::offsets::KernelFacts;
use super::ring::readable;
use super::uprobes::Probe;
use super::{Control, LoadError, Ring, Standing};
use crate::config::{HookChoice, ProbeLog};
use crate::telemetry::PROBE_LOG_TARGET;

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/spanwire.bpf.o"));

/// Raw tracepoints and the programs on them: the life of processes and of TCP sockets.
const TRACEPOINTS: [(&str, &str); 5] = [
    ("process_exec", "sched_process_exec"),
    ("process_fork", "sched_process_fork"),
    ("process_exit", "sched_process_exit"),
    ("socket_state", "inet_sock_set_state"),
    ("socket_destroyed", "tcp_destroy_sock"),
];

/// Bytes on sockets, by the tracepoints of the socket layer (Linux 6.3).
const SOCKETS: [(&str, &str); 2] =
    [("socket_sent", "sock_send_length"), ("socket_received", "sock_recv_length")];

/// Bytes on sockets, by the return of each system call.
const SYSCALLS: [(&str, &str); 1] = [("syscall_exit", "sys_exit")];

/// By what the bytes on sockets are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketHooks {
    /// Tracepoints of the socket layer.
    Sockets,
    /// Returns of system calls.
    Syscalls,
}

impl SocketHooks {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sockets => "the socket layer's tracepoints",
            Self::Syscalls => "the return of system calls",
        }
    }
}

/// What is fixed when the object is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Size of the ring buffer in bytes: a power of two, at least a page.
    pub ring_bytes: u32,
    /// Diagnostics of the programs.
    pub probe_log: ProbeLog,
    /// Which kinds of hooks may be used.
    pub hooks: HookChoice,
}

/// Gives what the programs log a name of its own, which the log lets pass at every level: the
/// programs themselves say no more than they were asked to.
struct ProbeLogger;

impl log::Log for ProbeLogger {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let (level, text) = (record.level(), record.args());
        log::log!(target: PROBE_LOG_TARGET, level, "{text}");
    }

    fn flush(&self) {}
}

/// The loaded programs. Dropping them detaches all; so does the kernel when the agent dies.
pub struct Programs {
    pub(super) ebpf: Ebpf,
    /// None where the kernel has no such links: then perf events do.
    pub(super) multi: Option<Multi>,
    hooks: HookChoice,
}

impl Programs {
    /// Loads the object and the programs in it that every kernel takes; attaches none.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(options: Options) -> Result<Self, LoadError> {
        let level: u8 = match options.probe_log {
            // The verifier then removes the code that logs.
            ProbeLog::Off => 0,
            ProbeLog::Error => aya_log::Level::Error as u8,
            ProbeLog::Warn => aya_log::Level::Warn as u8,
            ProbeLog::Info => aya_log::Level::Info as u8,
            ProbeLog::Debug => aya_log::Level::Debug as u8,
        };
        let own_pid = std::process::id();
        let facts = KernelFacts::read()?;
        let mut loader = EbpfLoader::new();
        facts.set(&mut loader);
        let ebpf = loader
            .override_global("AGENT_PID", &own_pid, true)
            .override_global(aya_log::LEVEL, &level, true)
            .map_max_entries("EVENTS", options.ring_bytes)
            .load(OBJECT)?;
        let mut programs = Self { ebpf, multi: None, hooks: options.hooks };
        for (name, _) in TRACEPOINTS {
            programs.load_tracepoint(name)?;
        }
        programs.load_uprobes()?;
        give_back();
        if options.probe_log != ProbeLog::Off {
            programs.follow_log()?;
        }
        Ok(programs)
    }

    fn load_uprobes(&mut self) -> Result<(), LoadError> {
        let names = Probe::ALL.map(Probe::program);
        match Multi::load(OBJECT, &self.ebpf, &names) {
            Ok(multi) => self.multi = Some(multi),
            Err(error) => {
                debug!("no uprobe_multi links here, perf events instead: {error}");
                for name in names {
                    let program = program::<UProbe>(&mut self.ebpf, name)?;
                    program.load().map_err(|error| LoadError::Program(name, error))?;
                }
            }
        }
        Ok(())
    }

    fn load_tracepoint(&mut self, name: &'static str) -> Result<(), LoadError> {
        let program = program::<RawTracePoint>(&mut self.ebpf, name)?;
        program.load().map_err(|error| LoadError::Program(name, error))
    }

    /// Hands what the programs log to this process's log.
    fn follow_log(&mut self) -> Result<(), LoadError> {
        let logger = aya_log::EbpfLogger::init_with_logger(&mut self.ebpf, ProbeLogger)?;
        let mut logger = readable(logger)?;
        tokio::spawn(async move {
            while let Ok(mut ready) = logger.readable_mut().await {
                ready.get_inner_mut().flush();
                ready.clear_ready();
            }
        });
        Ok(())
    }

    /// The reading end of the ring buffer of events; there is one.
    ///
    /// # Errors
    /// When it was taken already or cannot be polled.
    pub fn ring(&mut self) -> Result<Ring, LoadError> {
        Ring::new(&mut self.ebpf, "EVENTS")
    }

    /// The reading end of the ring buffer of signs that a process may be of interest; there is one. It
    /// is polled by the runtime that calls this.
    ///
    /// # Errors
    /// When it was taken already or cannot be polled.
    pub fn signs(&mut self) -> Result<Ring, LoadError> {
        Ring::new(&mut self.ebpf, "SIGNS")
    }

    /// The maps that steer the programs; there is one handle.
    ///
    /// # Errors
    /// When it was taken already.
    pub fn control(&mut self) -> Result<Control, LoadError> {
        Control::new(&mut self.ebpf)
    }

    /// The map that says what is known of processes; there is one handle.
    ///
    /// # Errors
    /// When it was taken already.
    pub fn standing(&mut self) -> Result<Standing, LoadError> {
        Standing::new(&mut self.ebpf)
    }

    /// Attaches to sockets and to the life of processes; says by what the former are seen.
    ///
    /// # Errors
    /// When the kernel refuses all that would do.
    pub fn attach_tracepoints(&mut self) -> Result<SocketHooks, LoadError> {
        for (name, tracepoint) in TRACEPOINTS {
            self.attach_tracepoint(name, tracepoint)?;
        }
        if self.hooks != HookChoice::Syscalls {
            match self.attach_all(&SOCKETS) {
                Ok(()) => return Ok(SocketHooks::Sockets),
                Err(error) if self.hooks == HookChoice::Sockets => return Err(error),
                Err(error) => debug!("system calls in place of the socket layer's tracepoints: {error}"),
            }
        }
        self.attach_all(&SYSCALLS)?;
        Ok(SocketHooks::Syscalls)
    }

    fn attach_all(&mut self, pairs: &[(&'static str, &str)]) -> Result<(), LoadError> {
        for (name, tracepoint) in pairs {
            self.load_tracepoint(name)?;
            self.attach_tracepoint(name, tracepoint)?;
        }
        Ok(())
    }

    fn attach_tracepoint(&mut self, name: &'static str, tracepoint: &str) -> Result<(), LoadError> {
        let program = program::<RawTracePoint>(&mut self.ebpf, name)?;
        program.attach(tracepoint).map_err(|error| LoadError::Program(name, error))?;
        Ok(())
    }

    /// Name and number of verified instructions of each loaded program, for `spanwire check`.
    #[must_use]
    pub fn sizes(&self) -> Vec<(String, Option<u32>)> {
        let own = self.ebpf.programs().filter_map(|(name, program)| {
            let info = program.info().ok()?;
            Some((name.to_owned(), info.verified_instruction_count()))
        });
        let mut sizes: Vec<_> = own.chain(self.multi.iter().flat_map(Multi::sizes)).collect();
        sizes.sort();
        sizes
    }
}

/// Gives the memory back that the kernel's BTF and the object took: some 10 MiB, used once.
fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) has no preconditions.
    unsafe {
        libc::malloc_trim(0);
    }
}

pub(super) fn program<'a, T>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut T, LoadError>
where
    &'a mut T: TryFrom<&'a mut Program, Error = ProgramError>,
{
    ebpf.program_mut(name)
        .ok_or(LoadError::Missing(name))?
        .try_into()
        .map_err(|error| LoadError::Program(name, error))
}
