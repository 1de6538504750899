//! A Rust compiler that has `core` for the BPF target: found, or installed.
//!
//! Stable toolchains of rustup carry no `core` for BPF, so it takes one of two others: a nightly with
//! the library's source, from which cargo builds `core`, or Debian's rustc-web with a `core` built
//! by the distribution.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command::{output, without_outer_build};
use crate::{apt, linker};

/// The target of the BPF programs. Little-endian, as are the machines that the agent supports.
pub(crate) const TARGET: &str = "bpfel-unknown-none";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "libstd-rust-web-dev-bpf"];
/// The workspace's `rust-version`, minor part.
const OLDEST_MINOR: u32 = 95;

/// A compiler able to build the BPF programs.
pub(crate) struct Toolchain {
    pub(crate) rustc: PathBuf,
    pub(crate) route: Route,
}

/// Where `core` comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Built by cargo from the rust-src component of rustup's nightly.
    Nightly,
    /// Precompiled in Debian's libstd-rust-web-dev-bpf.
    Debian,
}

impl Toolchain {
    /// One line for the person who waits.
    pub(crate) fn describe(&self) -> String {
        let how = match self.route {
            Route::Nightly => "rustup's nightly, building core from rust-src",
            Route::Debian => "Debian's rustc-web, with its precompiled core",
        };
        format!("BPF toolchain: {how} ({})", self.rustc.display())
    }
}

/// Finds a toolchain, and installs Debian's if there is none.
///
/// # Errors
/// If nothing usable is found and nothing can be installed.
pub(crate) fn find_or_install() -> Result<Toolchain> {
    let no_nightly = match nightly() {
        Ok(toolchain) => return Ok(toolchain),
        Err(why) => why,
    };
    if let Ok(toolchain) = debian() {
        return Ok(toolchain);
    }
    apt::install(DEBIAN_PACKAGES, "compiling the BPF programs")
        .and_then(|()| debian().map_err(anyhow::Error::msg))
        .with_context(|| {
            format!(
                "no toolchain for {TARGET}: rustup's nightly {no_nightly} (mend with `rustup toolchain \
                 install nightly --component rust-src`), and Debian's cannot be had"
            )
        })
}

/// Rustup's nightly, or why it cannot be used.
fn nightly() -> Result<Toolchain, String> {
    let mut which = Command::new("rustup");
    // Rustup must not answer a question by downloading a toolchain.
    without_outer_build(&mut which).env("RUSTUP_AUTO_INSTALL", "0");
    let rustc = output(which.args(["which", "--toolchain", "nightly", "rustc"])).ok_or("is not installed")?;
    let rustc = PathBuf::from(rustc);
    usable(&rustc, "lib/rustlib/src/rust/library/core/src/lib.rs", "has no rust-src component")?;
    Ok(Toolchain { rustc, route: Route::Nightly })
}

/// Debian's rustc-web, or why it cannot be used.
fn debian() -> Result<Toolchain, String> {
    let rustc = PathBuf::from(DEBIAN_RUSTC);
    usable(&rustc, &format!("lib/rustlib/{TARGET}/lib"), &format!("has no core for {TARGET}"))?;
    Ok(Toolchain { rustc, route: Route::Debian })
}

/// Whether `rustc` has the file that it needs in its sysroot and suits the linker.
fn usable(rustc: &Path, needed: &str, otherwise: &str) -> Result<(), String> {
    let ask = |question: &[&str]| output(without_outer_build(Command::new(rustc).args(question)));
    let sysroot = ask(&["--print", "sysroot"]).ok_or_else(|| format!("{} does not run", rustc.display()))?;
    if !Path::new(&sysroot).join(needed).exists() {
        return Err(format!("{} {otherwise}", rustc.display()));
    }
    let version = ask(&["-vV"]).unwrap_or_default();
    suits(&version).map_err(|why| format!("{} {why}", rustc.display()))
}

/// Whether a compiler that says `version` (the output of `rustc -vV`) is new enough and writes the
/// bitcode that the linker reads.
fn suits(version: &str) -> Result<(), String> {
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("unknown");
    let (release, llvm) = (field("release: "), field("LLVM version: "));
    let minor = release.strip_prefix("1.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    if minor.is_none_or(|minor| minor < OLDEST_MINOR) {
        return Err(format!("is Rust {release}, and 1.{OLDEST_MINOR} or newer is needed"));
    }
    if llvm.split('.').next() != Some(linker::LLVM_MAJOR) {
        return Err(format!(
            "has LLVM {llvm}, and bpf-linker {} needs {}",
            linker::VERSION,
            linker::LLVM_MAJOR
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn a_suitable_compiler_is_new_and_has_the_linkers_llvm() {
        assert_eq!(suits("rustc 1.96.0\nrelease: 1.96.0\nLLVM version: 22.1.8\n"), Ok(()));
        assert_eq!(suits("release: 1.97.0-nightly\nLLVM version: 22.1.4"), Ok(()));
        assert!(suits("release: 1.63.0\nLLVM version: 14.0.6").unwrap_err().contains("is Rust 1.63.0"));
        assert!(suits("release: 1.99.0-nightly\nLLVM version: 23.0.0").unwrap_err().contains("LLVM 23"));
        assert!(suits("release: 1.96.0\nLLVM version: 2.0").is_err());
        assert!(suits("").is_err());
    }

    #[test]
    fn a_compiler_without_core_is_refused_by_name() {
        let rustc = crate::command::find("rustc").unwrap();
        let why = usable(&rustc, "lib/no/such/file", "has no such file").unwrap_err();
        assert!(why.contains("rustc has no such file"), "{why}");
    }
}
