//! Where a span stands, once its exchange is over.
//!
//! What is certain comes first: an id in a header, then the other end of the same exchange, then what the thread or the
//! process served. What is not certain is a link.

use super::serving::Cause;
use super::{ExchangeKey, Forest, Held, Known, Method, Place, Run, Tools};
use crate::correlate::agents::{Part, RunPlace};
use crate::correlate::attributes::LINK_METHOD;
use crate::correlate::propagation::Context;
use crate::correlate::span::{Link, Span, SpanId, TraceId};
use crate::event::Role;

use super::slots::SlotId;

/// Nanoseconds that a span waits for what it hangs on at the most.
const WAIT_NS: u64 = 30_000_000_000;

/// Spans that wait at the most, all together.
pub(in crate::correlate) const HELD_MAX: usize = 4096;

/// Exchanges that are walked up at the most to find a trace. Ids of exchanges make no circles, so this bounds the stack alone.
pub(super) const DEPTH: u32 = 64;

/// The name of a link to what may have been the cause.
const CANDIDATE: &str = "candidate";

impl Forest {
    /// Hands out what has found its place: of slots of which nothing is under way, and, at a `tick`, what waited for too
    /// long. How many went before all was known that could be.
    pub(in crate::correlate) fn settle(
        &mut self,
        (now_ns, is_tick): (u64, bool),
        tools: &mut Tools<'_>,
        spans: &mut Vec<Span>,
    ) -> u64 {
        let mut early = 0;
        for slot in if is_tick { self.slots.all() } else { self.slots.ready() } {
            let waiting = self.slots.waiting(slot);
            let is_old = waiting.iter().any(|held| now_ns.saturating_sub(held.since_ns) >= WAIT_NS);
            let is_closed = self.slots.is_closed(slot);
            if is_closed && (is_old || waiting.iter().all(|held| is_decided(held, now_ns, tools))) {
                self.hand_out(slot, now_ns, tools, spans);
                self.remove(slot);
            } else if is_old {
                early += self.hand_out(slot, now_ns, tools, spans);
                self.prune(slot);
            }
        }
        if self.slots.held() > HELD_MAX {
            for slot in self.slots.all() {
                early += self.hand_out(slot, now_ns, tools, spans);
                if self.slots.held() <= HELD_MAX / 2 {
                    break;
                }
            }
        }
        if is_tick {
            spans.extend(self.programs.due(now_ns).into_iter().filter_map(Run::into_span));
        }
        early
    }

    /// Hands out all that waits of a process's, since no more is to be learned of it; of all without one.
    pub(in crate::correlate) fn give_up(
        &mut self,
        pid: Option<u32>,
        now_ns: u64,
        tools: &mut Tools<'_>,
        spans: &mut Vec<Span>,
    ) {
        for slot in self.slots.all() {
            let is_own = |held: &Held| pid.is_none_or(|pid| held.span.process.pid == pid);
            if self.slots.waiting(slot).iter().any(is_own) && (pid.is_none() || self.slots.is_closed(slot)) {
                self.hand_out(slot, now_ns, tools, spans);
                if self.slots.is_closed(slot) {
                    self.remove(slot);
                }
            }
        }
        if pid.is_none() {
            spans.extend(self.programs.all().into_iter().filter_map(Run::into_span));
        }
    }

    fn remove(&mut self, slot: SlotId) {
        for key in self.slots.remove(slot) {
            // Behind a proxy's tunnel exchanges are counted anew: the key may be another one's by now.
            if self.known.get(&key).is_some_and(|known| known.slot == slot) {
                self.forget(key);
            }
        }
    }

    /// Of what does not end, what was made for it and is over is of no more use: nothing that begins can hang on it.
    fn prune(&mut self, slot: SlotId) {
        let mut over = Vec::new();
        self.slots.retain_keys(slot, |key| {
            let is_over = |known: &Known| known.ended_ns.is_some() && known.has_span;
            let is_over = self.known.get(key).is_none_or(is_over);
            if is_over {
                over.push(*key);
            }
            !is_over
        });
        over.into_iter().for_each(|key| self.forget(key));
    }

    /// Gives the spans that wait in a slot their places; how many they were.
    fn hand_out(&mut self, slot: SlotId, now_ns: u64, tools: &mut Tools<'_>, spans: &mut Vec<Span>) -> u64 {
        let (held, before) = (self.slots.take(slot), spans.len());
        let count = held.len() as u64;
        for Held { key, mut span, part, .. } in held {
            if let Some(Part::Tool(run) | Part::Run(run)) = part {
                match tools.agents.place(run) {
                    Some(above) => spans.push(inferred(span, above, part == Some(Part::Run(run)))),
                    None => self.unplaced += 1,
                }
                continue;
            }
            let Some((place, ended)) = self.place(key, now_ns, tools, DEPTH) else {
                spans.push(span);
                continue;
            };
            spans.extend(ended.into_iter().filter_map(Run::into_span));
            // Of several calls in one exchange the first has its id.
            let known = self.known.get_mut(&key);
            let is_named =
                |known: &Known| known.begun.context.as_ref().map(|context| context.span_id) == place.parent;
            let is_headers = place.parent.is_some() && known.as_deref().is_some_and(is_named);
            let is_first = known.is_none_or(|known| !std::mem::replace(&mut known.has_span, true));
            let span_id = if is_first { place.span_id } else { tools.ids.span_id() };
            span.links.extend(place.links.iter().map(|(trace_id, span_id)| Link {
                trace_id: *trace_id,
                span_id: *span_id,
                trace_state: String::new(),
                attributes: vec![(LINK_METHOD.into(), CANDIDATE.into())],
            }));
            span = Span { trace_id: place.trace_id, span_id, parent: place.parent, ..span };
            let mut method = place.method.map(Method::name);
            // A tracer's own span is nearer to the call than what is inferred.
            if let Some(Part::Call(run)) = part.filter(|_| !is_headers)
                && let Some(above) = tools.agents.placed(run, (place.trace_id, place.parent, method))
            {
                (span.parent, method) = (Some(above), Some(Method::Content.name()));
            }
            put_method(&mut span, method);
            if place.method == Some(Method::Program) {
                self.programs.placed(span.process.pid, &span, now_ns);
            }
            spans.push(span);
        }
        if let Some(placed) = spans.get_mut(before..).filter(|placed| !placed.is_empty()) {
            self.sum_up(placed);
        }
        count
    }

    /// Where an exchange stands, and the run that had to end for it.
    fn place(
        &mut self,
        key: ExchangeKey,
        now_ns: u64,
        tools: &mut Tools<'_>,
        depth: u32,
    ) -> Option<(Place, Option<Run>)> {
        let known = self.known.get(&key)?;
        if let Some(place) = &known.place {
            return Some((place.clone(), None));
        }
        let Known { role, span_id, slot, other, .. } = *known;
        let (context, cause) = (known.begun.context.clone(), known.cause.clone());
        let (pid, exports) = (known.begun.process.pid, known.exports(now_ns, tools));
        let (place, ended) = match role {
            Role::Server => {
                let other = other.filter(|_| depth > 0).and_then(|other| {
                    let exports = self.known.get(&other)?.exports(now_ns, tools);
                    Some((self.place(other, now_ns, tools, depth - 1)?.0, exports))
                });
                (self.place_served((slot, span_id), context, other, tools), None)
            }
            Role::Client => {
                let asked = Asked { pid, span_id, slot, exports, now_ns };
                self.place_asked(asked, context, &cause, tools, depth)
            }
        };
        if let Some(known) = self.known.get_mut(&key) {
            known.place = Some(place.clone());
        }
        Some((place, ended))
    }

    fn place_served(
        &mut self,
        (slot, span_id): (SlotId, SpanId),
        context: Option<Context>,
        other: Option<(Place, bool)>,
        tools: &mut Tools<'_>,
    ) -> Place {
        let child = |trace_id, parent, method| Place {
            trace_id,
            span_id,
            parent: Some(parent),
            method: Some(method),
            links: Vec::new(),
        };
        match (context, other) {
            // A header that was passed on unchanged names what is above the other end's own span.
            (Some(context), Some((other, false)))
                if other.trace_id == context.trace_id && other.span_id != context.span_id =>
            {
                child(other.trace_id, other.span_id, Method::Connection)
            }
            (Some(context), _) => child(context.trace_id, context.span_id, Method::Header),
            (None, Some((other, _))) => child(other.trace_id, other.span_id, Method::Connection),
            (None, None) => Place {
                trace_id: self.slots.settle(slot, tools.ids),
                span_id,
                parent: None,
                method: None,
                links: Vec::new(),
            },
        }
    }

    fn place_asked(
        &mut self,
        asked: Asked,
        context: Option<Context>,
        cause: &Cause,
        tools: &mut Tools<'_>,
        depth: u32,
    ) -> (Place, Option<Run>) {
        let Asked { pid, span_id, slot, exports, now_ns } = asked;
        let proven = self.serving.proven(cause).filter(|_| depth > 0).and_then(|(key, method)| {
            let (place, _) = self.place(key, now_ns, tools, depth - 1)?;
            Some(Proven { trace_id: place.trace_id, span_id: place.span_id, method })
        });
        let mut place =
            Place { trace_id: TraceId([0; 16]), span_id, parent: None, method: None, links: Vec::new() };
        let mut ended = None;
        match (context, proven) {
            (Some(context), proven) => {
                place.trace_id = context.trace_id;
                let same = proven.as_ref().filter(|proven| proven.trace_id == context.trace_id);
                let is_passed_on = self.serving.was_asked_with(pid, &context);
                if !exports && !is_passed_on && tools.taken.take(context.trace_id, context.span_id) {
                    place.span_id = context.span_id;
                    place.parent = same.map(|same| same.span_id);
                    place.method = same.map(|same| same.method);
                } else if let Some(same) = same.filter(|_| is_passed_on) {
                    (place.parent, place.method) = (Some(same.span_id), Some(same.method));
                } else {
                    (place.parent, place.method) = (Some(context.span_id), Some(Method::Header));
                }
                if let Some(other) = proven.filter(|proven| proven.trace_id != context.trace_id) {
                    place.links.push((other.trace_id, other.span_id));
                }
            }
            (None, Some(Proven { trace_id, span_id, method })) => {
                (place.trace_id, place.parent, place.method) = (trace_id, Some(span_id), Some(method));
            }
            (None, None) if self.serves(pid) || !self.has_programs => {
                place.trace_id = if cause.likely().is_some() {
                    tools.ids.trace_id()
                } else {
                    self.slots.settle(slot, tools.ids)
                };
                for candidate in cause.candidates().filter(|_| depth > 0) {
                    if let Some((above, _)) = self.place(candidate, now_ns, tools, depth - 1) {
                        place.links.push((above.trace_id, above.span_id));
                    }
                }
            }
            (None, None) => {
                let (run, over) = self.programs.member(pid, now_ns, tools.ids);
                ended = over;
                match run {
                    Some((trace_id, span_id)) => {
                        (place.trace_id, place.parent) = (trace_id, Some(span_id));
                        place.method = Some(Method::Program);
                    }
                    None => place.trace_id = self.slots.settle(slot, tools.ids),
                }
            }
        }
        (place, ended)
    }
}

fn put_method(span: &mut Span, method: Option<&'static str>) {
    if let Some(method) = method {
        span.attributes.push((LINK_METHOD.into(), method.into()));
    }
}

/// The span of an agent's run, or of a tool in it.
fn inferred(span: Span, above: RunPlace, is_run: bool) -> Span {
    let (trace_id, parent, method, run) = above;
    let content = Some(Method::Content.name());
    let (parent, method) = match (is_run, span.parent) {
        // A tool of another run, or the run that handed over.
        (true, Some(outer)) => (Some(outer), content),
        (true, None) => (parent, method),
        (false, _) => (Some(run), content),
    };
    let mut span = Span { trace_id, parent, ..span };
    put_method(&mut span, method);
    span
}

impl Known {
    /// Whether its process exports spans, as far as is known.
    fn exports(&self, now_ns: u64, tools: &mut Tools<'_>) -> bool {
        let is_sampled = self.begun.context.as_ref().is_none_or(Context::is_sampled);
        tools.exporters.decide(&self.begun.process, is_sampled, now_ns).unwrap_or(false)
    }
}

/// An exchange that a process made.
#[derive(Clone, Copy)]
struct Asked {
    pid: u32,
    span_id: SpanId,
    slot: SlotId,
    exports: bool,
    now_ns: u64,
}

/// What it was made for.
struct Proven {
    trace_id: TraceId,
    span_id: SpanId,
    method: Method,
}

/// Whether it is known, or will not be, whether the process exports the id in its request's header.
fn is_decided(held: &Held, now_ns: u64, tools: &mut Tools<'_>) -> bool {
    held.is_sampled.is_none_or(|is_sampled| {
        match tools.exporters.decide(&held.span.process, is_sampled, now_ns) {
            Ok(_) => true,
            Err(until_ns) => until_ns <= now_ns,
        }
    })
}
