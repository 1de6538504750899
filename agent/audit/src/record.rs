//! What a record says.
//!
//! Times are microseconds since 1970, durations microseconds, costs billionths of a US dollar: whole numbers all, as the
//! [`crate::canonical`] form wants them. What is not known is absent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it began.
    pub time: i64,
    /// On which host.
    pub host: String,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A request and its answer.
    Exchange(Box<Exchange>),
    /// A connection to a known endpoint whose content could not be read.
    Unread(Box<Unread>),
    /// Records that are missing, since they could not be written.
    Lost(Lost),
    /// Older records that were taken out, as the operator's bounds have it.
    Retired(Retired),
    /// The agent began or ended, or its clock jumped.
    Agent(Agent),
}

impl Entry {
    /// What kind of record it is, as the text has it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Exchange(_) => "exchange",
            Self::Unread(_) => "unread",
            Self::Lost(_) => "lost",
            Self::Retired(_) => "retired",
            Self::Agent(_) => "agent",
        }
    }
}

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Actor {
    /// `service.name`.
    pub service: String,
    /// Process id, as the host counts.
    pub pid: u32,
    /// Whom the process ran as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Who logged in, however often the user was changed since (the audit user id of the kernel).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<User>,
    /// When the process began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<i64>,
    /// The path of its executable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// The build id of that file, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// Its command line, redacted and cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What started it, the nearest first, as `name (pid)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// Its container's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Its Kubernetes pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The pod's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A user of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The number.
    pub id: u32,
    /// The name, where the host's list has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The other end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// As the client called it: in `Host` or in the ClientHello.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// Which way a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The process asked.
    Client,
    /// The process was asked.
    Server,
}

/// What the operator's list says of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// It is on the list.
    Approved,
    /// It is not.
    Unapproved,
}

/// Bytes of bodies, or of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// From the client.
    pub sent: u64,
    /// To it.
    pub received: u64,
}

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Who.
    pub actor: Actor,
    /// Which way.
    pub direction: Direction,
    /// With whom.
    pub peer: Peer,
    /// How long it took.
    pub duration: u64,
    /// `gen_ai.provider.name` or `db.system.name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What was asked for: `chat`, `embeddings`, `query` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The model that answered, or else that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Tokens read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// What it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
    /// HTTP's status code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `error.type`, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Bytes of the bodies.
    pub bytes: Bytes,
    /// How much of each class was found in what was said, by class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redacted: BTreeMap<String, u64>,
    /// A keyed hash of what was said, as it was exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The span's trace, hexadecimal.
    pub trace: String,
    /// The span's id, hexadecimal.
    pub span: String,
    /// Bytes that were not captured.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// What could not be seen, or is not certain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What the list said of the endpoint, where there is a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// A connection to a known endpoint of which only the outside was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unread {
    /// Who.
    pub actor: Actor,
    /// With whom.
    pub peer: Peer,
    /// How long it was open.
    pub duration: u64,
    /// What it carried, TLS included.
    pub bytes: Bytes,
    /// What the list said of the endpoint, where there is a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// Records that are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// How many.
    pub records: u64,
    /// When the last was to be written; the record's own time is the first's.
    pub until: i64,
    /// Why.
    pub reason: String,
}

/// Records that were taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// The first's number.
    pub first: u64,
    /// The last's number.
    pub last: u64,
    /// The last's hash, behind which the first that is kept stands.
    pub hash: String,
    /// Which bound was reached: `age` or `size`.
    pub reason: String,
}

/// Something about the agent itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// What: `started`, `stopped`, `clock_stepped`.
    pub event: String,
    /// Its version.
    pub version: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::canonical;
    use crate::fixture;

    #[test]
    fn what_is_written_is_read_back() {
        let entries = [
            fixture::exchange(3).entry,
            fixture::unread(4).entry,
            Entry::Lost(Lost { records: 7, until: 9, reason: "the disk was full".to_owned() }),
            Entry::Retired(Retired { first: 1, last: 2, hash: "00".to_owned(), reason: "age".to_owned() }),
            Entry::Agent(Agent { event: "started".to_owned(), version: "1".to_owned(), detail: None }),
        ];
        for entry in entries {
            let record = Record { time: -5, host: "h".to_owned(), entry };
            let text = canonical::text(&record).unwrap();
            assert!(text.contains(&format!(r#""kind":"{}""#, record.entry.kind())), "{text}");
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record, "{text}");
        }
    }
}
