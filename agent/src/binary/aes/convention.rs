//! How a function that expands AES keys gets its arguments, read off its first instructions.

use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfo, InstructionInfoFactory,
    Mnemonic, OpAccess, OpKind, Register,
};

use super::super::KeyCall;
use super::super::image::Image;

/// Instructions that are looked at; the longest way to the first round key has 22.
const LOOK: usize = 64;
/// Bytes that hold them.
const LOOK_BYTES: usize = 512;
/// Bytes of a function for keys of one size, at most.
const BODY_BYTES: usize = 2048;
/// Where Go's assembly finds its first two arguments at its entry.
const GO_ROUNDS: i64 = 8;
const GO_KEY: i64 = 16;

/// What the first round key is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// `aeskeygenassist`, at this address.
    Assist(u64),
    /// `aesenclast`, as it is faster on newer processors.
    Round,
}

/// A function that expands keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function {
    /// Its first instruction.
    pub(super) entry: u64,
    pub(super) call: KeyCall,
    pub(super) ends: Ends,
}

/// The function that begins at an address, or behind the `nop`s there; none where it does not expand keys, or has its
/// arguments elsewhere. Follows the way that it takes while no branch is taken, up to the first
/// instruction that makes a round key.
pub(super) fn of(image: &Image, address: u64) -> Option<Function> {
    let code = image.code(address, LOOK_BYTES).ok()?;
    let mut decoder = Decoder::with_ip(64, &code, address, DecoderOptions::NONE);
    let mut state = State::new();
    let mut info = InstructionInfoFactory::new();
    let mut instruction = Instruction::default();
    let mut entry = None;
    for _ in 0..LOOK {
        if !decoder.can_decode() {
            return None;
        }
        decoder.decode_out(&mut instruction);
        if instruction.mnemonic() != Mnemonic::Nop {
            entry = entry.or(Some(instruction.ip()));
        }
        let ends = match instruction.mnemonic() {
            Mnemonic::Aeskeygenassist => Some(Ends::Assist(instruction.ip())),
            Mnemonic::Aesenclast => Some(Ends::Round),
            _ => None,
        };
        if let Some(ends) = ends {
            return Some(Function { entry: entry?, call: state.call()?, ends });
        }
        match instruction.flow_control() {
            FlowControl::Next | FlowControl::ConditionalBranch => {}
            FlowControl::UnconditionalBranch => {
                // Over what fills up the room before a loop.
                let target = instruction.near_branch_target();
                let inside = target.checked_sub(address).and_then(|inside| usize::try_from(inside).ok());
                let inside = inside.filter(|_| target >= instruction.next_ip())?;
                decoder.set_position(inside).ok()?;
                decoder.set_ip(target);
            }
            _ => return None,
        }
        state.step(&instruction, info.info(&instruction));
    }
    None
}

/// How often a function makes a round key up to its first return, while no branch is taken and calls return.
pub(super) fn assists(image: &Image, address: u64) -> usize {
    let Ok(code) = image.code(address, BODY_BYTES) else { return 0 };
    Decoder::with_ip(64, &code, address, DecoderOptions::NONE)
        .into_iter()
        .take_while(|instruction| {
            matches!(instruction.flow_control(), FlowControl::Next | FlowControl::Call)
                && !instruction.is_invalid()
        })
        .filter(|instruction| instruction.mnemonic() == Mnemonic::Aeskeygenassist)
        .count()
}

/// What is known on the way.
struct State {
    /// The first two arguments of C, if they were overwritten.
    is_key_gone: bool,
    is_bits_gone: bool,
    /// 16 bytes were loaded from where the first points.
    is_key_loaded: bool,
    /// The 16 bytes behind them were loaded, too, or some of these.
    is_rest_loaded: bool,
    is_part_loaded: bool,
    /// A branch may have been taken.
    has_branched: bool,
    /// Sizes that the second was compared with.
    sizes: Vec<u64>,
    /// By how many bytes the stack grew, if that is known.
    depth: Option<i64>,
    /// Registers that hold Go's arguments, by where at the entry these were.
    arguments: Vec<(Register, i64)>,
    is_go_key_loaded: bool,
    is_rounds_compared: bool,
}

impl State {
    fn new() -> Self {
        Self {
            is_key_gone: false,
            is_bits_gone: false,
            is_key_loaded: false,
            is_rest_loaded: false,
            is_part_loaded: false,
            has_branched: false,
            sizes: Vec::new(),
            depth: Some(0),
            arguments: Vec::new(),
            is_go_key_loaded: false,
            is_rounds_compared: false,
        }
    }

    /// What all of it amounts to.
    fn call(&self) -> Option<KeyCall> {
        if self.is_key_loaded && [128, 256].iter().all(|size| self.sizes.contains(size)) {
            return Some(KeyCall::Registers);
        }
        if self.is_key_loaded && !self.has_branched && !self.is_part_loaded {
            return Some(if self.is_rest_loaded { KeyCall::Sized256 } else { KeyCall::Sized128 });
        }
        (self.is_go_key_loaded && self.is_rounds_compared).then_some(KeyCall::GoStack)
    }

    fn step(&mut self, instruction: &Instruction, info: &InstructionInfo) {
        self.compares(instruction);
        self.loads(instruction);
        self.has_branched |= instruction.flow_control() != FlowControl::Next;
        let argument = self.argument(instruction);
        let writes = |access| {
            matches!(
                access,
                OpAccess::Write | OpAccess::ReadWrite | OpAccess::CondWrite | OpAccess::ReadCondWrite
            )
        };
        for used in info.used_registers().iter().filter(|used| writes(used.access())) {
            let register = used.register().full_register();
            match register {
                Register::RDI => self.is_key_gone = true,
                Register::RSI => self.is_bits_gone = true,
                Register::RSP => self.depth = self.grown(instruction),
                _ => {}
            }
            self.arguments.retain(|(holds, _)| *holds != register);
        }
        self.arguments.extend(argument);
    }

    /// A comparison of an argument with a size.
    fn compares(&mut self, instruction: &Instruction) {
        if instruction.mnemonic() != Mnemonic::Cmp || instruction.op0_kind() != OpKind::Register {
            return;
        }
        let Ok(size) = instruction.try_immediate(1) else { return };
        let register = instruction.op0_register().full_register();
        if register == Register::RSI && !self.is_bits_gone {
            self.sizes.push(size);
        }
        let is_rounds = self.arguments.contains(&(register, GO_ROUNDS));
        self.is_rounds_compared |= is_rounds && matches!(size, 10 | 12 | 14);
    }

    /// A load of the key's bytes.
    fn loads(&mut self, instruction: &Instruction) {
        if instruction.op1_kind() != OpKind::Memory || instruction.memory_index() != Register::None {
            return;
        }
        let is_load = matches!(
            instruction.mnemonic(),
            Mnemonic::Movups | Mnemonic::Movdqu | Mnemonic::Movaps | Mnemonic::Movdqa | Mnemonic::Vmovdqu
        ) && instruction.memory_size().size() == 16;
        let (base, at) = (instruction.memory_base(), instruction.memory_displacement64());
        if base == Register::RDI && !self.is_key_gone {
            self.is_key_loaded |= is_load && at == 0;
            self.is_rest_loaded |= is_load && at == 16;
            self.is_part_loaded |= !(is_load && matches!(at, 0 | 16));
        }
        self.is_go_key_loaded |= is_load && at == 0 && self.arguments.contains(&(base, GO_KEY));
    }

    /// A load of what may be an argument of Go's off the stack: to which register, and from where.
    fn argument(&self, instruction: &Instruction) -> Option<(Register, i64)> {
        let is_load = instruction.code() == Code::Mov_r64_rm64
            && instruction.op1_kind() == OpKind::Memory
            && instruction.memory_base() == Register::RSP
            && instruction.memory_index() == Register::None;
        let displacement = i64::from_ne_bytes(instruction.memory_displacement64().to_ne_bytes());
        let place = displacement.checked_sub(self.depth?)?;
        (is_load && matches!(place, GO_ROUNDS | GO_KEY)).then(|| (instruction.op0_register(), place))
    }

    /// By how many bytes the stack has grown after an instruction that changes its pointer.
    fn grown(&self, instruction: &Instruction) -> Option<i64> {
        let by = match instruction.code() {
            Code::Push_r64 => 8,
            Code::Sub_rm64_imm8 | Code::Sub_rm64_imm32 => {
                i64::from_ne_bytes(instruction.try_immediate(1).ok()?.to_ne_bytes())
            }
            _ => return None,
        };
        self.depth?.checked_add(by)
    }
}
