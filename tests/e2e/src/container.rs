//! Programs in namespaces of their own: a root of their own, an overlay, a network, a runc container.
//! All of it is gone with the values that made it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::folder::Folder;

/// Runs a command of the host to its end, which must be a success; returns what it wrote.
///
/// # Errors
/// When it fails.
pub fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| program.to_owned())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed ({}): {said}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// The file that a program's name leads to.
///
/// # Errors
/// When it is not in `PATH`.
pub fn which(program: &str) -> Result<PathBuf> {
    let folders = std::env::var_os("PATH").context("no PATH")?;
    let found = std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.exists());
    found.with_context(|| format!("no {program}"))
}

/// A root folder with nothing in it but what was copied there.
#[derive(Debug)]
pub struct RootFs(Folder);

impl RootFs {
    /// A copy of a program of this host and of the libraries that it needs, where it is here: `/usr/bin/curl`.
    /// `/lib` and `/lib64` are absolute links, as they are in some images.
    ///
    /// # Errors
    /// When something cannot be copied.
    pub fn with(program: &Path) -> Result<Self> {
        let root = Self(Folder::new()?);
        fs::create_dir_all(root.path().join("usr/lib"))?;
        fs::create_dir_all(root.path().join("usr/lib64"))?;
        fs::create_dir_all(root.path().join("proc"))?;
        for name in ["lib", "lib64"] {
            symlink(Path::new("/usr").join(name), root.path().join(name))?;
        }
        root.add(program)?;
        for line in run("ldd", &[program])?.lines() {
            // `libc.so.6 => /lib/…/libc.so.6 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`
            if let Some(path) = line.split_ascii_whitespace().find(|word| word.starts_with('/')) {
                root.add(Path::new(path))?;
            }
        }
        Ok(root)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Copies a file of this host to the same path.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn add(&self, path: &Path) -> Result<()> {
        let inside = path.strip_prefix("/").context("an absolute path")?;
        // What this host has below `/lib` is in `/usr/lib`, here or there.
        let inside = if inside.starts_with("lib") || inside.starts_with("lib64") {
            Path::new("usr").join(inside)
        } else {
            inside.to_owned()
        };
        let copy = self.path().join(inside);
        fs::create_dir_all(copy.parent().context("a folder")?)?;
        fs::copy(path, &copy).with_context(|| path.display().to_string())?;
        Ok(())
    }

    /// The copy of a library, by the begin of its name.
    ///
    /// # Errors
    /// When there is none.
    pub fn library(&self, name: &str) -> Result<PathBuf> {
        let mut folders = vec![self.path().join("usr/lib")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.file_name().is_some_and(|own| own.to_string_lossy().starts_with(name)) {
                    return Ok(path);
                }
            }
        }
        anyhow::bail!("no {name}")
    }

    /// Gives a library another build id, so that nobody has seen it before.
    ///
    /// # Errors
    /// When it has none.
    pub fn rebuild(&self, name: &str, number: u32) -> Result<()> {
        // The head of an ELF note that is a build id of 20 bytes (System V ABI, "Note Section").
        const HEAD: &[u8] = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
        let library = self.library(name)?;
        let mut bytes = fs::read(&library)?;
        let note = bytes.windows(HEAD.len()).position(|window| window == HEAD).context("no build id")?;
        let id = bytes.get_mut(note + HEAD.len()..).and_then(|rest| rest.first_chunk_mut::<4>());
        *id.context("a cut note")? = number.to_ne_bytes();
        Ok(fs::write(library, bytes)?)
    }

    /// Puts a new copy of a library in the place of the one that is there, as packages are upgraded:
    /// who has the old one open keeps it.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn replace(&self, name: &str) -> Result<()> {
        let library = self.library(name)?;
        let copy = library.with_extension("new");
        fs::copy(&library, &copy)?;
        Ok(fs::rename(copy, library)?)
    }

    /// What runs a program of it below this root, in a PID namespace and a mount namespace of its own.
    #[must_use]
    pub fn prefix(&self) -> Vec<OsString> {
        let mut prefix = words(&["unshare", "--mount", "--pid", "--fork", "--kill-child", "chroot"]);
        prefix.push(self.path().into());
        prefix
    }
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// Where an overlay is mounted.
#[derive(Clone, Copy, Debug)]
pub enum Over {
    /// It is the program's root.
    Root,
    /// It hides the folder that it is made of.
    Itself,
}

/// What runs a program that has an overlay of the folder `lower`, in mount and PID namespaces of its own.
/// The overlay is gone with the program.
///
/// # Errors
/// When no folder can be made for it.
pub fn overlay(lower: &Path, over: Over) -> Result<(Folder, Vec<OsString>)> {
    // The upper layer must not lie within the lower one.
    const LAYERS: &str = "set -e; mount -t tmpfs tmpfs \"$1\"; mkdir \"$1/upper\" \"$1/work\" \"$1/merged\"; \
                          layers=\"lowerdir=$0,upperdir=$1/upper,workdir=$1/work\"; ";
    const ROOT: &str = "mount -t overlay overlay -o \"$layers\" \"$1/merged\"; mount -t proc proc \"$1/merged/proc\"; \
                        root=\"$1/merged\"; shift; exec chroot \"$root\" \"$@\"";
    const ITSELF: &str = "mount -t overlay overlay -o \"$layers\" \"$0\"; shift; exec \"$@\"";
    let script = match over {
        Over::Root => [LAYERS, ROOT].concat(),
        Over::Itself => [LAYERS, ITSELF].concat(),
    };
    let folder = Folder::new()?;
    let mut prefix = words(&["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", &script]);
    prefix.extend([lower.into(), folder.path().into()]);
    Ok((folder, prefix))
}

/// A runc container that shares the host's network.
#[derive(Debug)]
pub struct Bundle {
    root: RootFs,
    /// Its id, of the form that container engines give.
    pub id: String,
}

impl Bundle {
    /// With this root.
    #[must_use]
    pub fn new(root: RootFs) -> Self {
        let id = format!("{:0>64x}", u64::from(std::process::id()) << 32 | 0xc0ff_ee00);
        Self { root, id }
    }

    /// What runs in it.
    #[must_use]
    pub fn root(&self) -> &RootFs {
        &self.root
    }

    /// Writes the bundle's configuration for this program and its arguments; returns the command that
    /// runs it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn command(&self, arguments: &[OsString]) -> Result<Vec<OsString>> {
        let folder = self.root.path();
        let arguments: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
        let namespaces = ["pid", "ipc", "uts", "mount", "cgroup"].map(|kind| json!({"type": kind}));
        // Open Container Initiative, Runtime Specification, "Configuration".
        let config = json!({
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": arguments},
            "root": {"path": folder, "readonly": true},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": namespaces},
        });
        fs::write(folder.join("config.json"), config.to_string())?;
        let mut command = words(&["runc", "run", "--bundle"]);
        command.extend([folder.into(), OsString::from(&self.id)]);
        Ok(command)
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // A container that ended is gone already.
        let _ = Command::new("runc").args(["delete", "--force", &self.id]).output();
    }
}

/// Two network namespaces, joined by a pair of virtual interfaces.
#[derive(Debug)]
pub struct Network {
    names: [String; 2],
}

impl Network {
    /// Addresses of the ends (RFC 5737: for documentation, and nobody's).
    pub const ADDRESSES: [&'static str; 2] = ["192.0.2.1", "192.0.2.2"];

    /// Makes both.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn new() -> Result<Self> {
        let names = ["a", "b"].map(|end| format!("spanwire-{}-{end}", std::process::id()));
        let network = Self { names };
        for name in &network.names {
            run("ip", &["netns", "add", name])?;
        }
        let [a, b] = &network.names;
        run("ip", &["-n", a, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", b])?;
        for (name, address) in network.names.iter().zip(Self::ADDRESSES) {
            run("ip", &["-n", name, "addr", "add", &format!("{address}/24"), "dev", "veth0"])?;
            for device in ["lo", "veth0"] {
                run("ip", &["-n", name, "link", "set", device, "up"])?;
            }
        }
        Ok(network)
    }

    /// What runs a program at one end.
    #[must_use]
    pub fn prefix(&self, end: usize) -> Vec<OsString> {
        let mut prefix = words(&["ip", "netns", "exec"]);
        prefix.extend(self.names.get(end).map(OsString::from));
        prefix
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.names {
            // The interfaces go with them.
            let _ = Command::new("ip").args(["netns", "delete", name]).output();
        }
    }
}
