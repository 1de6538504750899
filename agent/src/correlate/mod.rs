//! From calls to spans: names, attributes, times, and the place in a trace.

pub mod attributes;
pub mod clock;
pub mod ids;
mod place;
pub mod span;
mod status;
#[cfg(test)]
mod tests;
pub mod traceparent;
pub mod tracestate;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::call::{Call, Subject};
use crate::discovery::process::Process;
use crate::event::Role;
use crate::exchange::Exchange;
use clock::Clock;
use ids::IdGenerator;
use place::{Place, TakenIds};
use span::{Kind, Span};

/// What is known of the connection that carried an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// The other end.
    pub peer: Option<SocketAddr>,
    /// This end's address.
    pub local: Option<SocketAddr>,
    /// The bytes were encrypted on the wire.
    pub tls: bool,
}

/// Makes spans of calls and finds their places in traces.
#[derive(Debug)]
pub struct Correlator {
    ids: IdGenerator,
    taken: TakenIds,
}

impl Correlator {
    /// Header ids that are remembered as taken; past it the oldest is forgotten.
    pub const TAKEN_MAX: usize = 65_536;

    /// A correlator that takes new ids from `ids`.
    #[must_use]
    pub fn new(ids: IdGenerator) -> Self {
        Self { ids, taken: TakenIds::new(Self::TAKEN_MAX) }
    }

    /// The span of one call that is over.
    pub fn span(
        &mut self,
        call: &Call,
        exchange: &Exchange,
        process: Arc<Process>,
        connection: ConnectionFacts,
        clock: &Clock,
    ) -> Span {
        let traceparent = exchange.request.headers.get("traceparent");
        let place = Place::find(traceparent, exchange.role, &mut self.taken, &mut self.ids);
        // Without a valid `traceparent` it belongs to no trace (W3C Trace Context, section 3.3.1.1).
        let in_trace = traceparent.is_some() && place.note.is_none();
        let trace_state = match in_trace {
            true => tracestate::parse(exchange.request.headers.values("tracestate")),
            false => Some(String::new()),
        };
        let state_note = trace_state.is_none().then_some("tracestate is invalid");
        let (status, error_type, status_note) = status::status(call, exchange);
        let mut notes = call.notes.clone();
        for note in exchange.notes.iter().copied().chain(status_note).chain(place.note).chain(state_note) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        let (started_ns, ended_ns) = call.times_ns.unwrap_or((exchange.started_ns, exchange.ended_ns));
        Span {
            trace_id: place.trace_id,
            span_id: place.span_id,
            parent: place.parent,
            flags: place.flags,
            trace_state: trace_state.unwrap_or_default(),
            kind: match exchange.role {
                Role::Client => Kind::Client,
                Role::Server => Kind::Server,
            },
            name: name(call, exchange),
            started: clock.at(started_ns),
            ended: clock.at(ended_ns.max(started_ns)),
            attributes: attributes::of(call, exchange, connection, error_type, &notes),
            events: Vec::new(),
            links: Vec::new(),
            status,
            process,
        }
    }

    /// How many header ids were forgotten to stay within [`Self::TAKEN_MAX`]. A request that repeats
    /// one of those would be given its span id a second time.
    #[must_use]
    pub fn forgotten_ids(&self) -> u64 {
        self.taken.forgotten()
    }
}

/// The span's name: the operation, and what it was done to where that is one of few (GenAI, database and
/// HTTP conventions).
fn name(call: &Call, exchange: &Exchange) -> String {
    let method = exchange.request.method.as_str();
    let (operation, target) = match &call.subject {
        Subject::Retrieval { store, .. } | Subject::Points { store, .. } => {
            (store.operation, store.collection.as_ref())
        }
        Subject::Tool { name, .. } => ("execute_tool", Some(name)),
        Subject::Agent { name, .. } => ("invoke_agent", name.as_ref()),
        Subject::Http { route } => (method, route.as_ref()),
        subject => (subject.operation().unwrap_or(method), call.request_model.as_ref()),
    };
    match target {
        Some(target) => format!("{operation} {}", attributes::bounded(target)),
        None => operation.to_owned(),
    }
}
