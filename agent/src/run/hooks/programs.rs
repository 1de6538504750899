//! What is known of the programs that processes begin: which TLS code they will use.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::code::{AT_HAND, AT_ONCE};
use crate::binary::{Image, Needs};
use crate::discovery::libraries::{FileId, Library, Root, by_name, installed};

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
    /// Files with TLS code, by their paths in its processes' view: what lies there may be replaced.
    files: Vec<PathBuf>,
    /// Its processes without interest since the last one of interest.
    idle: u32,
}

/// Which files with TLS code programs use.
#[derive(Debug, Default)]
pub(super) struct Catalogue(HashMap<FileId, Known>);

impl Catalogue {
    /// The files that hold, or may hold, TLS code that a process of this program will use, by what its
    /// executable needs and what its processes were seen to use; an interpreter may use any. `may_hold`
    /// says of a library whether it is one; `named` that the operator names the process, whatever others
    /// asked.
    pub(super) fn files(
        &mut self,
        executable: &Library,
        root: &Root,
        named: bool,
        may_hold: impl Fn(&Library) -> bool,
    ) -> Vec<Library> {
        if self.0.len() >= PROGRAMS {
            self.0.clear();
        }
        if let Some(known) = self.0.get(&executable.id) {
            let wanted = self.is_wanted(&executable.id, named);
            let files = if wanted { known.files.as_slice() } else { &[] };
            return files.iter().filter_map(|path| Library::below(root, path.clone()).ok()).collect();
        }
        let found = needed(executable, root, may_hold);
        let files = found.iter().map(|library| library.path.clone()).collect();
        self.0.insert(executable.id, Known { files, idle: 0 });
        found
    }

    /// Whether processes of a program get probes as they begin.
    pub(super) fn is_wanted(&self, executable: &FileId, named: bool) -> bool {
        named || self.0.get(executable).is_none_or(|known| known.idle < PATIENCE)
    }

    /// A process of this program used these files; of interest or not.
    pub(super) fn learn(&mut self, executable: FileId, files: Vec<PathBuf>, of_interest: bool) {
        let known = self.0.entry(executable).or_default();
        known.idle = if of_interest { 0 } else { known.idle.saturating_add(1) };
        for file in files {
            if known.files.len() < LIBRARIES && !known.files.contains(&file) {
                known.files.push(file);
            }
        }
    }
}

/// What a file asks the dynamic linker for, with the folders as its processes see them.
fn needs(library: &Library) -> (Vec<String>, Vec<PathBuf>) {
    let handle = Arc::clone(&library.handle);
    let look = move || Image::open(handle.open()?)?.needs();
    let needs = AT_HAND.run(AT_ONCE, look).map(Result::unwrap_or_default);
    let Needs { libraries, folders } = needs.unwrap_or_default();
    let origin = library.path.parent().unwrap_or(Path::new("/")).to_string_lossy();
    let seen = |folder: String| folder.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin).into();
    (libraries, folders.into_iter().map(seen).collect())
}

/// The files that may hold TLS code among those that the dynamic linker will load with an executable;
/// for an interpreter all that are installed, its own folder included.
fn needed(executable: &Library, root: &Root, may_hold: impl Fn(&Library) -> bool) -> Vec<Library> {
    let (mut waiting, mut folders) = needs(executable);
    let mut seen: HashSet<String> = HashSet::new();
    let mut found: Vec<Library> = Vec::new();
    let name = executable.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if LATE.iter().any(|late| name.starts_with(late)) {
        let own = executable.path.parent().and_then(Path::parent).map(|prefix| prefix.join("lib"));
        found.extend(installed(root, own.as_deref()).into_iter().filter(&may_hold));
    }
    while let Some(name) = waiting.pop() {
        if seen.len() >= LIBRARIES || !seen.insert(name.clone()) {
            continue;
        }
        let Some(library) = by_name(root, &name, &folders) else { continue };
        if !may_hold(&library) {
            let (libraries, more) = needs(&library);
            waiting.extend(libraries);
            for folder in more {
                if folders.len() < LIBRARIES && !folders.contains(&folder) {
                    folders.push(folder);
                }
            }
        } else if found.iter().all(|known| known.id != library.id) {
            found.push(library);
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

    fn root() -> Root {
        Root::of(Path::new("/proc"), std::process::id()).unwrap()
    }

    fn ids(found: &[Library]) -> Vec<FileId> {
        found.iter().map(|library| library.id).collect()
    }

    #[test]
    fn what_a_program_needs_is_found_through_its_libraries() {
        let (shell, root) = (library("/bin/sh"), root());
        let libc = by_name(&root, "libc.so.6", &[]).unwrap().id;
        let found = Catalogue::default().files(&shell, &root, false, |library| library.id == libc);
        assert_eq!(ids(&found), [libc]);
        assert_eq!(ids(&Catalogue::default().files(&shell, &root, false, |_| false)), []);
    }

    #[test]
    fn a_program_of_no_interest_gets_no_more_probes_until_it_is_of_interest() {
        let (shell, root) = (library("/bin/sh"), root());
        let other = library("/bin/true");
        let mut catalogue = Catalogue::default();
        assert_eq!(ids(&catalogue.files(&shell, &root, false, |_| false)), []);
        catalogue.learn(shell.id, vec![other.path.clone()], false);
        assert_eq!(ids(&catalogue.files(&shell, &root, false, |_| false)), [other.id]);
        for _ in 1..PATIENCE {
            catalogue.learn(shell.id, vec![other.path.clone()], false);
        }
        assert_eq!(ids(&catalogue.files(&shell, &root, false, |_| false)), []);
        assert_eq!(ids(&catalogue.files(&shell, &root, true, |_| false)), [other.id], "one that is named");
        catalogue.learn(shell.id, Vec::new(), true);
        assert_eq!(ids(&catalogue.files(&shell, &root, false, |_| false)), [other.id]);
    }
}
