<<<<<<< HEAD
#![allow(missing_docs)]
use spanwire::bpf::*;
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut p = Programs::load(Options { ring_bytes: 8 << 20, probe_log: ProbeLog::Off })?;
    for (n, s) in p.sizes() { println!("{n} {s:?}"); }
    let mut ring = p.ring()?;
    let t = std::time::Instant::now();
    println!("{:?}", p.attach_library(std::path::Path::new("/usr/lib/x86_64-linux-gnu/libssl.so.3")));
    p.attach_tracepoints()?;
    println!("attached {:?}", t.elapsed());
    loop { ring.read(|e| match e { Ok(spanwire::event::Event::Chunk(c)) => println!("{:?} {} {:?} {:?} pos {} {}/{} {:?}", c.connection, c.pid, c.source, c.direction, c.position, c.bytes.len(), c.original_bytes, String::from_utf8_lossy(&c.bytes[..c.bytes.len().min(60)])), other => println!("{other:?}") }).await?; }
=======
//! The `spanwire` program: reads the command line, and calls into the library.

use std::io::Write;
use std::process::ExitCode;

use spanwire::cli::{self, CliError, Command};
use spanwire::config;

/// Something went wrong on the way.
const FAILURE: u8 = 1;
/// The command line or the configuration was not understood; clap's own code for it, too.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let command = match cli::parse(std::env::args_os(), &config::environment()) {
        Ok(command) => command,
        Err(CliError::Usage(error)) => {
            // Where not even the message can be written, the exit code is all there is.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
        Err(error @ CliError::Config(_)) => return fail(&error, USAGE),
    };
    match perform(command) {
        Ok(code) => code,
        Err(error) => fail(&format!("{error:#}"), FAILURE),
    }
}

fn perform(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(_) | Command::Check | Command::Demo { .. } => anyhow::bail!("not wired yet"),
    }
}

fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "spanwire: {error}");
    ExitCode::from(code)
>>>>>>> edges
}
