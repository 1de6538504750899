//! Whether a process is only a server, from its descriptors and its network namespace's tables
//! (proc(5)): `/proc/PID/fd` and `/proc/PID/net/tcp`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// States of a TCP socket (include/net/tcp_states.h), as the tables show them.
const ESTABLISHED: &str = "01";
const LISTEN: &str = "0A";

/// Most lines of a table that are read: a busy host has hundreds of thousands of connections.
const LINES: usize = 65_536;

/// The TCP sockets of one network namespace.
#[derive(Debug, Default)]
struct Table {
    /// Inodes and ports of listening sockets.
    listening: HashMap<u64, u16>,
    /// Inodes and local ports of connections.
    connected: HashMap<u64, u16>,
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
        let ports: HashSet<u16> = table.listening.values().copied().collect();
        let asks = |inode| table.connected.get(inode).is_some_and(|port| !ports.contains(port));
        sockets.iter().any(|inode| table.listening.contains_key(inode)) && !sockets.iter().any(asks)
    }
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
        for (inode, port, state) in text.lines().skip(1).take(LINES).filter_map(entry) {
            match state {
                LISTEN => self.listening.insert(inode, port),
                ESTABLISHED => self.connected.insert(inode, port),
                _ => None,
            };
        }
    }
}

/// Inode, local port and state in a line: `sl local remote st queues timer retrnsmt uid timeout inode`.
fn entry(line: &str) -> Option<(u64, u16, &str)> {
    let mut fields = line.split_ascii_whitespace();
    let (_, port) = fields.nth(1)?.rsplit_once(':')?;
    let state = fields.nth(1)?;
    Some((fields.nth(5)?.parse().ok()?, u16::from_str_radix(port, 16).ok()?, state))
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
    fn a_line_of_the_table() {
        let line = "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31936 1 0000000000000000 100 0 0 10 0";
        assert_eq!(entry(line), Some((31_936, 8080, LISTEN)));
        for other in ["", "  sl  local_address", "1: x y 0A"] {
            assert_eq!(entry(other), None, "{other}");
        }
    }

    #[test]
    fn a_process_that_also_asks_is_no_mere_server() {
        let (proc, own) = (Path::new("/proc"), std::process::id());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // Its own accepted end is on the listening port; the asking one is not.
        let asks = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_accepted, _) = listener.accept().unwrap();
        assert!(!Listeners::default().is_mere_server(proc, own));
        drop(asks);
    }
}
