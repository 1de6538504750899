//! The span of one call: its name, its times, what it cost.

use std::sync::Arc;
use std::time::SystemTime;

use super::clock::Clock;
use super::propagation::{Propagated, RANDOM, SAMPLED};
use super::span::{Kind, Span};
use super::{ConnectionFacts, Correlator, attributes, status};
use crate::call::{Call, Subject};
use crate::discovery::process::Process;
use crate::event::Role;
use crate::exchange::Exchange;
use crate::price::{Cost, Unpriced};
use crate::provider;

impl Correlator {
    /// The span of one call that is over: a root, or with the trace of its header and no place in it yet.
    pub(super) fn span(
        &mut self,
        call: &Call,
        exchange: &Exchange,
        process: Arc<Process>,
        connection: ConnectionFacts,
        clock: &Clock,
        propagated: &Propagated,
    ) -> Span {
        // Without a valid context it belongs to no trace (W3C Trace Context, section 3.3.1.1).
        let (trace_id, flags, trace_state) = match &propagated.context {
            Some(context) => (context.trace_id, context.flags, context.trace_state.clone()),
            None => (self.ids.trace_id(), SAMPLED | RANDOM, String::new()),
        };
        let (status, error_type, status_note) = status::status(call, exchange);
        let mut notes = call.notes.clone();
        let noted = exchange.notes.iter().chain(&status_note).chain(&propagated.notes);
        for note in noted.copied() {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        let (started_ns, ended_ns) = call.times_ns.unwrap_or((exchange.started_ns, exchange.ended_ns));
        let started = clock.at(started_ns);
        let cost = self.cost(call, exchange, started).unwrap_or_else(|note| {
            notes.push(note);
            None
        });
        let facts = (cost.as_ref(), notes.as_slice());
        let mut attributes = attributes::of(call, exchange, connection, error_type, facts);
        if exchange.role == Role::Client {
            attributes::approve(&mut attributes, &self.approved);
        }
        Span {
            trace_id,
            span_id: self.ids.span_id(),
            parent: None,
            flags,
            flags_are_told: propagated.context.is_some(),
            trace_state,
            kind: match exchange.role {
                Role::Client => Kind::Client,
                Role::Server => Kind::Server,
            },
            name: name(call, exchange),
            started,
            ended: clock.at(ended_ns.max(started_ns)),
            attributes,
            events: Vec::new(),
            links: Vec::new(),
            status,
            chunk_gaps_us: call.chunk_gaps_us.clone(),
            content: call.content,
            process,
        }
    }

    /// What a call cost the one who made it, or a note why nobody knows.
    fn cost(
        &mut self,
        call: &Call,
        exchange: &Exchange,
        at: SystemTime,
    ) -> Result<Option<Cost>, &'static str> {
        if exchange.role != Role::Client || !call.is_final {
            return Ok(None);
        }
        let own_host = provider::is_own_host(&exchange.request, call.provider);
        self.prices.cost(call, exchange.request.host.as_deref(), own_host, at).map_err(|why| match why {
            Unpriced::Model => {
                self.unpriced.models += 1;
                "no price is known for the model"
            }
            Unpriced::Counts => {
                self.unpriced.counts += 1;
                "token counts contradict each other"
            }
        })
    }
}

/// The span's name: the operation, and what it was done to where that is one of few (GenAI, database and
/// HTTP conventions).
fn name(call: &Call, exchange: &Exchange) -> String {
    let method = exchange.request.method.as_str();
    let (operation, target) = match &call.subject {
        Subject::Retrieval { store, .. } | Subject::Points { store, .. } => {
            (store.operation_name(), store.collection.as_ref())
        }
        Subject::Tool { name, .. } => ("execute_tool".into(), Some(name)),
        Subject::Agent { name, .. } => ("invoke_agent".into(), name.as_ref()),
        Subject::Http { route } => (method.into(), route.as_ref()),
        subject => (subject.operation().unwrap_or(method).into(), call.request_model.as_ref()),
    };
    match target {
        Some(target) => format!("{operation} {}", attributes::bounded(target)),
        None => operation.into_owned(),
    }
}
