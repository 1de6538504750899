//! Every check and test, in the order in which they are cheap.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::apt::{self, Package, Sign};
use crate::command::{cargo, check, find, is_root, shown};
use crate::suites::{Reach, Wanted};
use crate::{coverage, ebpf, npm, python, suites, tidy, vm};

/// What the end-to-end tests start.
const PACKAGES: &[Package] = &[
    Package { name: "ca-certificates", sign: Sign::File("/etc/ssl/certs/ca-certificates.crt") },
    Package { name: "curl", sign: Sign::Program("curl") },
    Package { name: "iproute2", sign: Sign::Program("ip") },
    Package { name: "openssl", sign: Sign::Program("openssl") },
    Package { name: "libcurl3-gnutls", sign: Sign::File("/usr/lib/x86_64-linux-gnu/libcurl-gnutls.so.4") },
    Package { name: "libcurl3-nss", sign: Sign::File("/usr/lib/x86_64-linux-gnu/libcurl-nss.so.4") },
    Package { name: "openjdk-17-jdk-headless", sign: Sign::Program("javac") },
    Package { name: "python3", sign: Sign::Program("python3") },
    Package { name: "runc", sign: Sign::Program("runc") },
    Package { name: "wget", sign: Sign::Program("wget") },
];
/// A curl with the last OpenSSL before 3, which this release does not have.
const OPENSSL_1_1: Wanted<'_> = Wanted { release: "bullseye", packages: &["curl"], reach: Reach::All };
/// What the end-to-end tests read, and sudo must let through.
const VARIABLES: [&str; 4] = ["SPANWIRE_BIN", "SPANWIRE_PYTHON", "SPANWIRE_ROOT", "SPANWIRE_NPM"];

/// Sets up what the tests need, then runs the checks and the tests whose names contain one of
/// `filters` (all, if there are none).
///
/// # Errors
/// At the first step that fails.
pub(crate) fn test(root: &Path, filters: &[String]) -> Result<()> {
    apt::ensure(PACKAGES, "testing")?;
    ebpf::build(root)?;
    let python = python::environment(root)?;
    let modules = npm::modules(root)?;
    suites::unpack(root, "curl-bullseye", OPENSSL_1_1)?;

    step(cargo(root).args(["fmt", "--all", "--check"]))?;
    // cargo fmt does not see modules that a macro declares, as the list of providers does.
    let mut providers = Command::new("rustfmt");
    check(providers.current_dir(root).args(["--edition", "2024", "--check"]).args(provider_modules(root)?))?;
    println!("==> tidy");
    tidy::tidy(root)?;
    step(
        cargo(root)
            .args(["clippy", "--workspace", "--exclude", "spanwire-ebpf", "--all-targets"])
            .args(["--", "-D", "warnings"]),
    )?;
    let unit = ["spanwire", "spanwire-abi", "spanwire-bench", "xtask"];
    step(
        cargo(root)
            .arg("test")
            .args(unit.iter().flat_map(|name| ["--package", name]))
            .arg("--")
            .args(filters),
    )?;
    step(cargo(root).args(["build", "--package", "spanwire"]))?;
    let runner = runner()?;
    println!("==> what this kernel's verifier says of the BPF programs");
    let agent = root.join("target/debug/spanwire");
    check(as_root(&agent).args(["check", "--programs"]))?;

    let mut end_to_end = cargo(root);
    end_to_end.args(["test", "--package", "spanwire-e2e", "--no-fail-fast"]).args(runner);
    // One at a time: each traces the whole host, and would see the others' traffic.
    end_to_end.args(["--", "--test-threads=1"]).args(filters);
    let [binary, interpreter, repository, javascript] = VARIABLES;
    // Failed tests say what went wrong in words; a trace through the runtime only hides them.
    end_to_end.env("RUST_LIB_BACKTRACE", "0");
    end_to_end.env(binary, agent).env(interpreter, python).env(repository, root);
    end_to_end.env(javascript, modules);
    coverage::begin(root)?;
    step(&mut end_to_end)?;
    if filters.is_empty() {
        // Some of the tests measure some of the table.
        coverage::end(root)?;
        if vm::IS_POSSIBLE {
            println!("==> the oldest kernel: `cargo xtask vm-test` tests on the others");
            vm::test(root, &[vm::OLDEST])?;
        } else {
            println!("==> no other kernel: those that are tested are of x86-64");
        }
    }
    Ok(())
}

/// A program started as root.
fn as_root(program: &Path) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
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

/// How cargo starts the end-to-end tests as root, if this is not.
fn runner() -> Result<Vec<String>> {
    if is_root() {
        return Ok(Vec::new());
    }
    if find("sudo").is_none() {
        bail!("the end-to-end tests load BPF programs: run `cargo xtask test` as root, or install sudo");
    }
    println!("the end-to-end tests load BPF programs, so sudo starts them");
    let keep = format!("--preserve-env={}", VARIABLES.join(","));
    Ok(vec!["--config".to_owned(), format!("target.'cfg(unix)'.runner = ['sudo', '{keep}']")])
}

/// Names and runs one step.
fn step(command: &mut Command) -> Result<()> {
    let line = shown(command);
    println!("==> cargo{}", line.split_once(' ').map_or(String::new(), |(_, rest)| format!(" {rest}")));
    check(command)
}
