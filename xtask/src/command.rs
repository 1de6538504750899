//! Starting other programs.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// What an outer cargo, rustup or the user's shell may have set and would misdirect a build that
/// chooses its own compiler, flags and directories.
const MISLEADING: &[&str] = &[
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// The cargo that started this program, working in `root` on `root/target`.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).env("CARGO_TARGET_DIR", root.join("target"));
    cargo
}

/// `cargo SUBCOMMAND` on all packages that compile for this host. Cargo joins the features that the chosen
/// packages ask of a dependency; the same choice everywhere has each dependency compiled once.
pub(crate) fn workspace(root: &Path, subcommand: &str) -> Command {
    let mut cargo = cargo(root);
    cargo.args([subcommand, "--workspace", "--exclude", "spanwire-ebpf"]);
    cargo
}

/// `program`, started through sudo when this is not root; sudo then lets the variables `kept` through.
pub(crate) fn as_root(program: &Path, kept: &[&str]) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(format!("--preserve-env={}", kept.join(","))).arg("--").arg(program);
    command
}

/// Takes from `command` the environment that would misdirect a build for another target.
pub(crate) fn without_outer_build(command: &mut Command) -> &mut Command {
    for name in MISLEADING {
        command.env_remove(name);
    }
    command
}

/// Runs `command` with its output shown.
///
/// # Errors
/// If it cannot be started or ends with anything but success.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let line = shown(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// What `command` prints, if it succeeds; its complaints are dropped.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The path of an executable called `name` in `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// `command` as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    words.join(" ")
}

/// Whether this process has root's user id, which is the owner of its own directory in `/proc`.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn a_failing_command_is_named() {
        let error = check(Command::new("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(error.contains("sh -c exit 3") && error.contains('3'), "{error}");
    }

    #[test]
    fn output_is_that_of_a_success() {
        assert_eq!(output(Command::new("echo").arg("yes")), Some("yes".to_owned()));
        assert_eq!(output(&mut Command::new("false")), None);
        assert_eq!(output(&mut Command::new("no-such-program")), None);
    }

    #[test]
    fn a_nested_build_loses_the_outer_one() {
        let mut command = Command::new("true");
        command.env("RUSTFLAGS", "-Cfoo");
        let removed = without_outer_build(&mut command).get_envs().find(|(name, _)| *name == "RUSTFLAGS");
        assert_eq!(removed, Some((OsStr::new("RUSTFLAGS"), None)));
    }
}
