//! Records as rows and as documents.

use std::io::{self, Write};

use serde_json::{Value, json};
use spanwire_audit::record::{Actor, Approval, Entry, Exchange, Peer, Record, User};

use super::sheet::{Cell, Columns, Kind, decimal, printable};
use super::when;

/// For people.
pub(super) const NARROW: Columns<'static> = &[
    ("time", Kind::Time),
    ("record", Kind::Number),
    ("service", Kind::Text),
    ("user", Kind::Text),
    ("call", Kind::Text),
    ("result", Kind::Text),
    ("tokens", Kind::Number),
    ("cost", Kind::Dollars),
    ("server", Kind::Text),
    ("notes", Kind::Text),
];

/// For programs.
pub(super) const WIDE: Columns<'static> = &[
    ("record", Kind::Number),
    ("time", Kind::Time),
    ("host", Kind::Text),
    ("kind", Kind::Text),
    ("service", Kind::Text),
    ("pid", Kind::Number),
    ("user", Kind::Text),
    ("login", Kind::Text),
    ("executable", Kind::Text),
    ("build_id", Kind::Text),
    ("command", Kind::Text),
    ("parents", Kind::Text),
    ("container", Kind::Text),
    ("pod", Kind::Text),
    ("namespace", Kind::Text),
    ("direction", Kind::Text),
    ("server", Kind::Text),
    ("address", Kind::Text),
    ("port", Kind::Number),
    ("provider", Kind::Text),
    ("operation", Kind::Text),
    ("model", Kind::Text),
    ("input_tokens", Kind::Number),
    ("output_tokens", Kind::Number),
    ("cost", Kind::Dollars),
    ("status", Kind::Number),
    ("error", Kind::Text),
    ("bytes_sent", Kind::Number),
    ("bytes_received", Kind::Number),
    ("duration_us", Kind::Number),
    ("redacted", Kind::Text),
    ("content", Kind::Text),
    ("trace", Kind::Text),
    ("span", Kind::Text),
    ("missing_bytes", Kind::Number),
    ("notes", Kind::Text),
    ("approval", Kind::Text),
];

/// The parts of a record that its kind may lack.
struct Parts<'a> {
    actor: Option<&'a Actor>,
    peer: Option<&'a Peer>,
    exchange: Option<&'a Exchange>,
    sent_received: Option<(u64, u64)>,
    duration: Option<u64>,
    approval: Option<Approval>,
}

impl<'a> Parts<'a> {
    fn of(entry: &'a Entry) -> Self {
        match entry {
            Entry::Exchange(one) => Self {
                actor: Some(&one.actor),
                peer: Some(&one.peer),
                exchange: Some(one),
                sent_received: Some((one.bytes.sent, one.bytes.received)),
                duration: Some(one.duration),
                approval: one.approval,
            },
            Entry::Unread(one) => Self {
                actor: Some(&one.actor),
                peer: Some(&one.peer),
                exchange: None,
                sent_received: Some((one.bytes.sent, one.bytes.received)),
                duration: Some(one.duration),
                approval: one.approval,
            },
            Entry::Lost(_) | Entry::Retired(_) | Entry::Agent(_) => Self {
                actor: None,
                peer: None,
                exchange: None,
                sent_received: None,
                duration: None,
                approval: None,
            },
        }
    }
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn user(user: &User) -> String {
    user.name.clone().unwrap_or_else(|| user.id.to_string())
}

fn redacted(exchange: &Exchange) -> String {
    let counts = exchange.redacted.iter().map(|(class, count)| format!("{class}={count}"));
    counts.collect::<Vec<_>>().join(" ")
}

fn approval(approval: Option<Approval>) -> &'static str {
    match approval {
        Some(Approval::Approved) => "approved",
        Some(Approval::Unapproved) => "unapproved",
        None => "",
    }
}

/// What the agent says of itself, or of what is missing.
fn note(entry: &Entry) -> String {
    match entry {
        Entry::Lost(lost) => {
            format!("{} records missing until {}: {}", lost.records, when::show(lost.until), lost.reason)
        }
        Entry::Retired(retired) => {
            format!("records {} to {} taken out: {}", retired.first, retired.last, retired.reason)
        }
        Entry::Agent(agent) => {
            let detail = agent.detail.as_ref().map(|detail| format!(": {detail}"));
            format!("spanwire {} {}{}", agent.version, agent.event, detail.unwrap_or_default())
        }
        Entry::Exchange(_) | Entry::Unread(_) => String::new(),
    }
}

/// The cells of [`NARROW`].
pub(super) fn narrow(number: u64, record: &Record) -> Vec<Cell> {
    let Parts { actor, peer, exchange, sent_received, approval: of_list, .. } = Parts::of(&record.entry);
    // Who had logged in says more than whom the process runs as.
    let who = actor.map(|actor| match (&actor.login, &actor.user) {
        (Some(login), Some(own)) if login.id != own.id => format!("{}→{}", user(login), user(own)),
        (_, Some(own)) => user(own),
        (Some(login), None) => user(login),
        (None, None) => String::new(),
    });
    let (call, result, tokens) = match exchange {
        Some(one) => {
            let names = [one.operation.as_deref(), one.model.as_deref()];
            let names = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
            let result = one.error.clone().unwrap_or_else(|| text(one.status));
            let tokens = match (one.input_tokens, one.output_tokens) {
                (None, None) => String::new(),
                (input, output) => format!("{}→{}", text(input), text(output)),
            };
            (names, result, tokens)
        }
        None => (record.entry.kind().to_owned(), String::new(), String::new()),
    };
    let mut notes = Vec::new();
    if of_list == Some(Approval::Unapproved) {
        notes.push(approval(of_list).to_owned());
    }
    if let Some(one) = exchange {
        if !one.redacted.is_empty() {
            notes.push(redacted(one));
        }
        if one.missing > 0 {
            notes.push(format!("{} bytes missing", one.missing));
        }
    } else if let Some((sent, received)) = sent_received {
        notes.push(format!("{sent} bytes sent, {received} received"));
    }
    notes.extend(Some(note(&record.entry)).filter(|note| !note.is_empty()));
    vec![
        Cell::Time(record.time),
        Cell::Number(number),
        Cell::text(actor.map(|actor| &actor.service)),
        Cell::text(who),
        Cell::Text(call),
        Cell::Text(result),
        Cell::Text(tokens),
        cost(exchange),
        Cell::text(peer.and_then(|peer| peer.name.as_ref().or(peer.address.as_ref()))),
        Cell::Text(notes.join(", ")),
    ]
}

fn cost(exchange: Option<&Exchange>) -> Cell {
    exchange.and_then(|one| one.cost).map_or(Cell::None, Cell::Dollars)
}

/// The cells of [`WIDE`].
pub(super) fn wide(number: u64, record: &Record) -> Vec<Cell> {
    let Parts { actor, peer, exchange, sent_received, duration, approval: of_list } =
        Parts::of(&record.entry);
    let direction = exchange.map(|one| format!("{:?}", one.direction).to_lowercase());
    let notes = exchange.map_or_else(|| note(&record.entry), |one| one.notes.join("; "));
    vec![
        Cell::Number(number),
        Cell::Time(record.time),
        Cell::text(Some(&record.host)),
        Cell::text(Some(record.entry.kind())),
        Cell::text(actor.map(|actor| &actor.service)),
        Cell::number(actor.map(|actor| actor.pid)),
        Cell::text(actor.and_then(|actor| actor.user.as_ref()).map(user)),
        Cell::text(actor.and_then(|actor| actor.login.as_ref()).map(user)),
        Cell::text(actor.and_then(|actor| actor.executable.as_ref())),
        Cell::text(actor.and_then(|actor| actor.build_id.as_ref())),
        Cell::text(actor.and_then(|actor| actor.command.as_ref())),
        Cell::text(actor.map(|actor| actor.parents.join("; "))),
        Cell::text(actor.and_then(|actor| actor.container.as_ref())),
        Cell::text(actor.and_then(|actor| actor.pod.as_ref())),
        Cell::text(actor.and_then(|actor| actor.namespace.as_ref())),
        Cell::text(direction),
        Cell::text(peer.and_then(|peer| peer.name.as_ref())),
        Cell::text(peer.and_then(|peer| peer.address.as_ref())),
        Cell::number(peer.and_then(|peer| peer.port)),
        Cell::text(exchange.and_then(|one| one.provider.as_ref())),
        Cell::text(exchange.and_then(|one| one.operation.as_ref())),
        Cell::text(exchange.and_then(|one| one.model.as_ref())),
        Cell::number(exchange.and_then(|one| one.input_tokens)),
        Cell::number(exchange.and_then(|one| one.output_tokens)),
        cost(exchange),
        Cell::number(exchange.and_then(|one| one.status)),
        Cell::text(exchange.and_then(|one| one.error.as_ref())),
        Cell::number(sent_received.map(|(sent, _)| sent)),
        Cell::number(sent_received.map(|(_, received)| received)),
        Cell::number(duration),
        Cell::text(exchange.map(redacted)),
        Cell::text(exchange.and_then(|one| one.content.as_ref())),
        Cell::text(exchange.map(|one| &one.trace)),
        Cell::text(exchange.map(|one| &one.span)),
        Cell::number(exchange.map(|one| one.missing)),
        Cell::Text(notes),
        Cell::text(Some(approval(of_list))),
    ]
}

/// The record as it is stored, with its number, and its times and cost as people write them.
pub(super) fn json(number: u64, record: &Record) -> Value {
    let mut value = serde_json::to_value(record).unwrap_or_default();
    let Value::Object(members) = &mut value else { return value };
    members.insert("record".to_owned(), json!(number));
    members.insert("time".to_owned(), json!(when::exact(record.time)));
    if let Some(started) = members.get_mut("actor").and_then(|actor| actor.get_mut("started"))
        && let Some(micros) = started.as_i64()
    {
        *started = json!(when::exact(micros));
    }
    let exact = |nano: &Value| serde_json::from_str::<Value>(&decimal(nano.as_u64()?)).ok();
    if let Some(cost) = members.get("cost").and_then(exact) {
        members.insert("cost".to_owned(), cost);
    }
    if let Some(duration) = members.remove("duration") {
        members.insert("duration_us".to_owned(), duration);
    }
    value
}

/// All of a record, a line for each member that it has.
pub(super) fn describe(number: u64, record: &Record, hash: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = vec![("record".to_owned(), number.to_string())];
    flatten("", &json(number, record), &mut lines);
    lines.push(("hash".to_owned(), hash.to_owned()));
    lines.dedup_by(|later, earlier| later.0 == earlier.0);
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in
        lines.iter().enumerate().filter(|(at, (name, _))| *at == 0 || name != "record").map(|(_, line)| line)
    {
        writeln!(out, "{name:<width$}  {}", printable(value))?;
    }
    Ok(())
}

fn flatten(path: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| flatten(&below(name), value, lines))
        }
        Value::Array(elements) => {
            let texts = elements
                .iter()
                .map(|element| element.as_str().map_or_else(|| element.to_string(), str::to_owned));
            lines.push((path.to_owned(), texts.collect::<Vec<_>>().join(", ")));
        }
        Value::String(text) => lines.push((path.to_owned(), text.clone())),
        other => lines.push((path.to_owned(), other.to_string())),
    }
}
