//! Perf events that another process makes for the agent, which then need not hold what that takes (`CAP_SYS_ADMIN`): this is
//! the agent's end, `serve` the other's.
//!
//! They speak over a socket of packets: the agent sends its programs once, then for each probe a file and a place, and gets
//! the event, which it closes as any.

mod message;
mod serve;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::Probe;
use message::{Answer, Request, Step, receive, send};
pub use serve::{AttachServer, close_inherited};

/// How long an answer is waited for. The kernel may have to read of the file for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The agent's end.
#[derive(Debug)]
pub struct Attacher {
    socket: OwnedFd,
    /// Number of the last request.
    last: u32,
}

impl Attacher {
    /// Both ends: this one, and the one that [`AttachServer::begin`] takes.
    ///
    /// # Errors
    /// When there can be no sockets.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (socket, other) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        for way in [Timeout::Recv, Timeout::Send] {
            set_socket_timeout(&socket, way, Some(PATIENCE))?;
        }
        Ok((Self { socket, last: 0 }, other))
    }

    /// Gives the other end the programs, in the order of [`Probe::ALL`], and waits until it is ready.
    ///
    /// # Errors
    /// When it says that it will not be, or says nothing.
    pub(super) fn hand_over(&mut self, programs: &[BorrowedFd<'_>]) -> io::Result<()> {
        send(self.socket.as_fd(), &[0], programs)?;
        self.answer().map(drop)
    }

    /// Asks for a probe at a place of a file, in one process or in all.
    ///
    /// # Errors
    /// As the kernel said it to the other end; or when that does not answer.
    pub(super) fn attach(
        &mut self,
        probe: Probe,
        file: &Path,
        offset: u64,
        process: Option<u32>,
    ) -> io::Result<OwnedFd> {
        // A path of /proc/self means nothing to another process.
        let file = openat(CWD, file, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let program = Probe::ALL.iter().position(|known| *known == probe);
        let program = program.and_then(|number| u32::try_from(number).ok()).ok_or(io::ErrorKind::NotFound)?;
        self.last = self.last.wrapping_add(1);
        let request = Request { number: self.last, program, process: process.unwrap_or(0), offset };
        send(self.socket.as_fd(), &request.bytes(), &[file.as_fd()])?;
        self.answer()?.ok_or_else(|| io::Error::other("the helper process made a probe and did not send it"))
    }

    /// The answer to the last request. One that came too late is left.
    fn answer(&self) -> io::Result<Option<OwnedFd>> {
        loop {
            let mut bytes = [0; Answer::BYTES + 1];
            let mut event = None;
            let received = receive(self.socket.as_fd(), &mut bytes, |descriptor| event = Some(descriptor));
            let length = received.map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => {
                    io::Error::new(error.kind(), "the helper process does not answer")
                }
                _ => error,
            })?;
            let answer = bytes.get(..length).and_then(Answer::parse);
            match answer {
                None => return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the helper process is gone")),
                Some(answer) if answer.number != self.last => {}
                Some(Answer { step: Step::Done, .. }) => return Ok(event),
                Some(Answer { step, errno, .. }) => {
                    let error = io::Error::from_raw_os_error(errno);
                    return Err(io::Error::new(error.kind(), format!("{}: {error}", step.name())));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
