#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::*;
use crate::binary::tests::libssl;

/// A folder of files, removed with this value.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("spanwire-known-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A file with these bytes, opened.
    fn image(&self, name: &str, bytes: &[u8]) -> Image {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        opened(&path)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn opened(path: &Path) -> Image {
    Image::open(File::open(path).unwrap()).unwrap()
}

#[test]
fn a_copy_is_not_analysed_again() {
    let (files, known, whole) = (Files::new("copy"), Known::default(), fs::read(libssl()).unwrap());
    let (first, from_copy) = known.analyse(&files.image("a", &whole)).unwrap();
    assert!(!from_copy && !first.found().is_empty());
    let (second, from_copy) = known.analyse(&files.image("b", &whole)).unwrap();
    assert!(from_copy && Arc::ptr_eq(&first, &second));
}

#[test]
fn a_file_that_lies_about_its_build_is_looked_into() {
    let (files, known, whole) = (Files::new("lie"), Known::default(), fs::read(libssl()).unwrap());
    let (honest, _) = known.analyse(&files.image("honest", &whole)).unwrap();
    for site in honest.sites() {
        // Another instruction at a site, everything else the same.
        let mut other = whole.clone();
        other[usize::try_from(site.offset).unwrap()] ^= 0x01;
        let (_, from_copy) = known.analyse(&files.image("other", &other)).unwrap();
        assert!(!from_copy, "{site:?}");
        // And what was found there is no word on the honest file.
        let (again, _) = known.analyse(&files.image("honest", &whole)).unwrap();
        assert_eq!(again.found(), honest.found());
    }
}

#[test]
fn code_that_is_loaded_from_elsewhere_is_other_code() {
    let (files, known, whole) = (Files::new("moved"), Known::default(), fs::read(libssl()).unwrap());
    known.analyse(&files.image("honest", &whole)).unwrap();
    // The program headers begin at 64, each of 56 bytes, the offset 8 in (elf(5)).
    let executable = (0..).map(|index| 64 + 56 * index).find(|at| whole[*at] == 1 && whole[at + 4] & 1 != 0);
    let mut other = whole.clone();
    other[executable.unwrap() + 8 + 1] ^= 0x10;
    assert!(!known.analyse(&files.image("other", &other)).is_ok_and(|(_, from_copy)| from_copy));
}

#[test]
fn nothing_found_is_no_word_on_a_copy() {
    let (files, known, whole) = (Files::new("hidden"), Known::default(), fs::read(libssl()).unwrap());
    let name = memchr::memmem::find(&whole, b"\0SSL_read\0").unwrap();
    let mut hidden = whole.clone();
    hidden[name + 1] = b'X';
    assert_eq!(known.analyse(&files.image("hidden", &hidden)).unwrap().0.found(), []);
    assert!(!known.analyse(&files.image("honest", &whole)).unwrap().0.found().is_empty());
}

#[test]
fn a_file_that_others_may_write_is_no_word_on_a_copy() {
    let (files, known, whole) = (Files::new("writable"), Known::default(), fs::read(libssl()).unwrap());
    files.image("open", &whole);
    fs::set_permissions(files.0.join("open"), Permissions::from_mode(0o666)).unwrap();
    known.analyse(&opened(&files.0.join("open"))).unwrap();
    assert!(!known.analyse(&files.image("honest", &whole)).unwrap().1);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let (files, whole) = (Files::new("changing"), fs::read(libssl()).unwrap());
    let image = files.image("a", &whole);
    let grow =
        |bytes: u64| fs::OpenOptions::new().write(true).open(files.0.join("a")).unwrap().set_len(bytes);
    let mut size = whole.len() as u64;
    let mut read = 0;
    let always = unchanged(&image, || {
        (size, read) = (size + 1, read + 1);
        grow(size)?;
        Ok(())
    });
    assert!(matches!(always, Err(Refusal::Changed)), "{always:?}");
    assert_eq!(read, 1 + AGAIN);
    // Once, as when it is renamed, is not enough.
    let mut read = 0;
    let once = unchanged(&image, || {
        read += 1;
        if read == 1 {
            grow(size + 1)?;
        }
        Ok(read)
    });
    assert_eq!(once.unwrap(), 2);
    // What it holds is no matter then, nor that it could not be read.
    assert!(matches!(unchanged(&image, || Err::<(), _>(Refusal::Machine)), Err(Refusal::Machine)));
}
