//! HTTP/1.0 and 1.1 (RFC 9112), read as an observer of one direction at a time.

mod head;

pub use head::{Headers, RequestHead, ResponseHead};
