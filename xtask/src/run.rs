//! Building and starting the agent.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::apt::{self, Package, Sign};
use crate::command::{cargo, check, find, is_root, shown};
use crate::{ebpf, python};

/// Environment that the agent reads, which sudo drops unless told to keep it.
const KEPT_PREFIXES: &[&str] = &["OTEL_", "SPANWIRE_", "RUST_LOG", "RUST_BACKTRACE", "NO_COLOR", "TERM"];

/// Compiles the BPF programs and the agent that embeds them.
///
/// # Errors
/// If either does not compile.
pub(crate) fn build(root: &Path, release: bool) -> Result<()> {
    ebpf::build(root)?;
    let mut build = cargo(root);
    build.args(["build", "--package", "spanwire"]);
    if release {
        build.arg("--release");
    }
    check(&mut build)
}

/// Builds the agent in release mode and becomes it. Returns only to tell that this failed.
///
/// # Errors
/// If the agent cannot be built or started, or there is no way to become root.
pub(crate) fn run(root: &Path, demo: bool, arguments: &[String]) -> Result<()> {
    if !is_root() && find("sudo").is_none() {
        bail!("the agent needs root to load BPF programs: start this as root, or install sudo");
    }
    build(root, true)?;
    let agent = root.join("target/release/spanwire");
    let mut command = as_root(&agent, std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
    if demo {
        apt::ensure(&[Package { name: "openssl", sign: Sign::Program("openssl") }], "the demo")?;
        command.args(["demo", "--python"]).arg(python::environment(root)?);
    } else {
        command.arg("run");
    }
    command.args(arguments).current_dir(root);
    let line = shown(&command);
    println!("starting {line}");
    Err(command.exec()).with_context(|| format!("cannot start `{line}`"))
}

/// `program`, through sudo when this is not root, with those of `variables` that the agent reads.
fn as_root(program: &Path, variables: impl Iterator<Item = String>) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(preserve(variables)).arg("--").arg(program);
    command
}

fn preserve(variables: impl Iterator<Item = String>) -> String {
    let mut kept: Vec<_> =
        variables.filter(|name| KEPT_PREFIXES.iter().any(|p| name.starts_with(p))).collect();
    kept.sort();
    format!("--preserve-env={}", kept.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sudo_keeps_what_the_agent_reads() {
        let variables = ["PATH", "OTEL_SERVICE_NAME", "HOME", "RUST_LOG"].map(str::to_owned);
        assert_eq!(preserve(variables.into_iter()), "--preserve-env=OTEL_SERVICE_NAME,RUST_LOG");
    }
}
