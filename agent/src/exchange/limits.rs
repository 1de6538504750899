//! How much one connection may hold.

/// Bounds of one connection's state. What exceeds one is dropped, and the exchange, the event or the
/// connection says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes held of what came before the request that it may belong to. Default 256 KiB.
    pub held_bytes: usize,
    /// Most segments held of the same. Default 1,024.
    pub held_segments: usize,
    /// Most requests without a whole response. Default 64: beyond it, one side of the connection is
    /// invisible rather than slow.
    pub outstanding: usize,
    /// Most bytes passed over while no request was ever seen. Default 1 MiB: a connection that was
    /// met in the middle of a response gets that far.
    pub unrecognised_bytes: u64,
    /// Most changes of direction among such bytes. Default 4: HTTP met in the middle shows a message's
    /// begin after one, or two.
    pub unrecognised_turns: u32,
    /// Most bytes of one server-sent event, or of one line of JSON. Default 4 MiB.
    pub event_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            held_bytes: 256 * 1024,
            held_segments: 1024,
            outstanding: 64,
            unrecognised_bytes: 1024 * 1024,
            unrecognised_turns: 4,
            event_bytes: 4 * 1024 * 1024,
        }
    }
}
