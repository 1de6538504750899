//! Whether a connection is still worth following, and why not.

use crate::event::Role;
use crate::protocol::http1::Error;

/// Whether a connection's bytes are still of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its exchanges are followed, or may still turn up.
    Following,
    /// Nothing more will come of it: its bytes need not be captured.
    Abandoned(Abandoned),
}

/// Why a connection is no longer followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Abandoned {
    /// No request was recognised.
    NotHttp,
    /// It speaks HTTP/2, with this process in this role.
    Http2(Role),
    /// A request broke the rules, in these few fixed words, or made its length ambiguous.
    Malformed(&'static str),
    /// It became a tunnel or another protocol (CONNECT, Upgrade).
    Tunnel,
    /// After a loss on a connection whose client pipelines, it cannot be known which response answers
    /// which request.
    Unpaired,
}

impl Abandoned {
    /// What an error of a parser means for a connection with this process in this role.
    pub(super) fn by(error: Error, role: Role) -> Self {
        match error {
            Error::Http2 => Self::Http2(role),
            error => Self::Malformed(error.words()),
        }
    }
}
