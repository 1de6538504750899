//! From spans to records.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use spanwire_audit::chain::SealKey;
use spanwire_audit::record::{
    Actor, Approval, Bytes, Direction, Entry, Exchange, Peer, Record, Unread, User,
};

use crate::correlate::Unseen;
use crate::correlate::attributes::{self, *};
use crate::correlate::span::{Kind, Span};
use crate::discovery::process::{self, Process};
use crate::redact::Redacted;
use crate::value::Value;

/// Billionths of a dollar in one.
const NANODOLLARS: f64 = 1e9;
/// Begins the names of attributes that say how much of a class was found.
const FOUND: &str = "spanwire.redacted.";
/// Those of these names that are no class.
const NO_CLASS: [&str; 4] = [REDACTED_RULES, REDACTED_ATTRIBUTES, REDACTED_TRUNCATED, REDACTED_PATH_SEGMENTS];
/// What a class is called whose attribute has another name.
const CREDENTIAL: &str = "credential";

/// The record of a span; none of one that stands for no exchange with a model or a store. `key` makes the hash of what was
/// said.
pub(super) fn of_span(span: &Redacted<Span>, host: &str, key: &SealKey) -> Option<Record> {
    let span = span.get();
    let of = Attributes(span);
    let direction = match span.kind {
        Kind::Client => Direction::Client,
        Kind::Server => Direction::Server,
        Kind::Internal | Kind::Producer | Kind::Consumer => return None,
    };
    // Requests of no API that is known have neither; what was inferred was on no wire.
    let operation = of.text(OPERATION_NAME).or_else(|| of.text(DB_OPERATION_NAME));
    let provider = of.text(PROVIDER_NAME).or_else(|| of.text(DB_SYSTEM_NAME));
    if operation.is_none() && provider.is_none() || of.find(INFERRED).is_some() {
        return None;
    }
    let whole = |name| of.int(name).and_then(|number| u64::try_from(number).ok());
    let exchange = Exchange {
        actor: actor(&span.process),
        direction,
        peer: Peer {
            name: of.text(SERVER_ADDRESS),
            address: of.text(NETWORK_PEER_ADDRESS),
            port: of
                .int(SERVER_PORT)
                .or_else(|| of.int(NETWORK_PEER_PORT))
                .and_then(|port| port.try_into().ok()),
        },
        duration: micros(span.ended.duration_since(span.started).unwrap_or_default()),
        provider,
        operation,
        model: of.text(RESPONSE_MODEL).or_else(|| of.text(REQUEST_MODEL)),
        input_tokens: whole(USAGE_INPUT_TOKENS),
        output_tokens: whole(USAGE_OUTPUT_TOKENS),
        cost: of.double(COST_TOTAL).and_then(nanodollars),
        status: of.int(HTTP_RESPONSE_STATUS_CODE).and_then(|status| status.try_into().ok()),
        error: of.text(ERROR_TYPE),
        bytes: Bytes {
            sent: whole(HTTP_REQUEST_BODY_SIZE).unwrap_or(0),
            received: whole(HTTP_RESPONSE_BODY_SIZE).unwrap_or(0),
        },
        redacted: redacted(span),
        content: content(span, key),
        trace: hex(&span.trace_id.0),
        span: hex(&span.span_id.0),
        missing: whole(MISSING_BYTES).unwrap_or(0),
        notes: of
            .find(NOTES)
            .map(|notes| notes.as_strings().map(str::to_owned).collect())
            .unwrap_or_default(),
        approval: match of.find(ENDPOINT_APPROVAL).and_then(Value::as_str) {
            Some(APPROVED) => Some(Approval::Approved),
            Some(UNAPPROVED) => Some(Approval::Unapproved),
            _ => None,
        },
    };
    let entry = Entry::Exchange(Box::new(exchange));
    Some(Record { time: since_1970(span.started), host: host.to_owned(), entry })
}

/// The record of a conversation that was not read and ended `now`.
pub(super) fn of_unseen(
    unseen: &Redacted<Unseen>,
    host: &str,
    is_approved: Option<bool>,
    now: SystemTime,
) -> Record {
    let unseen = unseen.get();
    let duration = Duration::from_nanos(unseen.lasted_ns);
    let [received, sent] = unseen.moved;
    let unread = Unread {
        actor: actor(&unseen.process),
        peer: Peer { name: Some(unseen.server_name.clone()), ..Peer::default() },
        duration: micros(duration),
        bytes: Bytes { sent, received },
        approval: is_approved.map(|is| if is { Approval::Approved } else { Approval::Unapproved }),
    };
    let began = now.checked_sub(duration).unwrap_or(now);
    Record { time: since_1970(began), host: host.to_owned(), entry: Entry::Unread(Box::new(unread)) }
}

fn actor(process: &Process) -> Actor {
    let of = |name: &str| {
        let found = process.attributes.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.as_str()).map(str::to_owned)
    };
    let lineage = process.lineage.as_deref();
    let user = |user: &process::User| User { id: user.id, name: user.name.clone() };
    Actor {
        service: process.service_name.clone(),
        pid: process.pid,
        user: lineage.and_then(|lineage| lineage.user.as_ref()).map(user),
        login: lineage.and_then(|lineage| lineage.login.as_ref()).map(user),
        started: lineage.and_then(|lineage| lineage.started_us),
        executable: of("process.executable.path").or_else(|| of("process.executable.name")),
        build_id: lineage.and_then(|lineage| lineage.build_id.clone()),
        command: lineage.map(|lineage| lineage.command.clone()).filter(|command| !command.is_empty()),
        parents: lineage.map(|lineage| lineage.parents.clone()).unwrap_or_default(),
        container: of("container.id"),
        pod: of("k8s.pod.name"),
        namespace: of("k8s.namespace.name"),
    }
}

/// How much of each class was found.
fn redacted(span: &Span) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for (name, value) in &span.attributes {
        match value {
            Value::Int(count) if *count > 0 && !NO_CLASS.contains(&name.as_ref()) => {
                let Some(class) = name.strip_prefix(FOUND) else { continue };
                let class = if name == REDACTED_CREDENTIALS { CREDENTIAL } else { class };
                found.insert(class.to_owned(), count.unsigned_abs());
            }
            // The operator's own, as `name=count`.
            rules if name == REDACTED_RULES => {
                let counts = rules.as_strings().filter_map(|rule| rule.rsplit_once('='));
                found.extend(counts.filter_map(|(rule, count)| Some((rule.to_owned(), count.parse().ok()?))));
            }
            _ => {}
        }
    }
    found
}

/// A keyed hash of all content that the span has, as it leaves. None without any.
fn content(span: &Span, key: &SealKey) -> Option<String> {
    let events = span.events.iter().flat_map(|event| &event.attributes);
    let is_content = |name: &str| attributes::find(name).is_some_and(|attribute| attribute.is_content);
    let said: Vec<_> = span.attributes.iter().chain(events).filter(|(name, _)| is_content(name)).collect();
    if said.is_empty() {
        return None;
    }
    let text = serde_json::to_string(&said).ok()?;
    Some(key.hash(text.as_bytes()).to_string())
}

struct Attributes<'a>(&'a Span);

impl Attributes<'_> {
    fn find(&self, name: &str) -> Option<&Value> {
        self.0.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.find(name).and_then(Value::as_str).map(str::to_owned)
    }

    fn int(&self, name: &str) -> Option<i64> {
        if let Some(Value::Int(number)) = self.find(name) { Some(*number) } else { None }
    }

    fn double(&self, name: &str) -> Option<f64> {
        if let Some(Value::Double(number)) = self.find(name) { Some(*number) } else { None }
    }
}

fn nanodollars(dollars: f64) -> Option<u64> {
    let nano = (dollars * NANODOLLARS).round();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in its range")]
    (0.0..1e18).contains(&nano).then_some(nano as u64)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds; negative before.
pub(super) fn since_1970(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::discovery::process::Lineage;
    use crate::export::fixture;
    use crate::redact::Redactor;

    fn key() -> SealKey {
        SealKey::new(&[7; 32])
    }

    fn record(span: Span) -> Option<Record> {
        of_span(&Redactor::default().redact(span), "host-1", &key())
    }

    fn call() -> Span {
        let lineage = Lineage {
            user: Some(process::User { id: 33, name: Some("www".to_owned()) }),
            login: None,
            started_us: Some(5),
            build_id: Some("ab".to_owned()),
            command: "python3 app.py --password hunter2hunter2".to_owned(),
            parents: vec!["bash (1)".to_owned()],
        };
        let process = fixture::process(7, "shop");
        let process = Arc::new(Process { lineage: Some(Arc::new(lineage)), ..(*process).clone() });
        let mut span = fixture::span(3, &process);
        span.attributes.extend([
            (OPERATION_NAME.into(), "chat".into()),
            (PROVIDER_NAME.into(), "openai".into()),
            (REQUEST_MODEL.into(), "gpt-4o".into()),
            (SERVER_PORT.into(), Value::Int(443)),
            (HTTP_REQUEST_BODY_SIZE.into(), Value::Int(10)),
            (HTTP_RESPONSE_BODY_SIZE.into(), Value::Int(20)),
            (HTTP_RESPONSE_STATUS_CODE.into(), Value::Int(200)),
            (ENDPOINT_APPROVAL.into(), UNAPPROVED.into()),
        ]);
        span
    }

    #[test]
    fn a_call_is_recorded_with_who_what_and_how_much() {
        let record = record(call()).unwrap();
        assert_eq!((record.time, record.host.as_str()), (1_728_045_296_000_000, "host-1"));
        let Entry::Exchange(exchange) = record.entry else { unreachable!() };
        let actor = &exchange.actor;
        assert_eq!((actor.service.as_str(), actor.pid, actor.started), ("shop", 7, Some(5)));
        assert_eq!(actor.user, Some(User { id: 33, name: Some("www".to_owned()) }));
        let command = actor.command.as_deref().unwrap();
        assert!(command.starts_with("python3 app.py") && !command.contains("hunter2"), "{command}");
        assert_eq!(exchange.peer.name.as_deref(), Some("api.example.com"));
        assert_eq!((exchange.peer.port, exchange.status), (Some(443), Some(200)));
        assert_eq!((exchange.input_tokens, exchange.output_tokens), (Some(1234), Some(56)));
        assert_eq!((exchange.cost, exchange.duration), (Some(1_234_000), 1_250_000));
        assert_eq!(exchange.bytes, Bytes { sent: 10, received: 20 });
        assert_eq!(exchange.approval, Some(Approval::Unapproved));
        assert_eq!(
            (exchange.trace.as_str(), exchange.span.as_str()),
            ("01".repeat(16).as_str(), "03".repeat(8).as_str())
        );
        assert_eq!((exchange.content, exchange.direction), (None, Direction::Client));
    }

    #[test]
    fn what_was_on_no_wire_is_not_recorded() {
        let internal = Span { kind: Kind::Internal, ..call() };
        let mut inferred = call();
        inferred.attributes.push((INFERRED.into(), Value::Bool(true)));
        let http = fixture::span(1, &fixture::process(1, "x"));
        for span in [internal, inferred, http] {
            assert_eq!(record(span), None);
        }
        let served = Span { kind: Kind::Server, ..call() };
        assert!(record(served).is_some());
    }

    #[test]
    fn classes_are_counted_by_their_names() {
        let mut span = call();
        span.attributes.push((SERVER_ADDRESS.into(), "x".into()));
        for (name, value) in [
            (REDACTED_EMAIL, Value::Int(2)),
            (REDACTED_CREDENTIALS, Value::Int(1)),
            (REDACTED_TRUNCATED, Value::Int(9)),
            (REDACTED_RULES, Value::strings(["badge=3", "odd"])),
        ] {
            span.attributes.push((name.into(), value));
        }
        let expected = [("badge", 3), ("credential", 1), ("email", 2)];
        let expected: Vec<_> = expected.map(|(class, count)| (class.to_owned(), count)).into();
        assert_eq!(redacted(&span).into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_was_said_is_hashed_by_the_key() {
        let mut span = call();
        assert_eq!(content(&span, &key()), None);
        span.attributes.push((INPUT_MESSAGES.into(), "hello".into()));
        let one = content(&span, &key()).unwrap();
        assert_eq!(one.len(), 64);
        assert_ne!(content(&span, &SealKey::new(&[8; 32])).unwrap(), one);
        span.attributes.push((OUTPUT_MESSAGES.into(), "there".into()));
        assert_ne!(content(&span, &key()).unwrap(), one);
    }

    #[test]
    fn a_conversation_that_was_not_read_is_recorded_from_its_begin() {
        let unseen = Unseen {
            process: fixture::process(7, "java"),
            server_name: "api.openai.com".to_owned(),
            moved: [900, 100],
            lasted_ns: 2_000_000_000,
        };
        let unseen = Redactor::default().redact_unseen(unseen);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        let record = of_unseen(&unseen, "h", Some(false), now);
        assert_eq!(record.time, 8_000_000);
        let Entry::Unread(unread) = record.entry else { unreachable!() };
        assert_eq!((unread.bytes, unread.duration), (Bytes { sent: 100, received: 900 }, 2_000_000));
        assert_eq!(unread.approval, Some(Approval::Unapproved));
    }

    #[test]
    fn times_before_1970_are_negative() {
        let second = Duration::from_secs(1);
        assert_eq!(since_1970(SystemTime::UNIX_EPOCH - second), -1_000_000);
        assert_eq!(since_1970(SystemTime::UNIX_EPOCH + second), 1_000_000);
        assert_eq!((nanodollars(-1.0), nanodollars(f64::NAN), nanodollars(1e-9)), (None, None, Some(1)));
    }
}
