//! What the two ends say to each other: packets of fixed size, with descriptors beside them (unix(7), `SCM_RIGHTS`).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::super::Probe;

/// Most descriptors beside a packet.
pub(super) const DESCRIPTORS: usize = Probe::ALL.len();

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// By which its answer is known.
    pub(super) number: u32,
    /// Of the program, among those that were handed over.
    pub(super) program: u32,
    /// The one that it is for; 0 if it is for all.
    pub(super) process: u32,
    /// Bytes from the file's begin.
    pub(super) offset: u64,
}

impl Request {
    pub(super) const BYTES: usize = 20;

    pub(super) fn bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let words = [self.number, self.program, self.process].map(u32::to_le_bytes);
        let all = words.iter().flatten().copied().chain(self.offset.to_le_bytes());
        bytes.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let (words, offset) = bytes.split_at(Self::BYTES - size_of::<u64>());
        let mut words =
            words.chunks_exact(4).filter_map(|word| Some(u32::from_le_bytes(word.try_into().ok()?)));
        Some(Self {
            number: words.next()?,
            program: words.next()?,
            process: words.next()?,
            offset: u64::from_le_bytes(offset.try_into().ok()?),
        })
    }
}

/// How far the other end came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Step {
    /// To the end.
    Done,
    /// Not as far as to know what is asked for.
    Ask,
    /// The programs are not what they should be.
    Programs,
    /// The kernel does not say how it is asked for such events.
    Device,
    /// It could not give up what it does not need.
    Confine,
    /// The kernel does not make the event.
    Open,
    /// It does not let the program run on it.
    Begin,
}

impl Step {
    const ALL: [Self; 7] =
        [Self::Done, Self::Ask, Self::Programs, Self::Device, Self::Confine, Self::Open, Self::Begin];

    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Ask => "the helper process does not do what it was asked for",
            Self::Programs => "the helper process was given other programs than it should",
            Self::Device => "the helper process cannot read of uprobes in /sys",
            Self::Confine => "the helper process cannot give up what it does not need",
            Self::Open => "perf_event_open",
            Self::Begin => "PERF_EVENT_IOC_SET_BPF",
        }
    }
}

/// What came of it; the event is beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The request's.
    pub(super) number: u32,
    /// Where it ended.
    pub(super) step: Step,
    /// Why, as the kernel said it (errno(3)).
    pub(super) errno: i32,
}

impl Answer {
    pub(super) const BYTES: usize = 12;

    pub(super) fn bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let words = [self.number, self.step as u32, self.errno.cast_unsigned()].map(u32::to_le_bytes);
        bytes.iter_mut().zip(words.iter().flatten()).for_each(|(to, from)| *to = *from);
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let mut words =
            bytes.chunks_exact(4).filter_map(|word| Some(u32::from_le_bytes(word.try_into().ok()?)));
        let (number, step, errno) = (words.next()?, words.next()?, words.next()?);
        let step = Step::ALL.into_iter().find(|known| *known as u32 == step)?;
        Some(Self { number, step, errno: errno.cast_signed() })
    }
}

/// Sends a packet.
///
/// # Errors
/// When the other end is gone, or took no earlier one for long.
pub(super) fn send(socket: BorrowedFd<'_>, bytes: &[u8], beside: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !beside.is_empty() && !control.push(SendAncillaryMessage::ScmRights(beside)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Waits for a packet; says how long it is: 0 when the other end is gone. Of a longer one than there is room for only the begin
/// is there; so there should be room for a byte more than is awaited.
///
/// # Errors
/// When nothing can be received, or nothing comes for as long as the socket waits, or with more beside it than there is room for.
pub(super) fn receive(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    mut beside: impl FnMut(OwnedFd),
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = loop {
        match recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, flags) {
            Err(rustix::io::Errno::INTR) => {}
            received => break received?,
        }
    };
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            descriptors.for_each(&mut beside);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(received.bytes)
}
