//! Holds the probes: what files hold, which processes have them, and what comes and goes.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tracing::{debug, warn};

use super::super::expedite::Expedited;
use super::super::{PROC, monotonic_ns};
use super::Command;
use super::analyser::Analyser;
use super::code::{AT_HAND, AT_ONCE, Code, code_of};
use super::files::Files;
use super::peers::Involved;
use super::programs::Catalogue;
use crate::attach::{self, Action, Policy, Sign, TlsMode};
use crate::binary::{Known, Role};
use crate::bpf::{Attachment, LoadError, Programs, Ring, Standing};
use crate::discovery::admission::Admission;
use crate::discovery::libraries::{
    FileId, Library, executable, installed, large_programs, mapped, processes,
};
use crate::discovery::process::Begun;
use crate::discovery::sockets::Listeners;
use crate::event::Event;
use crate::telemetry::Counters;

mod held;
mod probes;
mod traced;

/// How often it is looked for probes that are of no more use.
const ROUND: Duration = Duration::from_secs(30);

pub(super) struct Worker {
    programs: Programs,
    standing: Standing,
    policy: Policy,
    /// How TLS is read.
    mode: TlsMode,
    files: Files,
    /// Analyses by build-id.
    known: Arc<Known>,
    /// Files with TLS code that may still need to be watched: what waits for its first call goes first.
    unwatched: Vec<FileId>,
    hooked: HashMap<u32, Hooked>,
    catalogue: Catalogue,
    admission: Admission,
    /// Processes that take part in traces from their start on.
    services: Option<Admission>,
    /// More processes are of interest since connections were looked at again.
    looks_again: bool,
    /// Processes that were described as they began.
    begun: Begun,
    helpers: Helpers,
    counters: Arc<Counters>,
}

/// The threads that do what takes long.
pub(super) struct Helpers {
    pub(super) analyser: Analyser,
    pub(super) detacher: Sender<Vec<Attachment>>,
    /// None where peers are not followed.
    pub(super) peers: Option<Sender<Involved>>,
}

/// A process with probes.
#[derive(Default)]
struct Hooked {
    executable: Option<FileId>,
    /// When it began its program; 0 if it ran already.
    began_ns: u64,
    files: Vec<FileId>,
    attachments: Vec<Attachment>,
    /// Files of it that are still to be analysed.
    awaited: usize,
    /// It has sent a ClientHello since it got its probes, and it was not told yet that it has all.
    is_news: bool,
    /// Its connections could not be read by their keys, and it was not told yet what follows.
    is_unreadable: bool,
}

impl Worker {
    pub(super) fn new(
        programs: Programs,
        standing: Standing,
        (admission, services, begun): (Admission, Option<Admission>, Begun),
        known: Arc<Known>,
        helpers: Helpers,
        (mode, counters): (TlsMode, &Arc<Counters>),
    ) -> Self {
        Self {
            programs,
            standing,
            policy: Policy::new(mode),
            mode,
            files: Files::new(),
            known,
            unwatched: Vec::new(),
            hooked: HashMap::new(),
            catalogue: Catalogue::default(),
            admission,
            services,
            looks_again: false,
            begun,
            helpers,
            counters: Arc::clone(counters),
        }
    }

    /// The ring of signs, polled by the runtime that calls this.
    pub(super) fn signs(&mut self) -> Result<Ring, LoadError> {
        self.programs.signs()
    }

    /// Watches the libraries that are there, and puts probes on the processes that may use them as
    /// clients. Says how many files with TLS code there are.
    pub(super) fn survey(&mut self) -> usize {
        let (libraries, programs) =
            self.files.home().map(|home| (installed(home, None), large_programs(home))).unwrap_or_default();
        for library in libraries {
            let id = library.id;
            self.code(None, library);
            self.files.keep(&id);
        }
        for library in programs {
            // Before they are run.
            self.helpers.analyser.send(0, library);
        }
        self.watch_files();
        let mut listeners = Listeners::default();
        let mut executables = HashSet::new();
        let own = std::process::id();
        for pid in processes(Path::new(PROC)).filter(|pid| *pid != own) {
            let standing = self.admission.of_any(pid);
            if standing == attach::Standing::Refused {
                continue;
            }
            self.serves_from_start(pid);
            if self.mode != TlsMode::Calls
                && let Ok(executable) = executable(Path::new(PROC), pid)
                && self.files.get(&executable.id).is_none()
                && executables.insert(executable.id)
            {
                self.helpers.analyser.send(0, executable);
            }
            let libraries: Vec<_> = mapped(Path::new(PROC), pid, true);
            let uses = libraries.into_iter().filter_map(|library| self.code(Some(pid), library)).count();
            if uses == 0 {
                continue;
            }
            let _ = self.standing.watched(pid);
            // A server that is nobody's client gets probes when it begins to be one.
            let named = standing == attach::Standing::Named;
            if named || !listeners.is_mere_server(Path::new(PROC), pid) {
                self.sign(pid, Sign::Running);
            }
        }
        self.watch_files();
        // Busy connections of processes that have got their probes just now were given up meanwhile.
        self.looks_again = true;
        self.look_again();
        self.files.codes().count()
    }

    /// Waits for signs of processes, and for what is said of them.
    pub(super) async fn serve(mut self, mut signs: Ring, mut commands: UnboundedReceiver<Command>) {
        let mut seen = Vec::new();
        let mut rounds = tokio::time::interval(ROUND);
        loop {
            self.counters.gauges.hooks.beat(monotonic_ns());
            let command = tokio::select! {
                biased;
                read = signs.read(|sign| seen.extend(sign)) => {
                    if read.is_err() {
                        warn!("signs of new processes can no longer be read; start the agent anew");
                        return;
                    }
                    None
                }
                _ = rounds.tick() => {
                    self.round();
                    None
                }
                command = commands.recv() => Some(command),
            };
            if command.is_some() {
                // That a process began comes before what was said of it, also where nobody was woken for it yet.
                signs.take(|sign| seen.extend(sign));
            }
            for sign in seen.drain(..) {
                self.event(sign);
            }
            match command {
                None => {}
                Some(None | Some(Command::Stop)) => return,
                Some(Some(command)) => self.obey(command),
            }
        }
    }

    /// Takes probes off that nothing has used for long.
    fn round(&mut self) {
        self.look_again();
        for pid in self.policy.outlived(monotonic_ns()) {
            debug!("process {pid}: no probes on its calls any more, for sessions older than this agent");
            self.carry(pid, Some(Action::Detach));
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Sign(pid, sign) => self.sign(pid, sign),
            Command::Judged(pid, of_interest) => {
                let action = self.policy.judged(pid, of_interest);
                self.carry(pid, action);
                if of_interest {
                    if self.mode != TlsMode::Calls {
                        let _ = self.standing.asks(pid);
                    }
                    self.follow(Involved::Asks(pid));
                }
            }
            Command::Called(pid) => self.policy.called(pid, monotonic_ns()),
            Command::Traced(pid) => self.trace(pid),
            Command::Met(pid, ends) => {
                if self.policy.is_involved(pid) {
                    self.follow(Involved::Meets(pid, ends));
                }
            }
            Command::Exclude(pid) => self.exclude(pid),
            Command::LookAgain => {
                self.looks_again = true;
                self.look_again();
            }
            Command::Tell(answer) => {
                // Who asked may be gone.
                let _ = answer.send(self.held());
            }
            Command::Measure(answer) => {
                self.measure();
                // Who asked may be gone.
                let _ = answer.send(());
            }
            // Signs come sooner than what is said: another process may have begun with this id.
            Command::Ended(pid, time_ns) => {
                if self.hooked.get(&pid).is_none_or(|hooked| hooked.began_ns < time_ns) {
                    self.ended(pid);
                    self.begun.forget(pid);
                }
            }
            Command::Analysed(analysed) => {
                let (pid, id, code) = *analysed;
                self.analysed(pid, id, code);
            }
            Command::Stop => {}
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::LibraryInit { pid } => self.sign(pid, Sign::LibraryInit),
            Event::Forked { child, .. } => self.sign(child, Sign::Forked),
            Event::Started { pid, file, time_ns } => self.started(pid, file, time_ns),
            _ => {}
        }
    }

    fn sign(&mut self, pid: u32, sign: Sign) {
        match self.admission.of_process(pid) {
            attach::Standing::Refused => return self.exclude(pid),
            attach::Standing::Named => {
                let action = self.policy.sign(pid, Sign::Named, monotonic_ns());
                self.carry(pid, action);
            }
            attach::Standing::Admitted => {}
        }
        let is_client = matches!(sign, Sign::Client { .. });
        let is_unreadable = sign == Sign::Unreadable;
        let action = self.policy.sign(pid, sign, monotonic_ns());
        if is_unreadable && action.is_some() {
            // Its files get probes on their calls now.
            self.detach(pid);
            self.hooked.entry(pid).or_default().is_unreadable = true;
        }
        if is_client && action.is_some() {
            self.hooked.entry(pid).or_default().is_news = true;
        }
        self.carry(pid, action);
    }

    fn carry(&mut self, pid: u32, action: Option<Action>) {
        match action {
            Some(Action::Attach) => self.attach(pid),
            Some(Action::Detach) => {
                self.detach(pid);
                // A further sign of it is no news; a new server is.
                let _ = self.standing.known(pid);
            }
            None => {}
        }
    }

    fn ended(&mut self, pid: u32) {
        self.detach(pid);
        let watches = self.files.released(pid);
        if !watches.is_empty() {
            let _ = self.helpers.detacher.send(watches);
        }
        self.policy.ended(pid);
        self.admission.forget(pid);
        if let Some(services) = &self.services {
            services.forget(pid);
        }
    }

    fn exclude(&mut self, pid: u32) {
        self.detach(pid);
        let _ = self.standing.excluded(pid);
    }

    fn follow(&self, involved: Involved) {
        if let Some(peers) = &self.helpers.peers {
            let _ = peers.send(involved);
        }
    }

    /// What a file that a process uses holds. One that was not seen before is analysed at once.
    pub(super) fn code(&mut self, pid: Option<u32>, library: Library) -> Option<Arc<Code>> {
        let id = library.id;
        if self.files.get(&id).is_none() {
            match code_of(library, (&AT_HAND, AT_ONCE), &self.known, &self.counters) {
                Ok(code) => self.learn(id, code),
                Err(library) => self.look_later(pid, library),
            }
        }
        if let Some(pid) = pid {
            self.files.used(pid, id);
        }
        self.files.get(&id)?.cloned()
    }

    /// Leaves a file to the analyser.
    pub(super) fn look_later(&mut self, pid: Option<u32>, library: Library) {
        let hooked = pid.and_then(|pid| self.hooked.get_mut(&pid));
        if let Some(hooked) = hooked {
            hooked.awaited += 1;
        }
        self.helpers.analyser.send(pid.unwrap_or_default(), library);
    }

    fn learn(&mut self, id: FileId, code: Option<Arc<Code>>) {
        if code.is_some() {
            self.unwatched.push(id);
        }
        self.files.learn(id, code);
    }

    /// Puts the probes on the files that were found that are for all processes: those that see keys, or that see
    /// who begins to use a library.
    fn watch_files(&mut self) {
        for id in std::mem::take(&mut self.unwatched) {
            let by_keys = self.mode != TlsMode::Calls;
            let forgotten = self.files.forget_unused();
            if !forgotten.is_empty() {
                let _ = self.helpers.detacher.send(forgotten);
            }
            // In a container, who begins to use a library is known by the programs that begin.
            let Some(code) = self.files.unwatched(&id, by_keys) else { continue };
            let wanted = |role| if by_keys { matches!(role, Role::Key(_)) } else { role == Role::Init };
            let points = code.points(wanted);
            if points.is_empty() {
                continue;
            }
            let _expedited = Expedited::begin();
            match self.programs.attach(&code.handle(), &points, None) {
                Ok(attachment) => self.files.watched(&id, attachment),
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
    }
}
