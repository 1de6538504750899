//! The end that makes the events. It is written to run where next to no system call is allowed: it receives, looks at the file,
//! makes the event, sends it, and closes.

use std::ffi::CStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, StatxFlags, statx};

use super::super::Probe;
use super::super::multi::is_probe;
use super::super::perf::{PerfUprobes, Place, begin};
use super::message::{Answer, DESCRIPTORS, Request, Step, receive, send};

/// A request could not be met: where, and why.
type Failure = (Step, io::Error);

/// What attaches programs.
#[derive(Debug)]
pub struct AttachServer {
    socket: OwnedFd,
    /// What it attaches, and nothing else, in the order of [`Probe::ALL`].
    programs: Vec<OwnedFd>,
    uprobes: PerfUprobes,
}

impl AttachServer {
    /// Takes the programs. `confine` then gives up whatever is not needed from there on; the agent is told what came of it.
    ///
    /// # Errors
    /// When the socket is none that an agent has made, the programs are not the agent's, or `confine` fails.
    pub fn begin(socket: OwnedFd, root: &Path, confine: impl FnOnce() -> io::Result<()>) -> io::Result<Self> {
        let mut programs = Vec::with_capacity(DESCRIPTORS);
        receive(socket.as_fd(), &mut [0; 2], |program| programs.push(program))?;
        let uprobes = || -> Result<PerfUprobes, Failure> {
            for program in &programs {
                is_probe(program).map_err(|error| (Step::Programs, error))?;
            }
            if programs.len() != DESCRIPTORS {
                return Err((Step::Programs, io::ErrorKind::InvalidInput.into()));
            }
            let uprobes = PerfUprobes::find(root).map_err(|error| (Step::Device, error))?;
            confine().map_err(|error| (Step::Confine, error))?;
            Ok(uprobes)
        };
        let uprobes = uprobes();
        tell(socket.as_fd(), 0, uprobes.as_ref().err(), &[])?;
        match uprobes {
            Ok(uprobes) => Ok(Self { socket, programs, uprobes }),
            Err((_, error)) => Err(error),
        }
    }

    /// Makes what it is asked for, until the agent is gone.
    pub fn serve(self) {
        let mut bytes = [0; Request::BYTES + 1];
        loop {
            let (mut file, mut is_one) = (None, true);
            let received = receive(self.socket.as_fd(), &mut bytes, |descriptor| {
                is_one = file.replace(descriptor).is_none();
            });
            let length = match received {
                Ok(0) => return,
                Ok(length) => length,
                // With too much beside it: it is none of the agent's.
                Err(_) => return,
            };
            let request = bytes.get(..length).and_then(Request::parse);
            let number = request.map_or(0, |request| request.number);
            let made = match (request, file) {
                (Some(request), Some(file)) if is_one => self.attach(request, &file),
                _ => Err(refused()),
            };
            let told = match &made {
                Ok(event) => tell(self.socket.as_fd(), number, None, &[event.as_fd()]),
                Err(failure) => tell(self.socket.as_fd(), number, Some(failure), &[]),
            };
            if told.is_err() {
                return;
            }
        }
    }

    fn attach(&self, request: Request, file: &OwnedFd) -> Result<OwnedFd, Failure> {
        let index = usize::try_from(request.program).ok();
        let find = || Some((self.programs.get(index?)?, Probe::ALL.get(index?)?));
        let (program, probe) = find().ok_or_else(refused)?;
        // As the agent looks at files itself: without asking their file system anew.
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let status =
            statx(file, c"", flags, StatxFlags::BASIC_STATS).map_err(|error| (Step::Ask, error.into()))?;
        let is_regular = FileType::from_raw_mode(status.stx_mode.into()) == FileType::RegularFile;
        if !is_regular || request.offset >= status.stx_size || i32::try_from(request.process).is_err() {
            return Err(refused());
        }
        let mut path = [0; PATH];
        let place = Place {
            file: path_of(file, &mut path).ok_or_else(refused)?,
            offset: request.offset,
            at_return: probe.is_at_return(),
            process: Some(request.process).filter(|process| *process != 0),
        };
        let event = self.uprobes.open(place).map_err(|error| (Step::Open, error))?;
        begin(&event, program.as_fd()).map_err(|error| (Step::Begin, error))?;
        Ok(event)
    }
}

/// Closes all descriptors but the standard ones. To be called before this process opens any: they are then all of who began it.
///
/// # Errors
/// When the kernel does not close them, or `/proc` does not say which there are.
pub fn close_inherited() -> io::Result<()> {
    const FIRST: libc::c_uint = 3;
    let none: libc::c_uint = 0;
    // SAFETY: nothing in this process has one of them, as is said above.
    if unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, none) } == 0 {
        return Ok(());
    }
    // Before Linux 5.9.
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        open.extend(entry?.file_name().to_str().and_then(|name| name.parse::<libc::c_uint>().ok()));
    }
    for descriptor in open.into_iter().filter(|descriptor| *descriptor >= FIRST) {
        // SAFETY: as above. That of the folder is closed already.
        unsafe { libc::syscall(libc::SYS_close, descriptor) };
    }
    Ok(())
}

/// Room for a path of a descriptor.
const PATH: usize = 32;

/// A path that leads to the very file.
fn path_of<'a>(file: &OwnedFd, room: &'a mut [u8; PATH]) -> Option<&'a CStr> {
    write!(room.as_mut_slice(), "/proc/self/fd/{}\0", file.as_raw_fd()).ok()?;
    CStr::from_bytes_until_nul(room).ok()
}

fn refused() -> Failure {
    (Step::Ask, io::Error::from_raw_os_error(libc::EINVAL))
}

fn tell(
    socket: BorrowedFd<'_>,
    number: u32,
    failure: Option<&Failure>,
    beside: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let (step, errno) = match failure {
        None => (Step::Done, 0),
        Some((step, error)) => (*step, error.raw_os_error().unwrap_or(libc::EINVAL)),
    };
    send(socket, &Answer { number, step, errno }.bytes(), beside)
}
