//! Which processes are traced, and which of them carry probes on their TLS code. Pure: who a process
//! is and what was seen of it go in, wishes come out; what carries the wishes out is `run::hooks`.

mod policy;
mod scope;

pub use policy::{Policy, Reason, Sign, Wish};
pub use scope::{Identity, Membership, Scope, Standing};
