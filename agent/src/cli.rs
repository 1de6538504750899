//! The command line: what the operator may ask for, and what it means.

pub mod documents;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::audit;
use crate::config::{Config, ConfigError, ContentPolicy, Environment, STATUS_SOCKET, Settings};
use crate::run::SUBCOMMAND;
use crate::service;

/// What the operator asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Trace until told to stop.
    Run {
        /// How to trace.
        config: Config,
        /// Another process has started this one, and is told when it traces.
        supervised: bool,
    },
    /// Trace until told to stop by a process of its own, which another one takes over from on SIGHUP.
    Service {
        /// What `spanwire run` is started with.
        arguments: Vec<OsString>,
        /// How much is logged, and how.
        config: Config,
    },
    /// Trace one command, and end with it.
    RunCommand {
        /// The program and its arguments.
        command: Vec<OsString>,
        /// How to trace it.
        config: Config,
    },
    /// Say what this host allows.
    Check {
        /// Say what the kernel's verifier makes of each BPF program instead.
        programs: bool,
        /// What an agent would run with, or why it would not start.
        config: Result<Config, String>,
    },
    /// Say what a running agent sees.
    Status {
        /// Where it is asked.
        socket: PathBuf,
        /// As JSON rather than as text.
        json: bool,
    },
    /// Say what a running agent's traces measure.
    Stats {
        /// Where it is asked.
        socket: PathBuf,
        /// As what.
        format: StatsFormat,
    },
    /// Show what would be taken out of a text.
    Redact {
        /// What is taken out.
        mode: RedactMode,
        /// Say of each finding what it is.
        why: bool,
        /// As JSON rather than as text.
        json: bool,
        /// What is looked for, and what stands in its place.
        policy: ContentPolicy,
    },
    /// Show a trace of an example program.
    Demo {
        /// The Python interpreter that runs the example.
        python: PathBuf,
        /// How to trace it.
        config: Config,
    },
    /// Answer a question to the audit.
    Audit(audit::Question),
    /// Print what a shell completes.
    Completions(Shell),
    /// Write the manual and what shells complete.
    Documents(PathBuf),
    /// Attach programs in an agent's place, which begins this itself.
    AttachUprobes,
}

/// How `spanwire stats` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StatsFormat {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Which mode of content `spanwire redact` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RedactMode {
    /// Credentials, personal data and what the operator's rules find are replaced.
    #[default]
    Redacted,
    /// Credentials alone are.
    Full,
}

/// Why there is no command to run.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line was not understood, or asked for help or the version.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The configuration was refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

const SOURCES: &str = "\
Every setting can be given in three ways, here --body-limit; the first that is there wins:
  flag                  --body-limit 2MiB
  environment variable  SPANWIRE_BODY_LIMIT=2MiB
  configuration file    body-limit: 2MiB
What no otlp- setting says is read from the standard OTEL_EXPORTER_OTLP_* variables; see docs/export.md.";

const EXIT_CODES: &str = "\
Exit codes: 0 success, 1 failure, 2 wrong usage or configuration, 3 this host cannot run the agent,
4 `spanwire audit` has nothing to show, or something was changed, 5 another agent has taken over from this one.";

/// Traces the LLM calls of unmodified programs on this host with eBPF, as OpenTelemetry spans.
#[derive(Debug, Parser)]
#[command(name = "spanwire", version, after_help = EXIT_CODES, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Trace this host until stopped with Ctrl-C or SIGTERM; or just one command, until it ends
    ///
    /// Needs root, or CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH. Traced programs
    /// need no change and no restart.
    #[command(after_help = SOURCES)]
    Run {
        #[command(flatten)]
        sources: Sources,

        /// Take over from the agent that answers at the status socket, if one does, without a gap between them
        ///
        /// That one ends what it has begun, delivers it, and stops.
        #[arg(long, conflicts_with = "command")]
        take_over: bool,

        /// Standard input is the process that started this one
        #[arg(long = service::SUPERVISED, hide = true, conflicts_with = "command")]
        supervised: bool,

        /// Start this command and trace it and what it starts, and nothing else; exits with its code
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },

    /// Trace this host as `spanwire run` does, and on SIGHUP with the configuration and the program as they are by then
    ///
    /// For init systems and containers. The process that traces is another one, which is replaced on SIGHUP without a gap: a
    /// configuration that is no good is refused, and the one before stays in force. Takes over, as `spanwire run
    /// --take-over` does, from an agent that is there already. See docs/service.md.
    #[command(after_help = SOURCES)]
    Service {
        #[command(flatten)]
        sources: Sources,
    },

    /// Say what this host allows the agent to do, and what to change where it does not
    ///
    /// Says, too, what the same settings as of `spanwire run` let out of what is said to models and by them. Exits with
    /// 0 when `spanwire run` can work here and with 3 when it cannot.
    #[command(after_help = SOURCES)]
    Check {
        /// List the BPF programs instead, with what this kernel's verifier says of each
        #[arg(long)]
        programs: bool,

        #[command(flatten)]
        sources: Sources,
    },

    /// Say what the running agent sees: TLS code and probes, processes, losses
    ///
    /// Exits with 1 when no agent answers.
    Status {
        /// Print everything as JSON
        #[arg(long)]
        json: bool,

        /// The agent's status socket
        #[arg(long, value_name = "PATH", env = "SPANWIRE_STATUS_SOCKET", default_value = STATUS_SOCKET)]
        socket: PathBuf,
    },

    /// Say how whole, deep, long and dear the traces are that the running agent has seen to end
    ///
    /// For each service and for all; docs/trace-health.md defines the measures. Exits with 1 when no agent
    /// answers.
    Stats {
        /// A table for people, or everything as JSON
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
        format: StatsFormat,

        /// The agent's status socket
        #[arg(long, value_name = "PATH", env = "SPANWIRE_STATUS_SOCKET", default_value = STATUS_SOCKET)]
        socket: PathBuf,
    },

    /// Show what would be taken out of a text, and why
    ///
    /// Reads a text of 16 MiB at most, such as a prompt or a body, and prints it as it would leave the agent. Nothing
    /// else is read or sent.
    Redact {
        /// Read the text from standard input
        #[arg(long, required = true)]
        stdin: bool,

        /// Take out what the mode of content takes out: 'full' credentials alone, 'redacted' personal data, too
        #[arg(long, value_enum, value_name = "MODE", default_value_t)]
        mode: RedactMode,

        /// Say of each finding on standard error where it is, what it is and what stands for it
        #[arg(long)]
        why: bool,

        /// Print one JSON object: the text, how much was found by class, and each finding
        #[arg(long, conflicts_with = "why")]
        json: bool,

        /// Look for what this policy file says, and replace it so; see docs/redaction.md [default: none]
        #[arg(long, value_name = "PATH")]
        content_policy: Option<PathBuf>,
    },

    /// Say what the audit has recorded: which process and user sent what to which model, when, and what it cost
    ///
    /// Without a command it lists records, or sums of them with --by. Exits with 0 when there is something to show, or
    /// nothing was changed, and with 4 when there is not, or something was. See docs/audit.md.
    Audit(Box<audit::Arguments>),

    /// Trace an example program that talks to a local stand-in for an LLM, and show the result
    ///
    /// Nothing leaves this host and no key is needed. Needs root and a Python with its ssl module.
    #[command(after_help = SOURCES)]
    Demo {
        /// Python interpreter that runs the example program
        #[arg(long, value_name = "PATH", default_value = "python3")]
        python: PathBuf,

        #[command(flatten)]
        sources: Sources,
    },

    /// Print what a shell needs to complete spanwire's commands and flags
    ///
    /// For bash: `spanwire completions bash > /usr/share/bash-completion/completions/spanwire`.
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: Shell,
    },

    /// Write the manual's pages and what shells complete into a folder, for packages
    #[command(hide = true)]
    Documents {
        /// Where to
        folder: PathBuf,
    },

    /// Attach programs in the place of an agent, which begins this itself where it has use for it
    #[command(name = SUBCOMMAND, hide = true)]
    AttachUprobes,
}

#[derive(Debug, Args)]
struct Sources {
    /// Configuration file (YAML), in place of SPANWIRE_CONFIG [default: /etc/spanwire/config.yaml, if
    /// it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

impl Sources {
    fn load(&self, environment: &Environment) -> Result<Config, ConfigError> {
        Config::load(&self.settings, self.config.as_deref(), environment)
    }
}

/// Reads the command line (`arguments` begin with the program's name) and, for commands that trace,
/// the configuration.
///
/// # Errors
/// [`CliError::Usage`] also for `--help` and `--version`: clap's error knows what to print, where to,
/// and its exit code.
pub fn parse<I, T>(arguments: I, environment: &Environment) -> Result<Command, CliError>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    Ok(match CommandLine::try_parse_from(&arguments)?.action {
        Action::Run { sources, take_over, supervised, command } if command.is_empty() => {
            let take_over = take_over || supervised;
            Command::Run { config: Config { take_over, ..sources.load(environment)? }, supervised }
        }
        Action::Run { sources, command, .. } => {
            Command::RunCommand { command, config: sources.load(environment)? }
        }
        Action::Service { sources } => Command::Service {
            config: sources.load(environment)?,
            // Behind the program's name and the subcommand, before which there is no other.
            arguments: arguments.into_iter().skip(2).collect(),
        },
        Action::Check { programs, sources } => {
            let config = sources.load(environment).map_err(|error| error.to_string());
            Command::Check { programs, config }
        }
        Action::Status { json, socket } => Command::Status { socket, json },
        Action::Stats { format, socket } => Command::Stats { socket, format },
        Action::Redact { stdin: _, mode, why, json, content_policy } => {
            let policy = content_policy.map(ContentPolicy::from_file).transpose()?.unwrap_or_default();
            Command::Redact { mode, why, json, policy }
        }
        Action::Audit(arguments) => {
            arguments.check()?;
            Command::Audit(arguments.question(environment)?)
        }
        Action::Completions { shell } => Command::Completions(shell),
        Action::Documents { folder } => Command::Documents(folder),
        Action::AttachUprobes => Command::AttachUprobes,
        Action::Demo { python, sources } => Command::Demo { python, config: sources.load(environment)? },
    })
}

#[cfg(test)]
mod tests;
