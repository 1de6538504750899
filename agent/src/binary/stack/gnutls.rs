//! GnuTLS, a shared library: `ssize_t gnutls_record_recv(session, data, size)` and
//! `ssize_t gnutls_record_send2(session, data, size, pad, flags)`, to which `gnutls_record_send` jumps
//! (lib/record.c).

use super::super::image::{Image, Refusal};
use super::super::{Call, Direction, Role, Site, Stack, TlsCode};

const RECEIVE: &str = "gnutls_record_recv";
const SEND: &str = "gnutls_record_send";
/// Since 3.6.3; before it `gnutls_record_send` does the work itself.
const SEND_2: &str = "gnutls_record_send2";
const FREE: &str = "gnutls_deinit";
/// Once for each session, before its handshake.
const INIT: &str = "gnutls_init";

pub(super) fn find(image: &Image) -> Result<Option<TlsCode>, Refusal> {
    let functions = image.exported(&[RECEIVE, SEND, SEND_2, FREE, INIT])?;
    let Some((name, send)) =
        [SEND_2, SEND].into_iter().find_map(|name| Some((name, functions.get(name)?.address)))
    else {
        return Ok(None);
    };
    let Some(receive) = functions.get(RECEIVE) else { return Ok(None) };
    let mut sites = Site::call(image, RECEIVE, Direction::Read, Call::Counted, receive.address);
    sites.extend(Site::call(image, name, Direction::Write, Call::Counted, send));
    for (name, role) in [(FREE, Role::Free), (INIT, Role::Init)] {
        if let Some(function) = functions.get(name) {
            sites.extend(Site::entry(image, name, role, function.address));
        }
    }
    Ok(Some(TlsCode { stack: Stack::GnuTls, sites, unknown: 0 }))
}
