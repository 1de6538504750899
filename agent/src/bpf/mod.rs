//! The border to the kernel: loads the BPF programs, attaches them, reads their records and tells
//! them what is not wanted. The one module with `unsafe` and with `aya`.

#![allow(unsafe_code, reason = "the border to the kernel; each use says why it is sound")]

mod control;
mod decode;
mod error;
mod programs;
mod ring;

pub use control::{Control, Verdict};
pub use decode::DecodeError;
pub use error::LoadError;
pub use programs::{Attached, Options, Programs};
pub use ring::Ring;
