//! What spanwire costs a host, and what it sees, measured side by side with what hooks cost that do
//! nothing. `cargo xtask bench` builds and starts this; docs/performance.md explains the figures.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the person who started it")]

mod bench;
mod calls;
mod empty;
mod host;
mod load;
mod machine;
mod nginx;
mod probes;
mod sites;
mod starts;
mod stats;
mod tls;
mod usage;
mod wrk;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use spanwire::run::stop_signal;
use spanwire_e2e::Setup;

use bench::Bench;
use stats::{Bound, Table};

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// A traced TLS call, by the side of hooks that do nothing: libssl, node and stream.
    Probes,
    /// A call of this machine's libssl.
    Libssl,
    /// A call in Node.
    Node,
    /// A stream through Python.
    Stream,
    /// A server that talks to no LLM.
    Host,
    /// A build, and new programs beside it.
    Starts,
    /// One call, and one piece of a stream: processor time, context switches, the program's own time.
    Calls,
    /// A handshake, a call and a stream, traced by calls and by keys, and a server beside that is not traced.
    Tls,
    /// Many exchanges a second; memory; start-up.
    Load,
}

#[derive(Parser)]
struct Arguments {
    /// What to measure; probes, host, starts, calls and load when none is named.
    subjects: Vec<Subject>,
    /// How often everything is measured, by turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each load runs.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Further agents that `calls` measures by turns with this one.
    #[arg(long, value_name = "PROGRAM")]
    beside: Vec<PathBuf>,
    /// Fail when a figure is outside of its bound.
    #[arg(long)]
    check: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match stoppable(&arguments).await {
        Ok(bounds) => {
            let met = bounds.iter().all(|bound| bound.met);
            print(&bounds);
            if arguments.check && !met { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures until it is told to stop; either way all that was started is stopped.
async fn stoppable(arguments: &Arguments) -> Result<Vec<Bound>> {
    let stop = stop_signal(false)?;
    tokio::select! {
        measured = measure(arguments) => measured,
        () = stop => bail!("stopped before the end"),
    }
}

async fn measure(arguments: &Arguments) -> Result<Vec<Bound>> {
    let bench =
        Bench { setup: Setup::find()?, rounds: arguments.rounds.max(1), seconds: arguments.seconds.max(1) };
    println!("{}", machine::facts());
    let subjects = match arguments.subjects.as_slice() {
        [] => &[Subject::Probes, Subject::Host, Subject::Starts, Subject::Calls, Subject::Load],
        named => named,
    };
    let mut bounds = Vec::new();
    for subject in subjects {
        bounds.extend(match subject {
            Subject::Probes => probes::measure(&bench).await?,
            Subject::Libssl => probes::libssl::measure(&bench).await?,
            Subject::Node => probes::node::measure(&bench).await?,
            Subject::Stream => probes::stream::measure(&bench).await?,
            Subject::Host => host::measure(&bench).await?,
            Subject::Starts => starts::measure(&bench).await?,
            Subject::Calls => calls::measure(&bench, &arguments.beside).await?,
            Subject::Tls => tls::measure(&bench).await?,
            Subject::Load => load::measure(&bench).await?,
        });
    }
    Ok(bounds)
}

fn print(bounds: &[Bound]) {
    let mut table = Table::new(["bound", "limit", "measured", ""]);
    for Bound { what, limit, measured, met } in bounds {
        let verdict = if *met { "met" } else { "MISSED" };
        table.row([what.clone(), limit.clone(), measured.clone(), verdict.to_owned()]);
    }
    table.print("What the design demands");
}
