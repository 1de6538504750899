//! Holds the probes: what files hold, which processes have them, and what comes and goes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use tokio::sync::mpsc::UnboundedReceiver;
use tracing::{debug, warn};

use super::super::PROC;
use super::super::expedite::Expedited;
use super::Command;
use super::code::{Code, code_of};
use super::programs::Catalogue;
use crate::attach::{Policy, Sign, Wish};
use crate::binary::Role;
use crate::bpf::{Attachment, LoadError, Programs, Ring, Standing};
use crate::discovery::libraries::{FileId, Library, executable, installed, mapped, processes, runtimes};
use crate::discovery::sockets::Listeners;
use crate::event::Event;
use crate::telemetry::Counters;

/// Files of which it is remembered what they hold.
const FILES: usize = 8192;

pub(super) struct Worker {
    programs: Programs,
    standing: Standing,
    policy: Policy,
    /// What files hold; those not yet analysed are absent.
    files: HashMap<FileId, Option<Arc<Code>>>,
    /// One for each library, for all processes.
    heralds: Vec<Attachment>,
    hooked: HashMap<u32, Hooked>,
    catalogue: Catalogue,
    analyser: Sender<(u32, Library)>,
    detacher: Sender<Vec<Attachment>>,
    counters: Arc<Counters>,
}

/// A process with probes.
#[derive(Default)]
struct Hooked {
    executable: Option<FileId>,
    files: Vec<FileId>,
    attachments: Vec<Attachment>,
    /// Files of it that are still to be analysed.
    awaited: usize,
}

impl Worker {
    pub(super) fn new(
        programs: Programs,
        standing: Standing,
        analyser: Sender<(u32, Library)>,
        detacher: Sender<Vec<Attachment>>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            programs,
            standing,
            policy: Policy::default(),
            files: HashMap::new(),
            heralds: Vec::new(),
            hooked: HashMap::new(),
            catalogue: Catalogue::default(),
            analyser,
            detacher,
            counters,
        }
    }

    /// The ring of signs, polled by the runtime that calls this.
    pub(super) fn signs(&mut self) -> Result<Ring, LoadError> {
        self.programs.signs()
    }

    /// Watches the libraries that are there, and puts probes on the processes that may use them as
    /// clients. Says how many files with TLS code there are.
    pub(super) fn survey(&mut self) -> usize {
        for library in installed(Path::new("/")) {
            self.code(library);
        }
        for library in runtimes(Path::new("/")) {
            // Before the first program that runs in them.
            let _ = self.analyser.send((0, library));
        }
        let mut listeners = Listeners::default();
        let own = std::process::id();
        for pid in processes(Path::new(PROC)).filter(|pid| *pid != own) {
            let libraries: Vec<_> = mapped(Path::new(PROC), pid, true);
            let uses = libraries.into_iter().filter_map(|library| self.code(library)).count();
            // A server that is nobody's client gets probes when it begins to be one.
            if uses > 0 && !listeners.is_mere_server(Path::new(PROC), pid) {
                self.sign(pid, Sign::Running);
            }
        }
        self.files.values().flatten().count()
    }

    /// Waits for signs of processes, and for what is said of them.
    pub(super) async fn serve(mut self, mut signs: Ring, mut commands: UnboundedReceiver<Command>) {
        let mut seen = Vec::new();
        loop {
            tokio::select! {
                biased;
                read = signs.read(|sign| seen.extend(sign)) => {
                    if read.is_err() {
                        warn!("signs of new processes can no longer be read; start the agent anew");
                        return;
                    }
                    for sign in seen.drain(..) {
                        self.event(sign);
                    }
                }
                command = commands.recv() => match command {
                    Some(Command::Sign(pid, sign)) => self.sign(pid, sign),
                    Some(Command::Judged(pid, of_interest)) => {
                        let wish = self.policy.judged(pid, of_interest);
                        self.carry(pid, wish);
                    }
                    Some(Command::Ended(pid)) => self.ended(pid),
                    Some(Command::Analysed(analysed)) => {
                        let (pid, id, code) = *analysed;
                        self.analysed(pid, id, code);
                    }
                    Some(Command::Stop) | None => return,
                },
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Herald { pid } => self.sign(pid, Sign::Herald),
            Event::Forked { child, .. } => self.sign(child, Sign::Forked),
            Event::Exec { pid } => self.started(pid),
            _ => {}
        }
    }

    fn sign(&mut self, pid: u32, sign: Sign) {
        let wish = self.policy.sign(pid, sign);
        self.carry(pid, wish);
    }

    fn carry(&mut self, pid: u32, wish: Option<Wish>) {
        match wish {
            Some(Wish::Attach) => self.attach(pid),
            Some(Wish::Detach) => {
                self.detach(pid);
                // A further herald of it is no news; a new server is.
                let _ = self.standing.known(pid);
            }
            None => {}
        }
    }

    fn ended(&mut self, pid: u32) {
        self.detach(pid);
        self.policy.ended(pid);
    }

    /// What a file holds; one that is named like a TLS library is analysed at once.
    pub(super) fn code(&mut self, library: Library) -> Option<Arc<Code>> {
        if let Some(known) = self.files.get(&library.id) {
            return known.clone();
        }
        let id = library.id;
        let code = code_of(library, &self.counters);
        self.learn(id, code.clone());
        code
    }

    fn learn(&mut self, id: FileId, code: Option<Arc<Code>>) {
        if self.files.len() >= FILES {
            self.files.retain(|_, code| code.is_some());
        }
        if let Some(code) = &code {
            let heralds = code.points(|role| role == Role::Herald);
            match self.programs.attach(&code.handle(), &heralds, None) {
                Ok(attachment) => self.heralds.push(attachment),
                Err(error) => {
                    self.counters.libraries_refused.increment();
                    warn!(
                        "{} cannot be hooked: {}; the TLS traffic of programs that use it is not seen",
                        code.path.display(),
                        crate::preflight::refused(&error)
                    );
                }
            }
        }
        self.files.insert(id, code);
    }

    fn attach(&mut self, pid: u32) {
        // Before the probes: the first call of all is tied to its socket, too.
        let _ = self.standing.hooked(pid);
        let hooked = self.hooked.entry(pid).or_default();
        hooked.executable = executable(Path::new(PROC), pid).ok().map(|executable| executable.id);
        for library in mapped(Path::new(PROC), pid, true) {
            let id = library.id;
            if let Some(code) = self.code(library) {
                self.hook(pid, id, &code);
            }
        }
        // What has another name may hold TLS code as well.
        for library in mapped(Path::new(PROC), pid, false) {
            match self.files.get(&library.id).cloned() {
                Some(Some(code)) => self.hook(pid, library.id, &code),
                Some(None) => {}
                None => {
                    if self.analyser.send((pid, library)).is_ok() {
                        self.hooked.entry(pid).or_default().awaited += 1;
                    }
                }
            }
        }
        self.tell_if_bare(pid);
    }

    fn analysed(&mut self, pid: u32, id: FileId, code: Option<Arc<Code>>) {
        if !self.files.contains_key(&id) {
            self.learn(id, code.clone());
        }
        let Some(hooked) = self.hooked.get_mut(&pid) else {
            // A program that began before it was known what it holds.
            if code.is_some() && executable(Path::new(PROC), pid).is_ok_and(|executable| executable.id == id)
            {
                self.sign(pid, Sign::Started);
            }
            return;
        };
        hooked.awaited = hooked.awaited.saturating_sub(1);
        if let Some(code) = code {
            self.hook(pid, id, &code);
        }
        self.tell_if_bare(pid);
    }

    fn tell_if_bare(&mut self, pid: u32) {
        if self.hooked.get(&pid).is_some_and(|hooked| hooked.awaited == 0 && hooked.attachments.is_empty()) {
            self.hooked.remove(&pid);
            let _ = self.standing.known(pid);
            self.policy.bare(pid);
        }
    }

    /// Puts probes on a process's use of one file.
    fn hook(&mut self, pid: u32, id: FileId, code: &Code) {
        let hooked = self.hooked.entry(pid).or_default();
        if hooked.files.contains(&id) {
            return;
        }
        let points = code.points(|role| role != Role::Herald);
        let _expedited = Expedited::begin();
        match self.programs.attach(&code.handle(), &points, Some(pid)) {
            Ok(attachment) => {
                debug!("process {pid}: probes on {}", code.path.display());
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

    fn detach(&mut self, pid: u32) {
        if let Some(hooked) = self.hooked.remove(&pid) {
            if let Some(executable) = hooked.executable {
                self.catalogue.learn(executable, &hooked.files, self.policy.is_involved(pid));
            }
            let _ = self.detacher.send(hooked.attachments);
        }
    }

    /// A process began a program: if that holds or will load TLS code, it gets its probes before it has
    /// come to its first call.
    fn started(&mut self, pid: u32) {
        self.ended(pid);
        let Ok(executable) = executable(Path::new(PROC), pid) else { return };
        let (id, root) = (executable.id, PathBuf::from(format!("{PROC}/{pid}/root")));
        let known = &self.files;
        let mut files =
            self.catalogue.files(&executable, &root, |id| known.get(id).is_some_and(Option::is_some));
        match self.files.get(&id) {
            Some(Some(_)) => files.push(id),
            Some(None) => {}
            None => {
                let _ = self.analyser.send((pid, executable));
            }
        }
        let codes: Vec<_> =
            files.into_iter().filter_map(|id| Some((id, self.files.get(&id)?.clone()?))).collect();
        if codes.is_empty() {
            return;
        }
        let _ = self.standing.hooked(pid);
        self.policy.sign(pid, Sign::Started);
        self.hooked.entry(pid).or_default().executable = Some(id);
        for (id, code) in codes {
            self.hook(pid, id, &code);
        }
    }
}
