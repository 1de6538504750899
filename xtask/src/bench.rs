//! What spanwire costs, measured: builds everything in release mode, then `tests/bench` measures.

use std::path::Path;

use anyhow::Result;

use crate::apt::{self, Package, Sign};
use crate::command::{as_root, cargo, check, workspace};
use crate::{ebpf, preflight, python};

/// What is measured, and what measures.
const PACKAGES: &[Package] = &[
    Package { name: "curl", sign: Sign::Program("curl") },
    Package { name: "gcc", sign: Sign::Program("cc") },
    Package { name: "libc6-dev", sign: Sign::File("/usr/include/stdio.h") },
    Package { name: "libssl-dev", sign: Sign::File("/usr/include/openssl/ssl.h") },
    Package { name: "nginx", sign: Sign::File("/usr/sbin/nginx") },
    Package { name: "nodejs", sign: Sign::File("/usr/bin/node") },
    Package { name: "openssl", sign: Sign::Program("openssl") },
    Package { name: "python3", sign: Sign::Program("python3") },
    Package { name: "wrk", sign: Sign::Program("wrk") },
];
/// What is measured without a kernel, each by a program of its own.
const PIPELINE: &str = "pipeline";
const REDACT: &str = "redact";
/// Counts its instructions.
const VALGRIND: &[Package] = &[Package { name: "valgrind", sign: Sign::Program("valgrind") }];
/// What the measuring program reads, and sudo must let through.
const VARIABLES: [&str; 3] = ["SPANWIRE_BIN", "SPANWIRE_PYTHON", "SPANWIRE_ROOT"];

/// Builds, then measures with these arguments of the measuring program.
///
/// # Errors
/// If something does not build, a measurement fails, or with `--check` a figure is outside of its bound.
pub(crate) fn bench(root: &Path, arguments: &[String]) -> Result<()> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [PIPELINE, rest @ ..] => {
            // The agent's library embeds the programs.
            ebpf::build(root)?;
            return counted(root, "spanwire-bench-pipeline", rest);
        }
        [REDACT, rest @ ..] => return counted(root, "spanwire-bench-redact", rest),
        _ => {}
    }
    preflight::privileges()?;
    apt::ensure(PACKAGES, "measuring")?;
    ebpf::build(root)?;
    let python = python::environment(root)?;
    check(cargo(root).args(["build", "--release", "--package", "spanwire"]))?;
    // What measures only waits; the tests have compiled most of it already.
    check(workspace(root, "build").args(["--bin", "spanwire-bench"]))?;

    let program = root.join("target/debug/spanwire-bench");
    let mut command = as_root(&program, &VARIABLES);
    let [binary, interpreter, repository] = VARIABLES;
    command.env(binary, root.join("target/release/spanwire")).env(interpreter, python).env(repository, root);
    check(command.args(arguments))
}

/// Needs neither root nor a quiet machine: instructions and allocations are the same on any.
fn counted(root: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    apt::ensure(VALGRIND, "counting instructions")?;
    check(cargo(root).args(["build", "--release", "--package", program]))?;
    check(std::process::Command::new(root.join("target/release").join(program)).args(arguments))
}
