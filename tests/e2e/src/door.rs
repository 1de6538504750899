//! Lets TLS clients of a stand-in begin when the agent has put probes on them: programs that live for a
//! moment, and machines that are slow, then make no difference. How often the first call of a new program is
//! seen without that is for `cargo xtask soak` to tell.

use std::path::Path;

use anyhow::{Context as _, Result};
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::DEADLINE;
use crate::standin::StandIn;
use crate::transcript::Transcript;

/// Begins a line by which a stand-in asks.
const KNOCK: &str = "{\"knock\": ";

/// Whether a line of a stand-in is a question, and no answer that was served.
pub(crate) fn is_knock(line: &str) -> bool {
    line.starts_with(KNOCK)
}

/// Answers the questions of one stand-in, for as long as it lives.
#[derive(Debug)]
pub struct Doorkeeper {
    task: JoinHandle<()>,
    log: watch::Sender<Option<Transcript>>,
}

impl Doorkeeper {
    /// Lets a client in when `log`, that of an agent, says that its process has its probes. Where it never
    /// does, the client waits in vain until the deadline; where the agent ends, or there is none yet, it does
    /// not wait. None where the stand-in does not ask.
    #[must_use]
    pub fn start(standin: &mut StandIn, log: Option<&Transcript>) -> Option<Self> {
        let input = standin.take_input()?;
        let (sender, log) = watch::channel(log.cloned());
        let serve = serve(standin.said().clone(), input, standin.port, log);
        Some(Self { task: tokio::spawn(serve), log: sender })
    }

    /// From now on this is the agent's log.
    pub fn follow(&self, log: &Transcript) {
        self.log.send_replace(Some(log.clone()));
    }
}

impl Drop for Doorkeeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(said: Transcript, input: ChildStdin, to: u16, log: watch::Receiver<Option<Transcript>>) {
    let admit = admission(input);
    let mut seen = 0;
    loop {
        let more = said.wait_for("a knock", DEADLINE, |text| text.lines().count() > seen).await;
        let text = said.text();
        for line in text.lines().skip(seen).filter(|line| is_knock(line)) {
            let Some(port) = line.strip_prefix(KNOCK).and_then(|rest| rest.strip_suffix('}')?.parse().ok())
            else {
                continue;
            };
            let (log, admit) = (log.borrow().clone(), admit.clone());
            tokio::spawn(async move {
                if let Some(log) = log {
                    // A client that is gone, and one that never gets probes, are let in all the same.
                    let _ = has_probes((port, to), &log).await;
                }
                let _ = admit.send(port);
            });
        }
        seen = text.lines().count();
        if more.is_err() && said.has_ended() {
            return;
        }
    }
}

/// Writes the ports of those who are let in, one after the other.
fn admission(mut input: ChildStdin) -> UnboundedSender<u16> {
    let (admit, mut admitted) = unbounded_channel::<u16>();
    tokio::spawn(async move {
        while let Some(port) = admitted.recv().await {
            if input.write_all(format!("{port}\n").as_bytes()).await.is_err() {
                return;
            }
        }
    });
    admit
}

async fn has_probes(ports: (u16, u16), log: &Transcript) -> Result<()> {
    let pid = owner(ports).context("nobody has this connection")?;
    let told = format!("process {pid} is a TLS client and has its probes");
    log.wait_for("a client's probes", DEADLINE, |log| log.contains(&told)).await.map(drop)
}

/// The process that has a TCP connection from one port to another, in whichever network namespace. Several may have
/// the first alone: it is another's as well where that leads elsewhere.
fn owner(ports: (u16, u16)) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").ok()?.filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse::<u32>().ok()
    });
    processes.into_iter().find(|pid| has_socket(*pid, ports))
}

fn has_socket(pid: u32, (from, to): (u16, u16)) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    let sockets: Vec<String> = std::fs::read_dir(process.join("fd"))
        .into_iter()
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()?.to_str().map(str::to_owned))
        .filter(|target| target.starts_with("socket:"))
        .collect();
    if sockets.is_empty() {
        return false;
    }
    // Fields as the kernel writes them (net/ipv4/tcp_ipv4.c, `get_tcp4_sock`): the local and the remote address with
    // their ports, in hexadecimal, are the second and third, the socket's inode the tenth.
    ["net/tcp", "net/tcp6"].iter().any(|table| {
        let table = std::fs::read_to_string(process.join(table)).unwrap_or_default();
        table.lines().any(|line| {
            let mut fields = line.split_ascii_whitespace();
            let mut leads = |at, port: u16| {
                fields.nth(at).is_some_and(|address| address.ends_with(&format!(":{port:04X}")))
            };
            let is_its = leads(1, from) && leads(0, to);
            let inode = fields.nth(6);
            is_its && inode.is_some_and(|inode| sockets.contains(&format!("socket:[{inode}]")))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_is_told_from_another_of_the_same_port() -> Result<()> {
        let [server, other] = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
        let [to, elsewhere] = [server.local_addr()?.port(), other.local_addr()?.port()];
        let client = TcpStream::connect(("127.0.0.1", to))?;
        let from = client.local_addr()?.port();
        assert_eq!(owner((from, to)), Some(std::process::id()));
        assert_eq!(owner((from, elsewhere)), None);
        Ok(())
    }
}
