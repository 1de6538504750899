//! Finds the processes of this host at the other ends of connections, on a thread of its own: it may
//! have to look at the sockets of all processes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tracing::debug;

use super::super::PROC;
use super::Command;
use crate::attach::Sign;
use crate::discovery::sockets::{inbound, owner_of_peer};
use crate::event::Ends;

/// How often the connections that lead to one process are looked at.
const PAUSE: Duration = Duration::from_secs(1);

/// Processes of which it is remembered when that was.
const PROCESSES: usize = 4096;

/// A process that asks a provider, whose peers are wanted.
pub(super) enum Involved {
    /// It asks: who has a connection to a port on which it listens?
    Asks(u32),
    /// It exchanges HTTP on this connection.
    Meets(u32, Ends),
}

/// Starts the thread; peers become [`Sign::Peer`].
pub(super) fn finder(found: UnboundedSender<Command>) -> Sender<Involved> {
    let (involved, waiting) = channel();
    thread::spawn(move || {
        let mut looked: HashMap<u32, Instant> = HashMap::new();
        while let Ok(involved) = waiting.recv() {
            let (pid, connections) = match involved {
                Involved::Meets(pid, ends) => (pid, vec![ends]),
                Involved::Asks(pid) => {
                    if looked.len() >= PROCESSES {
                        looked.clear();
                    }
                    let now = Instant::now();
                    if looked.get(&pid).is_some_and(|then| now.duration_since(*then) < PAUSE) {
                        continue;
                    }
                    looked.insert(pid, now);
                    (pid, inbound(Path::new(PROC), pid))
                }
            };
            for ends in connections {
                let Some(peer) = owner_of_peer(Path::new(PROC), ends).filter(|peer| *peer != pid) else {
                    continue;
                };
                debug!("process {peer} is a peer of process {pid}");
                if peer != std::process::id() && found.send(Command::Sign(peer, Sign::Peer)).is_err() {
                    return;
                }
            }
        }
    });
    involved
}
