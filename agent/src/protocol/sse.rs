//! Server-sent events (WHATWG HTML, section 9.2), incremental and bounded.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event:` field; empty when the stream named none.
    pub name: String,
    /// All `data:` fields, joined by line feeds.
    pub data: String,
    /// Bytes of this event were lost or left out for its size: `data` is not whole.
    pub damaged: bool,
}
