//! The agent's side of the ring, measured without a kernel: chunks as the BPF programs send them go through
//! the pipeline. Prints bytes a second, allocations of an exchange, and its instructions as valgrind counts
//! them. `cargo xtask bench pipeline` builds and starts this.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the person who started it")]

mod feed;
mod loads;

use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use feed::Feed;
use loads::{LOADS, Load};

/// How long the throughput of one load is measured.
const LASTING: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [] => measure(),
        [name, exchanges] => run(name, exchanges),
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

/// So many exchanges, for valgrind.
fn run(name: &str, exchanges: &str) -> Result<()> {
    let load = LOADS.iter().find(|load| load.name == name).context("there is no such load")?;
    let mut feed = Feed::new(load.content)?;
    for _ in 0..exchanges.parse()? {
        black_box((load.exchange)(&mut feed));
    }
    Ok(())
}

fn measure() -> Result<()> {
    println!(
        "| {:<44} | {:>9} | {:>12} | {:>9} | {:>11} | {:>10} | {:>12} |",
        "one exchange of", "bytes", "exchanges/s", "MB/s", "allocations", "KB of them", "instructions"
    );
    println!("| - | - | - | - | - | - | - |");
    for load in LOADS {
        measure_one(load)?;
    }
    Ok(())
}

fn measure_one(load: &Load) -> Result<()> {
    // Valgrind sees as many, and twice as many.
    let exchanges = load.counted;
    let mut feed = Feed::new(load.content)?;
    // Tables and buffers get their size.
    let bytes = (load.exchange)(&mut feed);
    feed.check(load.spans, 1)?;
    let allocated = allocation_counter::measure(|| {
        for _ in 0..exchanges {
            black_box((load.exchange)(&mut feed));
        }
    });
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < LASTING {
        black_box((load.exchange)(&mut feed));
        count += 1;
    }
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    feed.check(load.spans, 1 + exchanges + u64::from(count))?;
    let instructions = match (instructions(load, exchanges)?, instructions(load, 2 * exchanges)?) {
        (Some(once), Some(twice)) => format!("{}", twice.saturating_sub(once) / exchanges),
        _ => "no valgrind".to_owned(),
    };
    println!(
        "| {:<44} | {bytes:>9} | {rate:>12.0} | {:>9.1} | {:>11.1} | {:>10.1} | {instructions:>12} |",
        load.name,
        rate * bytes as f64 / 1e6,
        allocated.count_total as f64 / exchanges as f64,
        allocated.bytes_total as f64 / exchanges as f64 / 1e3,
    );
    Ok(())
}

/// Instructions of a whole run of this program; `None` without valgrind.
fn instructions(load: &Load, exchanges: u64) -> Result<Option<u64>> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe()?);
    let Ok(output) = command.args([load.name, &exchanges.to_string()]).output() else { return Ok(None) };
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("valgrind: {said}");
    }
    let counted = said.lines().find_map(|line| line.split_once("Collected : "));
    Ok(Some(counted.context("valgrind counted nothing")?.1.trim().parse()?))
}
