//! Attaching to functions of user-space files, for one process or for all.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use aya::programs::uprobe::UProbe;

use super::multi::Multi;
use super::perf::{self, Place};
use super::programs::{Programs, program};
use super::{Attacher, LoadError};
use crate::binary::{Call, Direction, KeyCall, Role, Site};

/// What a probe does; one program of the object each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// Entry of a function that reads and returns the count.
    ReadCounted,
    /// Entry of one that writes and returns the count.
    WriteCounted,
    /// Entry of one that reads and reports the count through its fourth argument.
    ReadReported,
    /// Entry of one that writes and reports the count through its fourth argument.
    WriteReported,
    /// Entry of one that writes and reports the count through its fifth argument.
    WriteReportedFifth,
    /// Return of any of these.
    Returned,
    /// Return of a function that makes sessions.
    Created,
    /// Return of NSS's function that makes sessions.
    Imported,
    /// Entry of a function of NSPR that reads what NSS may have imported.
    NsprRead,
    /// Entry of one that writes.
    NsprWrite,
    /// Entry of the function that ends a session.
    Freed,
    /// Entry of a function by which a process begins to use the library.
    LibraryInit,
    /// A function that expands an AES key, which has its arguments in registers.
    KeyRegisters,
    /// One of Go's, which has them on the stack.
    KeyGo,
    /// One for keys of 128 bits only.
    Key128,
    /// One for keys of 256 bits only.
    Key256,
}

impl Probe {
    /// All of them, in the order in which they are attached: a session must not outlive its address
    /// unseen, and a return without its entry is nothing, while an entry without its return is a call
    /// that never ends.
    pub(super) const ALL: [Self; 16] = [
        Self::Created,
        Self::Imported,
        Self::Freed,
        Self::Returned,
        Self::NsprRead,
        Self::NsprWrite,
        Self::ReadCounted,
        Self::WriteCounted,
        Self::ReadReported,
        Self::WriteReported,
        Self::WriteReportedFifth,
        Self::LibraryInit,
        Self::KeyRegisters,
        Self::KeyGo,
        Self::Key128,
        Self::Key256,
    ];

    /// The program's name in the object.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::ReadCounted => "read_counted",
            Self::WriteCounted => "write_counted",
            Self::ReadReported => "read_reported",
            Self::WriteReported => "write_reported",
            Self::WriteReportedFifth => "write_reported_fifth",
            Self::Returned => "returned",
            Self::Created => "created",
            Self::Imported => "nspr_imported",
            Self::NsprRead => "nspr_read",
            Self::NsprWrite => "nspr_write",
            Self::Freed => "freed",
            Self::LibraryInit => "library_init",
            Self::KeyRegisters => "key_registers",
            Self::KeyGo => "key_go",
            Self::Key128 => "key_128",
            Self::Key256 => "key_256",
        }
    }

    pub(super) fn is_at_return(self) -> bool {
        matches!(self, Self::Returned | Self::Created | Self::Imported)
    }
}

/// A probe and where it goes: bytes from the file's begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// What it does.
    pub probe: Probe,
    /// Offset in the file of an instruction.
    pub offset: u64,
}

impl From<&Site> for Point {
    fn from(site: &Site) -> Self {
        let probe = match site.role {
            Role::Begin(Direction::Read, Call::Imported) => Probe::NsprRead,
            Role::Begin(Direction::Write, Call::Imported) => Probe::NsprWrite,
            Role::Begin(Direction::Read, Call::Counted) => Probe::ReadCounted,
            Role::Begin(Direction::Write, Call::Counted) => Probe::WriteCounted,
            Role::Begin(Direction::Read, Call::Reported { .. }) => Probe::ReadReported,
            Role::Begin(Direction::Write, Call::Reported { count: 4 }) => Probe::WriteReportedFifth,
            Role::Begin(Direction::Write, Call::Reported { .. }) => Probe::WriteReported,
            Role::Return => Probe::Returned,
            Role::New => Probe::Created,
            Role::Import => Probe::Imported,
            Role::Free => Probe::Freed,
            Role::Init => Probe::LibraryInit,
            Role::Key(KeyCall::Registers) => Probe::KeyRegisters,
            Role::Key(KeyCall::GoStack) => Probe::KeyGo,
            Role::Key(KeyCall::Sized128) => Probe::Key128,
            Role::Key(KeyCall::Sized256) => Probe::Key256,
        };
        Self { probe, offset: site.offset }
    }
}

/// Probes that are attached; dropping this takes them off, which takes some 10 ms each.
#[derive(Debug)]
#[must_use]
pub struct Attachment(#[expect(dead_code, reason = "held for their drop")] Vec<OwnedFd>);

impl Programs {
    /// Attaches probes to a file, for one process or for all. Takes up to some 20 ms.
    ///
    /// # Errors
    /// When the kernel refuses one; none stays attached then.
    pub fn attach(
        &mut self,
        file: &Path,
        points: &[Point],
        process: Option<u32>,
    ) -> Result<Attachment, LoadError> {
        let mut held = Vec::new();
        for probe in Probe::ALL {
            let mut offsets: Vec<u64> =
                points.iter().filter(|point| point.probe == probe).map(|point| point.offset).collect();
            offsets.sort_unstable();
            offsets.dedup();
            if offsets.is_empty() {
                continue;
            }
            match &self.multi {
                Some(multi) => held.push(link(multi, probe, file, &offsets, process)?),
                None => {
                    for offset in offsets {
                        held.push(self.event(probe, file, offset, process)?);
                    }
                }
            }
        }
        Ok(Attachment(held))
    }

    /// Leaves it to `attacher` to make perf events.
    ///
    /// # Errors
    /// When it cannot, or the programs are not loaded: they are not where there are `uprobe_multi` links.
    pub fn delegate(&mut self, mut attacher: Attacher) -> Result<(), LoadError> {
        let mut programs = Vec::with_capacity(Probe::ALL.len());
        for name in Probe::ALL.map(Probe::program) {
            programs.push(self.probe_program(name)?);
        }
        let programs: Vec<_> = programs.iter().map(AsFd::as_fd).collect();
        attacher.hand_over(&programs).map_err(LoadError::Attacher)?;
        self.attacher = Some(attacher);
        Ok(())
    }

    fn probe_program(&mut self, name: &'static str) -> Result<OwnedFd, LoadError> {
        let loaded = program::<UProbe>(&mut self.ebpf, name)?.fd();
        let descriptor = loaded.map_err(|error| LoadError::Program(name, error))?.as_fd();
        descriptor.try_clone_to_owned().map_err(|error| LoadError::Link(name, error))
    }

    fn event(
        &mut self,
        probe: Probe,
        file: &Path,
        offset: u64,
        process: Option<u32>,
    ) -> Result<OwnedFd, LoadError> {
        let name = probe.program();
        let refused = |error| LoadError::Link(name, error);
        if let Some(attacher) = &mut self.attacher {
            return attacher.attach(probe, file, offset, process).map_err(refused);
        }
        let program = self.probe_program(name)?;
        let attach = || {
            let file = CString::new(file.as_os_str().as_encoded_bytes())?;
            let place = Place { file: &file, offset, at_return: probe.is_at_return(), process };
            let event = perf::PerfUprobes::find(Path::new("/"))?.open(place)?;
            perf::begin(&event, program.as_fd())?;
            Ok(event)
        };
        attach().map_err(refused)
    }
}

fn link(
    multi: &Multi,
    probe: Probe,
    file: &Path,
    offsets: &[u64],
    process: Option<u32>,
) -> Result<OwnedFd, LoadError> {
    let attach = || -> io::Result<OwnedFd> {
        multi.attach(probe.program(), file, offsets, process, probe.is_at_return())
    };
    attach().map_err(|error| LoadError::Link(probe.program(), error))
}
