//! What the agent tells the running BPF programs.

use std::net::{IpAddr, SocketAddr};

use aya::Ebpf;
use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray};
use spanwire_abi::{Dismissal, Endpoint, FileKey, Request, dropped, gap, process, reader, verdict};

use super::LoadError;
use super::decode::{AF_INET, AF_INET6};
use crate::event::{ConnectionId, KernelFile};

/// What the kernel side shall do with a connection's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send nothing until the next exchange begins.
    SkipExchange,
    /// The same, and where TLS is read by its keys, send nothing of exchanges that begin within the next 100 ms either.
    Rest,
    /// Of the exchange send the heads of its messages, and of the rest how much moved when.
    Heads,
    /// Send nothing any more.
    Ignore,
    /// TLS follows, in a tunnel through a proxy.
    Tunnel,
}

/// For which records the kernel side wakes the ring's reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakeups {
    /// For the first since the reader emptied the ring.
    First,
    /// For those on which a process is not to wait, and when a good part of the ring is full: once, until it is
    /// said again.
    Urgent,
}

/// ABI structs as map values: aya copies them byte by byte.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Plain<T>(pub(super) T);

// SAFETY: a `repr(C)` struct of integers without implicit padding.
unsafe impl aya::Pod for Plain<Request> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<FileKey> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<Dismissal> {}

/// Takes a map of the loaded object by its name.
pub(super) fn take_map(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, LoadError> {
    ebpf.take_map(name).ok_or(LoadError::Missing(name))
}

/// The maps that the agent writes.
pub struct Control {
    requests: HashMap<MapData, u64, Plain<Request>>,
    dismissals: HashMap<MapData, Plain<Dismissal>, u64>,
    whole_paths: HashMap<MapData, u64, u8>,
    drops: PerCpuArray<MapData, u64>,
    gaps: PerCpuArray<MapData, u64>,
    reader: Array<MapData, u32>,
}

impl Control {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self {
            requests: HashMap::try_from(take_map(ebpf, "REQUESTS")?)?,
            dismissals: HashMap::try_from(take_map(ebpf, "DISMISSALS")?)?,
            whole_paths: HashMap::try_from(take_map(ebpf, "WHOLE_PATHS")?)?,
            drops: PerCpuArray::try_from(take_map(ebpf, "DROPS")?)?,
            gaps: PerCpuArray::try_from(take_map(ebpf, "GAPS")?)?,
            reader: Array::try_from(take_map(ebpf, "READER")?)?,
        })
    }

    /// Says for which records the ring's reader is to be woken.
    ///
    /// # Errors
    /// When the kernel refuses the update; what was said before then holds.
    pub fn wake_for(&mut self, wakeups: Wakeups) -> Result<(), MapError> {
        let state = match wakeups {
            Wakeups::First => reader::SLEEPS,
            Wakeups::Urgent => reader::POLLS,
        };
        self.reader.set(0, state, 0)
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
            Verdict::Rest => verdict::REST,
            Verdict::Heads => verdict::HEADS,
            Verdict::Ignore => verdict::IGNORE,
            Verdict::Tunnel => verdict::CIPHERTEXT,
        };
        self.requests.insert(connection.0, Plain(Request { position, verdict, reserved: 0 }), 0)
    }

    /// What is posted to a path (see [`spanwire_abi::posted_to`]) is read whole where traced processes serve it, from its
    /// next exchange on.
    ///
    /// # Errors
    /// When the kernel refuses the update: its bodies are then not read.
    pub fn read_whole(&mut self, path: u64) -> Result<(), MapError> {
        self.whole_paths.insert(path, 1, 0)
    }

    /// For a tenth of a second from `now_ns`, TLS sessions that a process begins with this peer by a
    /// ClientHello of this size are not told of.
    ///
    /// # Errors
    /// When the kernel refuses the update: they are told of, each of them.
    pub fn dismiss(
        &mut self,
        pid: u32,
        peer: SocketAddr,
        hello_bytes: usize,
        now_ns: u64,
    ) -> Result<(), MapError> {
        let mut endpoint = Endpoint { port: peer.port(), ..Endpoint::default() };
        match peer.ip() {
            IpAddr::V4(address) => {
                endpoint.family = AF_INET;
                let [a, b, c, d] = address.octets();
                endpoint.address = [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            }
            IpAddr::V6(address) => {
                endpoint.family = AF_INET6;
                endpoint.address = address.octets();
            }
        }
        let bytes = u32::try_from(hello_bytes).unwrap_or(u32::MAX);
        self.dismissals.insert(Plain(Dismissal::of_hello(pid, &endpoint, bytes)), now_ns, 0)
    }

    /// How many records found no room in the ring since load, by the ABI's table.
    ///
    /// # Errors
    /// When the kernel refuses the look-up.
    pub fn drops(&self) -> Result<[u64; dropped::COUNT as usize], MapError> {
        sums(&self.drops)
    }

    /// How many bytes of sockets could not be captured since load, by the ABI's cause.
    ///
    /// # Errors
    /// When the kernel refuses the look-up.
    pub fn gaps(&self) -> Result<[u64; gap::COUNT as usize], MapError> {
        sums(&self.gaps)
    }
}

fn sums<const N: usize>(table: &PerCpuArray<MapData, u64>) -> Result<[u64; N], MapError> {
    let mut sums = [0; N];
    for (index, sum) in (0..).zip(&mut sums) {
        *sum = table.get(&index, 0)?.iter().sum();
    }
    Ok(sums)
}

/// What the kernel side is told of processes.
pub struct Standing {
    processes: HashMap<MapData, u32, u32>,
    plain: HashMap<MapData, Plain<FileKey>, u64>,
    epoch: Array<MapData, u64>,
}

impl Standing {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self {
            processes: HashMap::try_from(take_map(ebpf, "PROCESSES")?)?,
            plain: HashMap::try_from(take_map(ebpf, "PLAIN_PROGRAMS")?)?,
            epoch: Array::try_from(take_map(ebpf, "EPOCH")?)?,
        })
    }

    /// Its TLS code carries probes.
    ///
    /// # Errors
    /// When the kernel refuses the update: its TLS sessions then lack their sockets.
    pub fn hooked(&mut self, pid: u32) -> Result<(), MapError> {
        self.say(pid, process::HOOKED | process::KNOWN)
    }

    /// Its TLS code carries probes, and its connections are not read by their keys.
    ///
    /// # Errors
    /// When the kernel refuses the update: its connections are then read in neither way.
    pub fn by_calls(&mut self, pid: u32) -> Result<(), MapError> {
        self.say(pid, process::HOOKED | process::KNOWN | process::CALLS)
    }

    /// It was looked at, and carries no probes.
    ///
    /// # Errors
    /// When the kernel refuses the update: the process is then looked at more often than needed.
    pub fn known(&mut self, pid: u32) -> Result<(), MapError> {
        self.say(pid, process::KNOWN)
    }

    /// Its end is of interest.
    ///
    /// # Errors
    /// When the kernel refuses the update: what it uses then counts as used for longer.
    pub fn watched(&mut self, pid: u32) -> Result<(), MapError> {
        self.say(pid, process::MET)
    }

    /// It asks a provider.
    ///
    /// # Errors
    /// When the kernel refuses the update: its sessions are then not read on when they change their keys late.
    pub fn asks(&mut self, pid: u32) -> Result<(), MapError> {
        let said = self.processes.get(&pid, 0).unwrap_or(0);
        if said & process::ASKS != 0 {
            return Ok(());
        }
        self.processes.insert(pid, said | process::ASKS, 0)
    }

    /// What is asked of it is of interest; true where that is news.
    ///
    /// # Errors
    /// When the kernel refuses the update: what it is asked is then not seen.
    pub fn traced(&mut self, pid: u32) -> Result<bool, MapError> {
        let said = self.processes.get(&pid, 0).unwrap_or(0);
        if said & process::TRACED != 0 {
            return Ok(false);
        }
        self.processes.insert(pid, said | process::TRACED, 0)?;
        Ok(true)
    }

    /// Connections of which nothing was wanted are looked at again, each once: to be called when more processes are
    /// traced.
    ///
    /// # Errors
    /// When the kernel refuses the update: requests on connections that are there already are then not seen.
    pub fn look_again(&mut self) -> Result<(), MapError> {
        let epoch = self.epoch.get(&0, 0)?.wrapping_add(1 << 48);
        self.epoch.set(0, epoch, 0)
    }

    /// Says this of a process, in place of what was said before; that it asks a provider, or is traced, stays.
    fn say(&mut self, pid: u32, bits: u32) -> Result<(), MapError> {
        let kept = self.processes.get(&pid, 0).unwrap_or(0) & (process::ASKS | process::TRACED);
        self.processes.insert(pid, bits | kept, 0)
    }

    /// A program has no TLS code: for a minute the processes that begin it are not told of.
    ///
    /// # Errors
    /// When the kernel refuses the update: they are looked at, each of them.
    pub fn plain(
        &mut self,
        KernelFile([inode, device, bytes]): KernelFile,
        now_ns: u64,
    ) -> Result<(), MapError> {
        self.plain.insert(Plain(FileKey { inode, device, bytes }), now_ns, 0)
    }

    /// The operator does not want it traced.
    ///
    /// # Errors
    /// When the kernel refuses the update: its events are then dropped by the agent.
    pub fn excluded(&mut self, pid: u32) -> Result<(), MapError> {
        self.say(pid, process::EXCLUDED | process::KNOWN)
    }
}
