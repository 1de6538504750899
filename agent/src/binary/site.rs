//! Where in a function a probe costs least.
//!
//! The kernel emulates some instructions when a probe sits on them, and single-steps all others, which
//! costs ten times as much (arch/x86/kernel/uprobes.c: `push_setup_xol_ops`, `branch_setup_xol_ops`).

use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess,
    Register,
};

use super::image::{Image, Machine};

/// What a probe at an instruction costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The kernel emulates it: less than a microsecond.
    Emulated,
    /// The kernel single-steps it: some ten on a virtual machine.
    Stepped,
}

impl Class {
    /// In one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Emulated => "emulated",
            Self::Stepped => "single-stepped",
        }
    }
}

/// Instructions at a function's begin that are looked at.
const LOOK: usize = 8;
/// Bytes that hold them.
const LOOK_BYTES: usize = LOOK * 15;

/// Registers that carry a C function's arguments, and the stack pointer: a probe reads arguments out
/// of the former, and a return probe the return address off the top of the latter (System V ABI,
/// AMD64 supplement, section 3.2).
const HELD: [Register; 7] =
    [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8, Register::R9, Register::RSP];

/// The best place for a probe at a function's entry: its first instruction, or one a few further on
/// that the kernel emulates and before which neither an argument nor the stack was touched.
#[must_use]
pub fn entry(image: &Image, address: u64) -> (u64, Class) {
    entry_with(image, address, HELD.len() - 1)
}

/// As [`entry`], for a function of which only the first `arguments` matter.
#[must_use]
pub fn entry_with(image: &Image, address: u64, arguments: usize) -> (u64, Class) {
    let (registers, stack) = HELD.split_at(HELD.len() - 1);
    let held: Vec<Register> = registers.iter().take(arguments).chain(stack).copied().collect();
    entry_holding(image, address, &held)
}

/// As [`entry`], for a probe that reads these registers only.
pub(super) fn entry_holding(image: &Image, address: u64, held: &[Register]) -> (u64, Class) {
    let plain = (address, Class::Stepped);
    if image.machine() != Machine::X86_64 {
        return plain;
    }
    let Ok(code) = image.code(address, LOOK_BYTES) else { return plain };
    cheap(&code, address, held).map_or(plain, |at| (at, Class::Emulated))
}

/// The first instruction that the kernel emulates, if nothing before it touches memory or a register
/// that is `held`.
pub(super) fn cheap(code: &[u8], address: u64, held: &[Register]) -> Option<u64> {
    let mut info = InstructionInfoFactory::new();
    for instruction in Decoder::with_ip(64, code, address, DecoderOptions::NONE).into_iter().take(LOOK) {
        if is_emulated(&instruction) {
            return Some(instruction.ip());
        }
        if instruction.is_invalid() || instruction.flow_control() != FlowControl::Next {
            return None;
        }
        let info = info.info(&instruction);
        let writes = |access| {
            !matches!(access, OpAccess::Read | OpAccess::CondRead | OpAccess::None | OpAccess::NoMemAccess)
        };
        let touches = info
            .used_registers()
            .iter()
            .any(|used| writes(used.access()) && held.contains(&used.register().full_register()));
        // A store may fault, and the probe would then be hit twice.
        if touches || info.used_memory().iter().any(|used| writes(used.access())) {
            return None;
        }
    }
    None
}

/// `push` of a register, and relative calls and jumps; prefixed forms are not emulated. `nop` of five
/// bytes is only on newer kernels, so it does not count.
fn is_emulated(instruction: &Instruction) -> bool {
    let code = instruction.code();
    match instruction.mnemonic() {
        Mnemonic::Push => code == Code::Push_r64,
        Mnemonic::Call => code == Code::Call_rel32_64,
        Mnemonic::Jmp => matches!(code, Code::Jmp_rel8_64 | Code::Jmp_rel32_64),
        _ => instruction.is_jcc_short_or_near(),
    }
}

/// The targets of a function's direct calls, in order, as far as `size` bytes.
#[must_use]
pub fn calls(image: &Image, address: u64, size: usize) -> Vec<u64> {
    let Ok(code) = image.code(address, size) else { return Vec::new() };
    Decoder::with_ip(64, &code, address, DecoderOptions::NONE)
        .into_iter()
        .take_while(|instruction| !instruction.is_invalid())
        .filter(|instruction| instruction.code() == Code::Call_rel32_64)
        .map(|instruction| instruction.near_branch_target())
        .collect()
}

/// Whether a function, before its first call, which is to `target`, leaves the session and the buffer
/// in their registers: then both have them in the same places.
#[must_use]
pub fn passes_on(image: &Image, address: u64, size: usize, target: u64) -> bool {
    let Ok(code) = image.code(address, size) else { return false };
    let mut info = InstructionInfoFactory::new();
    for instruction in &mut Decoder::with_ip(64, &code, address, DecoderOptions::NONE) {
        if instruction.is_invalid() || instruction.flow_control() == FlowControl::Return {
            return false;
        }
        if instruction.code() == Code::Call_rel32_64 {
            return instruction.near_branch_target() == target;
        }
        let written = |used: &iced_x86::UsedRegister| {
            matches!(
                used.access(),
                OpAccess::Write | OpAccess::ReadWrite | OpAccess::CondWrite | OpAccess::ReadCondWrite
            ) && matches!(used.register().full_register(), Register::RDI | Register::RSI)
        };
        if info.info(&instruction).used_registers().iter().any(written) {
            return false;
        }
    }
    false
}

/// The register that a function points at its own stack frame for the call of `target`: where the
/// inner function wants to write the count.
#[must_use]
pub fn count_register(image: &Image, address: u64, size: usize, target: u64) -> Option<Register> {
    let code = image.code(address, size).ok()?;
    let mut found = None;
    for instruction in &mut Decoder::with_ip(64, &code, address, DecoderOptions::NONE) {
        if instruction.is_invalid() {
            return None;
        }
        if instruction.code() == Code::Call_rel32_64 {
            return found.filter(|_| instruction.near_branch_target() == target);
        }
        let from_stack = match instruction.mnemonic() {
            Mnemonic::Mov => instruction.op1_register() == Register::RSP,
            Mnemonic::Lea => matches!(instruction.memory_base(), Register::RSP | Register::RBP),
            _ => false,
        };
        if from_stack && matches!(instruction.op0_register(), Register::RCX | Register::R8) {
            found = Some(instruction.op0_register());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &[u8]) -> Option<u64> {
        cheap(code, 0x1000, &HELD)
    }

    #[test]
    fn pushes_calls_and_jumps_are_cheap_as_long_as_nothing_was_touched() {
        // push rbp
        assert_eq!(found(&[0x55]), Some(0x1000));
        // push r13
        assert_eq!(found(&[0x41, 0x55]), Some(0x1000));
        // endbr64; push rbp
        assert_eq!(found(&[0xf3, 0x0f, 0x1e, 0xfa, 0x55]), Some(0x1004));
        // mov eax, 1; call +0
        assert_eq!(found(&[0xb8, 1, 0, 0, 0, 0xe8, 0, 0, 0, 0]), Some(0x1005));
        // test edx, edx; js +2
        assert_eq!(found(&[0x85, 0xd2, 0x78, 0x02]), Some(0x1002));
    }

    #[test]
    fn a_touched_argument_or_stack_leaves_the_plain_site() {
        // sub rsp, 0x18; push rbp
        assert_eq!(found(&[0x48, 0x83, 0xec, 0x18, 0x55]), None);
        // mov rdi, rax; push rbp
        assert_eq!(found(&[0x48, 0x89, 0xc7, 0x55]), None);
        // xor edx, edx; push rbp
        assert_eq!(found(&[0x31, 0xd2, 0x55]), None);
        // mov [rdi], eax; push rbp
        assert_eq!(found(&[0x89, 0x07, 0x55]), None);
        // ret; push rbp
        assert_eq!(found(&[0xc3, 0x55]), None);
        // push 1 is single-stepped, and moves the stack
        assert_eq!(found(&[0x6a, 0x01, 0x55]), None);
        // jmp rax
        assert_eq!(found(&[0xff, 0xe0]), None);
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[0x06]), None);
    }

    #[test]
    fn an_argument_that_does_not_matter_may_be_touched() {
        // xor r8d, r8d; xor ecx, ecx; jmp +0
        let code = [0x45, 0x31, 0xc0, 0x31, 0xc9, 0xe9, 0, 0, 0, 0];
        assert_eq!(found(&code), None);
        let held = [Register::RDI, Register::RSI, Register::RDX, Register::RSP];
        assert_eq!(cheap(&code, 0x1000, &held), Some(0x1005));
    }
}
