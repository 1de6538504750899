//! What can go wrong between the agent and the kernel.

use aya::EbpfError;
use aya::maps::MapError;
use aya::programs::ProgramError;
use thiserror::Error;

/// Why the programs are not in the kernel.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The kernel refused the object or a map.
    #[error("the kernel did not take the BPF object: {0}")]
    Object(#[from] EbpfError),
    /// The kernel refused a program.
    #[error("the kernel did not take BPF program {0}: {1}")]
    Program(&'static str, #[source] ProgramError),
    /// The kernel refused to attach a program to a file.
    #[error("the kernel did not attach BPF program {0}: {1}")]
    Link(&'static str, #[source] std::io::Error),
    /// The process that attaches to files in the agent's place does not.
    #[error("{0}")]
    Attacher(#[source] std::io::Error),
    /// The kernel does not say how its structs are laid out.
    #[error("{0}; a kernel with CONFIG_DEBUG_INFO_BTF=y is needed")]
    Btf(#[from] super::btf::BtfError),
    /// The kernel has no such field.
    #[error("this kernel's structs are not as expected: it has no {0}")]
    NoField(&'static str),
    /// The kernel is older than this tracepoint.
    #[error("this kernel has no tracepoint {0}")]
    NoTracepoint(&'static str),
    /// Programs on the kernel's functions would not know where bytes are.
    #[error("the registers of the system call under way cannot be found in this kernel")]
    NoRegisters,
    /// The kernel's functions cannot be looked up.
    #[error("the kernel's functions cannot be found: {0}")]
    Functions(#[source] aya::BtfError),
    /// No kind of hooks was tried.
    #[error("there are no hooks for sockets")]
    NoHooks,
    /// The object and this agent are not of one build.
    #[error("the BPF object has no {0}: it is not of this build of spanwire")]
    Missing(&'static str),
    /// A map is not what this agent expects.
    #[error("a BPF map cannot be used: {0}")]
    Map(#[from] MapError),
    /// The ring buffer cannot be waited for.
    #[error("the ring buffer cannot be polled: {0}")]
    Poll(#[source] std::io::Error),
    /// The verifier cannot be asked.
    #[error("the verifier cannot be asked about the programs: {0}")]
    Statistics(#[source] std::io::Error),
    /// The programs' log cannot be read.
    #[error("the log of the BPF programs cannot be read: {0}")]
    Log(#[from] aya_log::Error),
}
