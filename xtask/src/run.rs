//! Building and starting the agent.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::apt::{self, Package, Sign};
use crate::command::{as_root, cargo, check, shown, workspace};
use crate::{ebpf, preflight, python};

/// Environment that the agent reads, which sudo drops unless told to keep it.
const KEPT_PREFIXES: &[&str] = &["OTEL_", "SPANWIRE_", "RUST_LOG", "RUST_BACKTRACE", "NO_COLOR", "TERM"];

/// Compiles the BPF programs and the agent that embeds them; returns the agent's executable.
///
/// # Errors
/// If either does not compile.
pub(crate) fn build(root: &Path, release: bool) -> Result<PathBuf> {
    ebpf::build(root)?;
    if release {
        check(cargo(root).args(["build", "--package", "spanwire", "--release"]))?;
        return Ok(root.join("target/release/spanwire"));
    }
    check(workspace(root, "build").args(["--bin", "spanwire"]))?;
    Ok(root.join("target/debug/spanwire"))
}

/// Builds the agent and becomes it: in release mode, or for the demo as the tests build it, who compile
/// the same. Returns only to tell that this failed.
///
/// # Errors
/// If the agent cannot be built or started, or there is no way to become root.
pub(crate) fn run(root: &Path, demo: bool, arguments: &[String]) -> Result<()> {
    preflight::privileges()?;
    let agent = build(root, !demo)?;
    let variables: Vec<_> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    let mut command = as_root(&agent, &kept(&variables));
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

/// Those of `variables` that the agent reads.
fn kept(variables: &[String]) -> Vec<&str> {
    let is_read = |name: &&str| KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    variables.iter().map(String::as_str).filter(is_read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sudo_keeps_what_the_agent_reads() {
        let variables = ["PATH", "OTEL_SERVICE_NAME", "HOME", "RUST_LOG"].map(str::to_owned);
        assert_eq!(kept(&variables), ["OTEL_SERVICE_NAME", "RUST_LOG"]);
    }
}
