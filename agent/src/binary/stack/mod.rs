//! The TLS stacks, each with what is known of its code.

mod gnutls;
mod nss;
mod openssl;

use super::{Image, Refusal, TlsCode};

type Finder = fn(&Image) -> Result<Option<TlsCode>, Refusal>;

/// One line per stack.
pub(super) const FINDERS: [Finder; 3] = [openssl::find, gnutls::find, nss::find];
