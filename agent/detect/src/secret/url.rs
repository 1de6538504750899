//! Users and passwords within addresses.

use super::alphabet::{run, run_back};
use super::name;
use super::scan::Scan;
use super::value;
use super::vendor::Mix;

/// Bytes of host and port, and of a user without a password.
const AUTHORITY_MAX_BYTES: usize = 512;
/// Letters of a user's name without a password that is no secret.
const USER_MAX_BYTES: usize = 20;
/// Bytes of user and password in front of a network of Go's.
const PAIR_MAX_BYTES: usize = 128;

/// The user information (RFC 3986, section 3.2.1) of an authority that begins at `begin`: a user with a password, or
/// something that is no user's name.
pub(super) fn authority(scan: &mut Scan<'_>, begin: usize) {
    let Some(rest) = scan.bytes.get(begin..) else { return };
    let length = run(rest, |byte| !byte.is_ascii_whitespace() && !b"/?#\"'<>\\`".contains(&byte));
    let authority = rest.get(..length).unwrap_or_default();
    let sign = authority.iter().rposition(|byte| *byte == b'@');
    super::alphabet::steps::add(length);
    let at = match sign {
        Some(at) => at,
        // A password may hold what ends an authority elsewhere.
        None if length > AUTHORITY_MAX_BYTES => length,
        None => match beyond(rest, length) {
            Some(at) => at,
            None => return,
        },
    };
    let Some(user) = scan.text.get(begin..begin + at) else { return };
    let (login, password) =
        user.split_once(':').map_or((user, None), |(login, password)| (login, Some(password)));
    let is_secret = match password {
        Some("") | None => {
            let is_word = login.len() <= USER_MAX_BYTES && !login.bytes().any(|byte| byte.is_ascii_digit());
            !is_word && Mix::of(login.as_bytes()).is_opaque() || login.len() > 2 * USER_MAX_BYTES
        }
        // `USER:PASSWORD` tells what stands there.
        Some(password) => {
            let is_capital = user.bytes().all(|byte| byte.is_ascii_uppercase() || b"_:-".contains(&byte));
            let is_told = is_capital && name::strength(password) > name::Strength::None;
            !is_told && !value::is_template(password)
        }
    };
    if is_secret && !user.is_empty() && !value::is_token(user) {
        scan.report(begin..begin + at, "url-password");
    }
}

/// A password with a `/`, `?` or `#` in it that nobody encoded: `user:a/b@host`. Looks at no more than a line's part.
fn beyond(rest: &[u8], length: usize) -> Option<usize> {
    const BYTES: usize = 48;
    let user = rest.get(..length)?;
    let colon = user.iter().position(|byte| *byte == b':')?;
    let is_port = user.get(colon + 1..)?.iter().all(u8::is_ascii_digit);
    if is_port || length > BYTES || !matches!(rest.get(length), Some(b'/' | b'?' | b'#')) {
        return None;
    }
    let window = rest.get(..rest.len().min(2 * BYTES))?;
    let end = run(window, |byte| !byte.is_ascii_whitespace() && !b"\"'<>\\`".contains(&byte));
    window.get(..end)?.iter().rposition(|byte| *byte == b'@')
}

/// `user:password@tcp(host)/database`, as Go's drivers take it; `at` is where the `@` stands.
pub(super) fn network(scan: &mut Scan<'_>, at: usize) {
    let Some(before) = scan.bytes.get(at.saturating_sub(PAIR_MAX_BYTES)..at) else { return };
    let length = run_back(before, |byte| !byte.is_ascii_whitespace() && !b"\"'`=/".contains(&byte));
    let Some(pair) = scan.text.get(at - length..at) else { return };
    if pair.split_once(':').is_some_and(|(_, password)| !password.is_empty() && !value::is_template(password))
    {
        scan.report(at - length..at, "url-password");
    }
}
