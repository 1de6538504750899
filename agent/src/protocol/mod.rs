//! Parsers of what clients and servers say on a stream. They observe: they do no I/O, keep bounded
//! state, and meet bytes that neither end need have meant well.

pub mod encoding;
pub mod eventstream;
pub mod http1;
pub mod multipart;
pub mod ndjson;
pub mod sse;
pub mod tls;
