//! Debian packages: which are missing, and their installation.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{check, find, is_root};

/// A package and what shows that its content is there already, from wherever it came.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) sign: Sign,
}

/// What shows that a package is not needed.
pub(crate) enum Sign {
    /// An executable of this name in `PATH`.
    Program(&'static str),
    /// A file of this path.
    File(&'static str),
}

impl Package {
    fn is_present(&self) -> bool {
        match self.sign {
            Sign::Program(name) => find(name).is_some(),
            Sign::File(path) => Path::new(path).exists(),
        }
    }
}

/// Installs those of `packages` that are missing, for `purpose`.
///
/// # Errors
/// As [`install`].
pub(crate) fn ensure(packages: &[Package], purpose: &str) -> Result<()> {
    let missing = missing(packages);
    if missing.is_empty() { Ok(()) } else { install(&missing, purpose) }
}

/// Whether [`ensure`] has nothing to install, or may.
///
/// # Errors
/// If not; the message has the command to type instead.
pub(crate) fn can_ensure(packages: &[Package], purpose: &str) -> Result<()> {
    let missing = missing(packages);
    if missing.is_empty() { Ok(()) } else { can_install(&missing, purpose) }
}

fn missing(packages: &[Package]) -> Vec<&'static str> {
    packages.iter().filter(|package| !package.is_present()).map(|package| package.name).collect()
}

fn by_hand(names: &[&str]) -> String {
    format!("apt-get update && apt-get install --no-install-recommends {}", names.join(" "))
}

fn can_install(names: &[&str], purpose: &str) -> Result<()> {
    if find("apt-get").is_none() {
        bail!(
            "no apt-get here to install what {purpose} needs; install these packages or their like: {}",
            names.join(" ")
        );
    }
    if !is_root() && find("sudo").is_none() {
        bail!("neither root nor sudo here to install what {purpose} needs; as root, run: {}", by_hand(names));
    }
    Ok(())
}

/// Installs `names` with apt, as root or through sudo. Never removes a package to make room.
///
/// # Errors
/// If this host has no apt, this user may not use it, or apt fails; the message has the command to
/// type instead.
pub(crate) fn install(names: &[&str], purpose: &str) -> Result<()> {
    can_install(names, purpose)?;
    println!("apt: installing {} ({purpose})", names.join(" "));
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends", "--no-remove"];
    arguments.extend(names);
    check(apt_get().args(["update", "--quiet"])).and_then(|()| check(apt_get().args(arguments))).map_err(
        |error| {
            error.context(format!(
                "cannot install what {purpose} needs. To do it by hand, run as root:\n  {}\n",
                by_hand(names)
            ))
        },
    )
}

fn apt_get() -> Command {
    let mut command = Command::new(if is_root() { "env" } else { "sudo" });
    if !is_root() {
        command.arg("env");
    }
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_installed() {
        let there = [
            Package { name: "no-such-package", sign: Sign::Program("sh") },
            Package { name: "no-such-package", sign: Sign::File("/proc/self") },
        ];
        assert!(ensure(&there, "a test").is_ok());
        assert!(!Package { name: "sh", sign: Sign::Program("no-such-program") }.is_present());
        assert!(!Package { name: "sh", sign: Sign::File("/no/such/file") }.is_present());
    }
}
