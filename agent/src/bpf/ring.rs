//! The ring buffer's reading end.

use std::io;
use std::os::fd::AsRawFd;

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::LoadError;
use super::control::take_map;
use super::decode::{DecodeError, decode};
use crate::event::Event;

/// Reads events in the order in which the kernel reserved their records.
pub struct Ring(AsyncFd<RingBuf<MapData>>);

/// Lets the event loop wait until a ring buffer has records.
pub(super) fn readable<T: AsRawFd>(ring: T) -> Result<AsyncFd<T>, LoadError> {
    // SAFETY: aya's ring buffers own their map's descriptor, keep it open for as long as they live
    // and always report the same one.
    let registered = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) };
    registered.map_err(|error| LoadError::Poll(error.into()))
}

/// Records handled before other work of the event loop gets its turn.
const BATCH: usize = 1024;

impl Ring {
    pub(super) fn new(ebpf: &mut Ebpf, name: &'static str) -> Result<Self, LoadError> {
        let ring = RingBuf::try_from(take_map(ebpf, name)?)?;
        Ok(Self(readable(ring)?))
    }

    /// Waits for records and hands out up to a batch of them. Says whether it took all that were there.
    ///
    /// # Errors
    /// When the ring's descriptor can no longer be polled.
    pub async fn read(&mut self, mut handle: impl FnMut(Result<Event, DecodeError>)) -> io::Result<bool> {
        let mut ready = self.0.readable_mut().await?;
        for _ in 0..BATCH {
            let Some(record) = ready.get_inner_mut().next() else {
                ready.clear_ready();
                return Ok(true);
            };
            handle(decode(&record));
        }
        Ok(false)
    }

    /// Waits until the kernel side wakes its reader; what is in the ring is then to be taken.
    ///
    /// # Errors
    /// When the ring's descriptor can no longer be polled.
    pub async fn woken(&mut self) -> io::Result<()> {
        // Before anything is taken: a record that comes from now on wakes again.
        self.0.readable().await?.clear_ready();
        Ok(())
    }

    /// Hands out up to a batch of what is in the ring now; says how many, and whether that was all.
    pub fn take(&mut self, mut handle: impl FnMut(Result<Event, DecodeError>)) -> (usize, bool) {
        for taken in 0..BATCH {
            let Some(record) = self.0.get_mut().next() else { return (taken, true) };
            handle(decode(&record));
        }
        (BATCH, false)
    }

    /// Hands out what is in the ring now, without waiting.
    pub fn drain(&mut self, mut handle: impl FnMut(Result<Event, DecodeError>)) {
        while let Some(record) = self.0.get_mut().next() {
            handle(decode(&record));
        }
    }
}
