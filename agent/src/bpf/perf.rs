//! Uprobes as perf events, where the kernel has no links for them: one for each place of a file (perf_event_open(2)).

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use aya_obj::generated::{
    PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_SET_BPF, PERF_FLAG_FD_CLOEXEC, perf_event_attr,
};

/// Flags of all events that are made here.
pub const EVENT_FLAGS: u32 = PERF_FLAG_FD_CLOEXEC;

/// What is asked of an event by ioctl(2).
pub const EVENT_REQUESTS: [u32; 2] = [PERF_EVENT_IOC_SET_BPF, PERF_EVENT_IOC_ENABLE];

/// What the kernel says of such events (Documentation/ABI/testing/sysfs-bus-event_source-devices-format).
const DEVICE: &str = "sys/bus/event_source/devices/uprobe";

/// How this kernel is asked for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PerfUprobes {
    /// `perf_event_attr.type`.
    kind: u32,
    /// `perf_event_attr.config` of one at a function's return.
    at_return: u64,
}

/// Where a probe goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The file.
    pub(super) file: &'a CStr,
    /// Bytes from its begin.
    pub(super) offset: u64,
    /// At the return of the function that begins there.
    pub(super) at_return: bool,
    /// In one process, or in all.
    pub(super) process: Option<u32>,
}

impl PerfUprobes {
    /// Reads it under `root`, where the host's `sys` is.
    ///
    /// # Errors
    /// When the kernel has no uprobes, or `/sys` is not mounted.
    pub(super) fn find(root: &Path) -> io::Result<Self> {
        let read = |name: &str| fs::read_to_string(root.join(DEVICE).join(name));
        let strange = |text: &str| io::Error::other(format!("{DEVICE} says {:?}", text.trim()));
        let (kind, bit) = (read("type")?, read("format/retprobe")?);
        let number = bit.trim().strip_prefix("config:").and_then(|bit| bit.parse().ok());
        Ok(Self {
            kind: kind.trim().parse().map_err(|_| strange(&kind))?,
            at_return: number.and_then(|bit| 1_u64.checked_shl(bit)).ok_or_else(|| strange(&bit))?,
        })
    }

    /// Makes the event; nothing comes of it yet.
    ///
    /// # Errors
    /// As the kernel says it.
    pub(super) fn open(self, place: Place<'_>) -> io::Result<OwnedFd> {
        // SAFETY: all fields are integers, for which zeros are valid.
        let mut attribute: perf_event_attr = unsafe { std::mem::zeroed() };
        attribute.size = u32::try_from(size_of::<perf_event_attr>()).map_err(io::Error::other)?;
        attribute.type_ = self.kind;
        attribute.config = if place.at_return { self.at_return } else { 0 };
        attribute.__bindgen_anon_3.config1 = place.file.as_ptr() as u64;
        attribute.__bindgen_anon_4.config2 = place.offset;
        // One that is for all processes is of a processor, and its program runs on every one all the same.
        let (process, processor) = match place.process {
            Some(process) => (i32::try_from(process).map_err(io::Error::other)?, -1),
            None => (-1, 0),
        };
        // SAFETY: the attribute is as large as it says, and the path outlives the call.
        let result = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attribute,
                process,
                processor,
                -1,
                libc::c_ulong::from(EVENT_FLAGS),
            )
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        let descriptor = RawFd::try_from(result).map_err(io::Error::other)?;
        // SAFETY: new, and nobody else's.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }
}

/// Lets a program run when the event happens, from now until the event is closed.
///
/// # Errors
/// As the kernel says it: of programs of another type, for one.
pub(super) fn begin(event: &OwnedFd, program: BorrowedFd<'_>) -> io::Result<()> {
    ask(event.as_fd(), PERF_EVENT_IOC_SET_BPF, program.as_raw_fd())?;
    ask(event.as_fd(), PERF_EVENT_IOC_ENABLE, 0)
}

fn ask(event: BorrowedFd<'_>, request: u32, argument: RawFd) -> io::Result<()> {
    // SAFETY: both requests take a number, and no pointer.
    let result = unsafe {
        libc::syscall(
            libc::SYS_ioctl,
            event.as_raw_fd(),
            libc::c_ulong::from(request),
            libc::c_long::from(argument),
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_device_is_read() {
        let root = std::env::temp_dir().join(format!("spanwire-uprobe-{}", std::process::id()));
        let device = root.join(DEVICE);
        fs::create_dir_all(device.join("format")).unwrap();
        for (kind, bit, expected) in [
            ("9\n", "config:0\n", Some(PerfUprobes { kind: 9, at_return: 1 })),
            ("7\n", "config:3\n", Some(PerfUprobes { kind: 7, at_return: 8 })),
            ("?\n", "config:0\n", None),
            ("7\n", "config1:0\n", None),
            ("7\n", "config:64\n", None),
        ] {
            fs::write(device.join("type"), kind).unwrap();
            fs::write(device.join("format/retprobe"), bit).unwrap();
            assert_eq!(PerfUprobes::find(&root).ok(), expected, "{kind} {bit}");
        }
        fs::remove_dir_all(root).unwrap();
    }
}
