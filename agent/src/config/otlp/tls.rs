//! Certificates and keys for connections to receivers.

use std::fmt;
use std::fs::File;
use std::io::Read as _;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::super::error::ConfigError;
use super::source::{Found, Signal, Source};

/// Bytes that are read of a file at the most: all authorities of a system are a quarter of it.
const FILE_MAX: u64 = 1 << 20;

/// Whom a client trusts, and who it says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of authorities that are trusted beside the system's.
    pub authorities: Option<Pem>,
    /// What is shown to servers that ask for it.
    pub identity: Option<Identity>,
}

/// A client's certificate, with those between it and its authority, and its private key, which fits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate first.
    pub certificates: Pem,
    /// PKCS#8, PKCS#1 or SEC1.
    pub key: Pem,
}

/// What a file in PEM holds: checked to be of its kind, shown nowhere, and overwritten when it is let go.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem(Zeroizing<Vec<u8>>);

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pem({} bytes)", self.0.len())
    }
}

impl Pem {
    /// The text.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Tls {
    /// Reads the files that are named for this signal.
    ///
    /// # Errors
    /// When one cannot be read or is not what it should be, or a certificate is without its key.
    pub(super) fn read(source: &Source<'_>, signal: Signal) -> Result<Self, ConfigError> {
        let find = |key| source.find(key, signal);
        let authorities = find("certificate").map(|found| certificates(&found).map(|(pem, _)| pem));
        let identity = match (find("client-certificate"), find("client-key")) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(identity(&certificate, &key)?),
            (Some(alone), None) => {
                return Err(alone.invalid("its key beside it (client-key, ..._CLIENT_KEY)"));
            }
            (None, Some(alone)) => {
                let other = "its certificate beside it (client-certificate, ..._CLIENT_CERTIFICATE)";
                return Err(alone.invalid(other));
            }
        };
        Ok(Self { authorities: authorities.transpose()?, identity })
    }
}

fn identity(certificate: &Found<'_>, key: &Found<'_>) -> Result<Identity, ConfigError> {
    let (chain_pem, chain) = certificates(certificate)?;
    let key_pem = read(key)?;
    let parsed = PrivateKeyDer::from_pem_slice(key_pem.bytes())
        .map_err(|_| key.invalid("a file with a private key in PEM, without a passphrase"))?;
    match CertifiedKey::from_der(chain, parsed, &default_provider()) {
        Ok(_) => Ok(Identity { certificates: chain_pem, key: key_pem }),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(key.invalid(format!("the private key of the certificate in {}", certificate.text)))
        }
        Err(error) => Err(key.invalid(format!("a private key that can be used: {error}"))),
    }
}

fn certificates(found: &Found<'_>) -> Result<(Pem, Vec<CertificateDer<'static>>), ConfigError> {
    let pem = read(found)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.bytes()).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok((pem, certificates)),
        _ => Err(found.invalid("a file with certificates in PEM")),
    }
}

fn read(found: &Found<'_>) -> Result<Pem, ConfigError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(found.text).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > FILE_MAX => {
            Err(found.invalid(format!("a file of at most {FILE_MAX} bytes")))
        }
        Ok(_) => Ok(Pem(bytes)),
        Err(error) => Err(found.invalid(format!("a file in PEM that can be read: {error}"))),
    }
}
