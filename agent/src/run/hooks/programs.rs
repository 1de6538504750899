//! What is known of the programs that processes begin: which TLS code they will use.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::binary::Image;
use crate::discovery::libraries::{FileId, Library, by_name, installed};

/// Programs that are remembered.
const PROGRAMS: usize = 8192;
/// Libraries of one program that are looked into for what they need.
const LIBRARIES: usize = 128;
/// Processes of a program in a row that ask nobody of interest, until it gets no more probes as it
/// begins.
const PATIENCE: u32 = 16;

/// How executables are called that load what they need only when it is asked for: interpreters.
const LATE: [&str; 5] = ["python", "pypy", "ruby", "php", "perl"];

/// A program, by its executable.
#[derive(Debug, Default)]
struct Known {
    /// Files with TLS code.
    files: Vec<FileId>,
    /// Its processes without interest since the last one of interest.
    idle: u32,
}

/// Which files with TLS code programs use.
#[derive(Debug, Default)]
pub(super) struct Catalogue(HashMap<FileId, Known>);

impl Catalogue {
    /// The files with TLS code that a process of this program will use, by what its executable needs
    /// and what its processes were seen to use; an interpreter may use any. `has_code` says of a library
    /// whether it is one.
    pub(super) fn files(
        &mut self,
        executable: &Library,
        root: &Path,
        has_code: impl Fn(&FileId) -> bool,
    ) -> Vec<FileId> {
        if self.0.len() >= PROGRAMS {
            self.0.clear();
        }
        let known = self
            .0
            .entry(executable.id)
            .or_insert_with(|| Known { files: needed(executable, root, has_code), idle: 0 });
        if known.idle < PATIENCE { known.files.clone() } else { Vec::new() }
    }

    /// A process of this program used these files; of interest or not.
    pub(super) fn learn(&mut self, executable: FileId, files: &[FileId], of_interest: bool) {
        let known = self.0.entry(executable).or_default();
        known.idle = if of_interest { 0 } else { known.idle.saturating_add(1) };
        for file in files {
            if !known.files.contains(file) {
                known.files.push(*file);
            }
        }
    }
}

/// The files with TLS code that the dynamic linker will load with an executable, from the system's
/// folders.
fn needed(executable: &Library, root: &Path, has_code: impl Fn(&FileId) -> bool) -> Vec<FileId> {
    let names = |library: &Library| -> Vec<String> {
        let image = library.file.try_clone().map_err(Into::into).and_then(Image::open);
        image.and_then(|image| image.needed()).unwrap_or_default()
    };
    let mut waiting = names(executable);
    let mut seen: HashSet<String> = HashSet::new();
    let mut found = Vec::new();
    let name = executable.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if LATE.iter().any(|late| name.starts_with(late)) {
        found.extend(installed(root).iter().map(|library| library.id).filter(|id| has_code(id)));
    }
    while let Some(name) = waiting.pop() {
        if seen.len() >= LIBRARIES || !seen.insert(name.clone()) {
            continue;
        }
        let Some(library) = by_name(root, &name) else { continue };
        if has_code(&library.id) {
            if !found.contains(&library.id) {
                found.push(library.id);
            }
        } else {
            waiting.extend(names(&library));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn library(path: &str) -> Library {
        Library::at(path.into()).unwrap()
    }

    #[test]
    fn what_a_program_needs_is_found_through_its_libraries() {
        let (shell, root) = (library("/bin/sh"), Path::new("/"));
        let libc = by_name(root, "libc.so.6").unwrap().id;
        assert_eq!(Catalogue::default().files(&shell, root, |id| *id == libc), [libc]);
        assert_eq!(Catalogue::default().files(&shell, root, |_| false), []);
    }

    #[test]
    fn a_program_of_no_interest_gets_no_more_probes_until_it_is_of_interest() {
        let (shell, root) = (library("/bin/sh"), Path::new("/"));
        let other = library("/bin/true").id;
        let mut catalogue = Catalogue::default();
        assert_eq!(catalogue.files(&shell, root, |_| false), []);
        catalogue.learn(shell.id, &[other], false);
        assert_eq!(catalogue.files(&shell, root, |_| false), [other]);
        for _ in 1..PATIENCE {
            catalogue.learn(shell.id, &[other], false);
        }
        assert_eq!(catalogue.files(&shell, root, |_| false), []);
        catalogue.learn(shell.id, &[], true);
        assert_eq!(catalogue.files(&shell, root, |_| false), [other]);
    }
}
