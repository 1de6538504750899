//! Reads a process from `/proc` (proc(5)). Reading never fails as a whole: a process may be gone or
//! hide any of its files, and what cannot be read is left out.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Process;
use super::cgroup::{self, Membership};
use super::command;
use super::environment::variable;
use super::sdk::Setup;
use crate::binary;
use crate::percent;
use crate::value::Value;

/// Bytes that are read of any one file; a longer one is cut. The kernel bounds `environ` and
/// `cmdline` at 2 MiB or more, of which services use a few KiB.
const FILE_MAX_BYTES: u64 = 256 * 1024;

/// Attributes that are taken over from `OTEL_RESOURCE_ATTRIBUTES`.
const CLAIMED_MAX: usize = 64;

/// `service.name` of a process of which nothing could be read, in OpenTelemetry's words.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// The `/proc` of a host.
#[derive(Clone, Debug)]
pub struct Procfs {
    root: PathBuf,
    host_name: Option<String>,
    users: HashMap<u32, String>,
    /// Whether it is read where processes come from.
    lineage: bool,
    /// When the host began, in microseconds since 1970.
    boot_time: Option<u64>,
}

impl Procfs {
    /// Reads below `root`, which is `/proc` but for tests and containers with the host's mounted.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root, host_name: None, users: HashMap::new(), lineage: false, boot_time: None }
    }

    /// Adds `host.name` to each process that does not bring its own.
    #[must_use]
    pub fn with_host_name(mut self, name: String) -> Self {
        self.host_name = Some(name).filter(|name| !name.is_empty());
        self
    }

    /// Names users by a passwd(5) file, read here and once.
    #[must_use]
    pub fn with_passwd(mut self, path: &Path) -> Self {
        self.users = read(path).map(|file| users(&String::from_utf8_lossy(&file))).unwrap_or_default();
        self
    }

    /// Describes with each process where it comes from, which the audit tells.
    #[must_use]
    pub fn with_lineage(mut self, is_wanted: bool) -> Self {
        self.lineage = is_wanted;
        let stat = read(&self.root.join("stat")).filter(|_| is_wanted).unwrap_or_default();
        let stat = String::from_utf8_lossy(&stat);
        let seconds = stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<u64>().ok());
        self.boot_time = seconds.and_then(|seconds| seconds.checked_mul(1_000_000));
        self
    }

    /// Describes a process. `command` is what it is called if it is gone.
    #[must_use]
    pub fn read(&self, pid: u32, command: Option<&str>) -> Process {
        let directory = self.root.join(pid.to_string());
        let membership = self.file(pid, "cgroup").map(|file| cgroup::parse(&file)).unwrap_or_default();
        let arguments = self.file(pid, "cmdline").map(|file| split_at_nul(&file)).unwrap_or_default();
        let executable = fs::read_link(directory.join("exe")).ok().map(|path| {
            let path = path.to_string_lossy();
            path.strip_suffix(" (deleted)").unwrap_or(&path).to_owned()
        });
        // The kernel's own short name is all that a foreign user may see.
        let executable_name = executable
            .as_deref()
            .map(|path| command::file_name(path).to_owned())
            .or_else(|| self.file(pid, "comm").map(|name| name.trim_end().to_owned()))
            .or_else(|| command.map(str::to_owned))
            .filter(|name| !name.is_empty());
        let program = command::program(executable_name.as_deref(), &arguments);
        let is_go = || File::open(directory.join("exe")).is_ok_and(binary::is_go);
        let runtime = program.runtime.or_else(|| is_go().then_some("go"));

        let mut notes = Vec::new();
        let environment = self.file(pid, "environ").map(|file| split_at_nul(&file)).unwrap_or_default();
        let claimed = variable(&environment, "OTEL_RESOURCE_ATTRIBUTES").map_or_else(Vec::new, |text| {
            claimed_attributes(text).unwrap_or_else(|| {
                notes.push("OTEL_RESOURCE_ATTRIBUTES of the process is not valid".to_owned());
                Vec::new()
            })
        });
        let claimed_name = variable(&environment, "OTEL_SERVICE_NAME").map(str::to_owned).or_else(|| {
            claimed.iter().find(|(name, _)| name == "service.name").map(|(_, value)| value.clone())
        });

        let mut attributes = Attributes::default();
        attributes.put("process.pid", Value::Int(i64::from(pid)));
        attributes.text("process.executable.name", executable_name.clone());
        attributes.text("process.executable.path", executable);
        // A program may write over its arguments; only a path can hold spaces, and few do.
        let called = arguments.first().and_then(|called| called.split_ascii_whitespace().next());
        attributes.text("process.command", called.map(str::to_owned));
        attributes.text("process.runtime.name", runtime.map(str::to_owned));
        attributes.text("process.owner", self.owner(pid, &membership));
        attributes.text("container.id", membership.container_id.clone());
        for (name, value) in claimed {
            if name != "service.name" {
                attributes.text(&name, Some(value));
            }
        }
        attributes.text("host.name", self.host_name.clone());

        let service_name = claimed_name
            .or(membership.unit)
            .or(program.name)
            .or(program.interpreter.map(str::to_owned))
            .or(executable_name)
            .unwrap_or_else(|| {
                notes.push("nothing names the process".to_owned());
                UNKNOWN_SERVICE.to_owned()
            });
        if !notes.is_empty() {
            attributes.put("spanwire.process.notes", Value::strings(notes));
        }
        // What it has loaded is looked at later: it may have begun just now.
        let setup = Setup { environment: &environment, arguments: &arguments, maps: "" };
        let exports_spans = setup.exports_spans();
        let is_contained = membership.container_id.is_some();
        let lineage = self.lineage.then(|| Arc::new(self.lineage(pid, &arguments, is_contained)));
        Process { pid, service_name, attributes: attributes.0, exports_spans, lineage }
    }

    /// Whether a process is set up to export spans of its own, by what it has loaded as well: see
    /// [`Process::exports_spans`]. With it, whether nobody listens where its receivers should be.
    #[must_use]
    pub(super) fn exports_spans(&self, pid: u32) -> (Option<bool>, bool) {
        let list = |name| self.file(pid, name).map(|file| split_at_nul(&file)).unwrap_or_default();
        let (environment, arguments) = (list("environ"), list("cmdline"));
        let maps = self.file(pid, "maps").unwrap_or_default();
        let setup = Setup { environment: &environment, arguments: &arguments, maps: &maps };
        let ports = setup.local_receivers();
        let is_unheard = !ports.is_empty() && self.nobody_listens(pid, &ports);
        (setup.exports_spans(), is_unheard)
    }

    /// Whether no socket in a process's network namespace listens at any of these ports. False where that cannot be
    /// told.
    fn nobody_listens(&self, pid: u32, ports: &[u16]) -> bool {
        let Some(mut sockets) = self.file(pid, "net/tcp") else { return false };
        sockets.push_str(&self.file(pid, "net/tcp6").unwrap_or_default());
        // `sl local_address rem_address st …`, numbers in hexadecimal; those that listen stand first.
        !sockets.lines().any(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let (local, state) = (fields.next(), fields.nth(1));
            let port = local.and_then(|local| u16::from_str_radix(local.rsplit(':').next()?, 16).ok());
            state == Some("0A") && port.is_some_and(|port| ports.contains(&port))
        })
    }

    /// Describes a process that runs this program (see [`spanwire_abi::Opened::program`]), as long as
    /// it does: of one that is gone, or has gone on to another, only `command` is known.
    #[must_use]
    pub fn read_program(&self, pid: u32, command: &str, program: u64) -> Process {
        let process = self.read(pid, Some(command));
        // Asked afterwards: what was read is this program's if the process still runs it.
        match self.program(pid) {
            Some(now) if now != 0 && program != 0 && now != program => Self::gone(pid, command),
            _ => process,
        }
    }

    /// A process of which nothing but its thread's name is known.
    fn gone(pid: u32, command: &str) -> Process {
        let mut attributes = Attributes::default();
        attributes.put("process.pid", Value::Int(i64::from(pid)));
        attributes.text("process.executable.name", Some(command.to_owned()));
        let note = "the process ran another program before it could be described";
        attributes.put("spanwire.process.notes", Value::strings([note]));
        let service_name = if command.is_empty() { UNKNOWN_SERVICE } else { command };
        let service_name = service_name.to_owned();
        Process { pid, service_name, attributes: attributes.0, exports_spans: None, lineage: None }
    }

    /// When a process started, in clock ticks since boot (field 22 of `stat`): with the pid, its
    /// identity. `None` when there is no such process.
    #[must_use]
    pub fn start_ticks(&self, pid: u32) -> Option<u64> {
        self.stat(pid, 22)
    }

    /// What tells a process's program from its others (field 48 of `stat`, `arg_start`): see
    /// [`spanwire_abi::Opened::program`]; 0 where it is hidden. `None` when there is no such process.
    #[must_use]
    pub fn program(&self, pid: u32) -> Option<u64> {
        self.stat(pid, 48)
    }

    /// A field of `stat`, from 3.
    fn stat(&self, pid: u32, field: usize) -> Option<u64> {
        // The second field is the name in parentheses, and may itself hold spaces and parentheses.
        let stat = self.file(pid, "stat")?;
        let (_, fields) = stat.rsplit_once(')')?;
        fields.split_ascii_whitespace().nth(field.checked_sub(3)?)?.parse().ok()
    }

    /// The name of the effective user. In a container the host's names need not hold: there it stays
    /// a number.
    fn owner(&self, pid: u32, membership: &Membership) -> Option<String> {
        let effective = self.effective_user(pid)?;
        let name = self.user_name(effective).filter(|_| membership.container_id.is_none());
        Some(name.unwrap_or_else(|| effective.to_string()))
    }

    pub(super) fn effective_user(&self, pid: u32) -> Option<u32> {
        let status = self.file(pid, "status")?;
        let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        ids.split_ascii_whitespace().nth(1)?.parse().ok()
    }

    /// As the host's list has it.
    pub(super) fn user_name(&self, id: u32) -> Option<String> {
        self.users.get(&id).cloned()
    }

    /// Who started a process, or took it over (field 4 of `stat`).
    pub(super) fn parent(&self, pid: u32) -> Option<u32> {
        self.stat(pid, 4)?.try_into().ok()
    }

    /// When the host began, in microseconds since 1970.
    pub(super) fn boot_time(&self) -> Option<u64> {
        self.boot_time
    }

    pub(super) fn path(&self, pid: u32, name: &str) -> PathBuf {
        self.root.join(pid.to_string()).join(name)
    }

    pub(super) fn file(&self, pid: u32, name: &str) -> Option<String> {
        let bytes = read(&self.path(pid, name))?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Attributes by name, each once: the first to be put holds.
#[derive(Default)]
struct Attributes(Vec<(String, Value)>);

impl Attributes {
    fn put(&mut self, name: &str, value: Value) {
        if self.0.iter().all(|(known, _)| known != name) {
            self.0.push((name.to_owned(), value));
        }
    }

    fn text(&mut self, name: &str, text: Option<String>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.put(name, Value::String(text));
        }
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(FILE_MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn split_at_nul(file: &str) -> Vec<String> {
    file.strip_suffix('\0').unwrap_or(file).split('\0').map(str::to_owned).collect()
}

/// `key=value,key=value`, percent-encoded. One that does not decode invalidates all of them
/// (OpenTelemetry, Resource SDK, "Specifying resource information via an environment variable").
fn claimed_attributes(text: &str) -> Option<Vec<(String, String)>> {
    text.split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .take(CLAIMED_MAX)
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let (name, value) = (percent::decode(name.trim())?, percent::decode(value.trim())?);
            (!name.is_empty()).then(|| (name.into_owned(), value.into_owned()))
        })
        .collect()
}

/// User names by id: `name:password:uid:…`, the first line of an id holds.
fn users(passwd: &str) -> HashMap<u32, String> {
    let mut users = HashMap::new();
    for line in passwd.lines() {
        let mut fields = line.split(':');
        let (Some(name), Some(uid)) = (fields.next(), fields.nth(1)) else { continue };
        if let (false, Ok(uid)) = (name.is_empty(), uid.parse()) {
            users.entry(uid).or_insert_with(|| name.to_owned());
        }
    }
    users
}
