//! Finding and replacing, measured without a kernel: texts of many kinds go through the detectors. Prints bytes a
//! second, and instructions of a byte as valgrind counts them. `cargo xtask bench redact` builds and starts this.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the person who started it")]

mod texts;

use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use spanwire_detect::{DetectorOptions, Detectors, Replacing, Scope};

use texts::TEXTS;

/// How long the throughput with one text is measured.
const LASTING: Duration = Duration::from_secs(1);
/// Bytes of a text; valgrind sees one, and one of half as many.
const BYTES: usize = 256 << 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [] => measure(),
        [name, bytes, scope] => run(name, bytes, scope),
        _ => Err(anyhow::anyhow!("it takes no arguments")),
    };
    done.map_or_else(
        |error| {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

/// One text of so many bytes, for valgrind.
fn run(name: &str, bytes: &str, scope: &str) -> Result<()> {
    let (_, make) = TEXTS.iter().find(|(known, _)| *known == name).context("there is no such text")?;
    let scope = if scope == "all" { Scope::All } else { Scope::Credentials };
    redact(&Detectors::new(DetectorOptions::default()), &make(bytes.parse()?), scope);
    Ok(())
}

fn redact(detectors: &Detectors, text: &str, scope: Scope) -> usize {
    black_box(detectors.redact(black_box(text), scope, &Replacing::default())).found.len()
}

fn measure() -> Result<()> {
    let began = Instant::now();
    let detectors = Detectors::new(DetectorOptions::default());
    println!("the detectors are ready after {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    println!(
        "| {:<36} | {:>8} | {:>16} | {:>19} | {:>8} | {:>24} |",
        "256 KiB of",
        "findings",
        "instructions/byte",
        "of half as many bytes",
        "MB/s",
        "MB/s of credentials alone"
    );
    println!("| - | - | - | - | - | - |");
    for (name, make) in TEXTS {
        let text = make(BYTES);
        let found = redact(&detectors, &text, Scope::All);
        let [all, credentials] = [Scope::All, Scope::Credentials].map(|scope| rate(&detectors, &text, scope));
        let [whole, half] =
            match (instructions(name, BYTES)?, instructions(name, BYTES / 2)?, instructions(name, 0)?) {
                (Some(whole), Some(half), Some(none)) => {
                    [(whole, BYTES), (half, BYTES / 2)].map(|(counted, bytes)| {
                        format!("{:.1}", counted.saturating_sub(none) as f64 / bytes as f64)
                    })
                }
                _ => ["no valgrind", ""].map(str::to_owned),
            };
        println!("| {name:<36} | {found:>8} | {whole:>17} | {half:>21} | {all:>8.1} | {credentials:>25.1} |");
    }
    Ok(())
}

/// Megabytes a second.
fn rate(detectors: &Detectors, text: &str, scope: Scope) -> f64 {
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < LASTING {
        redact(detectors, text, scope);
        count += 1;
    }
    f64::from(count) * text.len() as f64 / began.elapsed().as_secs_f64() / 1e6
}

/// Instructions of a whole run of this program; `None` without valgrind.
fn instructions(name: &str, bytes: usize) -> Result<Option<u64>> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe()?);
    let Ok(output) = command.args([name, &bytes.to_string(), "all"]).output() else { return Ok(None) };
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("valgrind: {said}");
    }
    let counted = said.lines().find_map(|line| line.split_once("Collected : "));
    Ok(Some(counted.context("valgrind counted nothing")?.1.trim().parse()?))
}
