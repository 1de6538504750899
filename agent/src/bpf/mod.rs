//! The border to the kernel: loads the BPF programs, attaches them, reads their records and tells
//! them what is not wanted. The one module with `unsafe` and with `aya`.

#![allow(unsafe_code, reason = "the border to the kernel; each use says why it is sound")]

mod attacher;
mod btf;
mod control;
mod decode;
mod error;
mod log;
mod multi;
mod offsets;
mod options;
mod perf;
mod programs;
mod ring;
mod scope;
mod sockets;
mod statistics;
mod uprobes;

pub use attacher::{AttachServer, Attacher, close_inherited};
pub use btf::BtfError;
pub use control::{Control, Standing, Verdict, Wakeups};
pub use decode::DecodeError;
pub use error::LoadError;
pub use multi::Multi;
pub use options::Options;
pub use perf::{EVENT_FLAGS, EVENT_REQUESTS};
pub use programs::{Programs, SocketHooks};
pub use ring::Ring;
pub use scope::Trees;
pub use sockets::{SocketAt, Sockets};
pub use statistics::Statistics;
pub use uprobes::{Attachment, Point, Probe};
