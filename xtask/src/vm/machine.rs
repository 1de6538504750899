//! Kernels of Debian's releases, and the emulator that boots them.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::command::find;
use crate::suites::{self, Reach, Wanted};

/// A kernel that tests run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// What it is asked for by.
    pub(crate) version: &'static str,
    /// The Debian release whose cloud kernel it is.
    release: &'static str,
    /// A test that need not run on it: it does by itself what that asks the agent for.
    skip: Option<&'static str>,
}

/// The test of hooks that the agent chooses where there are no tracepoints of the socket layer.
const FUNCTIONS: Option<&str> = Some("by_the_return_of_functions");

/// Those that are known, oldest first. The first is the oldest that is supported, and so the one that misses
/// most: it has no tracepoints of the socket layer, no `uprobe_multi` links and no `bpf_task_pt_regs`, and it
/// counts BPF's memory as locked.
pub(crate) const KERNELS: [Kernel; 3] = [
    Kernel { version: "5.10", release: "bullseye", skip: FUNCTIONS },
    Kernel { version: "6.1", release: "bookworm", skip: FUNCTIONS },
    Kernel { version: "6.12", release: "trixie", skip: None },
];

/// Name of the emulator's program.
const EMULATOR: &str = "qemu-system-x86_64";

/// How long a guest may run. Nothing is asserted about times below it.
const DEADLINE: Duration = Duration::from_secs(1500);

impl Kernel {
    /// Fetches it; returns its file and its package's name with version.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub(super) fn fetch(self, root: &Path) -> Result<(PathBuf, String)> {
        let packages = &["linux-image-cloud-amd64"];
        let wanted = Wanted { release: self.release, packages, reach: Reach::Direct };
        let (folder, files) = suites::unpack(root, &format!("vm/{}", self.version), wanted)?;
        let is_kernel = |path: &PathBuf| path.to_string_lossy().contains("/vmlinuz-");
        let entries = fs::read_dir(folder.join("boot")).context("a kernel's package has no /boot")?;
        let file = entries.filter_map(|entry| Some(entry.ok()?.path())).find(is_kernel);
        let image = |name: &&String| !name.starts_with("linux-image-cloud");
        let package = files.into_iter().find(|name| image(&name)).unwrap_or_default();
        Ok((file.context("a kernel's package has no kernel")?, package))
    }
}

/// The emulator: this machine's own, or one unpacked under `target/`.
pub(super) struct Emulator {
    program: PathBuf,
    /// Where it was unpacked.
    folder: Option<PathBuf>,
}

impl Emulator {
    /// Finds or fetches it.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub(super) fn prepare(root: &Path) -> Result<Self> {
        if let Some(program) = find(EMULATOR) {
            return Ok(Self { program, folder: None });
        }
        let release = suites::own()?;
        let wanted = Wanted { release: &release, packages: &["qemu-system-x86"], reach: Reach::Missing };
        let (folder, _) = suites::unpack(root, "vm/qemu", wanted)?;
        Ok(Self { program: folder.join("usr/bin").join(EMULATOR), folder: Some(folder) })
    }

    /// Boots a kernel; returns what was said on the console until the machine turned itself off.
    ///
    /// # Errors
    /// When the emulator cannot be started. A guest that does not end is stopped: its console is cut.
    pub(super) fn boot(&self, kernel: Kernel, file: &Path, archive: &Path, log: &Path) -> Result<String> {
        // The kernel makes what is none of its parameters the environment of its first program.
        let skip = kernel.skip.map_or_else(String::new, |test| format!(" SKIP={test}"));
        let parameters = format!("console=ttyS0 quiet loglevel=2 panic=-1 mitigations=off{skip}");
        let mut command = Command::new(&self.program);
        if let Some(folder) = &self.folder {
            let libraries = ["usr/lib", "lib"]
                .map(|part| folder.join(part).join(format!("{}-linux-gnu", std::env::consts::ARCH)))
                .map(|path| path.display().to_string());
            command.env("LD_LIBRARY_PATH", libraries.join(":"));
            for part in ["usr/share/qemu", "usr/share/seabios"] {
                command.arg("-L").arg(folder.join(part));
            }
        }
        command
            .args(["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"])
            .args(["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"])
            .args(["-append", &parameters])
            .arg("-kernel")
            .arg(file)
            .arg("-initrd")
            .arg(archive)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut guest =
            command.spawn().with_context(|| format!("cannot start {}", self.program.display()))?;
        let said = guest.stdout.take().context("no console")?;
        let mut log = fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned() + "\n";
                // What cannot be logged is still returned.
                let _ = log.write_all(line.as_bytes());
                text += &line;
            }
            text
        });
        let began = Instant::now();
        while guest.try_wait()?.is_none() {
            if began.elapsed() > DEADLINE {
                eprintln!("the guest does not end: it is stopped");
                guest.kill()?;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        match reader.join() {
            Ok(text) => Ok(text),
            Err(_) => bail!("the console could not be read"),
        }
    }
}
