//! What the host says about its processes: everything read from `/proc`, and nothing else.

pub mod admission;
pub mod identity;
pub mod libraries;
pub mod process;
pub mod scope;
pub mod sockets;
pub mod workers;
