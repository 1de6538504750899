//! Records of the ring buffer into events. Every integer is checked before it means anything.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use spanwire_abi::{COMMAND_BYTES, SOCKADDR_BYTES, direction, end, kind, role, source};
use thiserror::Error;

use crate::event::{Chunk, ConnectionId, Direction, End, Event, Role, Source};

/// Why a record means nothing to this agent: the BPF object and the agent disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The record ends before its fields do.
    #[error("a record is shorter than its fields")]
    Short,
    /// A tag has a value that the ABI does not know.
    #[error("a record has unknown {0} {1}")]
    Tag(&'static str, u32),
}

/// Reads integers off a record in the machine's byte order.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(*field)
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.take().map(u32::from_ne_bytes)
    }

    fn i32(&mut self) -> Result<i32, DecodeError> {
        self.take().map(i32::from_ne_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.take().map(u64::from_ne_bytes)
    }

    fn rest(self, length: u32) -> Result<&'a [u8], DecodeError> {
        usize::try_from(length).ok().and_then(|length| self.0.get(..length)).ok_or(DecodeError::Short)
    }
}

/// Decodes one record.
///
/// # Errors
/// When the record is not what [`spanwire_abi`] describes.
pub(super) fn decode(record: &[u8]) -> Result<Event, DecodeError> {
    let mut fields = Fields(record);
    let kind = fields.u32()?;
    let pid = fields.u32()?;
    let _tid = fields.u32()?;
    let _reserved = fields.u32()?;
    let time_ns = fields.u64()?;
    let connection = ConnectionId(fields.u64()?);
    match kind {
        kind::OPENED => {
            let fd = fields.i32()?;
            let role = match fields.u32()? {
                role::CLIENT => Role::Client,
                role::SERVER => Role::Server,
                other => return Err(DecodeError::Tag("role", other)),
            };
            let peer = socket_address(&fields.take::<SOCKADDR_BYTES>()?);
            let command = fields.take::<COMMAND_BYTES>()?;
            let name = command.split(|byte| *byte == 0).next().unwrap_or_default();
            let command = String::from_utf8_lossy(name).into_owned();
            Ok(Event::Opened { connection, pid, fd, role, command, peer, time_ns })
        }
        kind::DATA => chunk(fields, connection, pid, time_ns).map(Event::Chunk),
        kind::TIED => Ok(Event::Tied { session: connection, socket: ConnectionId(fields.u64()?) }),
        kind::ENDED => {
            let reason = fields.u32()?;
            let errno = fields.i32()?;
            let end = match reason {
                end::PEER_CLOSED => End::PeerClosed,
                end::CLOSED => End::Closed,
                end::FAILED => End::Failed(errno),
                other => return Err(DecodeError::Tag("end", other)),
            };
            Ok(Event::Ended { connection, end, time_ns })
        }
        kind::EXEC => Ok(Event::Exec { pid }),
        kind::EXIT => Ok(Event::Exit { pid, time_ns }),
        other => Err(DecodeError::Tag("kind", other)),
    }
}

fn chunk(
    mut fields: Fields<'_>,
    connection: ConnectionId,
    pid: u32,
    time_ns: u64,
) -> Result<Chunk, DecodeError> {
    let position = fields.u64()?;
    let original_bytes = fields.u32()?;
    let captured_bytes = fields.u32()?;
    let direction = match fields.u8()? {
        direction::READ => Direction::Read,
        direction::WRITE => Direction::Write,
        other => return Err(DecodeError::Tag("direction", other.into())),
    };
    let source = match fields.u8()? {
        source::TLS => Source::Tls,
        source::SOCKET => Source::Socket,
        other => return Err(DecodeError::Tag("source", other.into())),
    };
    let _reserved = fields.take::<6>()?;
    let bytes = Bytes::copy_from_slice(fields.rest(captured_bytes.min(original_bytes))?);
    Ok(Chunk { connection, pid, direction, source, time_ns, position, original_bytes, bytes })
}

/// `sockaddr_in` and `sockaddr_in6` (include/uapi/linux/in.h, in6.h): the family in the machine's
/// byte order, port and address in the network's. A v4-mapped address is shown as IPv4.
fn socket_address(raw: &[u8; SOCKADDR_BYTES]) -> Option<SocketAddr> {
    let mut fields = Fields(raw);
    let family = fields.take().map(u16::from_ne_bytes).ok()?;
    let port = fields.take().map(u16::from_be_bytes).ok()?;
    match family {
        2 => {
            let address: [u8; 4] = fields.take().ok()?;
            Some(SocketAddr::from((Ipv4Addr::from(address), port)))
        }
        10 => {
            let _flow = fields.u32().ok()?;
            let address: [u8; 16] = fields.take().ok()?;
            Some(SocketAddr::from((Ipv6Addr::from(address).to_canonical(), port)))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "decode/tests.rs"]
mod tests;
