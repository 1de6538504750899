#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

/// This machine's libssl: the toolchain that builds this needs it.
pub(super) fn libssl() -> PathBuf {
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
    for role in [Role::Free, Role::Init] {
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

/// This machine's libssl with a few bytes changed.
fn with(changes: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = fs::read(libssl()).unwrap();
    for (at, change) in changes {
        bytes[*at..at + change.len()].copy_from_slice(change);
    }
    bytes
}

/// Places in an `Elf64_Ehdr` and an `Elf64_Shdr` (elf(5)).
const E_SHOFF: usize = 40;
const E_PHNUM: usize = 56;
const E_SHNUM: usize = 60;
const SH_SIZE: usize = 32;
const SH_INFO: usize = 44;

fn word(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())).unwrap()
}

#[test]
fn absurd_counts_are_refused_before_they_are_read() {
    let first = word(&fs::read(libssl()).unwrap(), E_SHOFF);
    // More sections, or program headers, than a header's 16 bits can say: the first section says how many.
    let most = u64::MAX.to_ne_bytes();
    for changes in [
        vec![(E_SHNUM, &[0, 0][..]), (first + SH_SIZE, &most)],
        vec![(E_PHNUM, &[0xff, 0xff][..]), (first + SH_INFO, &most[..4])],
    ] {
        let bytes = with(&changes);
        let image = Image::open(opened(&bytes));
        assert!(image.and_then(|image| image.functions(&["SSL_read"]).map(drop)).is_err(), "{changes:?}");
    }
}

/// A file with these bytes that is gone when it is closed.
pub(super) fn opened(bytes: &[u8]) -> File {
    let name = format!("spanwire-opened-{}-{:?}", std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, bytes).unwrap();
    let file = File::open(&path).unwrap();
    fs::remove_file(path).unwrap();
    file
}

/// What a packer leaves: segments, and no word on sections.
#[test]
fn a_file_without_sections_still_says_what_it_needs() {
    let bytes = with(&[(E_SHOFF, &[0; 8]), (E_SHNUM, &[0; 4])]);
    let image = Image::open(opened(&bytes)).unwrap();
    assert!(image.needs().unwrap().libraries.iter().any(|name| name.starts_with("libcrypto.so")));
    assert!(image.build_id().is_some());
    assert_eq!(analysed_bytes(&bytes).unwrap_or_default(), []);
}

/// Ten gigabytes that take no room, and tables that claim them.
#[test]
fn a_sparse_file_is_read_in_part_only() {
    let file = opened(&fs::read(libssl()).unwrap());
    let path = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file)));
    let writable = fs::OpenOptions::new().write(true).open(path).unwrap();
    writable.set_len(10 << 30).unwrap();
    assert!(!analyse(&Image::open(file.try_clone().unwrap()).unwrap()).unwrap().is_empty());

    let first = word(&fs::read(libssl()).unwrap(), E_SHOFF);
    for (at, claim) in [(E_SHNUM, &[0_u8, 0][..]), (first + SH_SIZE, &(100_u64 << 20).to_ne_bytes())] {
        std::os::unix::fs::FileExt::write_all_at(&writable, claim, at as u64).unwrap();
    }
    let image = Image::open(file).unwrap();
    assert!(matches!(image.functions(&["SSL_read"]), Err(Refusal::TooLarge(_))));
}
