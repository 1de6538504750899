//! OpenSSL 1.0.2 to 3.x, LibreSSL, and BoringSSL with its symbols: shared libraries, and programs that
//! hold the library themselves and keep its names, such as Node.

use super::super::image::{Image, Refusal};
use super::super::{Call, Direction, Function, Role, Site, Stack, TlsCode, site};

/// Bytes of a wrapper that are looked at for its call of the inner function.
const WRAPPER_BYTES: u64 = 160;

/// Functions of one direction: the plain form, and the one that reports its count (OpenSSL 1.1.1).
struct Forms {
    direction: Direction,
    plain: &'static str,
    extended: &'static str,
}

const FORMS: [Forms; 2] = [
    Forms { direction: Direction::Read, plain: "SSL_read", extended: "SSL_read_ex" },
    Forms { direction: Direction::Write, plain: "SSL_write", extended: "SSL_write_ex" },
];

/// Ends a session; the second begins to use the library, before any session.
const FREE: &str = "SSL_free";
const INIT: &str = "SSL_CTX_new";

pub(super) fn find(image: &Image) -> Result<Option<TlsCode>, Refusal> {
    let names = [FREE, INIT, "SSL_read", "SSL_read_ex", "SSL_write", "SSL_write_ex"];
    let functions = image.functions(&names)?;
    let mut sites = Vec::new();
    for forms in &FORMS {
        let Some(plain) = functions.get(forms.plain) else { return Ok(None) };
        sites.extend(calls(image, forms, *plain, functions.get(forms.extended).copied()));
    }
    for (name, role) in [(FREE, Role::Free), (INIT, Role::Init)] {
        if let Some(function) = functions.get(name) {
            sites.extend(Site::entry(image, name, role, function.address));
        }
    }
    Ok(Some(TlsCode { stack: Stack::OpenSsl, sites, unknown: 0 }))
}

/// Sites for one direction. Both forms are thin, and begin with an instruction that is dear to probe;
/// the inner function that they share begins with a cheap one. Where it is not to be had, the forms
/// themselves are probed.
fn calls(image: &Image, forms: &Forms, plain: Function, extended: Option<Function>) -> Vec<Site> {
    let wanted = |address| site::entry(image, address).1 == site::Class::Emulated;
    let both = [Some(plain), extended];
    if !both.into_iter().flatten().all(|function| wanted(function.address))
        && let Some(extended) = extended
        && let Some((inner, call)) = inner(image, plain, extended)
        && wanted(inner)
    {
        return Site::call(image, forms.plain, forms.direction, call, inner);
    }
    let extended_call = Call::Reported { count: 3 };
    let mut sites = Site::call(image, forms.plain, forms.direction, Call::Counted, plain.address);
    if let Some(extended) = extended {
        sites.extend(Site::call(image, forms.extended, forms.direction, extended_call, extended.address));
    }
    sites
}

/// The function that both forms call, with session and buffer where they got them, and how it reports
/// the count. In ssl/ssl_lib.c: `ssl_read_internal(s, buf, num, readbytes)`, and since 3.3
/// `ssl_write_internal(s, buf, num, flags, written)`.
fn inner(image: &Image, plain: Function, extended: Function) -> Option<(u64, Call)> {
    let size = |function: Function| usize::try_from(function.size.min(WRAPPER_BYTES)).unwrap_or(0);
    let target = *site::calls(image, extended.address, size(extended)).first()?;
    if target == plain.address || !site::calls(image, plain.address, size(plain)).contains(&target) {
        return None;
    }
    let passed = [plain, extended]
        .into_iter()
        .all(|function| site::passes_on(image, function.address, size(function), target));
    // The plain form has the count on its own stack: that shows which argument it is.
    let count = match site::count_register(image, plain.address, size(plain), target)? {
        iced_x86::Register::RCX => 3,
        iced_x86::Register::R8 => 4,
        _ => return None,
    };
    passed.then_some((target, Call::Reported { count }))
}
