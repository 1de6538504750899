//! Records of the ring buffer into events. Every integer is checked before it means anything.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use spanwire_abi::{COMMAND_BYTES, KEY_BYTES, direction, end, kind, source};
use thiserror::Error;

use crate::event::{
    Chunk, ConnectionId, Direction, End, Ends, Event, Identities, Identity, KernelFile, KeyBytes, Source,
};

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

    fn u16(&mut self) -> Result<u16, DecodeError> {
        self.take().map(u16::from_ne_bytes)
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
    let tid = fields.u32()?;
    let _reserved = fields.u32()?;
    let time_ns = fields.u64()?;
    let connection = ConnectionId(fields.u64()?);
    match kind {
        kind::OPENED => {
            let ends = ends(endpoint(&mut fields)?, endpoint(&mut fields)?);
            let command = fields.take::<COMMAND_BYTES>()?;
            let name = command.split(|byte| *byte == 0).next().unwrap_or_default();
            let command = String::from_utf8_lossy(name).into_owned();
            let program = fields.u64()?;
            let identities = ends.map_or(Ok(Identities::default()), |ends| identities(&mut fields, ends))?;
            Ok(Event::Opened { connection, pid, command, program, ends, identities, time_ns })
        }
        kind::DATA => chunk(fields, connection, (pid, tid), time_ns).map(Event::Chunk),
        kind::HELLO => {
            let Chunk { bytes, .. } = chunk(fields, connection, (pid, tid), time_ns)?;
            Ok(Event::Hello { connection, pid, bytes, time_ns })
        }
        kind::TIED => Ok(Event::Tied { session: connection, socket: ConnectionId(fields.u64()?) }),
        kind::ENDED => {
            let reason = fields.u32()?;
            let errno = fields.i32()?;
            let end = match reason {
                end::PEER_CLOSED => End::PeerClosed,
                end::CLOSED => End::Closed,
                end::FAILED => End::Failed(errno),
                end::FOREIGN => End::Foreign,
                other => return Err(DecodeError::Tag("end", other)),
            };
            let moved = [fields.u64()?, fields.u64()?];
            Ok(Event::Ended { connection, end, moved, time_ns })
        }
        kind::KEY => {
            let length = fields.u32()?;
            let _reserved = fields.u32()?;
            let key = KeyBytes::new(fields.take::<KEY_BYTES>()?, length);
            let key = key.ok_or(DecodeError::Tag("key length", length))?;
            Ok(Event::Key { pid, key, time_ns })
        }
        kind::LIBRARY_INIT => Ok(Event::LibraryInit { pid }),
        kind::FORKED => Ok(Event::Forked { pid, child: fields.u32()? }),
        kind::STARTED => {
            let file = KernelFile([fields.u64()?, fields.u64()?, fields.u64()?]);
            Ok(Event::Started { pid, file, time_ns })
        }
        kind::EXEC => Ok(Event::Exec { pid, program: connection.0, time_ns }),
        kind::EXIT => Ok(Event::Exit { pid, time_ns }),
        other => Err(DecodeError::Tag("kind", other)),
    }
}

fn chunk(
    mut fields: Fields<'_>,
    connection: ConnectionId,
    (pid, tid): (u32, u32),
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
        source::RECORDS => Source::Records,
        other => return Err(DecodeError::Tag("source", other.into())),
    };
    let after_answer = fields.u8()? != 0;
    let _reserved = fields.take::<5>()?;
    let bytes = Bytes::copy_from_slice(fields.rest(captured_bytes.min(original_bytes))?);
    Ok(Chunk {
        connection,
        pid,
        tid,
        direction,
        source,
        time_ns,
        position,
        original_bytes,
        after_answer,
        bytes,
    })
}

/// Of one end of a socket.
enum Address {
    Internet(SocketAddr),
    Unix(Option<u64>),
    Unknown,
}

fn endpoint(fields: &mut Fields<'_>) -> Result<Address, DecodeError> {
    let family = fields.u16()?;
    let port = fields.u16()?;
    let raw = fields.take::<16>()?;
    let [a, b, c, d, e, f, g, h, ..] = raw;
    let internet = |address| Address::Internet(SocketAddr::new(address, port));
    Ok(match family {
        AF_INET => internet(IpAddr::from([a, b, c, d])),
        AF_INET6 => internet(IpAddr::V6(Ipv6Addr::from(raw)).to_canonical()),
        AF_UNIX => Address::Unix(known(u64::from_ne_bytes([a, b, c, d, e, f, g, h]))),
        _ => Address::Unknown,
    })
}

/// The kernel side says 0 for what it does not know.
fn known(number: u64) -> Option<u64> {
    (number != 0).then_some(number)
}

fn ends(local: Address, peer: Address) -> Option<Ends> {
    match (local, peer) {
        (Address::Unix(local), Address::Unix(peer)) => Some(Ends::Unix { local, peer }),
        (Address::Internet(local), Address::Internet(peer)) => Some(Ends::Internet { local, peer }),
        _ => None,
    }
}

fn identities(fields: &mut Fields<'_>, ends: Ends) -> Result<Identities, DecodeError> {
    let (own, other) = (known(fields.u64()?), known(fields.u64()?));
    Ok(match ends {
        Ends::Unix { .. } => Identities {
            as_client: own.map(|client| Identity::Unix { client }),
            as_server: other.map(|client| Identity::Unix { client }),
        },
        Ends::Internet { .. } => {
            let sequence = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
            let both = sequence(own).zip(sequence(other));
            Identities {
                // What it counts begins with its SYN (RFC 9293, section 3.4).
                as_client: both.map(|(own, server)| Identity::Tcp { client: own.wrapping_add(1), server }),
                as_server: both.map(|(server, client)| Identity::Tcp { client, server }),
            }
        }
    })
}

/// Address families (include/linux/socket.h).
const AF_UNIX: u16 = 1;
pub(super) const AF_INET: u16 = 2;
pub(super) const AF_INET6: u16 = 10;

#[cfg(test)]
#[path = "decode/tests.rs"]
mod tests;
