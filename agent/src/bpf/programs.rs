//! Loading the BPF object, and attaching what sees the whole host: sockets and processes.

use aya::programs::raw_trace_point::RawTracePoint;
use aya::programs::uprobe::UProbe;
use aya::programs::{FExit, Program, ProgramError};
use aya::{Btf, Ebpf, EbpfLoader, include_bytes_aligned};
use tracing::debug;

use super::multi::Multi;
use super::offsets::KernelFacts;
use super::scope::{Globals, Trees};
use super::statistics::{self, Statistics};
use super::uprobes::Probe;
use super::{Attacher, Control, LoadError, Options, Ring, Sockets, Standing, log};
use crate::config::{HookChoice, ProbeLog, UprobeChoice};
use crate::discovery::scope::KernelRules;

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
pub(super) const SOCKETS: [(&str, &str); 2] =
    [("socket_received", "sock_recv_length"), ("socket_sent", "sock_send_length")];

/// Bytes on sockets, by the return of the kernel's functions that move them.
const FUNCTIONS: [(&str, &str); 5] = [
    ("tcp_sent", "tcp_sendmsg"),
    ("tcp_received", "tcp_recvmsg"),
    ("unix_sent", "unix_stream_sendmsg"),
    ("unix_received", "unix_stream_recvmsg"),
    // Gone since Linux 6.5.
    ("tcp_page_sent", TCP_SENDPAGE),
];
const TCP_SENDPAGE: &str = "tcp_sendpage";

/// Bytes on sockets, by the return of each system call.
const SYSCALLS: [(&str, &str); 1] = [("syscall_exit", "sys_exit")];

/// By what the bytes on sockets are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketHooks {
    /// Tracepoints of the socket layer.
    Sockets,
    /// Returns of the functions of TCP and of Unix sockets.
    Functions,
    /// Returns of system calls.
    Syscalls,
}

impl SocketHooks {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sockets => "the socket layer's tracepoints",
            Self::Functions => "the return of the kernel's functions",
            Self::Syscalls => "the return of system calls",
        }
    }
}

/// The loaded programs. Dropping them detaches all; so does the kernel when the agent dies.
pub struct Programs {
    pub(super) ebpf: Ebpf,
    /// None where the kernel has no such links: then perf events do.
    pub(super) multi: Option<Multi>,
    /// What makes perf events in this process's place.
    pub(super) attacher: Option<Attacher>,
    hooks: HookChoice,
    /// Whether programs on functions can find the registers of the system call under way.
    has_registers: bool,
    /// A tracepoint of the socket layer that the kernel does not have.
    missing_tracepoint: Option<&'static str>,
}

impl Programs {
    /// Loads the object and the programs in it that every kernel takes; attaches none. Of the rules the
    /// members of trees are still to be told: see [`Programs::trees`].
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(options: Options, rules: &KernelRules) -> Result<Self, LoadError> {
        let facts = KernelFacts::read()?;
        let (has_registers, missing_tracepoint) = (facts.has_registers(), facts.missing_tracepoint);
        let ebpf = open(&facts, options, Globals::of(rules))?;
        let mut programs = Self {
            ebpf,
            multi: None,
            attacher: None,
            hooks: options.hooks,
            has_registers,
            missing_tracepoint,
        };
        for (name, _) in TRACEPOINTS {
            programs.load_tracepoint(name)?;
        }
        programs.load_uprobes(options.uprobes)?;
        give_back();
        if options.probe_log != ProbeLog::Off {
            log::follow(&mut programs.ebpf)?;
        }
        Ok(programs)
    }

    fn load_uprobes(&mut self, choice: UprobeChoice) -> Result<(), LoadError> {
        let names = Probe::ALL.map(Probe::program);
        let multi = match choice {
            UprobeChoice::Auto => Multi::load(OBJECT, &self.ebpf, &names),
            UprobeChoice::PerfEvents => Err(std::io::Error::other("as the configuration has it")),
        };
        match multi {
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

    /// By what probes on functions of user space are attached; none where they are perf events, since the kernel has no
    /// `uprobe_multi` links.
    #[must_use]
    pub fn multi(&self) -> Option<&Multi> {
        self.multi.as_ref()
    }

    /// Hands what the programs log to this process's log.
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

    /// The reading end of the ring buffer of keys; there is one. Nothing wakes who waits for it: it is to be looked
    /// at with that of events, before it.
    ///
    /// # Errors
    /// When it was taken already or cannot be polled.
    pub fn keys(&mut self) -> Result<Ring, LoadError> {
        Ring::new(&mut self.ebpf, "KEYS")
    }

    /// The maps that steer the programs; there is one handle.
    ///
    /// # Errors
    /// When it was taken already.
    pub fn control(&mut self) -> Result<Control, LoadError> {
        Control::new(&mut self.ebpf)
    }

    /// The map of sockets; there is one handle.
    ///
    /// # Errors
    /// When it was taken before.
    pub fn sockets(&mut self) -> Result<Sockets, LoadError> {
        Sockets::new(&mut self.ebpf)
    }

    /// The map that says what is known of processes; there is one handle.
    ///
    /// # Errors
    /// When it was taken already.
    pub fn standing(&mut self) -> Result<Standing, LoadError> {
        Standing::new(&mut self.ebpf)
    }

    /// Puts the rules about users and cgroups in force, and gives out the table of the members of trees;
    /// there is one.
    ///
    /// # Errors
    /// When it was taken already, or the kernel refuses an entry.
    pub fn trees(&mut self, rules: &KernelRules) -> Result<Trees, LoadError> {
        Trees::with(&mut self.ebpf, rules)
    }

    /// Attaches to sockets and to the life of processes; says by what the former are seen.
    ///
    /// # Errors
    /// When the kernel refuses all that would do.
    pub fn attach_tracepoints(&mut self) -> Result<SocketHooks, LoadError> {
        for (name, tracepoint) in TRACEPOINTS {
            self.attach_tracepoint(name, tracepoint)?;
        }
        let ladder = match self.hooks {
            HookChoice::Auto => {
                [SocketHooks::Sockets, SocketHooks::Functions, SocketHooks::Syscalls].as_slice()
            }
            HookChoice::Sockets => &[SocketHooks::Sockets],
            HookChoice::Functions => &[SocketHooks::Functions],
            HookChoice::Syscalls => &[SocketHooks::Syscalls],
        };
        let mut refused = LoadError::NoHooks;
        for hooks in ladder {
            let (attached, programs) = match hooks {
                SocketHooks::Sockets => (self.attach_sockets(), SOCKETS.as_slice()),
                SocketHooks::Functions => (self.attach_functions(), FUNCTIONS.as_slice()),
                SocketHooks::Syscalls => (self.attach_all(&SYSCALLS), SYSCALLS.as_slice()),
            };
            match attached {
                Ok(()) => return Ok(*hooks),
                Err(error) => {
                    debug!("sockets are not seen by {}: {error}", hooks.name());
                    // Half of them would count what the next kind of hooks counts again.
                    self.unload(programs);
                    refused = error;
                }
            }
        }
        Err(refused)
    }

    fn attach_all(&mut self, pairs: &[(&'static str, &str)]) -> Result<(), LoadError> {
        // The verifier takes a third of a second: what is sent while answers are not seen yet looks unanswered.
        for (name, _) in pairs {
            self.load_tracepoint(name)?;
        }
        for (name, tracepoint) in pairs {
            self.attach_tracepoint(name, tracepoint)?;
        }
        Ok(())
    }

    fn attach_sockets(&mut self) -> Result<(), LoadError> {
        // To find that out by trying takes the verifier a third of a second.
        match self.missing_tracepoint {
            Some(name) => Err(LoadError::NoTracepoint(name)),
            None => self.attach_all(&SOCKETS),
        }
    }

    fn attach_functions(&mut self) -> Result<(), LoadError> {
        if !self.has_registers {
            return Err(LoadError::NoRegisters);
        }
        let btf = Btf::from_sys_fs().map_err(LoadError::Functions)?;
        let mut loaded = Vec::new();
        for (name, function) in FUNCTIONS {
            match program::<FExit>(&mut self.ebpf, name)?.load(function, &btf) {
                Err(ProgramError::Btf(_)) if function == TCP_SENDPAGE => {}
                Err(error) => return Err(LoadError::Program(name, error)),
                Ok(()) => loaded.push(name),
            }
        }
        // As above.
        for name in loaded {
            program::<FExit>(&mut self.ebpf, name)?
                .attach()
                .map_err(|error| LoadError::Program(name, error))?;
        }
        drop(btf);
        give_back();
        Ok(())
    }

    fn unload(&mut self, programs: &[(&'static str, &str)]) {
        for (name, _) in programs {
            // One that was never loaded has nothing to unload.
            let _ = match self.ebpf.program_mut(name) {
                Some(Program::RawTracePoint(program)) => program.unload(),
                Some(Program::FExit(program)) => program.unload(),
                _ => Ok(()),
            };
        }
    }

    fn attach_tracepoint(&mut self, name: &'static str, tracepoint: &str) -> Result<(), LoadError> {
        let program = program::<RawTracePoint>(&mut self.ebpf, name)?;
        program.attach(tracepoint).map_err(|error| LoadError::Program(name, error))?;
        Ok(())
    }

    /// What the kernel's verifier says of each program, those that are not in use here included. Loads them all, and keeps none.
    ///
    /// # Errors
    /// When the kernel takes no BPF, or the object cannot be read.
    pub fn statistics(options: Options) -> Result<Vec<Statistics>, LoadError> {
        let ebpf = open(&KernelFacts::read()?, options, Globals::default())?;
        statistics::read(OBJECT, &ebpf, &FUNCTIONS).map_err(LoadError::Statistics)
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

/// The part of the ring that may be full before a reader that polls is woken: the programs fill the whole in some
/// milliseconds at the most, and it takes some tenths of one until the reader runs.
const WAKE_SHARE: u64 = 8;

/// Makes the object's maps, with what the programs must know of the kernel in them; loads no program.
fn open(facts: &KernelFacts, options: Options, scope: Globals) -> Result<Ebpf, LoadError> {
    let level: u8 = match options.probe_log {
        // The verifier then removes the code that logs.
        ProbeLog::Off => 0,
        ProbeLog::Error => aya_log::Level::Error as u8,
        ProbeLog::Warn => aya_log::Level::Warn as u8,
        ProbeLog::Info => aya_log::Level::Info as u8,
        ProbeLog::Debug => aya_log::Level::Debug as u8,
    };
    let own_pid = std::process::id();
    let wake_bytes = u64::from(options.ring_bytes) / WAKE_SHARE;
    let mut loader = EbpfLoader::new();
    facts.set(&mut loader);
    let ebpf = loader
        .override_global("AGENT_PID", &own_pid, true)
        .override_global("TLS_KEYS", &u32::from(options.tls_keys), true)
        .override_global("WAKE_BYTES", &wake_bytes, true)
        .override_global(aya_log::LEVEL, &level, true)
        .override_global("SCOPED", &scope.has_rules, true)
        .override_global("SCOPE_IS_CLOSED", &scope.is_closed, true)
        .override_global("CGROUP_LEVELS", &scope.levels, true)
        .map_max_entries("EVENTS", options.ring_bytes)
        .map_max_entries("TREES", scope.members.max(1))
        .load(OBJECT)?;
    Ok(ebpf)
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
