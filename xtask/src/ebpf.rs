//! Compiling the BPF programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command::{cargo, check, without_outer_build};
use crate::dist::remapped;
use crate::linker;
use crate::toolchain::{self, Route, TARGET};

/// Compiles `spanwire-ebpf` and returns the path of the object, which the agent's build script reads.
///
/// # Errors
/// If there is no toolchain and none can be installed, or the programs do not compile.
pub(crate) fn build(root: &Path) -> Result<PathBuf> {
    let toolchain = toolchain::find_or_install()?;
    println!("{}", toolchain.describe());
    let linker = linker::prepare(root, &toolchain.rustc)?;
    // A directory of its own: another compiler's artefacts would evict the agent's at every turn.
    let directory = root.join("target/bpf/build");

    let mut build = match toolchain.route {
        Route::Nightly => {
            let mut build = Command::new("rustup");
            without_outer_build(build.current_dir(root)).args([
                "run",
                "nightly",
                "cargo",
                "build",
                "-Zbuild-std=core",
            ]);
            build
        }
        Route::Debian => {
            let mut build = cargo(root);
            // The BPF crates use unstable features, which a stable compiler allows only when asked to.
            without_outer_build(&mut build)
                .env("RUSTC", &toolchain.rustc)
                .env("RUSTC_BOOTSTRAP", "1")
                .arg("build");
            build
        }
    };
    build.env("CARGO_ENCODED_RUSTFLAGS", flags(&linker, &remapped(root)?));
    build.args(["--quiet", "--release", "--package", "spanwire-ebpf", "--target", TARGET, "--target-dir"]);
    check(build.arg(&directory))?;

    let object = |name: &str| -> Result<PathBuf> {
        let object = root.join(format!("target/bpf/{name}.bpf.o"));
        copy_if_changed(&directory.join(TARGET).join("release").join(name), &object)?;
        Ok(object)
    };
    // What hooks cost by themselves, for `cargo xtask bench`.
    object("empty")?;
    let object = object("spanwire")?;
    println!("BPF object: target/bpf/spanwire.bpf.o");
    Ok(object)
}

/// Compiler flags, separated as `CARGO_ENCODED_RUSTFLAGS` wants them so that paths may hold spaces.
/// BTF, which the kernel's verifier and the loader need, is made from debug information. The programs
/// read registers, so they must know the processor that they will run on: this one.
fn flags(linker: &Path, remapped: &[(PathBuf, &str)]) -> String {
    let linker = format!("-Clinker={}", linker.display());
    let target = format!("--cfg=bpf_target_arch=\"{}\"", std::env::consts::ARCH);
    let mut flags = vec![linker, "-Clink-arg=--btf".to_owned(), "-Cdebuginfo=2".to_owned(), target];
    flags.extend(remapped.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())));
    flags.join("\x1f")
}

/// Copies `from` to `to`, and leaves `to` and its time alone when nothing changed, lest the agent be
/// rebuilt.
fn copy_if_changed(from: &Path, to: &Path) -> Result<()> {
    let new = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).ok().as_ref() != Some(&new) {
        fs::write(to, new).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn an_unchanged_object_keeps_its_time() {
        let directory = std::env::temp_dir().join(format!("xtask-ebpf-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (from, to) = (directory.join("from"), directory.join("to"));
        fs::write(&from, "one").unwrap();
        copy_if_changed(&from, &to).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH;
        fs::File::options().write(true).open(&to).unwrap().set_modified(old).unwrap();
        copy_if_changed(&from, &to).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), old);
        fs::write(&from, "two").unwrap();
        copy_if_changed(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "two");
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn flags_survive_spaces_in_paths() {
        assert_eq!(
            flags(Path::new("/a b/bpf-linker"), &[]).split('\x1f').next(),
            Some("-Clinker=/a b/bpf-linker")
        );
    }
}
