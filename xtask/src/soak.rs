//! Many calls, large bodies and programs that live for a moment: builds what the tests run, then `tests/soak`
//! prints what of it is seen.

use std::path::Path;

use anyhow::Result;

use crate::apt::{self, Package, Sign};
use crate::command::{as_root, check, workspace};
use crate::{clients, ebpf, preflight, python};

const PACKAGES: &[Package] = &[
    Package { name: "ca-certificates", sign: Sign::File("/etc/ssl/certs/ca-certificates.crt") },
    Package { name: "curl", sign: Sign::Program("curl") },
    Package { name: "openssl", sign: Sign::Program("openssl") },
    Package { name: "python3", sign: Sign::Program("python3") },
];
/// What the program reads, and sudo must let through.
const VARIABLES: [&str; 4] = ["SPANWIRE_BIN", "SPANWIRE_PYTHON", "SPANWIRE_ROOT", "SPANWIRE_CLIENTS"];

/// Builds, then soaks with these arguments of that program.
///
/// # Errors
/// If something does not build, or something is wrong that is wrong at any speed.
pub(crate) fn soak(root: &Path, arguments: &[String]) -> Result<()> {
    preflight::privileges()?;
    preflight::disk(root)?;
    apt::ensure(PACKAGES, "soaking")?;
    ebpf::build(root)?;
    let python = python::environment(root)?;
    let native = clients::native(root, &python)?;
    check(workspace(root, "build").args(["--quiet", "--bin", "spanwire", "--bin", "spanwire-soak"]))?;
    let [binary, interpreter, repository, programs] = VARIABLES;
    let mut command = as_root(&root.join("target/debug/spanwire-soak"), &VARIABLES);
    command.env(binary, root.join("target/debug/spanwire")).env(interpreter, python).env(repository, root);
    command.env(programs, native);
    check(command.args(arguments))
}
