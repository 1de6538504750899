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
    /// The object and this agent are not of one build.
    #[error("the BPF object has no {0}: it is not of this build of spanwire")]
    Missing(&'static str),
    /// A map is not what this agent expects.
    #[error("a BPF map cannot be used: {0}")]
    Map(#[from] MapError),
    /// The ring buffer cannot be waited for.
    #[error("the ring buffer cannot be polled: {0}")]
    Poll(#[source] std::io::Error),
    /// The programs' log cannot be read.
    #[error("the log of the BPF programs cannot be read: {0}")]
    Log(#[from] aya_log::Error),
}
