//! Why there is no agent.

use crate::bpf::LoadError;

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
