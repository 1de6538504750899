//! The checks that need no root, in the order in which they are cheap: what one runs before each commit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command::{cargo, check, shown, workspace};
use crate::{dependencies, ebpf, preflight, tidy};

/// Builds what the agent embeds, then runs all checks and the unit and property tests.
///
/// # Errors
/// At the first step that fails.
pub(crate) fn all(root: &Path) -> Result<()> {
    preflight::disk(root)?;
    ebpf::build(root)?;
    steps(root)
}

/// The checks themselves, with the BPF programs compiled.
///
/// # Errors
/// At the first step that fails.
pub(crate) fn steps(root: &Path) -> Result<()> {
    step(cargo(root).args(["fmt", "--all", "--check"]))?;
    // cargo fmt does not see modules that a macro declares, as the list of providers does.
    let mut providers = Command::new("rustfmt");
    check(providers.current_dir(root).args(["--edition", "2024", "--check"]).args(provider_modules(root)?))?;
    println!("==> tidy");
    tidy::tidy(root)?;
    println!("==> dependencies");
    dependencies::check(root)?;
    step(workspace(root, "clippy").args(["--all-targets", "--", "-D", "warnings"]))?;
    step(workspace(root, "test").args(["--lib", "--bins", "--quiet"]))?;
    step(cargo(root).args(["test", "--package", "spanwire-detect", "--tests", "--quiet"]))
}

/// The root files of the providers' modules.
fn provider_modules(root: &Path) -> Result<Vec<PathBuf>> {
    let providers = root.join("agent/src/provider");
    let mut modules = Vec::new();
    for entry in fs::read_dir(&providers).with_context(|| format!("cannot read {}", providers.display()))? {
        let path = entry?.path();
        let module = if path.is_dir() { path.join("mod.rs") } else { path };
        if module.extension().is_some_and(|extension| extension == "rs") && module.is_file() {
            modules.push(module);
        }
    }
    Ok(modules)
}

/// Names and runs one step.
fn step(command: &mut Command) -> Result<()> {
    let line = shown(command);
    println!("==> cargo{}", line.split_once(' ').map_or(String::new(), |(_, rest)| format!(" {rest}")));
    check(command)
}
