#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

/// This machine's libssl: the toolchain that builds this needs it.
fn libssl() -> PathBuf {
    [
        "/usr/lib/x86_64-linux-gnu/libssl.so.3",
        "/usr/lib64/libssl.so.3",
        "/usr/lib/aarch64-linux-gnu/libssl.so.3",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.exists())
    .unwrap()
}

fn analysed(path: &Path) -> Result<Vec<TlsCode>, Refusal> {
    analyse(&Image::open(File::open(path)?)?)
}

#[test]
fn this_machines_openssl_is_found_with_a_site_for_each_role() {
    let found = analysed(&libssl()).unwrap();
    assert_eq!(found.iter().map(|code| code.stack).collect::<Vec<_>>(), [Stack::OpenSsl]);
    let sites = &found[0].sites;
    for way in [Direction::Read, Direction::Write] {
        let begins: Vec<_> =
            sites.iter().filter(|site| matches!(site.role, Role::Begin(at, _) if at == way)).collect();
        assert!(!begins.is_empty());
        for begin in begins {
            let ends = sites.iter().any(|site| site.role == Role::Return && site.offset == begin.offset);
            assert!(ends, "a call that begins also returns: {sites:#?}");
        }
    }
    for role in [Role::Free, Role::Herald] {
        assert_eq!(sites.iter().filter(|site| site.role == role).count(), 1);
    }
}

#[test]
fn a_program_without_tls_has_none() {
    assert_eq!(analysed(Path::new("/bin/true")).unwrap(), []);
}

#[test]
fn what_is_no_elf_file_is_refused() {
    for path in ["/etc/passwd", "/dev/null"] {
        assert!(matches!(analysed(Path::new(path)), Err(Refusal::Unsound(_))), "{path}");
    }
}

/// Analyses a file with these bytes.
fn analysed_bytes(bytes: &[u8]) -> Result<Vec<TlsCode>, Refusal> {
    let name = format!("spanwire-image-{}-{:?}", std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, bytes).unwrap();
    let result = analysed(&path);
    fs::remove_file(path).unwrap();
    result
}

#[test]
fn a_file_cut_anywhere_is_refused_or_holds_nothing_it_does_not_have() {
    let whole = fs::read(libssl()).unwrap();
    for length in (0..64).chain((64..whole.len()).step_by(whole.len() / 97)) {
        for code in analysed_bytes(&whole[..length]).unwrap_or_default() {
            assert!(code.sites.iter().all(|site| site.offset < whole.len() as u64));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The headers, and the tables that they lead to, may say anything.
    #[test]
    fn a_hostile_file_is_refused_or_read(
        head in prop::collection::vec((0..1024_usize, any::<u8>()), 0..8),
        tail in prop::collection::vec((0..4096_usize, any::<u8>()), 0..8),
    ) {
        let mut bytes = fs::read(libssl()).unwrap();
        let length = bytes.len();
        for (at, value) in head {
            bytes[at] = value;
        }
        for (at, value) in tail {
            bytes[length - 1 - at] = value;
        }
        let _ = analysed_bytes(&bytes);
    }
}
