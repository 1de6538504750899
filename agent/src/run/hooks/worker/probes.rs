//! Puts probes on one process, and takes them off.

use std::path::Path;
use std::sync::Arc;

use tracing::{debug, warn};

use super::super::super::expedite::Expedited;
use super::super::super::{PROC, monotonic_ns};
use super::super::code::Code;
use super::{Hooked, Worker};
use crate::attach::{Sign, Standing, TlsMode};
use crate::binary::Role;
use crate::discovery::libraries::{FileId, Root, executable, mapped};
use crate::event::KernelFile;

impl Worker {
    pub(super) fn attach(&mut self, pid: u32) {
        if self.policy.reads_calls(pid) {
            // Before the probes: the first call of all is tied to its socket, too.
            let _ = self.standing.hooked(pid);
        }
        let hooked = self.hooked.entry(pid).or_default();
        hooked.executable = executable(Path::new(PROC), pid).ok().map(|executable| executable.id);
        for library in mapped(Path::new(PROC), pid, true) {
            let id = library.id;
            if let Some(code) = self.code(Some(pid), library) {
                self.hook(pid, id, &code);
            }
        }
        // What has another name may hold TLS code as well.
        for library in mapped(Path::new(PROC), pid, false) {
            match self.files.get(&library.id).map(|code| code.cloned()) {
                Some(Some(code)) => self.hook(pid, library.id, &code),
                Some(None) => {}
                None => self.look_later(Some(pid), library),
            }
        }
        self.watch_files();
        self.settle(pid);
    }

    pub(super) fn analysed(&mut self, pid: u32, id: FileId, code: Option<Arc<Code>>) {
        if self.files.get(&id).is_none() {
            self.learn(id, code.clone());
        }
        let Some(hooked) = self.hooked.get_mut(&pid) else {
            // A program that began before it was known what it holds.
            if code.is_some() && executable(Path::new(PROC), pid).is_ok_and(|executable| executable.id == id)
            {
                self.sign(pid, Sign::Started);
            }
            return self.watch_files();
        };
        hooked.awaited = hooked.awaited.saturating_sub(1);
        if let Some(code) = code {
            self.hook(pid, id, &code);
        }
        self.watch_files();
        self.settle(pid);
    }

    /// Tells what came of it when all files of a process were looked into.
    fn settle(&mut self, pid: u32) {
        let Some(hooked) = self.hooked.get_mut(&pid).filter(|hooked| hooked.awaited == 0) else { return };
        if std::mem::take(&mut hooked.is_news) {
            // Tests wait for these words.
            debug!("process {pid} is a TLS client and has its probes, on {} files", hooked.files.len());
        }
        if std::mem::take(&mut hooked.is_unreadable) {
            if hooked.attachments.is_empty() {
                warn!(
                    "process {pid}: its TLS connections could not be read by their keys, and the calls of its TLS \
                     library are not known; what it says over TLS is not seen"
                );
            } else {
                // Tests wait for these words.
                debug!("process {pid}: its TLS is read at its library's calls from now on");
                let _ = self.standing.by_calls(pid);
            }
        }
        if hooked.files.is_empty() {
            self.hooked.remove(&pid);
            let _ = self.standing.known(pid);
            self.policy.bare(pid);
        }
    }

    /// A process uses a file with TLS code: it gets probes on its calls there, if they are read.
    fn hook(&mut self, pid: u32, id: FileId, code: &Code) {
        self.watch_files();
        let hooked = self.hooked.entry(pid).or_default();
        if hooked.files.contains(&id) {
            return;
        }
        let reads_calls = self.policy.reads_calls(pid);
        let points = code.points(|role| reads_calls && !matches!(role, Role::Init | Role::Key(_)));
        if points.is_empty() {
            if self.mode != TlsMode::Calls {
                debug!("process {pid}: probes on {}, which show its keys", code.path.display());
                self.files.used(pid, id);
                hooked.files.push(id);
            }
            return;
        }
        let _expedited = Expedited::begin();
        match self.programs.attach(&code.handle(), &points, Some(pid)) {
            Ok(attachment) => {
                debug!("process {pid}: probes on {}", code.path.display());
                self.files.used(pid, id);
                hooked.files.push(id);
                hooked.attachments.push(attachment);
            }
            // It was gone before it could have them.
            Err(_) if !Path::new(PROC).join(pid.to_string()).exists() => {}
            Err(error) => {
                self.counters.libraries_refused.increment();
                warn!(
                    "process {pid}: {} cannot be hooked: {}; its TLS traffic is not seen",
                    code.path.display(),
                    crate::preflight::refused(&error)
                );
            }
        }
    }

    pub(super) fn detach(&mut self, pid: u32) {
        if let Some(hooked) = self.hooked.remove(&pid) {
            if let Some(executable) = hooked.executable {
                let others = hooked.files.iter().filter(|id| **id != executable);
                let paths = others.filter_map(|id| Some(self.files.get(id)??.path.clone())).collect();
                self.catalogue.learn(executable, paths, self.policy.is_involved(pid));
            }
            let _ = self.helpers.detacher.send(hooked.attachments);
        }
    }

    /// A process began a program: if that holds or will load TLS code, it gets its probes before it has
    /// come to its first call.
    pub(super) fn started(&mut self, pid: u32, file: KernelFile, time_ns: u64) {
        self.ended(pid);
        let named = match self.admission.of_process(pid) {
            Standing::Refused => return self.exclude(pid),
            standing => standing == Standing::Named,
        };
        self.serves_from_start(pid);
        let Ok(executable) = executable(Path::new(PROC), pid) else { return };
        let Ok(root) = Root::of(Path::new(PROC), pid) else { return };
        let (id, files) = (executable.id, &self.files);
        let libraries =
            self.catalogue.files(&executable, &root, named, |library| files.may_hold_code(library));
        let mut codes: Vec<_> = libraries
            .into_iter()
            .filter_map(|library| Some((library.id, self.code(Some(pid), library)?)))
            .collect();
        match self.files.get(&id) {
            Some(Some(code)) if self.catalogue.is_wanted(&id, named) => codes.push((id, Arc::clone(code))),
            Some(_) => {}
            None => self.helpers.analyser.send(pid, executable),
        }
        if codes.is_empty() {
            if matches!(self.files.get(&id), Some(None)) {
                self.plain(file);
            }
            return;
        }
        if self.policy.reads_calls(pid) {
            let _ = self.standing.hooked(pid);
        }
        self.policy.sign(pid, if named { Sign::Named } else { Sign::Started }, monotonic_ns());
        self.hooked.insert(pid, Hooked { executable: Some(id), began_ns: time_ns, ..Hooked::default() });
        for (id, code) in codes {
            self.hook(pid, id, &code);
        }
        self.begun.describe(pid);
        self.watch_files();
    }

    /// A program without TLS code need not be looked at each time that it begins, unless a rule asks who
    /// its processes are. Should one of them load a TLS library all the same, that tells of it.
    fn plain(&mut self, file: KernelFile) {
        let asks = self.admission.asks_for_processes() || self.services.is_some();
        if !asks && file != KernelFile::default() {
            // Refused, it costs time alone.
            let _ = self.standing.plain(file, monotonic_ns());
        }
    }
}
