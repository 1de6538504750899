//! Who talks to whom on this host, from processes' descriptors and their network namespaces' tables
//! (proc(5)): `/proc/PID/fd` and `/proc/PID/net/tcp`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::libraries::processes;
use crate::event::Ends;

/// States of a TCP socket (include/net/tcp_states.h), as the tables show them.
const ESTABLISHED: &str = "01";
const LISTEN: &str = "0A";

/// Most lines of a table that are read: a busy host has hundreds of thousands of connections.
const LINES: usize = 65_536;

/// Most network namespaces that are looked at for one connection.
const NAMESPACES: usize = 1024;

/// The TCP sockets of one network namespace.
#[derive(Debug, Default)]
struct Table {
    /// Inodes and ports of listening sockets.
    listening: HashMap<u64, u16>,
    /// Inodes and ends of connections: local, then remote.
    connected: HashMap<u64, (SocketAddr, SocketAddr)>,
}

/// TCP sockets by network namespace, read once each.
#[derive(Debug, Default)]
pub struct Listeners(HashMap<PathBuf, Table>);

impl Listeners {
    /// Whether a process listens, and has no connection but to ports on which its namespace listens:
    /// such a process answers, and asks nobody.
    pub fn is_mere_server(&mut self, procfs: &Path, pid: u32) -> bool {
        let process = procfs.join(pid.to_string());
        let namespace = fs::read_link(process.join("ns/net")).unwrap_or_default();
        let table = self.0.entry(namespace).or_insert_with(|| Table::read(&process.join("net")));
        let sockets = sockets(&process.join("fd"));
        let ports = table.ports();
        let asks =
            |inode| table.connected.get(inode).is_some_and(|(local, _)| !ports.contains(&local.port()));
        sockets.iter().any(|inode| table.listening.contains_key(inode)) && !sockets.iter().any(asks)
    }
}

/// The connections of a process that lead to ports on which its namespace listens: others' requests.
#[must_use]
pub fn inbound(procfs: &Path, pid: u32) -> Vec<Ends> {
    let process = procfs.join(pid.to_string());
    let table = Table::read(&process.join("net"));
    let ports = table.ports();
    sockets(&process.join("fd"))
        .iter()
        .filter_map(|inode| table.connected.get(inode))
        .filter(|(local, _)| ports.contains(&local.port()))
        .map(|&(local, peer)| Ends::Internet { local, peer })
        .collect()
}

/// The process of this host, in whichever network namespace, that has the other end of a connection.
/// Takes some milliseconds on a host with hundreds of processes.
#[must_use]
pub fn owner_of_peer(procfs: &Path, ends: Ends) -> Option<u32> {
    let (local, peer) = (ends.local()?, ends.peer()?);
    let mut namespaces: HashMap<PathBuf, Vec<u32>> = HashMap::new();
    for pid in processes(procfs) {
        let Ok(namespace) = fs::read_link(procfs.join(pid.to_string()).join("ns/net")) else { continue };
        if namespaces.len() < NAMESPACES || namespaces.contains_key(&namespace) {
            namespaces.entry(namespace).or_default().push(pid);
        }
    }
    namespaces.values().find_map(|pids| {
        let first = procfs.join(pids.first()?.to_string());
        let table = Table::read(&first.join("net"));
        let other = |(_, ends): &(&u64, &(SocketAddr, SocketAddr))| **ends == (peer, local);
        let inode = *table.connected.iter().find(other)?.0;
        let owns = |pid: &&u32| sockets(&procfs.join(pid.to_string()).join("fd")).contains(&inode);
        pids.iter().find(owns).copied()
    })
}

impl Table {
    fn read(folder: &Path) -> Self {
        let mut table = Self::default();
        for name in ["tcp", "tcp6"] {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
            table.add(&text);
        }
        table
    }

    fn add(&mut self, text: &str) {
        for Entry { inode, local, remote, state } in text.lines().skip(1).take(LINES).filter_map(Entry::parse)
        {
            match state {
                LISTEN => {
                    self.listening.insert(inode, local.port());
                }
                ESTABLISHED => {
                    self.connected.insert(inode, (local, remote));
                }
                _ => {}
            }
        }
    }

    fn ports(&self) -> HashSet<u16> {
        self.listening.values().copied().collect()
    }
}

/// What matters of a line: `sl local remote st queues timer retrnsmt uid timeout inode`.
#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    inode: u64,
    local: SocketAddr,
    remote: SocketAddr,
    state: &'a str,
}

impl<'a> Entry<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let local = address(fields.nth(1)?)?;
        let remote = address(fields.next()?)?;
        let state = fields.next()?;
        Some(Self { inode: fields.nth(5)?.parse().ok()?, local, remote, state })
    }
}

/// `ADDRESS:PORT` in hexadecimal, the address as words in the machine's byte order; v4-mapped ones
/// become IPv4.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.rsplit_once(':')?;
    let mut bytes = Vec::with_capacity(16);
    for word in address.as_bytes().chunks(8) {
        let word = std::str::from_utf8(word).ok().filter(|word| word.len() == 8)?;
        let word = u32::from_str_radix(word, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let address = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(octets) => IpAddr::V4(Ipv4Addr::from(octets)),
        Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical(),
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

/// Inodes of the sockets among a process's descriptors.
fn sockets(folder: &Path) -> Vec<u64> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_line_of_the_table() {
        let line = "   1: 0100007F:1F90 0200007F:9C40 0A 00000000:00000000 00:00000000 00000000  1000        0 31936 1 0000000000000000 100 0 0 10 0";
        let (local, remote) = ("127.0.0.1:8080".parse().unwrap(), "127.0.0.2:40000".parse().unwrap());
        assert_eq!(Entry::parse(line), Some(Entry { inode: 31_936, local, remote, state: LISTEN }));
        for other in ["", "  sl  local_address", "1: x y 0A"] {
            assert_eq!(Entry::parse(other), None, "{other}");
        }
        for (text, parsed) in [
            ("00000000000000000000000001000000:0050", Some("[::1]:80")),
            ("0000000000000000FFFF00000100007F:0050", Some("127.0.0.1:80")),
            ("B80D0120000000000000000001000000:01BB", Some("[2001:db8::1]:443")),
            ("0100:0050", None),
            ("zz:0050", None),
            ("", None),
        ] {
            assert_eq!(address(text), parsed.map(|parsed| parsed.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn the_other_end_of_a_connection_is_found() {
        let (proc, own) = (Path::new("/proc"), std::process::id());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let asks = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let ends = |stream: &TcpStream| Ends::Internet {
            local: stream.local_addr().unwrap(),
            peer: stream.peer_addr().unwrap(),
        };
        assert_eq!(owner_of_peer(proc, ends(&asks)), Some(own));
        assert!(inbound(proc, own).contains(&ends(&accepted)));
        assert!(!inbound(proc, own).contains(&ends(&asks)));
        // Its own accepted end is on the listening port; the asking one is not.
        assert!(!Listeners::default().is_mere_server(proc, own));
    }
}
