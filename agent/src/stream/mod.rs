//! One direction of a connection, put together again; what is missing is explicit.

use bytes::Bytes;

mod assembler;

pub use assembler::Assembler;

/// A piece of a stream, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Bytes that follow the piece before without a hole.
    Data(Bytes),
    /// This many bytes were moved but not captured.
    Gap(u64),
    /// The data that follows begins a call, the first of its direction since bytes of the other one moved. No
    /// byte of the stream: what the kernel side says of the place. See [`crate::event::Chunk::after_answer`].
    Turn,
}
