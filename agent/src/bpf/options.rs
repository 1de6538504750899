//! What the programs are loaded with.

use crate::config::{HookChoice, ProbeLog, UprobeChoice};

/// What is fixed when the object is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Size of the ring buffer in bytes: a power of two, at least a page.
    pub ring_bytes: u32,
    /// Diagnostics of the programs.
    pub probe_log: ProbeLog,
    /// Which kinds of hooks may be used.
    pub hooks: HookChoice,
    /// As what probes on functions of programs are put.
    pub uprobes: UprobeChoice,
    /// Whether TLS is read by its keys where that is possible.
    pub tls_keys: bool,
}

impl Options {
    /// What is good for a look at what the kernel takes.
    pub const TRIAL: Self = Self {
        ring_bytes: 1 << 20,
        probe_log: ProbeLog::Off,
        hooks: HookChoice::Auto,
        uprobes: UprobeChoice::Auto,
        tls_keys: true,
    };
}
