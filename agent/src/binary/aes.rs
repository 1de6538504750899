//! Functions that expand AES keys: where every TLS stack that uses the processor's AES instructions takes
//! its traffic keys through. On x86 they stand out by a cluster of `aeskeygenassist`, which is of no other
//! use; no symbol, version or offset is needed to find them, and no compiler changes them, since most are
//! written by hand.
//!
//! Three shapes are probed: those that have the arguments of C (OpenSSL's, taken over by AWS-LC, GnuTLS and
//! many others; BoringSSL's, which has a twin without that instruction for newer processors), Go's, and functions
//! for keys of one size, as NSS has them.

mod arm;
mod convention;
mod frames;

use std::ops::ControlFlow;

use convention::Ends;
use frames::Frames;
use iced_x86::{Decoder, DecoderOptions, Mnemonic, Register};

use super::image::{Image, Machine, Refusal, windows};
use super::{KeyCall, Role, Site, Stack, TlsCode, offset, site};

/// Most bytes of code that are searched in one file. The largest program known has 200 MB.
const SEARCHED_BYTES: u64 = 1 << 30;
/// Most clusters of one file; three are the most that was seen of whole ones.
const CLUSTERS: usize = 64;
/// Most bytes of one window that read as its instruction; real code has some 40.
const MATCHES: usize = 4096;
/// Bytes between two instructions of one cluster, at most.
const GAP_BYTES: u64 = 400;
/// Instructions of a cluster that expands keys of 128 and 256 bits: 10 and 13. Most have 8 more, for
/// those of 192.
const WHOLE: u32 = 20;
/// Instructions of a function for keys of one size.
const ASSISTS_128: usize = 10;
const ASSISTS_256: usize = 7;
/// Bytes before a cluster in which its function may begin.
const BEFORE_BYTES: u64 = 512;
/// Bytes behind a cluster in which a twin may begin.
const BEHIND_BYTES: u64 = 1600;
/// Longest `nop` that assemblers write.
const NOP_BYTES: u64 = 15;
/// Hand-written functions begin at multiples of it.
const ALIGNMENT: u64 = 16;

/// Where a file expands AES keys. It is read once, in pieces.
///
/// # Errors
/// When the file is shorter than it says.
pub(super) fn find(image: &Image) -> Result<Option<TlsCode>, Refusal> {
    let mut code = TlsCode { stack: Stack::KeyExpansion, sites: Vec::new(), unknown: 0 };
    let frames = Frames::of(image);
    for cluster in clusters(image)? {
        let entries = match image.machine() {
            Machine::X86_64 => entries(image, frames.as_ref(), &cluster),
            Machine::Aarch64 => arm::entry(image, cluster.first).into_iter().collect(),
        };
        code.unknown += usize::from(entries.is_empty());
        for site in entries.into_iter().filter_map(|(entry, call)| site(image, entry, call)) {
            if code.sites.iter().all(|known| known.offset != site.offset) {
                code.sites.push(site);
            }
        }
    }
    Ok((!code.sites.is_empty() || code.unknown > 0).then_some(code))
}

/// The best place for a probe on a function that expands keys.
fn site(image: &Image, entry: u64, call: KeyCall) -> Option<Site> {
    // What the probe reads. The stack pointer is not among it in the first case, so that a place behind
    // `sub rsp, 8` does as well.
    let (function, held) = match call {
        KeyCall::Registers => ("set_encrypt_key", [Register::RDI, Register::RSI].as_slice()),
        KeyCall::GoStack => ("expandKeyAsm", [Register::RSP].as_slice()),
        KeyCall::Sized128 => ("aes_encrypt_init_128", [Register::RDI].as_slice()),
        KeyCall::Sized256 => ("aes_encrypt_init_256", [Register::RDI].as_slice()),
    };
    let (at, class) = site::entry_holding(image, entry, held);
    Some(Site { function, role: Role::Key(call), offset: offset(image, at)?, class })
}

/// Instructions of one kind that stand close to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cluster {
    /// Address of the first one.
    first: u64,
    /// Address of the last one.
    last: u64,
    count: u32,
}

/// The clusters in what a file loads as code.
fn clusters(image: &Image) -> Result<Vec<Cluster>, Refusal> {
    let mut found = Clusters(Vec::new());
    let mut left = SEARCHED_BYTES;
    for segment in &image.code {
        let size = segment.size.min(left);
        left -= size;
        let look = |at: u64, window: &[u8]| {
            let address = segment.address.wrapping_add(at);
            match image.machine() {
                Machine::X86_64 => key_assists(window, |inside| found.add(address.wrapping_add(inside))),
                Machine::Aarch64 => {
                    arm::substitutions(window, |inside| found.add(address.wrapping_add(inside)))
                }
            }
        };
        windows(&image.file, (segment.offset, size), OVERLAP, look)?;
    }
    Ok(found.0)
}

/// Bytes by which the windows overlap, so that no instruction is cut.
const OVERLAP: usize = 16;

/// Clusters in the order of their addresses, as far as there is room.
struct Clusters(Vec<Cluster>);

impl Clusters {
    fn add(&mut self, address: u64) -> ControlFlow<()> {
        let is_full = self.0.len() >= CLUSTERS;
        match self.0.last_mut() {
            // Seen in the window before, which overlaps this one.
            Some(cluster) if (cluster.first..=cluster.last).contains(&address) => {}
            Some(cluster)
                if address.checked_sub(cluster.last).is_some_and(|distance| distance <= GAP_BYTES) =>
            {
                cluster.last = address;
                cluster.count = cluster.count.saturating_add(1);
            }
            _ if is_full => return ControlFlow::Break(()),
            _ => self.0.push(Cluster { first: address, last: address, count: 1 }),
        }
        ControlFlow::Continue(())
    }
}

/// Calls `found` with the place of each `aeskeygenassist` on registers of SSE (Intel's manual, volume 2:
/// `66 [REX] 0F 3A DF /r ib`).
fn key_assists(window: &[u8], mut found: impl FnMut(u64) -> ControlFlow<()>) {
    const OPCODE: [u8; 3] = [0x0f, 0x3a, 0xdf];
    for at in memchr::memmem::find_iter(window, &OPCODE).take(MATCHES) {
        let before = |count: usize| at.checked_sub(count).and_then(|at| window.get(at));
        let length = match (before(2), before(1)) {
            (_, Some(0x66)) => 1,
            (Some(0x66), Some(0x40..=0x4f)) => 2,
            _ => continue,
        };
        if found((at - length) as u64).is_break() {
            return;
        }
    }
}

/// The functions of a cluster, and of a twin behind it.
fn entries(image: &Image, frames: Option<&Frames<'_>>, cluster: &Cluster) -> Vec<(u64, KeyCall)> {
    let expands = |address| {
        let function = convention::of(image, address)?;
        let is_it = |at| (cluster.first..=cluster.last).contains(&at);
        let is_whole = match function.call {
            KeyCall::Registers | KeyCall::GoStack => cluster.count >= WHOLE,
            KeyCall::Sized128 => convention::assists(image, address) == ASSISTS_128,
            KeyCall::Sized256 => convention::assists(image, address) == ASSISTS_256,
        };
        (is_whole && matches!(function.ends, Ends::Assist(at) if is_it(at))).then_some(function)
    };
    let found = match frames.and_then(|frames| frames.around(cluster.first)) {
        Some((begin, _)) => expands(begin),
        // The farthest that fits: the others are further on in the same function.
        None => before(cluster.first).filter(|begin| is_border(image, *begin)).filter_map(expands).last(),
    };
    let Some(function) = found else { return Vec::new() };
    let mut entries = vec![(function.entry, function.call)];
    if function.call == KeyCall::Registers {
        let begins = |begin: &u64| match frames.and_then(|frames| frames.around(*begin)) {
            Some((known, _)) => known == *begin,
            None => is_border(image, *begin),
        };
        let twin = |begin| {
            let twin = convention::of(image, begin)?;
            (twin.call == function.call && twin.ends == Ends::Round).then_some((twin.entry, twin.call))
        };
        entries.extend(behind(cluster.last).filter(begins).find_map(twin));
    }
    entries
}

/// Where functions may begin before an address, the nearest first.
fn before(address: u64) -> impl Iterator<Item = u64> {
    let nearest = address - address % ALIGNMENT;
    (0..BEFORE_BYTES / ALIGNMENT).map_while(move |step| nearest.checked_sub(step * ALIGNMENT))
}

/// Where functions may begin behind an address, the nearest first.
fn behind(address: u64) -> impl Iterator<Item = u64> {
    let nearest = address - address % ALIGNMENT;
    (1..=BEHIND_BYTES / ALIGNMENT).map_while(move |step| nearest.checked_add(step * ALIGNMENT))
}

/// Whether a function may begin at an address: what is before it ends another, or fills up the room
/// between two.
fn is_border(image: &Image, address: u64) -> bool {
    const INT3: u8 = 0xcc;
    const RET: u8 = 0xc3;
    let Some((start, before)) = (1..=NOP_BYTES).rev().find_map(|length| {
        let start = address.checked_sub(length)?;
        Some((start, image.code(start, usize::try_from(length).ok()?).ok()?))
    }) else {
        // The first function of its segment.
        return true;
    };
    let nop = |skip: usize| {
        let Some(bytes) = before.get(skip..) else { return false };
        let instruction = Decoder::with_ip(64, bytes, start, DecoderOptions::NONE).decode();
        instruction.mnemonic() == Mnemonic::Nop && instruction.len() == bytes.len()
    };
    matches!(before.last(), Some(&INT3 | &RET)) || (0..before.len()).any(nop)
}

#[cfg(test)]
#[path = "aes/tests.rs"]
mod tests;
