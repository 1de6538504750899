//! What the agent sees, and what it says that it lost, of many calls, of large bodies and of programs that live
//! for a moment. How many it sees depends on the machine and its neighbours, and is printed; what fails is what
//! is wrong at any speed: a span that is not what was sent, a loss that is not counted, an agent that ends.
//! `cargo xtask soak` builds and starts this.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the person who started it")]

mod calls;
mod figure;
mod outage;
mod starts;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use spanwire_e2e::Setup;

use figure::Figure;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// Programs that were never seen before, make one call and are gone: Python and curl, TLS and plain.
    Starts,
    /// Programs of some 10 ms over TLS: curl and a static Go client, as copies never seen and as one file.
    Keys,
    /// Containers of images that were never seen before, whose only program makes one call.
    Images,
    /// 2,000 processes in a minute that make one call each, with a receiver that takes 80 ms for a request.
    Processes,
    /// 10,000 calls of 50 threads, and as many of one event loop.
    Calls,
    /// Large bodies of several threads.
    Bodies,
    /// 200 calls a second while the receiver is away, and the agent is killed.
    Outage,
}

#[derive(Parser)]
struct Arguments {
    /// What to do; everything when none is named.
    subjects: Vec<Subject>,
    /// Go on so long, such as 90s, 10m or 2h, with one after the other; once each when this is not given.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    lasting: Option<Duration>,
    /// How long the receiver is away.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10m")]
    outage: Duration,
}

/// A number and its unit: `s`, `m` or `h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is no time such as 90s, 10m or 2h");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        _ => return Err(wrong()),
    };
    let number =
        text.get(..text.len() - 1).and_then(|number| number.parse::<u64>().ok()).ok_or_else(wrong)?;
    Ok(Duration::from_secs(number.saturating_mul(unit)))
}

#[tokio::main]
async fn main() -> ExitCode {
    match soak(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True if nothing was wrong.
async fn soak(arguments: &Arguments) -> Result<bool> {
    let setup = Setup::find()?;
    let subjects = match arguments.subjects.as_slice() {
        [] => Subject::value_variants(),
        named => named,
    };
    let began = Instant::now();
    let mut figures = Vec::new();
    loop {
        for subject in subjects {
            let done = match subject {
                Subject::Starts => starts::run().await,
                Subject::Keys => starts::short().await,
                Subject::Images => starts::images().await,
                Subject::Processes => starts::processes().await,
                Subject::Calls => calls::many().await,
                Subject::Bodies => calls::large().await,
                Subject::Outage => outage::run(arguments.outage).await,
            };
            figures.extend(done?);
        }
        if arguments.lasting.is_none_or(|lasting| began.elapsed() >= lasting) {
            break;
        }
    }
    let file = setup.root.join("target/soak/figures.json");
    write(&file, &figures)?;
    println!("\n{}\nalso in {}", figure::table(&figures), file.display());
    let wrong: Vec<_> = figures.iter().flat_map(Figure::complaints).collect();
    for complaint in &wrong {
        println!("WRONG: {complaint}");
    }
    Ok(wrong.is_empty())
}

fn write(file: &Path, figures: &[Figure]) -> Result<()> {
    std::fs::create_dir_all(file.parent().context("a folder")?)?;
    let text = serde_json::to_string_pretty(figures)?;
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["", "10", "m", "1d", "-1s", "1.5h", "é"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
