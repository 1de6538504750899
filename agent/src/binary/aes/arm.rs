//! Key expansions on AArch64, whose processors have no instruction of its own for them: `aese` with a round
//! key of zero does the substitution, on a word that `tbl` has rotated just
//! before. No round of encryption has that.
//!
//! Written by the manual (Arm ARM, C7.2) and the sources; not run.

use std::ops::ControlFlow;

use super::super::KeyCall;
use super::super::image::Image;

/// Instructions, as their word without the registers, and the mask that takes these out.
type Form = (u32, u32);

/// `aese Vd.16B, Vn.16B`.
const AESE: Form = (0x4e28_4800, 0xffff_fc00);
/// `tbl Vd.16B, {Vn.16B}, Vm.16B`.
const TBL: Form = (0x4e00_0000, 0xffe0_fc00);
/// `ld1 {Vt.16B}, [x0], #16`.
const LOAD_KEY: Form = (0x4cdf_7000, 0xffff_ffe0);
/// `cmp w1, #128`, `cmp w1, #256`.
const COMPARES: [u32; 2] = [0x7102_003f, 0x7104_003f];
/// `stp x29, x30, [sp, #-16]!`.
const FRAME: u32 = 0xa9bf_7bfd;
/// `bti c`, `paciasp`: landing places and signatures, before all else.
const LANDINGS: [u32; 2] = [0xd503_245f, 0xd503_233f];
/// `ldr Xt, [sp, #8]`, `ldr Xt, [sp, #16]`: Go's first two arguments.
const GO_ARGUMENTS: [Form; 2] = [(0xf940_07e0, 0xffff_ffe0), (0xf940_0be0, 0xffff_ffe0)];

/// Instructions before the first substitution in which the function begins.
const BEFORE: u64 = 64;
/// Bytes of an instruction.
const BYTES: u64 = 4;

fn is(word: u32, (form, mask): Form) -> bool {
    word & mask == form
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word))
}

/// Instructions from a `tbl` to the `aese` on what it made, at most.
const ROTATED: usize = 4;

/// The register that an instruction writes.
fn target(word: u32) -> u32 {
    word & 0x1f
}

/// Calls `found` with the place of each `aese` on what a `tbl` has just made.
pub(super) fn substitutions(window: &[u8], mut found: impl FnMut(u64) -> ControlFlow<()>) {
    for (index, word) in words(window).enumerate().filter(|(_, word)| is(*word, AESE)) {
        let until = index * 4;
        let before = window.get(until.saturating_sub(ROTATED * 4)..until).unwrap_or_default();
        let is_rotated = words(before).any(|before| is(before, TBL) && target(before) == target(word));
        if is_rotated && found(BYTES * index as u64).is_break() {
            return;
        }
    }
}

/// Where the function begins whose first substitution is at `first`, and how it is called.
pub(super) fn entry(image: &Image, first: u64) -> Option<(u64, KeyCall)> {
    let (from, code) = (1..=BEFORE).rev().find_map(|count| {
        let from = first.checked_sub(count * BYTES)?;
        let length = usize::try_from(count * BYTES).ok()?;
        image.code(from, length).ok().filter(|code| code.len() == length).map(|code| (from, code))
    })?;
    let code: Vec<u32> = words(&code).collect();
    let address = |index: usize| from.checked_add(BYTES * u64::try_from(index).ok()?);
    if let Some(begin) = code.iter().rposition(|word| *word == FRAME) {
        let (before, body) = code.split_at(begin);
        let fits = COMPARES.iter().all(|compare| body.contains(compare))
            && body.iter().any(|word| is(*word, LOAD_KEY));
        let landings = before.iter().rev().take_while(|word| LANDINGS.contains(word)).count();
        return fits.then_some((address(begin - landings)?, KeyCall::Registers));
    }
    // Go's begins with these loads, in this order, and has no frame.
    let [rounds, key] = GO_ARGUMENTS;
    let begin = code
        .windows(2)
        .rposition(|pair| matches!(pair, [first, second] if is(*first, rounds) && is(*second, key)))?;
    Some((address(begin)?, KeyCall::GoStack))
}
