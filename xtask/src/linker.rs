//! bpf-linker: installed under `target/tools`, and made to use the compiler's own LLVM.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result};

use crate::command::{cargo, check, output, without_outer_build};

/// The version of bpf-linker that is installed.
pub(crate) const VERSION: &str = "0.10.3";
/// The LLVM of [`VERSION`]'s default features.
pub(crate) const LLVM_MAJOR: &str = "22";

/// Returns an absolute path of a bpf-linker that reads what `rustc` writes, installing it if needed.
///
/// # Errors
/// If the installation fails or `target` cannot be written.
pub(crate) fn prepare(root: &Path, rustc: &Path) -> Result<PathBuf> {
    let tools = root.join("target/tools");
    let installed = tools.join("bin/bpf-linker");
    if output(Command::new(&installed).arg("--version")).as_deref() != Some(&format!("bpf-linker {VERSION}"))
    {
        println!(
            "installing bpf-linker {VERSION} to target/tools (it links BPF programs; about two minutes)"
        );
        let mut install = cargo(root);
        // Compiled for this host, by the toolchain that compiles the agent.
        let toolchain = env::var_os("RUSTUP_TOOLCHAIN");
        without_outer_build(&mut install);
        if let Some(toolchain) = toolchain {
            install.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        let package = format!("bpf-linker@{VERSION}");
        check(install.args(["install", "--quiet", &package, "--locked", "--force", "--root"]).arg(&tools))?;
    }
    match llvm_of(rustc) {
        Some(llvm) => with_llvm(&tools.join("with-llvm"), &installed, &llvm),
        // Statically linked, so there is nothing to point to: the linker searches by itself.
        None => Ok(installed),
    }
}

/// The shared LLVM library that `rustc` loads.
fn llvm_of(rustc: &Path) -> Option<PathBuf> {
    shared_llvm(&output(Command::new("ldd").arg(rustc))?)
}

/// Finds the LLVM library in the output of `ldd`.
fn shared_llvm(ldd: &str) -> Option<PathBuf> {
    let line = ldd.lines().map(str::trim).find(|line| line.starts_with("libLLVM"))?;
    let (_, rest) = line.split_once("=> ")?;
    rest.split_once(" (").map(|(path, _)| PathBuf::from(path))
}

/// Writes a script to `directory` that starts `linker` with `llvm`, and returns its path.
///
/// bpf-linker takes the first `libLLVM*` that it meets in `LD_LIBRARY_PATH` and then beside `PATH`,
/// whatever its version (`aya-rustc-llvm-proxy`, `lib.rs`), and cargo and rustup put directories of
/// their own in front. So the script leads it to a directory that holds the right one alone.
fn with_llvm(directory: &Path, linker: &Path, llvm: &Path) -> Result<PathBuf> {
    let library = directory.join("lib");
    fs::create_dir_all(&library).with_context(|| format!("cannot create {}", library.display()))?;
    let link = library.join("libLLVM.so");
    if fs::read_link(&link).ok().as_deref() != Some(llvm) {
        let _absent = fs::remove_file(&link);
        std::os::unix::fs::symlink(llvm, &link).with_context(|| format!("cannot link {}", link.display()))?;
    }
    // The compiler knows the linker's flavour by this file name.
    let script = directory.join("bpf-linker");
    let text = format!("#!/bin/sh\nLD_LIBRARY_PATH={} exec {} \"$@\"\n", quoted(&library)?, quoted(linker)?);
    if fs::read_to_string(&script).ok().as_deref() != Some(&text) {
        fs::write(&script, text).with_context(|| format!("cannot write {}", script.display()))?;
        fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    Ok(script)
}

/// `path` as one word for a shell.
fn quoted(path: &Path) -> Result<String> {
    let path = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(format!("'{}'", path.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn the_compilers_llvm_is_read_from_ldd() {
        let ldd = "\tlinux-vdso.so.1 (0x7f)\n\tlibLLVM.so.22.1 => /lib/libLLVM.so.22.1 (0x7fb7)\n";
        assert_eq!(shared_llvm(ldd), Some(PathBuf::from("/lib/libLLVM.so.22.1")));
        assert_eq!(shared_llvm("\tlibLLVM.so.22.1 => not found\n"), None);
        assert_eq!(shared_llvm("\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n"), None);
    }

    #[test]
    fn the_script_leads_to_one_llvm_and_passes_arguments_on() {
        let directory = env::temp_dir().join(format!("it's xtask {}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let linker = directory.join("linker");
        fs::write(&linker, "#!/bin/sh\nls \"$LD_LIBRARY_PATH\"\necho \"$#:$1\"\n").unwrap();
        fs::set_permissions(&linker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        for _again in 0..2 {
            let script =
                with_llvm(&directory.join("with-llvm"), &linker, Path::new("/lib/libLLVM.so.22")).unwrap();
            let said = output(Command::new(script).args(["a b", "c"]));
            assert_eq!(said.as_deref(), Some("libLLVM.so\n2:a b"));
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}
