//! Fields of kernel structs that the programs read, and what else of the kernel they must know.

use aya::EbpfLoader;

use super::LoadError;
use super::btf::Btf;

/// The programs' globals and the fields whose offsets they hold (ebpf/src/kernel.rs).
const FIELDS: [(&str, &str); 23] = [
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
    ("SOCK_SOCKET", "sock.sk_socket"),
    ("SOCKET_INO", "socket_alloc.vfs_inode.i_ino"),
    ("TCP_FIRST_TX", "tcp_sock.first_tx_mstamp"),
    ("TASK_PID", "task_struct.pid"),
    ("TASK_TGID", "task_struct.tgid"),
    ("TASK_FILES", "task_struct.files"),
    ("FILES_FDT", "files_struct.fdt"),
    ("FDT_MAX_FDS", "fdtable.max_fds"),
    ("FDT_FD", "fdtable.fd"),
    ("FILE_INODE", "file.f_inode"),
    ("FILE_PRIVATE", "file.private_data"),
    ("INODE_MODE", "inode.i_mode"),
    ("SOCKET_SK", "socket.sk"),
];

/// Without these no socket is seen; the others make what is seen more exact.
const NEEDED: [&str; 3] = ["SOCK_FAMILY", "SOCK_TYPE", "SOCKET_SK"];

/// What the programs must know of the running kernel.
pub(super) struct KernelFacts {
    offsets: Vec<(&'static str, u32)>,
    has_task_regs: u8,
}

impl KernelFacts {
    /// Reads them from the kernel's BTF.
    pub(super) fn read() -> Result<Self, LoadError> {
        let structs: Vec<&str> = FIELDS
            .iter()
            .filter_map(|(_, path)| path.split('.').next())
            .chain(["bpf_task_pt_regs"])
            .collect();
        let btf = Btf::of_kernel(&structs)?;
        let mut offsets = Vec::new();
        for (global, path) in FIELDS {
            match btf.offset(path) {
                Some(offset) => offsets.push((global, offset)),
                None if NEEDED.contains(&global) => return Err(LoadError::NoField(path)),
                None => tracing::debug!("this kernel has no field {path}"),
            }
        }
        Ok(Self { offsets, has_task_regs: u8::from(btf.has_function("bpf_task_pt_regs")) })
    }

    /// Sets them in the object that is about to be loaded.
    pub(super) fn set<'a>(&'a self, loader: &mut EbpfLoader<'a>) {
        for (global, offset) in &self.offsets {
            loader.override_global(global, offset, true);
        }
        loader.override_global("HAS_TASK_REGS", &self.has_task_regs, true);
    }
}
