//! Which records a question is about.

use std::str::FromStr;

use rusqlite::types::Value;

use super::ranges::HOUR;
use crate::record::Approval;

/// What records are grouped by, and can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The UTC hour.
    Hour,
    /// The UTC day.
    Day,
    /// Exchanges, or connections that were not read.
    Kind,
    /// The host.
    Host,
    /// `service.name`.
    Service,
    /// Whom the process ran as.
    User,
    /// Who had logged in.
    Login,
    /// The executable's path.
    Executable,
    /// The peer's name, or else its address.
    Server,
    /// Its port.
    Port,
    /// The provider.
    Provider,
    /// The operation.
    Operation,
    /// The model.
    Model,
    /// `error.type`.
    Error,
    /// What the list said of the endpoint.
    Approval,
    /// `client` for what a process of this host asked, `server` for what it was asked.
    Direction,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Hour,
        Self::Day,
        Self::Kind,
        Self::Host,
        Self::Service,
        Self::User,
        Self::Login,
        Self::Executable,
        Self::Server,
        Self::Port,
        Self::Provider,
        Self::Operation,
        Self::Model,
        Self::Error,
        Self::Approval,
        Self::Direction,
    ];

    /// As operators write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Kind => "kind",
            Self::Host => "host",
            Self::Service => "service",
            Self::User => "user",
            Self::Login => "login",
            Self::Executable => "executable",
            Self::Server => "server",
            Self::Port => "port",
            Self::Provider => "provider",
            Self::Operation => "operation",
            Self::Model => "model",
            Self::Error => "error",
            Self::Approval => "approval",
            Self::Direction => "direction",
        }
    }

    /// Of `hourly`, and of what is made of the records to be like it.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Hour => "strftime('%Y-%m-%dT%H:00Z', hour * 3600, 'unixepoch')",
            Self::Day => "strftime('%Y-%m-%d', hour * 3600, 'unixepoch')",
            Self::Port => "CASE port WHEN 0 THEN '' ELSE CAST(port AS TEXT) END",
            other => other.name(),
        }
    }
}

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|column| column.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.into_iter().map(Self::name).collect();
            format!("one of {}", names.join(", "))
        })
    }
}

/// Which records are meant: all that fit each part that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// That began at this moment or later.
    pub since: Option<i64>,
    /// That began before this moment.
    pub until: Option<i64>,
    /// Of which a column has this value, or fits this pattern if it holds `*` or `?`. A program's name stands for
    /// its path.
    pub columns: Vec<(Column, String)>,
    /// That failed.
    pub errors: bool,
    /// In whose content this class was found, or any where it is empty.
    pub redacted: Option<String>,
    /// That cost more than so many billionths of a dollar.
    pub cost_above: Option<u64>,
    /// By what the list said of their endpoint.
    pub approval: Option<Approval>,
    /// Of this process.
    pub pid: Option<u32>,
    /// What the agent says of itself and of the store as well.
    pub notes: bool,
    /// Written after this one.
    pub after: Option<u64>,
    /// Not what processes of this host were asked: who asked may be recorded, too.
    pub not_served: bool,
}

/// A statement's conditions and what is bound to them.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Conditions {
    pub(super) fn add(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    fn column(&mut self, column: Column, value: &str) {
        let name = column.sql();
        let text = |text: &str| Value::Text(text.to_owned());
        if value.is_empty() {
            self.add(&format!("coalesce({name}, '') = ''"), []);
        } else if value.contains(['*', '?']) {
            self.add(&format!("{name} GLOB ?"), [text(value)]);
        } else if column == Column::Executable && !value.contains('/') {
            self.add(&format!("{name} GLOB ?"), [text(&format!("*/{value}"))]);
        } else {
            self.add(&format!("{name} = ?"), [text(value)]);
        }
    }
}

impl Filter {
    /// What `hourly` can tell, times aside.
    pub(super) fn of_hours(&self) -> Conditions {
        let mut conditions = Conditions::default();
        if !self.notes {
            conditions.add("kind IN ('exchange', 'unread')", []);
        }
        for (column, value) in &self.columns {
            conditions.column(*column, value);
        }
        if self.errors {
            conditions.add("error != ''", []);
        }
        match self.approval {
            Some(Approval::Approved) => conditions.add("approval = 'approved'", []),
            Some(Approval::Unapproved) => conditions.add("approval = 'unapproved'", []),
            None => {}
        }
        if self.not_served {
            conditions.add("direction != 'server'", []);
        }
        conditions
    }

    /// The same, of the hours that have any of the time that is asked for.
    pub(super) fn of_hours_between(&self) -> Conditions {
        let mut conditions = self.of_hours();
        if let Some(since) = self.since {
            conditions.add("hour >= ?", [since.div_euclid(HOUR).into()]);
        }
        if let Some(until) = self.until {
            conditions.add("hour <= ?", [until.div_euclid(HOUR).into()]);
        }
        conditions
    }

    /// Of the table of records.
    pub(super) fn of_records(&self) -> Conditions {
        let mut conditions = Conditions::default();
        if let Some(since) = self.since {
            conditions.add("time >= ?", [since.into()]);
        }
        if let Some(until) = self.until {
            conditions.add("time < ?", [until.into()]);
        }
        if let Some(after) = self.after {
            conditions.add("number > ?", [bound(after)]);
        }
        if !self.notes {
            conditions.add("kind IN ('exchange', 'unread')", []);
        }
        for (column, value) in &self.columns {
            match column {
                Column::Hour | Column::Day => {
                    let hour = "(time / 3600000000)";
                    let sql = column.sql().replace("hour *", &format!("{hour} *"));
                    conditions.add(&format!("{sql} GLOB ?"), [Value::Text(value.clone())]);
                }
                Column::Port => conditions.add("CAST(port AS TEXT) GLOB ?", [Value::Text(value.clone())]),
                other => conditions.column(*other, value),
            }
        }
        if self.errors {
            conditions.add("error IS NOT NULL", []);
        }
        match self.redacted.as_deref() {
            Some("") => conditions.add("redacted IS NOT NULL", []),
            Some(class) => {
                conditions.add("redacted IS NOT NULL", []);
                conditions.add(
                    "json_extract(redacted, '$.' || json_quote(?)) > 0",
                    [Value::Text(class.to_owned())],
                );
            }
            None => {}
        }
        if let Some(cost) = self.cost_above {
            conditions.add("cost > ?", [bound(cost)]);
        }
        match self.approval {
            Some(Approval::Approved) => conditions.add("approval = 'approved'", []),
            Some(Approval::Unapproved) => conditions.add("approval = 'unapproved'", []),
            None => {}
        }
        if let Some(pid) = self.pid {
            conditions.add("pid = ?", [i64::from(pid).into()]);
        }
        if self.not_served {
            conditions.add("coalesce(direction, '') != 'server'", []);
        }
        conditions
    }

    /// Whether `hourly` has all that is asked for.
    pub(super) fn is_of_hours(&self) -> bool {
        self.redacted.is_none() && self.cost_above.is_none() && self.pid.is_none() && self.after.is_none()
    }
}

/// SQLite's integers are signed.
pub(super) fn bound(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
