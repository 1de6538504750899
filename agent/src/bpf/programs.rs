//! Loading the BPF object and attaching its programs.

use std::path::Path;

use aya::programs::raw_trace_point::RawTracePoint;
use aya::programs::uprobe::{UProbe, UProbeScope};
use aya::programs::{Program, ProgramError};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned};

use super::ring::readable;
use super::{Control, LoadError, Ring};
use crate::config::ProbeLog;
use crate::telemetry::PROBE_LOG_TARGET;

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/spanwire.bpf.o"));

/// Raw tracepoints and the programs on them.
const TRACEPOINTS: [(&str, &str); 4] = [
    ("process_exec", "sched_process_exec"),
    ("process_exit", "sched_process_exit"),
    ("syscall_enter", "sys_enter"),
    ("syscall_exit", "sys_exit"),
];

/// Functions of OpenSSL and the programs on them; whether a library without one is of no use.
const TLS_FUNCTIONS: [(&str, &str, bool); 9] = [
    // The first to be attached, so that no session outlives its address unseen.
    ("ssl_free_enter", "SSL_free", true),
    // Returns before entries: a return without its entry is nothing, an entry without its return is
    // a call that never ends.
    ("ssl_exit", "SSL_read", true),
    ("ssl_exit", "SSL_write", true),
    ("ssl_exit", "SSL_read_ex", false),
    ("ssl_exit", "SSL_write_ex", false),
    ("ssl_read_enter", "SSL_read", true),
    ("ssl_write_enter", "SSL_write", true),
    // OpenSSL 1.1.1 on.
    ("ssl_read_ex_enter", "SSL_read_ex", false),
    ("ssl_write_ex_enter", "SSL_write_ex", false),
];

/// What is fixed when the object is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Size of the ring buffer in bytes: a power of two, at least a page.
    pub ring_bytes: u32,
    /// Diagnostics of the programs.
    pub probe_log: ProbeLog,
}

/// What came of attaching to a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Functions with a probe.
    pub functions: Vec<&'static str>,
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
    ebpf: Ebpf,
}

impl Programs {
    /// Loads the object and every program in it; attaches none.
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
        let mut ebpf = EbpfLoader::new()
            .override_global("AGENT_PID", &own_pid, true)
            .override_global(aya_log::LEVEL, &level, true)
            .map_max_entries("EVENTS", options.ring_bytes)
            .load(OBJECT)?;
        for (name, _) in TRACEPOINTS {
            program::<RawTracePoint>(&mut ebpf, name)?
                .load()
                .map_err(|error| LoadError::Program(name, error))?;
        }
        let mut loaded = Vec::new();
        for (name, _, _) in TLS_FUNCTIONS {
            if !loaded.contains(&name) {
                program::<UProbe>(&mut ebpf, name)?
                    .load()
                    .map_err(|error| LoadError::Program(name, error))?;
                loaded.push(name);
            }
        }
        let mut programs = Self { ebpf };
        if options.probe_log != ProbeLog::Off {
            programs.follow_log()?;
        }
        Ok(programs)
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

    /// The reading end of the ring buffer; there is one.
    ///
    /// # Errors
    /// When it was taken already or cannot be polled.
    pub fn ring(&mut self) -> Result<Ring, LoadError> {
        Ring::new(&mut self.ebpf)
    }

    /// The maps that steer the programs; there is one handle.
    ///
    /// # Errors
    /// When it was taken already.
    pub fn control(&mut self) -> Result<Control, LoadError> {
        Control::new(&mut self.ebpf)
    }

    /// Attaches to system calls and to the life of processes.
    ///
    /// # Errors
    /// When the kernel refuses one.
    pub fn attach_tracepoints(&mut self) -> Result<(), LoadError> {
        for (name, tracepoint) in TRACEPOINTS {
            program::<RawTracePoint>(&mut self.ebpf, name)?
                .attach(tracepoint)
                .map_err(|error| LoadError::Program(name, error))?;
        }
        Ok(())
    }

    /// Attaches to a TLS library's file, for all processes that map it. Takes some 10 ms.
    ///
    /// # Errors
    /// When the file cannot be read, is no OpenSSL, or the kernel refuses a probe.
    pub fn attach_library(&mut self, library: &Path) -> Result<Attached, LoadError> {
        let mut attached = Attached { functions: Vec::new() };
        for (name, function, needed) in TLS_FUNCTIONS {
            let probe = program::<UProbe>(&mut self.ebpf, name)?;
            match probe.attach(function, library, UProbeScope::AllProcesses) {
                // Most functions have a probe at their entry and one at their return.
                Ok(_) if attached.functions.contains(&function) => {}
                Ok(_) => attached.functions.push(function),
                Err(ProgramError::UProbeError(_)) if !needed => {}
                Err(error) => return Err(LoadError::Program(name, error)),
            }
        }
        Ok(attached)
    }

    /// Name and number of verified instructions of each program, for `spanwire check`.
    #[must_use]
    pub fn sizes(&self) -> Vec<(String, Option<u32>)> {
        self.ebpf
            .programs()
            .filter_map(|(name, program)| {
                let info = program.info().ok()?;
                Some((name.to_owned(), info.verified_instruction_count()))
            })
            .collect()
    }
}

fn program<'a, T>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut T, LoadError>
where
    &'a mut T: TryFrom<&'a mut Program, Error = ProgramError>,
{
    ebpf.program_mut(name)
        .ok_or(LoadError::Missing(name))?
        .try_into()
        .map_err(|error| LoadError::Program(name, error))
}
