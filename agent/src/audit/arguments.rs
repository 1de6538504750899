//! What may be asked, as flags.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use spanwire_audit::chain::Standing;
use spanwire_audit::query::{Column, Filter, Id};
use spanwire_audit::record::Approval;

use super::{Ask, Question, when};
use crate::config::{AUDIT_STORE, Audit, Config, ConfigError, Environment, Settings};

/// Billionths of a dollar in one.
const NANODOLLARS: f64 = 1e9;

/// The command's flags, and those of its commands.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,

    #[command(flatten)]
    filter: Filters,

    #[command(flatten)]
    common: Common,

    /// Sums by these in place of single records: hour, day, kind, host, service, user, login, executable, server,
    /// port, provider, operation, model, error, approval or direction, separated by commas. What processes were asked counts
    /// with --direction server, or by direction
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', value_parser = str::parse::<Column>)]
    by: Vec<Column>,

    /// Go on with what is recorded from now on, until Ctrl-C
    #[arg(long, conflicts_with = "by")]
    follow: bool,

    /// Show as well what the agent says of itself, and where records are missing
    #[arg(long, conflicts_with = "by")]
    notes: bool,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, once")]
enum Action {
    /// List the endpoints that were used, with their first and last use, and whether they are approved
    ///
    /// By the list approved-endpoints as the configuration has it now; calls were marked by the list of their time.
    Endpoints {
        #[command(flatten)]
        filter: Filters,

        #[command(flatten)]
        common: Common,
    },

    /// Show all that is recorded of one call: by the record's number, its span's id or its trace's
    Show {
        /// A record's number, 16 hexadecimal digits of a span's id, or 32 of a trace's
        #[arg(value_name = "ID", value_parser = str::parse::<Id>)]
        id: Id,

        #[command(flatten)]
        common: Common,
    },

    /// Prove that no record was changed, removed, moved or put in, or say where one was
    ///
    /// Exits with 0 when all is as it was written, and with 4 when it is not.
    Verify {
        /// How far the audit had come when that was noted elsewhere, as the agent logs it; may be given several times
        #[arg(long, value_name = "NUMBER:HASH", value_parser = str::parse::<Standing>)]
        told: Vec<Standing>,

        /// The file of the key that seals the audit [default: as the configuration says]
        #[arg(long, value_name = "PATH")]
        key: Option<PathBuf>,

        #[command(flatten)]
        common: Common,
    },
}

/// What each question has.
#[derive(Debug, Args)]
struct Common {
    /// The audit's file [default: as the configuration says, or else /var/lib/spanwire/audit.db]
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,

    /// Configuration file (YAML), in place of SPANWIRE_CONFIG [default: /etc/spanwire/config.yaml, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// table, for people; json: one document; jsonl: one object a line; csv; or parquet, for a file or a pipe
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,

    /// Rows at the most: of records the latest, of sums the dearest; 0 for all [default: 50 in a table, or else all]
    #[arg(long, value_name = "ROWS")]
    limit: Option<u64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which records (patterns may hold * and ?)")]
struct Filters {
    /// From this moment on: 30m, 12h or 7d ago, today, yesterday, tuesday, 2026-11-24, 2026-11-24T10:30 (UTC)
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<i64>,

    /// Before this moment
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<i64>,

    /// Of this service
    #[arg(long, value_name = "PATTERN")]
    service: Option<String>,

    /// Whose process ran as this user: a name, or else a number
    #[arg(long, value_name = "PATTERN")]
    user: Option<String>,

    /// Whose process was begun from this user's login, whatever the user was changed to
    #[arg(long, value_name = "PATTERN")]
    login: Option<String>,

    /// Of this executable: a path, or a name
    #[arg(long, value_name = "PATTERN")]
    executable: Option<String>,

    /// Of this process
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,

    /// With this model
    #[arg(long, value_name = "PATTERN")]
    model: Option<String>,

    /// With this provider, such as openai
    #[arg(long, value_name = "PATTERN")]
    provider: Option<String>,

    /// Of this operation, such as chat or embeddings
    #[arg(long, value_name = "PATTERN")]
    operation: Option<String>,

    /// To this server: its name, or its address where it had none
    #[arg(long, value_name = "PATTERN")]
    server: Option<String>,

    /// Made on this host
    #[arg(long, value_name = "PATTERN")]
    host: Option<String>,

    /// exchange, or unread: connections to known endpoints that could not be read
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,

    /// client: what processes of this host asked; server: what they were asked, which who asked may have a record of, too
    #[arg(long, value_name = "END")]
    direction: Option<String>,

    /// That failed
    #[arg(long)]
    errors: bool,

    /// In whose content this was found, such as email or credential; anything, where no class is named
    #[arg(long, value_name = "CLASS", num_args = 0..=1, default_missing_value = "")]
    redacted: Option<String>,

    /// That cost more than this
    #[arg(long, value_name = "DOLLARS", value_parser = dollars)]
    cost_above: Option<u64>,

    /// To endpoints that were on the list of approved ones, or that were not
    #[arg(long, value_enum, value_name = "WHICH")]
    endpoints: Option<Approved>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Approved {
    Approved,
    Unapproved,
}

/// As what answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One document.
    Json,
    /// One object a line.
    Jsonl,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// An Apache Parquet file.
    Parquet,
}

/// Rows of a table that nobody asked to be longer.
const TABLE_ROWS: u64 = 50;

impl Common {
    fn limit(&self) -> u64 {
        match (self.limit, self.format) {
            (Some(0), _) => u64::MAX,
            (Some(limit), _) => limit,
            (None, Format::Table) => TABLE_ROWS,
            (None, _) => u64::MAX,
        }
    }
}

impl Filters {
    fn filter(self) -> Filter {
        let columns = [
            (Column::Service, self.service),
            (Column::User, self.user),
            (Column::Login, self.login),
            (Column::Executable, self.executable),
            (Column::Model, self.model),
            (Column::Provider, self.provider),
            (Column::Operation, self.operation),
            (Column::Server, self.server),
            (Column::Host, self.host),
            (Column::Kind, self.kind),
            (Column::Direction, self.direction),
        ];
        Filter {
            since: self.since,
            until: self.until,
            columns: columns.into_iter().filter_map(|(column, value)| Some((column, value?))).collect(),
            errors: self.errors,
            redacted: self.redacted,
            cost_above: self.cost_above,
            approval: self.endpoints.map(|which| match which {
                Approved::Approved => Approval::Approved,
                Approved::Unapproved => Approval::Unapproved,
            }),
            pid: self.pid,
            notes: false,
            after: None,
            not_served: false,
        }
    }

    /// For sums by these: of what was asked and served on one host half counts, unless it is told apart.
    fn sums(self, by: &[Column]) -> Filter {
        let not_served = self.direction.is_none() && !by.contains(&Column::Direction);
        Filter { not_served, ..self.filter() }
    }
}

impl Arguments {
    /// Refuses what no flag alone is wrong about.
    ///
    /// # Errors
    /// When the answer is to go on, in a format that has an end.
    pub fn check(&self) -> Result<(), clap::Error> {
        if self.follow && self.common.format == Format::Parquet {
            let why = "--follow goes on and a Parquet file has an end: ask for --format jsonl\n";
            return Err(clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, why));
        }
        Ok(())
    }

    /// What is asked, and of which store.
    ///
    /// # Errors
    /// When the configuration, which names the store, cannot be read.
    pub fn question(self, environment: &Environment) -> Result<Question, ConfigError> {
        let Self { action, filter, common, by, follow, notes } = self;
        let (common, key, ask) = match action {
            None if by.is_empty() => {
                (common, None, Ask::List { filter: Filter { notes, ..filter.filter() }, follow })
            }
            None => (common, None, Ask::Groups { filter: filter.sums(&by), by }),
            Some(Action::Endpoints { filter, common }) => {
                (common, None, Ask::Endpoints { filter: filter.sums(&[]) })
            }
            Some(Action::Show { id, common }) => (common, None, Ask::Show { id }),
            Some(Action::Verify { told, key, common }) => (common, key, Ask::Verify { told }),
        };
        let (format, limit) = (common.format, common.limit());
        let config = Config::load(&Settings::default(), common.config.as_deref(), environment)?;
        let configured = config.audit.as_ref();
        let store = common.store.or_else(|| configured.map(|audit| audit.store.clone()));
        let store = store.unwrap_or_else(|| PathBuf::from(AUDIT_STORE));
        // The configuration's key is that of its store.
        let key = key
            .or_else(|| configured.filter(|audit| audit.store == store).map(Audit::key_path))
            .unwrap_or_else(|| Audit::key_beside(&store));
        Ok(Question { store, key, approved: config.approved_endpoints, format, limit, ask })
    }
}

fn moment(text: &str) -> Result<i64, String> {
    when::parse(text, now())
}

fn now() -> Timestamp {
    when::now()
}

fn dollars(text: &str) -> Result<u64, String> {
    let dollars: f64 = text.trim_start_matches('$').parse().map_err(|_| "a number of dollars".to_owned())?;
    let nano = dollars * NANODOLLARS;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in its range")]
    (0.0..1e18).contains(&nano).then_some(nano as u64).ok_or_else(|| "a number of dollars".to_owned())
}
