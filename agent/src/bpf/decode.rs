//! Records of the ring buffer into events. Every integer is checked before it means anything.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use spanwire_abi::{COMMAND_BYTES, KEY_BYTES, direction, end, kind, source};
use thiserror::Error;

use crate::event::{Chunk, ConnectionId, Direction, End, Ends, Event, KernelFile, KeyBytes, Source};

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
            Ok(Event::Opened { connection, pid, command, program, ends, time_ns })
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

/// One end of a socket: its family, and its address if that is one of the internet's.
type Endpoint = (u16, Option<SocketAddr>);

fn endpoint(fields: &mut Fields<'_>) -> Result<Endpoint, DecodeError> {
    let family = fields.u16()?;
    let port = fields.u16()?;
    let raw = fields.take::<16>()?;
    let address = match family {
        AF_INET => raw.first_chunk::<4>().map(|v4| IpAddr::from(*v4)),
        AF_INET6 => Some(IpAddr::V6(Ipv6Addr::from(raw)).to_canonical()),
        _ => None,
    };
    Ok((family, address.map(|address| SocketAddr::new(address, port))))
}

fn ends((family, local): Endpoint, (_, peer): Endpoint) -> Option<Ends> {
    match (family, local, peer) {
        (AF_UNIX, ..) => Some(Ends::Unix),
        (_, Some(local), Some(peer)) => Some(Ends::Internet { local, peer }),
        _ => None,
    }
}

/// Address families (include/linux/socket.h).
const AF_UNIX: u16 = 1;
pub(super) const AF_INET: u16 = 2;
pub(super) const AF_INET6: u16 = 10;

#[cfg(test)]
#[path = "decode/tests.rs"]
mod tests;
