//! The `spanwire` program: reads the command line, and calls into the library.

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use spanwire::audit;
use spanwire::cli::{self, CliError, Command, RedactMode, StatsFormat};
use spanwire::config::{self, Config, ContentPolicy};
use spanwire::demo;
use spanwire::preflight::{self, Weight};
use spanwire::redact;
use spanwire::run::status::{ask, ask_stats, show, show_stats};
use spanwire::run::{self, Agent, Ended, PROC, StartError, stop_signal};
use spanwire::service::{HANDED_OVER, Supervisor, supervise};
use spanwire::telemetry::{self, Counters};
use spanwire_detect::Scope;

/// Something went wrong on the way.
const FAILURE: u8 = 1;
/// The command line or the configuration was not understood; clap's own code for it, too.
const USAGE: u8 = 2;
/// This host cannot run the agent.
const UNABLE: u8 = 3;
/// The audit has nothing to show, or was changed.
const NO: u8 = 4;

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
        Err(error @ StartError::Refused(_)) => fail(&error, UNABLE),
        Err(error) => fail(&error, FAILURE),
    }
}

fn perform(command: Command) -> Result<ExitCode, StartError> {
    if command == Command::AttachUprobes {
        // With no more than this takes: neither a runtime nor a log.
        run::attach_uprobes()?;
        return Ok(ExitCode::SUCCESS);
    }
    // One thread reads the ring and runs the pipeline; what may take long has threads of its own.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
    runtime.block_on(async {
        match command {
            Command::AttachUprobes => Ok(ExitCode::SUCCESS),
            Command::Completions(shell) => {
                cli::documents::complete(shell, &mut io::stdout().lock())?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Documents(folder) => {
                cli::documents::write(&folder)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Check { programs: false, config } => check(&config),
            Command::Check { programs: true, .. } => list_programs(),
            Command::Status { socket, json } => status(&socket, json),
            Command::Stats { socket, format } => stats(&socket, format),
            Command::Audit(question) => ask_audit(&question),
            Command::Redact { mode, why, json, policy } => redact_input(mode, why, json, &policy),
            Command::Run { config, supervised } => trace(&config, supervised).await,
            Command::Service { arguments, config } => {
                log(&config)?;
                Ok(ExitCode::from(supervise(arguments).await?))
            }
            Command::RunCommand { command, config } => {
                let Some(counters) = begin(&config)? else { return Ok(ExitCode::from(UNABLE)) };
                Ok(ExitCode::from(run::command::run(config, &command, counters).await?))
            }
            Command::Demo { python, config } => {
                let Some(counters) = begin(&config)? else { return Ok(ExitCode::from(UNABLE)) };
                demo::run(&python, &config, counters).await?;
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

fn check(config: &Result<Config, String>) -> Result<ExitCode, StartError> {
    let mut findings = preflight::examine_host(Path::new(PROC), Path::new("/sys"));
    // Without privileges the kernel's refusals say nothing more.
    if findings.iter().all(|finding| finding.weight < Weight::Missing) {
        findings.extend(preflight::examine_probes(Path::new(PROC)));
        findings.push(run::examine());
    }
    findings.extend(preflight::examine_content(config));
    let able = preflight::report(&findings, &mut io::stdout().lock()).map_err(anyhow::Error::from)?;
    Ok(if able { ExitCode::SUCCESS } else { ExitCode::from(UNABLE) })
}

fn status(socket: &Path, json: bool) -> Result<ExitCode, StartError> {
    let report = ask(socket).with_context(|| nobody_at(socket))?;
    let mut out = io::stdout().lock();
    if json {
        let text = serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?;
        writeln!(out, "{text}").map_err(anyhow::Error::from)?;
    } else {
        show(&report, &mut out).map_err(anyhow::Error::from)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn stats(socket: &Path, format: StatsFormat) -> Result<ExitCode, StartError> {
    let report = ask_stats(socket).with_context(|| nobody_at(socket))?;
    let mut out = io::stdout().lock();
    match format {
        StatsFormat::Table => show_stats(&report, &mut out),
        StatsFormat::Json => serde_json::to_string_pretty(&report)
            .map_err(io::Error::other)
            .and_then(|text| writeln!(out, "{text}")),
    }
    .map_err(anyhow::Error::from)?;
    Ok(ExitCode::SUCCESS)
}

fn ask_audit(question: &audit::Question) -> Result<ExitCode, StartError> {
    if question.is_binary() && io::stdout().is_terminal() {
        return Err(anyhow::anyhow!(
            "a Parquet file is nothing for a terminal: send it to one, as by > audit.parquet"
        )
        .into());
    }
    match question.answer(&mut BufWriter::new(io::stdout()), &mut io::stderr().lock()) {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::from(NO)),
        // Who reads has seen enough.
        Err(error) if audit::is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error.into()),
    }
}

fn redact_input(
    mode: RedactMode,
    why: bool,
    json: bool,
    policy: &ContentPolicy,
) -> Result<ExitCode, StartError> {
    let scope = match mode {
        RedactMode::Redacted => Scope::All,
        RedactMode::Full => Scope::Credentials,
    };
    let text = redact::command::read(&mut io::stdin().lock())?;
    let detectors = policy.detectors().map_err(anyhow::Error::from)?;
    let replacing = policy.replacing().context("no key for hashes")?;
    let shown = redact::command::Shown::new(&text, scope, &detectors, &replacing);
    let mut out = io::stdout().lock();
    if json { shown.json(&mut out) } else { shown.text(&mut out) }.map_err(anyhow::Error::from)?;
    if why {
        shown.why(&mut io::stderr().lock()).map_err(anyhow::Error::from)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn nobody_at(socket: &Path) -> String {
    format!(
        "no agent answers at {}: start one with `spanwire run`, or name its --status-socket with --socket",
        socket.display()
    )
}

fn list_programs() -> Result<ExitCode, StartError> {
    let taken = preflight::list_programs(&mut io::stdout().lock()).map_err(anyhow::Error::from)?;
    Ok(if taken { ExitCode::SUCCESS } else { ExitCode::from(UNABLE) })
}

async fn trace(config: &Config, supervised: bool) -> Result<ExitCode, StartError> {
    let Some(counters) = begin(config)? else { return Ok(ExitCode::from(UNABLE)) };
    let stop = stop_signal(supervised)?;
    let supervisor = supervised.then(Supervisor::at_stdin).transpose().map_err(anyhow::Error::from)?;
    let agent = Agent::start(config, counters)?;
    let ended = match supervisor {
        Some(mut supervisor) => {
            // Without it, this process stops as soon as it traces.
            let _ = supervisor.ready().await;
            let gone = supervisor.gone();
            agent
                .trace(async {
                    tokio::select! {
                        () = stop => {}
                        () = gone => {}
                    }
                })
                .await?
        }
        None => agent.trace(stop).await?,
    };
    Ok(match ended {
        Ended::Stopped => ExitCode::SUCCESS,
        Ended::HandedOver => ExitCode::from(HANDED_OVER),
    })
}

fn log(config: &Config) -> Result<(), StartError> {
    let color = config.color.enabled_on(&io::stderr());
    Ok(telemetry::init_log(&config.log, color, redact::for_log)?)
}

/// Begins to log, and to count; `None`, with a line for each cause, when this host cannot trace.
fn begin(config: &Config) -> Result<Option<Arc<Counters>>, StartError> {
    let counters = Arc::new(Counters::default());
    log(config)?;
    if let Some(warning) = &config.warning {
        tracing::warn!("{warning}");
    }
    let content = &config.content;
    if content.records_anything() || content.file.is_some() {
        content.summary().iter().for_each(|line| tracing::info!("content: {line}"));
        content
            .weaknesses()
            .iter()
            .for_each(|line| tracing::warn!("content is hidden less than usual: {line}"));
    }
    let mut findings = preflight::examine_host(Path::new(PROC), Path::new("/sys"));
    findings.retain(|finding| finding.weight == Weight::Missing);
    for finding in &findings {
        fail(&format!("{}: {}", finding.subject, finding.message), UNABLE);
    }
    Ok(findings.is_empty().then_some(counters))
}

fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "spanwire: {}", redact::for_log(&error.to_string()));
    ExitCode::from(code)
}
