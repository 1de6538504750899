//! Which processes are traced, and which of them carry probes on their TLS code. Pure: who a process
//! is and what was seen of it go in, actions come out; what carries them out is `run::hooks`.

mod policy;
mod scope;

pub use policy::{Action, Policy, Reason, Sign, TlsMode};
pub use scope::{Identity, Membership, Scope, Standing};
