//! What the pipeline wants done outside it.

use std::net::SocketAddr;

use crate::bpf::Verdict;
use crate::correlate::Unseen;
use crate::correlate::span::Span;
use crate::event::{ConnectionId, Ends};
use crate::redact::Said;

/// What the pipeline wants done.
#[derive(Debug)]
pub enum Effect {
    /// A span has found its place: it is to be redacted, and to go out.
    Span(Span),
    /// What a call said, which is to be redacted before the call's span is.
    Said(Said),
    /// The kernel side shall stop sending a connection's bytes; `position` is one in the direction
    /// of requests, within the exchange that is meant.
    Decide {
        /// The connection.
        connection: ConnectionId,
        /// Where in its requests.
        position: u64,
        /// For how long.
        verdict: Verdict,
    },
    /// A TLS client began on a socket.
    TlsClient {
        /// Process id.
        pid: u32,
        /// The server that it asked for.
        server_name: Option<String>,
        /// Whether that server is a provider's.
        known: bool,
    },
    /// What a process begins with this peer is no news for a moment: it began the like before, with a server
    /// that is no provider's.
    Dismiss {
        /// Process id.
        pid: u32,
        /// Where it connects to.
        peer: SocketAddr,
        /// Bytes of its ClientHello.
        hello_bytes: usize,
    },
    /// A TLS client's connection to a provider is over, and no plaintext of it was seen.
    Unseen(Unseen),
    /// An exchange with a provider began: told once for each process and [`super::Pipeline::refresh`]. Or, of a
    /// process that is not known to ask one, an exchange over TLS with another, or a TLS session that turned out to
    /// be something else than HTTP.
    Judged {
        /// Process id.
        pid: u32,
        /// Whether the process asks a provider.
        of_interest: bool,
    },
    /// A process takes part in traces: the requests that it serves are of interest. Told once for each.
    Traced {
        /// Process id.
        pid: u32,
    },
    /// What is posted to a path is of a model's API, and is to be read whole where traced processes serve it: see
    /// [`spanwire_abi::posted_to`]. Told once for each.
    ReadWhole {
        /// Its number.
        path: u64,
    },
    /// What belongs to an exchange with a provider was seen at the calls of a process's TLS library: told once for each
    /// process and [`super::Pipeline::refresh`].
    Called {
        /// Process id.
        pid: u32,
    },
    /// A connection of a process could not be read by its keys.
    KeysFailed {
        /// Process id.
        pid: u32,
    },
    /// A process of interest exchanges HTTP on this connection: its peer may be of interest, too.
    Met {
        /// Process id.
        pid: u32,
        /// Both ends.
        ends: Ends,
    },
    /// The operator does not want a process traced.
    Excluded {
        /// Process id.
        pid: u32,
    },
    /// A process is gone.
    ProcessEnded {
        /// Process id.
        pid: u32,
        /// When it ended: its id may be another's by now.
        time_ns: u64,
    },
}
