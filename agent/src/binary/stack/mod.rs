//! The TLS stacks, each with what is known of its code.

mod gnutls;
mod nss;
mod openssl;

use super::{Image, Refusal, TlsCode, aes};

type Finder = fn(&Image) -> Result<Option<TlsCode>, Refusal>;

/// One for each stack, and one for what they have in common.
pub(super) const FINDERS: [Finder; 4] = [openssl::find, gnutls::find, nss::find, aes::find];
