//! What the verifier says of the programs. Each is loaded once more, since only then does it tell; so
//! this is for `spanwire check`, not for the agent.

use std::io;
use std::os::fd::OwnedFd;

use aya::{Btf, Ebpf};
use aya_obj::btf::BtfKind;
use aya_obj::generated::{bpf_attach_type, bpf_cmd, bpf_prog_type};
use aya_obj::{Function, Program, ProgramSection};

use super::multi::{describe, descriptor_of, prepared, zeroed};

/// `BPF_LOG_STATS` (include/linux/bpf_verifier.h, Linux 5.2): numbers, and no trace.
const LOG_STATISTICS: u32 = 4;

/// Room for the verifier's numbers, and for its last words when it refuses.
const LOG_BYTES: usize = 16 * 1024;

/// One program, as the verifier of the running kernel saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The program's name in the object.
    pub name: String,
    /// Instructions of the program, without those of the functions that it calls.
    pub instructions: usize,
    /// Instructions that the verifier read, each as often as a path led there; it gives up at a million.
    pub verified: Option<u64>,
    /// States of registers and stack that it kept at a time.
    pub peak_states: Option<u64>,
    /// Bytes of stack of the program and of each function it calls, joined by `+`.
    pub stack: String,
    /// Why the kernel refused the program.
    pub refused: Option<String>,
    /// Whether the agent can do without it: a kernel that is locked down lets none on its functions.
    pub is_optional: bool,
}

/// Loads the object's programs once more, on the maps of `ebpf`; `functions` names the kernel's function
/// that a program is for. One whose function this kernel does not have is left out.
pub(super) fn read(
    object: &[u8],
    ebpf: &Ebpf,
    functions: &[(&'static str, &str)],
) -> io::Result<Vec<Statistics>> {
    let (parsed, types) = prepared(object, ebpf)?;
    let kernel = Btf::from_sys_fs().map_err(io::Error::other)?;
    let id_of = |name: &str| {
        let (_, function) = functions.iter().find(|(program, _)| *program == name)?;
        kernel.id_by_type_name_kind(function, BtfKind::Func).ok()
    };
    let mut all = Vec::new();
    for (name, program) in &parsed.programs {
        let kind = match program.section {
            ProgramSection::RawTracePoint => Kind::Raw,
            ProgramSection::UProbe { .. } | ProgramSection::URetProbe { .. } => Kind::Probe,
            ProgramSection::FExit { .. } => match id_of(name) {
                Some(function) => Kind::Function(function),
                None => continue,
            },
            _ => continue,
        };
        if let Some(function) = parsed.functions.get(&program.function_key()) {
            all.push(load(name, kind, program, function, &types)?);
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Raw,
    Probe,
    /// At the return of the kernel's function with this id in its BTF.
    Function(u32),
}

fn load(
    name: &str,
    kind: Kind,
    program: &Program,
    function: &Function,
    types: &OwnedFd,
) -> io::Result<Statistics> {
    let mut log = vec![0_u8; LOG_BYTES];
    let mut attribute = zeroed();
    let functions = function.func_info.func_info_bytes();
    describe(&mut attribute, types, function, &functions)?;
    // SAFETY: the union was zeroed, and is written before the kernel reads it.
    let load = unsafe { &mut attribute.__bindgen_anon_3 };
    load.prog_type = match kind {
        Kind::Raw => bpf_prog_type::BPF_PROG_TYPE_RAW_TRACEPOINT,
        Kind::Probe => bpf_prog_type::BPF_PROG_TYPE_KPROBE,
        Kind::Function(_) => bpf_prog_type::BPF_PROG_TYPE_TRACING,
    } as u32;
    if let Kind::Function(id) = kind {
        load.expected_attach_type = bpf_attach_type::BPF_TRACE_FEXIT as u32;
        load.attach_btf_id = id;
    }
    load.insns = function.instructions.as_ptr() as u64;
    load.insn_cnt = u32::try_from(function.instructions.len()).map_err(io::Error::other)?;
    load.license = program.license.as_ptr() as u64;
    load.log_level = LOG_STATISTICS;
    load.log_buf = log.as_mut_ptr() as u64;
    load.log_size = u32::try_from(log.len()).map_err(io::Error::other)?;
    // SAFETY: instructions, licence and log outlive the call.
    let loaded = unsafe { descriptor_of(bpf_cmd::BPF_PROG_LOAD, &mut attribute) };
    let said = String::from_utf8_lossy(log.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
    let last_words = said.lines().next().unwrap_or_default();
    let refused = loaded.err().map(|error| format!("{error} {last_words}").trim_end().to_owned());
    let is_optional = matches!(kind, Kind::Function(_));
    Ok(Statistics {
        name: name.to_owned(),
        instructions: function.instructions.len(),
        refused,
        is_optional,
        ..numbers(&said)
    })
}

/// The numbers in the verifier's log (`print_verification_stats`, kernel/bpf/verifier.c).
fn numbers(log: &str) -> Statistics {
    let behind = |what: &str| {
        let (_, rest) = log.split_once(what)?;
        rest.split_whitespace().next()
    };
    Statistics {
        verified: behind("processed ").and_then(|number| number.parse().ok()),
        peak_states: behind("peak_states ").and_then(|number| number.parse().ok()),
        stack: behind("stack depth ").unwrap_or_default().to_owned(),
        ..Statistics::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifiers_numbers() {
        let log = "verification time 16280283 usec\nstack depth 328+144+0\n\
                   processed 258830 insns (limit 1000000) max_states_per_insn 36 total_states 9803 \
                   peak_states 2200 mark_read 159\n";
        let expected = Statistics {
            verified: Some(258_830),
            peak_states: Some(2200),
            stack: "328+144+0".to_owned(),
            ..Statistics::default()
        };
        assert_eq!(numbers(log), expected);
        assert_eq!(numbers(""), Statistics::default());
    }
}
