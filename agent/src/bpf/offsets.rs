//! Fields of kernel structs that the programs read, and what else of the kernel they must know.

use aya::EbpfLoader;

use super::LoadError;
use super::btf::Btf;
use super::programs::SOCKETS;

/// The programs' globals and the fields whose offsets they hold (ebpf/src/kernel.rs).
const FIELDS: [(&str, &str); 39] = [
    ("SOCK_FAMILY", "sock.__sk_common.skc_family"),
    ("SOCK_NUM", "sock.__sk_common.skc_num"),
    ("SOCK_DPORT", "sock.__sk_common.skc_dport"),
    ("SOCK_RCV_SADDR", "sock.__sk_common.skc_rcv_saddr"),
    ("SOCK_DADDR", "sock.__sk_common.skc_daddr"),
    ("SOCK_V6_RCV_SADDR", "sock.__sk_common.skc_v6_rcv_saddr"),
    ("SOCK_V6_DADDR", "sock.__sk_common.skc_v6_daddr"),
    ("SOCK_TYPE", "sock.sk_type"),
    ("TCP_RECEIVED", "tcp_sock.bytes_received"),
    ("TCP_ACKED", "tcp_sock.bytes_acked"),
    ("TCP_RCV_NXT", "tcp_sock.rcv_nxt"),
    ("TCP_SND_UNA", "tcp_sock.snd_una"),
    ("UNIX_PEER", "unix_sock.peer"),
    ("UNIX_ADDR", "unix_sock.addr"),
    ("SOCK_SOCKET", "sock.sk_socket"),
    ("SOCKET_INO", "socket_alloc.vfs_inode.i_ino"),
    ("TCP_FIRST_TX", "tcp_sock.first_tx_mstamp"),
    ("TASK_PID", "task_struct.pid"),
    ("TASK_TGID", "task_struct.tgid"),
    ("TASK_SIGNAL", "task_struct.signal"),
    ("SIGNAL_LIVE", "signal_struct.live"),
    ("TASK_MM", "task_struct.mm"),
    ("MM_ARG_START", "mm_struct.arg_start"),
    ("TASK_FILES", "task_struct.files"),
    ("FILES_FDT", "files_struct.fdt"),
    ("FDT_MAX_FDS", "fdtable.max_fds"),
    ("FDT_FD", "fdtable.fd"),
    ("FILE_INODE", "file.f_inode"),
    ("FILE_PRIVATE", "file.private_data"),
    ("INODE_MODE", "inode.i_mode"),
    ("SOCKET_SK", "socket.sk"),
    ("BINPRM_FILE", "linux_binprm.file"),
    ("INODE_INO", "inode.i_ino"),
    ("INODE_SIZE", "inode.i_size"),
    ("INODE_SB", "inode.i_sb"),
    ("SB_DEV", "super_block.s_dev"),
    ("TASK_IO_URING", "task_struct.io_uring"),
    ("TASK_FLAGS", "task_struct.flags"),
    ("TASK_STACK", "task_struct.stack"),
];

/// Without these no socket is seen; the others make what is seen more exact.
const NEEDED: [&str; 3] = ["SOCK_FAMILY", "SOCK_TYPE", "SOCKET_SK"];

/// Size of a thread's kernel stack, at whose end the registers of its entry are: `THREAD_SIZE`
/// (arch/x86/include/asm/page_64_types.h, without KASAN). Not needed where the kernel has
/// `bpf_task_pt_regs`, and other processors' differ with the size of a page.
const STACK_BYTES: Option<u32> = if cfg!(target_arch = "x86_64") { Some(16 << 10) } else { None };

/// What the programs must know of the running kernel.
pub(super) struct KernelFacts {
    offsets: Vec<(&'static str, u32)>,
    has_task_regs: u8,
    /// A tracepoint of the socket layer that this kernel does not have.
    pub(super) missing_tracepoint: Option<&'static str>,
}

impl KernelFacts {
    /// Reads them from the kernel's BTF.
    pub(super) fn read() -> Result<Self, LoadError> {
        let structs: Vec<&str> = FIELDS
            .iter()
            .filter_map(|(_, path)| path.split('.').next())
            .chain(["bpf_task_pt_regs", "tcp_recvmsg", "pt_regs"])
            .collect();
        // Each tracepoint has a type of this name for its programs (include/trace/bpf_probe.h).
        let tracepoints = SOCKETS.map(|(_, name)| (name, format!("btf_trace_{name}")));
        let wanted: Vec<&str> =
            structs.into_iter().chain(tracepoints.iter().map(|(_, name)| name.as_str())).collect();
        let btf = Btf::of_kernel(&wanted)?;
        let missing = tracepoints.iter().find(|(_, name)| !btf.has_alias(name)).map(|(name, _)| *name);
        let mut offsets = Vec::new();
        for (global, path) in FIELDS {
            match btf.offset(path) {
                Some(offset) => offsets.push((global, offset)),
                None if NEEDED.contains(&global) => return Err(LoadError::NoField(path)),
                None => tracing::debug!("this kernel has no field {path}"),
            }
        }
        offsets.extend(btf.arguments("tcp_recvmsg").map(|count| ("TCP_RECVMSG_ARGUMENTS", count)));
        let registers = btf.size("pt_regs").and_then(|size| STACK_BYTES?.checked_sub(size));
        offsets.extend(registers.map(|registers| ("STACK_REGISTERS", registers)));
        let has_task_regs = u8::from(btf.has_function("bpf_task_pt_regs"));
        Ok(Self { offsets, has_task_regs, missing_tracepoint: missing })
    }

    /// Whether programs can find the registers with which a task entered the kernel, where they are not
    /// handed them.
    pub(super) fn has_registers(&self) -> bool {
        let has = |global| self.offsets.iter().any(|(name, _)| *name == global);
        self.has_task_regs != 0 || (has("TASK_STACK") && has("STACK_REGISTERS"))
    }

    /// Sets them in the object that is about to be loaded.
    pub(super) fn set<'a>(&'a self, loader: &mut EbpfLoader<'a>) {
        for (global, offset) in &self.offsets {
            loader.override_global(global, offset, true);
        }
        loader.override_global("HAS_TASK_REGS", &self.has_task_regs, true);
    }
}
