//! What files hold, and who uses them.
//!
//! A file with TLS code is kept open, so that probes go on the very file that was analysed. A container's
//! is let go with the last process that was seen to use it: an open file keeps the container's file
//! system mounted. Should it be needed again, its analysis is known (`binary::Known`).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::super::PROC;
use super::code::Code;
use crate::bpf::Attachment;
use crate::discovery::libraries::{FileId, Library, Root};

/// Files of which it is remembered what they hold.
const FILES: usize = 8192;

/// Files with TLS code that are held open while no process uses them.
const UNUSED: usize = 256;

/// A file with TLS code.
struct Entry {
    code: Arc<Code>,
    /// Probes on it for all processes.
    watch: Option<Attachment>,
    /// A library that is installed on the host: it stays.
    kept: bool,
    /// Processes that were seen to use it.
    users: usize,
}

/// Files that were looked into.
pub(super) struct Files {
    /// None for those without TLS code; those not yet analysed are absent.
    entries: HashMap<FileId, Option<Entry>>,
    used: HashMap<u32, Vec<FileId>>,
    /// The host's own root: that of its first process.
    home: Option<Root>,
}

impl Files {
    pub(super) fn new() -> Self {
        let home = Root::of(Path::new(PROC), 1).or_else(|_| Root::of(Path::new(PROC), std::process::id()));
        Self { entries: HashMap::new(), used: HashMap::new(), home: home.ok() }
    }

    pub(super) fn home(&self) -> Option<&Root> {
        self.home.as_ref()
    }

    /// What a file holds, if it was analysed.
    pub(super) fn get(&self, id: &FileId) -> Option<Option<&Arc<Code>>> {
        self.entries.get(id).map(|entry| entry.as_ref().map(|entry| &entry.code))
    }

    /// Whether a program that loads this library may need probes on it: one that is named as TLS
    /// libraries are is looked into at once.
    pub(super) fn may_hold_code(&self, library: &Library) -> bool {
        self.get(&library.id).map_or(library.named, |code| code.is_some())
    }

    /// The TLS code of all files that hold some.
    pub(super) fn codes(&self) -> impl Iterator<Item = &Arc<Code>> {
        self.entries.values().flatten().map(|entry| &entry.code)
    }

    /// The files that hold TLS code, with whether probes for all processes are on them.
    pub(super) fn all(&self) -> impl Iterator<Item = (&FileId, &Code, bool)> {
        let held = self.entries.iter().filter_map(|(id, entry)| Some((id, entry.as_ref()?)));
        held.map(|(id, entry)| (id, &*entry.code, entry.watch.is_some()))
    }

    /// Remembers what a file holds.
    pub(super) fn learn(&mut self, id: FileId, code: Option<Arc<Code>>) {
        if self.entries.len() >= FILES {
            self.entries.retain(|_, entry| entry.is_some());
        }
        self.entries.insert(id, code.map(|code| Entry { code, watch: None, kept: false, users: 0 }));
    }

    /// A library that is installed on the host is never let go.
    pub(super) fn keep(&mut self, id: &FileId) {
        if let Some(Some(entry)) = self.entries.get_mut(id) {
            entry.kept = true;
        }
    }

    /// The code of a file that has no probes for all processes; unless `anywhere`, of one in the host's own file
    /// system only.
    pub(super) fn unwatched(&self, id: &FileId, anywhere: bool) -> Option<Arc<Code>> {
        let entry = self.entries.get(id)?.as_ref()?;
        let wanted = entry.watch.is_none() && (anywhere || self.is_at_home(id, &entry.code));
        wanted.then(|| Arc::clone(&entry.code))
    }

    pub(super) fn watched(&mut self, id: &FileId, watch: Attachment) {
        if let Some(Some(entry)) = self.entries.get_mut(id) {
            entry.watch = Some(watch);
        }
    }

    /// Makes room for programs' own code, of which builds make files without end; the probes of those that are let
    /// go.
    #[must_use]
    pub(super) fn forget_unused(&mut self) -> Vec<Attachment> {
        let unused =
            |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| entry.users == 0 && !entry.kept);
        if self.entries.values().filter(|entry| unused(entry)).count() <= UNUSED {
            return Vec::new();
        }
        let forgotten = self.entries.extract_if(|_, entry| unused(entry));
        forgotten.filter_map(|(_, entry)| entry?.watch).collect()
    }

    /// A process was seen to use a file.
    pub(super) fn used(&mut self, pid: u32, id: FileId) {
        let Some(Some(entry)) = self.entries.get_mut(&id) else { return };
        let files = self.used.entry(pid).or_default();
        if !files.contains(&id) {
            files.push(id);
            entry.users += 1;
        }
    }

    /// A process uses no file any more; the watches of those that are let go.
    #[must_use]
    pub(super) fn released(&mut self, pid: u32) -> Vec<Attachment> {
        let mut watches = Vec::new();
        for id in self.used.remove(&pid).unwrap_or_default() {
            let Some(Some(entry)) = self.entries.get_mut(&id) else { continue };
            entry.users = entry.users.saturating_sub(1);
            let code = (entry.users == 0).then(|| Arc::clone(&entry.code));
            if code.is_some_and(|code| !self.is_at_home(&id, &code)) {
                watches.extend(self.entries.remove(&id).flatten().and_then(|entry| entry.watch));
            }
        }
        watches
    }

    /// Whether the host's own processes find this very file by its path.
    fn is_at_home(&self, id: &FileId, code: &Code) -> bool {
        let found = |home| Library::below(home, code.path.clone()).is_ok_and(|library| library.id == *id);
        self.home.as_ref().is_some_and(found)
    }
}
