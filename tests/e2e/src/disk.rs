//! File systems of a test's own, which fill up, stand still and fail on demand.

use std::ffi::CString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// Enough for a small ext4 with a journal.
const IMAGE_BYTES: u64 = 32 << 20;

/// A mounted file system, taken off with this value.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// In memory, of this size (as tmpfs takes it), for root alone.
    ///
    /// # Errors
    /// When it cannot be mounted there, in a folder that is made.
    pub fn in_memory(at: &Path, size: &str) -> Result<Self> {
        fs::create_dir(at)?;
        let options = CString::new(format!("size={size},mode=0700"))?;
        mount("tmpfs", at, "tmpfs", MountFlags::empty(), options.as_c_str())?;
        Ok(Self(at.to_owned()))
    }

    /// An ext4 in a file beside its folder.
    ///
    /// # Errors
    /// When it cannot be made, or not mounted there, in a folder that is made.
    pub fn in_file(at: &Path) -> Result<Self> {
        let image = at.with_extension("image");
        File::create_new(&image)?.set_len(IMAGE_BYTES)?;
        fs::create_dir(at)?;
        run(Command::new("mkfs.ext4").arg("-q").arg(&image))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(at))?;
        let disk = Self(at.to_owned());
        fs::set_permissions(at, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(disk)
    }

    /// Has it stand still: whoever writes waits until what is returned is gone. Whoever asks an SQLite file waits, too.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn freeze(&self) -> Result<Frozen<'_>> {
        run(Command::new("fsfreeze").arg("--freeze").arg(&self.0))?;
        Ok(Frozen(self))
    }

    /// Has it fail, as when its journal cannot be written: nothing can be written to it any more.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn fail(&self) -> Result<()> {
        run(Command::new("mount").args(["-o", "remount,abort"]).arg(&self.0))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

/// A file system that stands still, and goes on when this is gone.
#[derive(Debug)]
pub struct Frozen<'a>(&'a Disk);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let _ = run(Command::new("fsfreeze").arg("--unfreeze").arg(&self.0.0));
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}: {errors}", output.status);
    Ok(())
}
