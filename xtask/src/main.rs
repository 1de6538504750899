//! Everything that is done to spanwire's source tree: building the BPF object, checking, testing and
//! running. `cargo xtask help` lists the tasks; each needs nothing but cargo to start, and installs
//! what it misses, saying what and why.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "xtask talks to the person who started it")]

mod apt;
mod bench;
mod check;
mod clients;
mod command;
mod coverage;
mod dependencies;
mod dist;
mod e2e;
mod ebpf;
mod linker;
mod npm;
mod preflight;
mod prices;
mod python;
mod run;
mod side_by_side;
mod soak;
mod suite;
mod suites;
mod tidy;
mod toolchain;
mod vm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

/// Build, check, test and run spanwire.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Compile the BPF programs to target/bpf/spanwire.bpf.o.
    ///
    /// Uses a rustup nightly that has the rust-src component, or else Debian's rustc-web, which it
    /// installs with apt when absent. bpf-linker is installed under target/tools.
    BuildEbpf,
    /// Compile the BPF programs, then the agent that embeds them.
    Build {
        /// Build with optimisations, to target/release/spanwire.
        #[arg(long)]
        release: bool,
    },
    /// Build the agent in release mode and start it as root (through sudo where needed).
    Run {
        /// Start `spanwire demo` instead: a local fake model, a client of it, and their trace. The agent is
        /// then built as for the tests.
        #[arg(long)]
        demo: bool,
        /// Arguments for the agent, behind `--`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Format, tidy, clippy, unit and property tests: what to run before each commit. Needs no root.
    Check,
    /// Run every check and test of this machine: `check`, then the end-to-end tests.
    ///
    /// The end-to-end tests load BPF programs and so run as root: directly when this is root, else
    /// through sudo. Nothing is skipped: without either, the task fails. What a test leaves behind is in
    /// target/e2e/FILE/TEST: its output, logs, spans, counters.
    Test {
        /// Run only the end-to-end tests that have one of these in their `file::test`, and no checks.
        names: Vec<String>,
        /// How many end-to-end tests run at a time.
        #[arg(long, default_value_t = e2e::JOBS)]
        jobs: usize,
    },
    /// Measure what the agent costs and what it sees: see docs/performance.md.
    ///
    /// Builds in release mode. Needs root and a quiet machine; loads it for some minutes, on loopback.
    Bench {
        /// What to measure (probes, host, starts, calls, load; all these when none is named; or `tls`, `pipeline` or `redact`) and how: `--rounds N`,
        /// `--seconds N`, `--check` to fail when a figure is outside of its bound.
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        arguments: Vec<String>,
    },
    /// Make many calls, with large bodies, and by programs that live for a moment; print what is seen of them.
    ///
    /// Fails on what is wrong at any speed: a wrong span, a loss that is not counted, an agent that ends. How
    /// much is seen depends on the machine; the figures are in target/soak/figures.json, too.
    Soak {
        /// What to do (starts, keys, images, processes, calls, bodies; everything when none is named), and `--for 10m` to go on so long.
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        arguments: Vec<String>,
    },
    /// Run the tests that meet the kernel on Debian's cloud kernels, under an emulator.
    VmTest {
        /// Which, by their versions; all when none is named.
        #[arg(value_parser = vm::KERNELS.map(|kernel| kernel.version))]
        kernels: Vec<String>,
    },
    /// Bring the table of docs/coverage.md in line with what the last whole `test` measured, as that does.
    Coverage,
    /// Write the price list that the agent is built with anew, from the newest genai-prices on PyPI.
    Prices,
    /// Bring docs/side-by-side.md in line with what two instrumentations and spanwire say of the same calls, as
    /// `test` does.
    SideBySide,
    /// Build what is handed out to target/dist: one static executable with its manual, shell completions, bill of materials
    /// and checksums. Two builds of a commit are the same, byte for byte.
    Dist,
    /// Check what no compiler checks: import direction, file lengths, panics, unsafe code, paths.
    Tidy,
    /// Check the licences of all crates that the agent is built with, and that none was yanked.
    Dependencies,
    /// End what tests of this checkout left behind: `test` starts this as root, and says where they ran.
    #[command(hide = true)]
    Sweep {
        /// The folder that their own folders are in, or one of those.
        scope: PathBuf,
        /// Wait for the end of the standard input, which is that of the run.
        #[arg(long)]
        after_input: bool,
    },
}

fn main() -> ExitCode {
    // Not the error's own `Debug`: its backtrace says nothing about a build that failed.
    perform(Arguments::parse().task).map_or_else(
        |error| {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn perform(task: Task) -> Result<()> {
    let root = repository_root()?;
    match task {
        Task::BuildEbpf => ebpf::build(&root).map(drop),
        Task::Build { release } => run::build(&root, release).map(drop),
        Task::Run { demo, arguments } => run::run(&root, demo, &arguments),
        Task::Check => check::all(&root),
        Task::Test { names, jobs } => suite::test(&root, &names, jobs.max(1)),
        Task::Bench { arguments } => bench::bench(&root, &arguments),
        Task::Soak { arguments } => soak::soak(&root, &arguments),
        Task::VmTest { kernels } => {
            let chosen = |kernel: &vm::Kernel| {
                kernels.is_empty() || kernels.iter().any(|version| version == kernel.version)
            };
            vm::test(&root, &vm::KERNELS.into_iter().filter(chosen).collect::<Vec<_>>())
        }
        Task::Coverage => coverage::end(&root),
        Task::Prices => prices::refresh(&root),
        Task::SideBySide => side_by_side::write(&root),
        Task::Dist => dist::dist(&root),
        Task::Tidy => tidy::tidy(&root),
        Task::Dependencies => dependencies::check(&root),
        Task::Sweep { scope, after_input } => e2e::sweep(&scope, after_input),
    }
}

/// The directory of the workspace's `Cargo.toml`.
fn repository_root() -> Result<PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").context("start this with `cargo xtask`")?;
    let root = Path::new(&manifest).parent().context("the xtask crate has no parent directory")?;
    Ok(root.to_owned())
}
