//! `uprobe_multi` links (Linux 6.6): one system call attaches a program to many places of a file, for
//! one process or for all, and needs no perf event. aya 0.14 has no such link, and the kernel wants
//! the programs loaded for it; so they are loaded here, beside aya's own, on the same maps.

use std::collections::HashMap;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use aya::Ebpf;
use aya::maps::Map;
use aya_obj::Object;
use aya_obj::generated::{
    bpf_attach_type::BPF_TRACE_UPROBE_MULTI, bpf_attr, bpf_cmd, bpf_prog_info,
    bpf_prog_type::BPF_PROG_TYPE_KPROBE,
};

/// Of `link_create.uprobe_multi.flags`: at the functions' returns (include/uapi/linux/bpf.h).
const BPF_F_UPROBE_MULTI_RETURN: u32 = 1;

/// Room for the verifier's words when it refuses.
const LOG_BYTES: usize = 64 * 1024;

/// Programs that were loaded to be attached by such links.
pub struct Multi {
    programs: HashMap<&'static str, OwnedFd>,
}

impl Multi {
    /// Loads the programs of these names out of `object`, on the maps of `ebpf`, which was made from
    /// the same object.
    ///
    /// # Errors
    /// When the kernel refuses one, as it does before Linux 6.6.
    pub fn load(object: &[u8], ebpf: &Ebpf, names: &[&'static str]) -> io::Result<Self> {
        let (parsed, types) = prepared(object, ebpf)?;
        let mut multi = Self { programs: HashMap::new() };
        for name in names {
            multi.programs.insert(*name, load(&parsed, &types, name)?);
            // Older kernels take the programs and refuse the links, so one that cannot be made is asked
            // for at once: those that have such links do not complain of the request.
            if multi.programs.len() == 1 {
                multi.is_allowed()?;
            }
        }
        Ok(multi)
    }

    /// Whether links can be made, with what the calling thread may do.
    ///
    /// # Errors
    /// As the kernel says it.
    pub fn is_allowed(&self) -> io::Result<()> {
        let Some(name) = self.programs.keys().next() else { return Ok(()) };
        match self.attach(name, Path::new("/"), &[0], None, false) {
            // No file with code.
            Err(error) if error.raw_os_error() != Some(libc::EBADF) => Err(error),
            _ => Ok(()),
        }
    }

    /// Attaches a program at these offsets of a file: for one process, or for all.
    ///
    /// # Errors
    /// When there is no such program, or the kernel refuses.
    pub fn attach(
        &self,
        name: &'static str,
        file: &Path,
        offsets: &[u64],
        process: Option<u32>,
        at_return: bool,
    ) -> io::Result<OwnedFd> {
        let program = self.programs.get(name).ok_or(io::ErrorKind::NotFound)?;
        let file = CString::new(file.as_os_str().as_encoded_bytes()).map_err(io::Error::other)?;
        let mut attribute = zeroed();
        let link = bpf_link(program.as_raw_fd());
        attribute.link_create = link;
        // SAFETY: the union was zeroed, and is written before the kernel reads it.
        let multi = unsafe { &mut attribute.link_create.__bindgen_anon_3.uprobe_multi };
        multi.path = file.as_ptr() as u64;
        multi.offsets = offsets.as_ptr() as u64;
        multi.cnt = u32::try_from(offsets.len()).map_err(io::Error::other)?;
        multi.flags = if at_return { BPF_F_UPROBE_MULTI_RETURN } else { 0 };
        multi.pid = process.unwrap_or(0);
        // SAFETY: the path and the offsets outlive the call.
        unsafe { descriptor_of(bpf_cmd::BPF_LINK_CREATE, &mut attribute) }
    }

    /// Name and number of verified instructions of each program.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (String, Option<u32>)> {
        self.programs.iter().map(|(name, program)| ((*name).to_owned(), verified_instructions(program)))
    }
}

/// The object's programs as the kernel wants them, on the maps of `ebpf`, which was made from the same
/// object; and their types, without which the kernel takes a function that others call for a part of
/// each.
pub(super) fn prepared(object: &[u8], ebpf: &Ebpf) -> io::Result<(Object, OwnedFd)> {
    let mut parsed = Object::parse(object).map_err(io::Error::other)?;
    let descriptors: HashMap<&str, RawFd> =
        ebpf.maps().filter_map(|(name, map)| Some((name, descriptor(map)?))).collect();
    let maps = parsed.maps.clone();
    let sections = parsed.functions.keys().map(|(section, _)| *section).collect();
    let known =
        maps.iter().filter_map(|(name, map)| Some((name.as_str(), *descriptors.get(name.as_str())?, map)));
    parsed.relocate_maps(known, &sections).map_err(io::Error::other)?;
    parsed.relocate_calls(&sections).map_err(io::Error::other)?;
    parsed.sanitize_functions(aya::features());
    let without = || io::Error::from(io::ErrorKind::Unsupported);
    let features = aya::features().btf().ok_or_else(without)?;
    let types = parsed.fixup_and_sanitize_btf(features).map_err(io::Error::other)?.ok_or_else(without)?;
    let types = load_types(&types.to_bytes())?;
    Ok((parsed, types))
}

fn load_types(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut attribute = zeroed();
    // SAFETY: the union was zeroed, and is written before the kernel reads it.
    let load = unsafe { &mut attribute.__bindgen_anon_7 };
    load.btf = bytes.as_ptr() as u64;
    load.btf_size = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    // SAFETY: the bytes outlive the call.
    unsafe { descriptor_of(bpf_cmd::BPF_BTF_LOAD, &mut attribute) }
}

/// Says which of a program's functions have which types. `functions` must outlive the load.
pub(super) fn describe(
    attribute: &mut bpf_attr,
    types: &OwnedFd,
    function: &aya_obj::Function,
    functions: &[u8],
) -> io::Result<()> {
    // SAFETY: the union was zeroed, and is written before the kernel reads it.
    let load = unsafe { &mut attribute.__bindgen_anon_3 };
    load.prog_btf_fd = types.as_raw_fd().unsigned_abs();
    load.func_info = functions.as_ptr() as u64;
    load.func_info_cnt = u32::try_from(function.func_info.func_info.len()).map_err(io::Error::other)?;
    load.func_info_rec_size = u32::try_from(function.func_info_rec_size).map_err(io::Error::other)?;
    Ok(())
}

/// All attributes of a command, unset.
pub(super) fn zeroed() -> bpf_attr {
    // SAFETY: all fields are integers, for which zeros are valid.
    unsafe { std::mem::zeroed() }
}

fn bpf_link(program: RawFd) -> aya_obj::generated::bpf_attr__bindgen_ty_14 {
    // SAFETY: as above.
    let mut link: aya_obj::generated::bpf_attr__bindgen_ty_14 = unsafe { std::mem::zeroed() };
    link.__bindgen_anon_1.prog_fd = program.unsigned_abs();
    link.attach_type = BPF_TRACE_UPROBE_MULTI as u32;
    link
}

fn load(object: &Object, types: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let program = object.programs.get(name).ok_or(io::ErrorKind::NotFound)?;
    let function = object.functions.get(&program.function_key()).ok_or(io::ErrorKind::NotFound)?;
    let mut log = vec![0_u8; LOG_BYTES];
    // The first try without a log: a full one would be an error of its own.
    let first = load_once(program, function, types, name, &mut []);
    match first {
        Err(error) if error.raw_os_error() != Some(libc::EPERM) => {
            let again = load_once(program, function, types, name, &mut log);
            let said =
                String::from_utf8_lossy(log.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
            again.map_err(|error| io::Error::new(error.kind(), format!("{error} Verifier output: {said}")))
        }
        other => other,
    }
}

fn load_once(
    program: &aya_obj::Program,
    function: &aya_obj::Function,
    types: &OwnedFd,
    name: &str,
    log: &mut [u8],
) -> io::Result<OwnedFd> {
    let mut attribute = zeroed();
    let functions = function.func_info.func_info_bytes();
    describe(&mut attribute, types, function, &functions)?;
    // SAFETY: the union was zeroed, and is written before the kernel reads it.
    let load = unsafe { &mut attribute.__bindgen_anon_3 };
    load.prog_type = BPF_PROG_TYPE_KPROBE as u32;
    load.expected_attach_type = BPF_TRACE_UPROBE_MULTI as u32;
    load.insns = function.instructions.as_ptr() as u64;
    load.insn_cnt = u32::try_from(function.instructions.len()).map_err(io::Error::other)?;
    load.license = program.license.as_ptr() as u64;
    if !log.is_empty() {
        load.log_level = 1;
        load.log_buf = log.as_mut_ptr() as u64;
        load.log_size = u32::try_from(log.len()).map_err(io::Error::other)?;
    }
    // The last byte stays zero.
    for (to, from) in load.prog_name.iter_mut().take(15).zip(name.bytes()) {
        *to = from.cast_signed();
    }
    // SAFETY: instructions, licence and log outlive the call.
    unsafe { descriptor_of(bpf_cmd::BPF_PROG_LOAD, &mut attribute) }
}

fn verified_instructions(program: &OwnedFd) -> Option<u32> {
    Some(info(program).ok()?.verified_insns)
}

/// Whether this is a program for probes, and none of another type.
///
/// # Errors
/// When it is not, or the kernel does not say.
pub(super) fn is_probe(program: &OwnedFd) -> io::Result<()> {
    // Of a map the kernel tells as well, in the same words.
    let name = std::fs::read_link(format!("/proc/self/fd/{}", program.as_raw_fd()))?;
    let is_one = name.as_os_str() == "anon_inode:bpf-prog";
    if is_one && info(program)?.type_ == BPF_PROG_TYPE_KPROBE as u32 {
        return Ok(());
    }
    Err(io::Error::from_raw_os_error(libc::EINVAL))
}

fn info(program: &OwnedFd) -> io::Result<bpf_prog_info> {
    // SAFETY: all fields are integers, for which zeros are valid.
    let mut info: bpf_prog_info = unsafe { std::mem::zeroed() };
    let mut attribute = zeroed();
    attribute.info.bpf_fd = program.as_raw_fd().unsigned_abs();
    attribute.info.info_len = u32::try_from(size_of::<bpf_prog_info>()).map_err(io::Error::other)?;
    attribute.info.info = (&raw mut info) as u64;
    // SAFETY: the kernel writes at most `info_len` bytes to `info`, which outlives the call.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attribute) }?;
    Ok(info)
}

/// # Safety
/// Whatever `attribute` points to must be valid for what the command does with it.
unsafe fn bpf(command: bpf_cmd, attribute: &mut bpf_attr) -> io::Result<i64> {
    // SAFETY: the attribute is as large as is said; the rest is the caller's promise.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command as libc::c_long, &raw mut *attribute, size_of::<bpf_attr>())
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Runs a command that returns a new descriptor.
///
/// # Safety
/// As [`bpf`]; the command must be one that returns a new descriptor.
pub(super) unsafe fn descriptor_of(command: bpf_cmd, attribute: &mut bpf_attr) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let descriptor = RawFd::try_from(unsafe { bpf(command, attribute) }?).map_err(io::Error::other)?;
    // SAFETY: new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn descriptor(map: &Map) -> Option<RawFd> {
    let data = match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::LruHashMap(data)
        | Map::PerCpuArray(data)
        | Map::PerCpuHashMap(data)
        | Map::RingBuf(data) => data,
        _ => return None,
    };
    Some(data.fd().as_fd().as_raw_fd())
}
