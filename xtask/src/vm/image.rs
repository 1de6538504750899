//! What a guest finds in its file system: files of this machine, at the places where they are here, so
//! that programs, links between files and Python's environments work unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::cpio::{Archive, Entry};
use crate::command::output;

/// Folders of a Python library that no test imports, by name.
const UNUSED: [&str; 9] = [
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "dist-packages",
];

/// Files for a guest.
#[derive(Default)]
pub(super) struct Image {
    /// Place in the guest, and the file here whose content it has.
    files: BTreeMap<PathBuf, PathBuf>,
    /// Place in the guest, and the content.
    texts: BTreeMap<PathBuf, (String, bool)>,
    /// Programs and libraries whose own libraries are in already.
    linked: BTreeSet<PathBuf>,
}

impl Image {
    /// A text of the guest's own.
    pub(super) fn text(&mut self, place: &str, text: &str, executable: bool) {
        self.texts.insert(place.into(), (text.to_owned(), executable));
    }

    /// A file of this machine at another place.
    pub(super) fn file_at(&mut self, place: impl Into<PathBuf>, source: impl Into<PathBuf>) {
        self.files.insert(place.into(), source.into());
    }

    /// A file of this machine at its own place; where a link leads comes with it.
    ///
    /// # Errors
    /// When there is no such file.
    pub(super) fn file(&mut self, path: &Path) -> Result<()> {
        // Folders above may be links, too: the guest has them as plain folders.
        self.files.insert(path.to_owned(), path.to_owned());
        let about = fs::symlink_metadata(path).with_context(|| format!("no {}", path.display()))?;
        if about.is_symlink() {
            let target = fs::read_link(path)?;
            let target = path.parent().unwrap_or(Path::new("/")).join(target);
            return self.file(&without_dots(&target));
        }
        Ok(())
    }

    /// A program or library, with the libraries that it is linked with.
    ///
    /// # Errors
    /// When there is no such file.
    pub(super) fn program(&mut self, path: &Path) -> Result<()> {
        self.file(path)?;
        self.libraries_of(path)
    }

    /// The libraries that a program or library is linked with.
    ///
    /// # Errors
    /// When one is missing here.
    pub(super) fn libraries_of(&mut self, path: &Path) -> Result<()> {
        if !self.linked.insert(path.to_owned()) {
            return Ok(());
        }
        // A static program has none, and ldd says so by failing.
        let listed = output(Command::new("ldd").arg(path)).unwrap_or_default();
        for line in listed.lines() {
            if line.contains("not found") {
                bail!("{} needs a library that is not here: {}", path.display(), line.trim());
            }
            if let Some(library) = line.split_whitespace().find(|word| word.starts_with('/')) {
                self.file(Path::new(library))?;
            }
        }
        Ok(())
    }

    /// A folder with all that is in it, but for what is of no use in a Python library.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn folder(&mut self, path: &Path) -> Result<()> {
        for entry in fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
            let entry = entry?;
            let (inner, name) = (entry.path(), entry.file_name());
            if entry.file_type()?.is_dir() {
                let name = name.to_string_lossy();
                if !UNUSED.contains(&name.as_ref()) && !name.starts_with("config-") {
                    self.folder(&inner)?;
                }
            } else {
                self.file(&inner)?;
                if inner.extension().is_some_and(|kind| kind == "so") {
                    self.libraries_of(&inner)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// When a file cannot be read, or the archive cannot be written.
    pub(super) fn write(&self, to: &Path) -> Result<()> {
        let file = fs::File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
        let mut archive = Archive::new(std::io::BufWriter::new(file));
        let mut folders = BTreeSet::new();
        for place in self.files.keys().chain(self.texts.keys()) {
            for above in place.ancestors().skip(1) {
                folders.insert(above.to_owned());
            }
        }
        folders.extend(["/dev", "/proc", "/sys", "/tmp", "/run"].map(PathBuf::from));
        // In this order every folder comes before what is in it.
        for folder in folders.iter().filter(|folder| folder.parent().is_some()) {
            archive.add(&name(folder), &Entry::Directory, 0)?;
        }
        for (place, (text, executable)) in &self.texts {
            archive.add(&name(place), &Entry::File(text.as_bytes(), *executable), 0)?;
        }
        for (place, source) in &self.files {
            let about = fs::symlink_metadata(source)?;
            // Python trusts a compiled module only while its source has the same time.
            let modified = u32::try_from(about.mtime()).unwrap_or(0);
            if about.is_symlink() {
                let target = fs::read_link(source)?;
                archive.add(&name(place), &Entry::Link(target.as_os_str().as_bytes()), modified)?;
            } else {
                let data = fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
                let executable = about.permissions().mode() & 0o111 != 0;
                archive.add(&name(place), &Entry::File(&data, executable), modified)?;
            }
        }
        archive.finish()?;
        Ok(())
    }
}

/// A place as archives name it.
fn name(place: &Path) -> String {
    place.to_string_lossy().trim_start_matches('/').to_owned()
}

/// A path with its `.` and `..` resolved by name.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn a_link_brings_where_it_leads() {
        let folder = std::env::temp_dir().join(format!("xtask-image-{}", std::process::id()));
        fs::create_dir_all(folder.join("a")).unwrap();
        fs::write(folder.join("file"), "content").unwrap();
        std::os::unix::fs::symlink("../file", folder.join("a/link")).unwrap();
        let mut image = Image::default();
        image.file(&folder.join("a/link")).unwrap();
        assert_eq!(image.files.keys().collect::<Vec<_>>(), [&folder.join("a/link"), &folder.join("file")]);
        let archive = folder.join("archive");
        image.write(&archive).unwrap();
        let bytes = fs::read(&archive).unwrap();
        assert!(bytes.windows(7).any(|window| window == b"content"));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_program_brings_its_libraries() {
        let mut image = Image::default();
        image.program(Path::new("/bin/sh")).unwrap();
        assert!(image.files.keys().any(|path| path.to_string_lossy().contains("libc.so")));
        assert!(image.program(Path::new("/no/such/program")).is_err());
    }
}
