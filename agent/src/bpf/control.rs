//! What the agent tells the running BPF programs.

use aya::Ebpf;
use aya::maps::{HashMap, Map, MapData, MapError, PerCpuArray};
use spanwire_abi::{Request, SocketKey, kind, verdict};

use super::LoadError;
use crate::event::ConnectionId;

/// What the kernel side shall do with a connection's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send nothing until the next exchange begins.
    SkipExchange,
    /// Send nothing any more.
    Ignore,
}

/// ABI structs as map values: aya copies them byte by byte.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Plain<T>(T);

// SAFETY: both are `repr(C)` structs of integers without implicit padding.
unsafe impl aya::Pod for Plain<Request> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<SocketKey> {}
// SAFETY: aya moves the value as bytes; as a struct of integers without implicit padding (the fields
// are ordered by falling size and fill a multiple of eight bytes) any bytes are valid.
unsafe impl aya::Pod for Plain<spanwire_abi::Connection> {}

/// Takes a map of the loaded object by its name.
pub(super) fn take_map(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, LoadError> {
    ebpf.take_map(name).ok_or(LoadError::Missing(name))
}

/// The maps that the agent writes.
pub struct Control {
    requests: HashMap<MapData, u64, Plain<Request>>,
    sockets: HashMap<MapData, Plain<SocketKey>, Plain<spanwire_abi::Connection>>,
    drops: PerCpuArray<MapData, u64>,
}

impl Control {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self {
            requests: HashMap::try_from(take_map(ebpf, "REQUESTS")?)?,
            sockets: HashMap::try_from(take_map(ebpf, "SOCKETS")?)?,
            drops: PerCpuArray::try_from(take_map(ebpf, "DROPS")?)?,
        })
    }

    /// Asks for a verdict on the exchange that `position` (in the direction of requests) is part of.
    ///
    /// # Errors
    /// When the kernel refuses the update; bytes then keep coming, which costs time but no data.
    pub fn decide(
        &mut self,
        connection: ConnectionId,
        position: u64,
        verdict: Verdict,
    ) -> Result<(), MapError> {
        let verdict = match verdict {
            Verdict::SkipExchange => verdict::SKIP_EXCHANGE,
            Verdict::Ignore => verdict::IGNORE,
        };
        self.requests.insert(connection.0, Plain(Request { position, verdict, reserved: 0 }), 0)
    }

    /// Drops what the kernel side knows of a socket whose process closed it unseen.
    pub fn forget_socket(&mut self, pid: u32, fd: i32) {
        // Gone already is as good.
        let _ = self.sockets.remove(&Plain(SocketKey { pid, fd }));
    }

    /// How many records found no room in the ring since load, by the ABI's kind.
    ///
    /// # Errors
    /// When the kernel refuses the look-up.
    pub fn drops(&self) -> Result<[u64; kind::COUNT as usize], MapError> {
        let mut drops = [0; kind::COUNT as usize];
        for (kind, total) in (0..).zip(&mut drops) {
            *total = self.drops.get(&kind, 0)?.iter().sum();
        }
        Ok(drops)
    }
}
