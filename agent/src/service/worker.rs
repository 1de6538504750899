//! A process that traces, as the one that started it sees it, and that one as it is seen from there.
//!
//! Between them is a socket, the worker's standard input: the worker writes one byte when it traces, and reads until the
//! other one is gone, which it does not outlive.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::mpsc::Sender;

use super::Event;

/// The flag by which the worker knows what its standard input is.
pub(crate) const SUPERVISED: &str = "supervised";

/// What a worker says.
const READY: u8 = b'r';

/// A process that was started.
pub(super) struct Worker {
    handle: OwnedFd,
}

impl Worker {
    /// Starts `spanwire run` with these arguments. What becomes of it is told as of `id`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(
        program: &Path,
        arguments: &[OsString],
        id: u64,
        events: Sender<(u64, Event)>,
    ) -> io::Result<Self> {
        let (own, other) = UnixStream::pair()?;
        own.set_nonblocking(true)?;
        let mut own = tokio::net::UnixStream::from_std(own)?;
        let mut command = Command::new(program);
        command.arg("run").arg(format!("--{SUPERVISED}")).args(arguments);
        let mut child = command.stdin(Stdio::from(OwnedFd::from(other))).spawn()?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let pid = pid.ok_or_else(|| io::Error::other("it has no process id"))?;
        // Not reaped before the task below has waited for it, so the id is its own.
        let handle = pidfd_open(pid, PidfdFlags::empty())?;
        tokio::spawn(async move {
            if matches!(own.read_u8().await, Ok(READY)) {
                let _ = events.send((id, Event::Ready)).await;
            }
            let status = child.wait().await;
            // Open until then: that it is closed means that this process is gone.
            drop(own);
            let _ = events.send((id, Event::Ended(status))).await;
        });
        Ok(Self { handle })
    }

    /// Asks it to stop.
    pub(super) fn terminate(&self) {
        // One that is over has no use for it.
        let _ = pidfd_send_signal(&self.handle, Signal::TERM);
    }
}

/// The process that started this one.
pub struct Supervisor(tokio::net::UnixStream);

impl Supervisor {
    /// At the other end of standard input. To be called within a tokio runtime.
    ///
    /// # Errors
    /// When there is no socket.
    pub fn at_stdin() -> io::Result<Self> {
        let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        stream.set_nonblocking(true)?;
        tokio::net::UnixStream::from_std(stream).map(Self)
    }

    /// Tells it that this process traces.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn ready(&mut self) -> io::Result<()> {
        self.0.write_u8(READY).await
    }

    /// Done when it is gone.
    pub async fn gone(mut self) {
        // It never says anything.
        let _ = self.0.read_u8().await;
    }
}
