//! What there is to tell of a conversation that could not be read.

use std::sync::Arc;

use crate::discovery::process::Process;

/// A conversation with a provider of which only the outside was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Unseen {
    /// Who had it.
    pub process: Arc<Process>,
    /// With whom.
    pub server_name: String,
    /// Bytes read and written, TLS included.
    pub moved: [u64; 2],
    /// From the ClientHello to the end, in nanoseconds.
    pub lasted_ns: u64,
}
