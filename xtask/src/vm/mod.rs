//! The tests that meet the kernel, on other kernels than this machine's: each boots in an emulator,
//! which needs no rights and no virtualisation of this machine, and finds a file system made of this
//! machine's own programs.

mod console;
mod cpio;
mod guest;
mod image;
mod machine;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::apt::{self, Package, Sign};
use crate::{e2e, ebpf, python};
use console::{Console, Step};
use machine::Emulator;
pub(crate) use machine::{KERNELS, Kernel};

/// What guests run, and what makes their programs small.
const PACKAGES: &[Package] = &[
    Package { name: "ca-certificates", sign: Sign::File("/etc/ssl/certs/ca-certificates.crt") },
    Package { name: "curl", sign: Sign::Program("curl") },
    Package { name: "openssl", sign: Sign::Program("openssl") },
    Package { name: "binutils", sign: Sign::Program("strip") },
];

/// Runs the tests on each of `kernels`, one after the other, and prints what passed where.
///
/// # Errors
/// When a test fails on one of them, or a guest runs none, or cannot be booted.
pub(crate) fn test(root: &Path, kernels: &[Kernel]) -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        bail!("the kernels are of x86-64, and so must this machine be, whose programs they run");
    }
    apt::ensure(PACKAGES, "testing on other kernels")?;
    ebpf::build(root)?;
    let built = e2e::build(root)?;
    let python = python::environment(root)?;
    let emulator = Emulator::prepare(root)?;
    let archive = guest::archive(root, &built, &python)?;
    let mut told = Vec::new();
    for kernel in kernels {
        let (file, package) = kernel.fetch(root)?;
        println!("==> {package}");
        let began = Instant::now();
        let log = root.join(format!("target/vm/{}.log", kernel.version));
        let console = Console::parse(&emulator.boot(*kernel, &file, &archive, &log)?);
        print(&console);
        println!(
            "{} took {} s; its console is in {}",
            kernel.version,
            began.elapsed().as_secs(),
            log.display()
        );
        told.push(console);
    }
    summarise(&told)
}

/// What a guest said of what failed.
fn print(console: &Console) {
    for step in console.steps.iter().filter(|step| !step.passed()) {
        println!("--- {} on {}", step.name, console.kernel);
        for line in &step.lines {
            println!("{line}");
        }
    }
}

/// The table of BPF programs and kernels: growth shows here first.
fn list_programs(consoles: &[Console]) {
    println!("\nInstructions that the verifier read, and states that it kept at a time:");
    let mut rows: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut head = format!("{:<24}", "program");
    for (column, console) in consoles.iter().enumerate() {
        let version: Vec<&str> = console.kernel.splitn(3, '.').take(2).collect();
        head += &format!(" {:>16}", version.join("."));
        for (name, verified, states) in console.steps.iter().flat_map(Step::programs) {
            let row = rows.entry(name).or_default();
            row.resize(column, String::new());
            row.push(format!("{verified} {states:>6}"));
        }
    }
    println!("{head}");
    for (name, row) in rows {
        println!("{name:<24}{}", row.iter().map(|cell| format!(" {cell:>16}")).collect::<String>());
    }
}

/// The table of kernels and tests.
fn summarise(consoles: &[Console]) -> Result<()> {
    list_programs(consoles);
    let mut failed = Vec::new();
    let (mut passed, mut missed) = (0_usize, 0_usize);
    println!("\n{:<30} {:<62} passed", "kernel", "test");
    for console in consoles {
        for step in &console.steps {
            for (test, result) in step.tests() {
                *(if result { &mut passed } else { &mut missed }) += 1;
                println!("{:<30} {test:<62} {}", console.kernel, if result { "yes" } else { "NO" });
            }
        }
        if !console.is_done || console.steps.is_empty() || !console.steps.iter().all(Step::passed) {
            failed.push(if console.kernel.is_empty() { "one that did not boot" } else { &console.kernel });
        }
    }
    println!("{passed} passed, {missed} failed");
    if !failed.is_empty() {
        bail!("not all tests passed on {}", failed.join(", "));
    }
    Ok(())
}
