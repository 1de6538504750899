//! NSS, in two shared libraries. Programs move plaintext by NSPR's functions for all that can be read and
//! written (libnspr4, pr/src/io/priometh.c): `PRInt32 PR_Read(fd, buffer, size)`, `PR_Recv(fd, buffer,
//! size, flags, timeout)` and their like. A socket becomes one of TLS by `PRFileDesc *SSL_ImportFD(model,
//! fd)` (libssl3, lib/ssl/sslsock.c), which returns what the program uses from then on.

use super::super::image::{Image, Refusal};
use super::super::{Call, Direction, Role, Site, Stack, TlsCode};

const IMPORT: &str = "SSL_ImportFD";
/// Called once by most programs, before their first session.
const INITS: [&str; 3] = ["NSS_SetDomesticPolicy", "SSL_OptionSetDefault", IMPORT];

const READS: [&str; 2] = ["PR_Read", "PR_Recv"];
const WRITES: [&str; 2] = ["PR_Write", "PR_Send"];
const CLOSE: &str = "PR_Close";

pub(super) fn find(image: &Image) -> Result<Option<TlsCode>, Refusal> {
    let [policy, option, import] = INITS;
    let [read, receive] = READS;
    let [write, send] = WRITES;
    let found = image.exported(&[policy, option, import, read, receive, write, send, CLOSE])?;
    let mut sites = Vec::new();
    let mut entry = |name, role| {
        if let Some(function) = found.get(name) {
            sites.extend(Site::entry(image, name, role, function.address));
        }
    };
    if found.contains_key(IMPORT) {
        entry(IMPORT, Role::Import);
        for name in INITS {
            entry(name, Role::Init);
        }
    }
    if READS.iter().chain(&WRITES).all(|name| found.contains_key(name)) {
        entry(CLOSE, Role::Free);
        for (names, way) in [(READS, Direction::Read), (WRITES, Direction::Write)] {
            for (name, function) in names.iter().filter_map(|name| Some((*name, found.get(name)?))) {
                sites.extend(Site::call(image, name, way, Call::Imported, function.address));
            }
        }
    }
    Ok((!sites.is_empty()).then_some(TlsCode { stack: Stack::Nss, sites, unknown: 0 }))
}
