//! Bytes that move on sockets, where the kernel has no tracepoints in its socket layer (before 6.3) but
//! lets programs run at the return of its functions: those of TCP and of Unix streams that move a
//! message. They cost calls on anything else nothing, unlike the return of system calls.

use aya_ebpf::{EbpfContext as _, helpers::bpf_probe_read_kernel, macros::fexit, programs::FExitContext};
use spanwire_abi::direction;

use super::socket::{MSG_ERRQUEUE, MSG_PEEK, sent_from_nowhere, transferred};
use crate::{
    kernel::{SOCKET_SK, TCP_RECVMSG_ARGUMENTS, field},
    place,
};

/// Arguments of the function, and its result behind them: `N` words in all. Read by the helper, for
/// which they are plain numbers; loaded directly, the verifier would not let addresses be hashed.
#[inline(always)]
fn words<const N: usize>(context: &FExitContext) -> Option<[u64; N]> {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel(context.as_ptr() as *const [u64; N]) }.ok()
}

#[inline(always)]
fn sent(sock: u64, result: u64) {
    let result = i64::from(result as i32);
    transferred(sock, direction::WRITE, result, || place::of_entry(sock, direction::WRITE, result, 0));
}

#[inline(always)]
fn received(sock: u64, flags: u64, result: u64) {
    let (flags, result) = (flags as i32, i64::from(result as i32));
    if flags & (MSG_PEEK | MSG_ERRQUEUE) == 0 {
        transferred(sock, direction::READ, result, || place::of_entry(sock, direction::READ, result, flags));
    }
}

/// `int tcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)` (net/ipv4/tcp.c).
#[fexit(function = "tcp_sendmsg")]
pub fn tcp_sent(context: FExitContext) -> i32 {
    if let Some([sock, _, _, result]) = words(&context) {
        sent(sock, result);
    }
    0
}

/// `int tcp_sendpage(struct sock *sk, struct page *page, int offset, size_t size, int flags)`, before
/// Linux 6.5: what `sendfile` and `splice` send is in no buffer of the process, and counted as such.
#[fexit(function = "tcp_sendpage")]
pub fn tcp_page_sent(context: FExitContext) -> i32 {
    if let Some([sock, _, _, _, _, result]) = words(&context) {
        sent_from_nowhere(sock, i64::from(result as i32));
    }
    0
}

/// `int tcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len)`; before
/// Linux 5.19 with `int nonblock` in front of the flags.
#[fexit(function = "tcp_recvmsg")]
pub fn tcp_received(context: FExitContext) -> i32 {
    if let Some(words) = words::<7>(&context) {
        let (flags, result) =
            if TCP_RECVMSG_ARGUMENTS.load() == 6 { (words[4], words[6]) } else { (words[3], words[5]) };
        received(words[0], flags, result);
    }
    0
}

/// `int unix_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)` (net/unix/af_unix.c).
#[fexit(function = "unix_stream_sendmsg")]
pub fn unix_sent(context: FExitContext) -> i32 {
    if let Some([socket, _, _, result]) = words(&context)
        && let Some(sock) = field(socket, &SOCKET_SK)
    {
        sent(sock, result);
    }
    0
}

/// `int unix_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t size, int flags)`.
#[fexit(function = "unix_stream_recvmsg")]
pub fn unix_received(context: FExitContext) -> i32 {
    if let Some([socket, _, _, flags, result]) = words(&context)
        && let Some(sock) = field(socket, &SOCKET_SK)
    {
        received(sock, flags, result);
    }
    0
}
