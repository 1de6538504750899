//! Runs of agents, as their calls' messages tell: a call whose answer asks for tools begins one, a call that brings the tools'
//! results goes on with it, and one whose answer asks for none ends it.
//!
//! A run may be that of a tool of another one ([`within`]). One that goes on behind a tool by whose name frameworks hand over is
//! another agent's. Nothing of it needs content: digests of messages, ids and names suffice.

mod conversation;
mod repeats;
mod run;
mod within;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use super::attributes::{AGENT_NAME, LOCAL_CONVERSATION_ID, RETRY};
use super::ids::IdGenerator;
use super::span::{Span, SpanId, Status, TraceId};
use super::tree::ExchangeKey;
use crate::call::{Call, Subject};
use crate::discovery::process::Process;
use crate::value::Value;
use conversation::Conversations;
use repeats::Attempts;
use run::{Ending, First, Results, Run, Wanted, hands_over_to};
use within::Ran;

/// Runs that are remembered at once; past it the oldest ends as it is.
const RUNS: usize = 4_096;

/// Tools that one run wants at once, without an answer; past it the oldest is forgotten.
const WANTED: usize = 2 * Call::PARTS_MAX;

/// Nanoseconds without a word after which a run is over.
const IDLE_NS: u64 = 60_000_000_000;

/// A run, by a number that no other one has.
pub(super) type RunId = u64;

/// Where the spans of a run and its tools stand: its trace, what is above the run and how that is known, and the run's own
/// span.
pub(super) type RunPlace = (TraceId, Option<SpanId>, Option<&'static str>, SpanId);

/// What a span has to do with runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A call of one.
    Call(RunId),
    /// A tool that it ran.
    Tool(RunId),
    /// The run itself.
    Run(RunId),
}

/// A span that follows from a call, for the slot of an exchange.
pub(super) struct Follows {
    pub(super) key: ExchangeKey,
    pub(super) span: Span,
    pub(super) part: Part,
}

/// A call that is over.
pub(super) struct Called<'a> {
    pub(super) key: ExchangeKey,
    pub(super) call: &'a Call,
    pub(super) process: &'a Arc<Process>,
    /// What its process made it for.
    pub(super) cause: Option<ExchangeKey>,
    /// Without a cause: the process serves requests, and this may be for any of them.
    pub(super) may_be_anyones: bool,
    /// Of its begin and its end.
    pub(super) times_ns: (u64, u64),
}

/// A run that is over.
#[derive(Debug)]
struct Over {
    id: RunId,
    span_id: SpanId,
    place: Option<(TraceId, Option<SpanId>, Option<&'static str>)>,
    since_ns: u64,
}

/// All runs.
#[derive(Debug, Default)]
pub(super) struct Agents {
    runs: Vec<(RunId, Run)>,
    /// Those whose spans were made.
    over: Vec<Over>,
    /// Runs that are over, but may turn out to be a tool's of another one.
    done: Vec<(RunId, Run)>,
    conversations: Conversations,
    /// Tools that were wanted and forgotten, since their run wants too many.
    pub(super) forgotten: u64,
    attempts: Attempts,
    /// Processes whose agents run side by side: time proves nothing there.
    parallel: HashSet<u32>,
    next: RunId,
}

impl Agents {
    /// A call of a model is over: puts on its span what is known of its conversation. Which run it is a part of, and the spans
    /// that follow from it.
    pub(super) fn called(
        &mut self,
        called: &Called<'_>,
        span: &mut Span,
        ids: &mut IdGenerator,
    ) -> (Option<Part>, Vec<Follows>) {
        let Called { key, call, times_ns: (began_ns, ended_ns), .. } = *called;
        let is_chat = matches!(call.subject, Subject::Inference { .. });
        let is_in_dialogue = !call.dialogue.prefixes.is_empty() || call.previous_response_id.is_some();
        if !is_chat || !is_in_dialogue && call.tool_calls.is_empty() {
            return (None, Vec::new());
        }
        let request = repeats::request(call);
        let tried = request.and_then(|request| self.attempts.before(called.process.pid, request, began_ns));
        let tried_in = tried.map(|(_, conversation)| conversation);
        let (conversation, is_new) = self.conversations.of(called.process.pid, call, tried_in, ids);
        if let Some(request) = request {
            let failed_ns = (span.status == Status::Error).then_some(ended_ns);
            let before = tried.map_or(0, |(times, _)| times);
            self.attempts.over((called.process.pid, request), conversation, before, failed_ns);
        }
        if let Some(times) = tried.and_then(|(times, _)| i64::try_from(times).ok()) {
            span.attributes.push((RETRY.into(), Value::Int(times)));
        }
        span.attributes.push((LOCAL_CONVERSATION_ID.into(), conversation.text().as_str().into()));
        let mut follows = Vec::new();
        let mut at = self.goes_on(called, (conversation, is_new), request);
        if let Some(index) = at {
            let hands_over = self.answered(index, called, span.started, &mut follows);
            if let Some(name) = hands_over {
                at = Some(self.hand_over(index, name, called, (span, conversation), ids, &mut follows));
            }
        } else if !call.tool_calls.is_empty() {
            at = Some(self.begin(called, (span, conversation), ids, &mut follows));
        }
        let Some((id, run)) = at.and_then(|index| self.runs.get_mut(index)) else {
            return (None, follows);
        };
        let id = *id;
        run.key = key;
        run.called(call, (request, tried.is_some()), span, ended_ns);
        run.name = run.name.take().or_else(|| call.dialogue.agent_name.clone());
        if let Some(name) = &run.name {
            span.attributes.push((AGENT_NAME.into(), super::attributes::bounded(name).into()));
        }
        for tool in &call.tool_calls {
            let hands_over_to = hands_over_to(&tool.name);
            run.wanted.push(Wanted { tool: tool.clone(), span_id: ids.span_id(), hands_over_to });
        }
        let more = run.wanted.len().saturating_sub(WANTED);
        self.forgotten += run.wanted.drain(..more).len() as u64;
        run.wanted_since = (ended_ns, span.ended);
        let is_over = call.tool_calls.is_empty() && call.is_final && span.status != Status::Error;
        if is_over && let Some(index) = at {
            let ended = self.runs.remove(index);
            self.done(ended, &mut follows);
        }
        (Some(Part::Call(id)), follows)
    }

    /// The run that a call goes on with: it brings results of tools that were wanted there, or asks the same again.
    fn goes_on(
        &self,
        called: &Called<'_>,
        (conversation, is_new): (conversation::ConversationId, bool),
        request: Option<u64>,
    ) -> Option<usize> {
        let results = Results::of(&called.call.dialogue.tool_results);
        if results.is_empty() && request.is_none() {
            return None;
        }
        let is_own = |run: &Run| run.process.pid == called.process.pid;
        let brings = |run: &Run| {
            let is_again = request.is_some() && run.last_request == request;
            is_again || run.wanted.iter().any(|wanted| results.answer(&wanted.tool))
        };
        let candidates = || {
            let all = self.runs.iter().enumerate();
            all.filter(|(_, (_, run))| is_own(run) && brings(run)).map(|(index, (_, run))| (index, run))
        };
        let mut same = candidates().filter(|(_, run)| run.conversation == conversation);
        if let Some((index, _)) = same.next() {
            return same.next().is_none().then_some(index);
        }
        // Messages may have been made shorter: then ids alone tell, if nobody else wants the like.
        let names = |run: &Run| run.wanted.iter().any(|wanted| results.name(&wanted.tool));
        let mut others = candidates().filter(|(_, run)| is_new && names(run));
        let (index, _) = others.next()?;
        others.next().is_none().then_some(index)
    }

    /// Results came: the tools ran. The agent that was handed over to, if one was.
    fn answered(
        &mut self,
        index: usize,
        called: &Called<'_>,
        told: SystemTime,
        follows: &mut Vec<Follows>,
    ) -> Option<String> {
        let (id, run) = self.runs.get_mut(index)?;
        let (id, mut hands_over, mut tools) = (*id, None, Vec::new());
        let since_ns = run.wanted_since.0;
        let mut round = Vec::new();
        for result in &called.call.dialogue.tool_results {
            let Some(wanted) = run.answer(result) else { continue };
            if let Some(name) = &wanted.hands_over_to {
                hands_over = Some(name.clone());
                continue;
            }
            let span = run.tool(&wanted, result, told);
            round.push((wanted.tool.name.clone(), result.arguments));
            let Wanted { tool, span_id, .. } = wanted;
            tools.push(Ran { span_id, name: tool.name, gave: result.gave });
            follows.push(Follows { key: called.key, span, part: Part::Tool(id) });
        }
        run.went(&round);
        self.place_within(index, &tools, (since_ns, called.times_ns.0), follows);
        hands_over
    }

    /// Whether time proves nothing in a process: also where there was no room to say so.
    fn is_parallel(&self, pid: u32) -> bool {
        self.parallel.contains(&pid) || self.parallel.len() >= RUNS
    }

    fn first(
        &mut self,
        called: &Called<'_>,
        (span, conversation): (&Span, conversation::ConversationId),
        node: String,
        ids: &mut IdGenerator,
    ) -> (RunId, Run) {
        self.next += 1;
        let first = First {
            process: Arc::clone(called.process),
            conversation,
            cause: called.cause,
            may_be_anyones: called.may_be_anyones,
            span_id: ids.span_id(),
            node,
            key: called.key,
            began_ns: called.times_ns.0,
            times: (span.started, span.ended),
        };
        (self.next, Run::new(first))
    }

    fn begin(
        &mut self,
        called: &Called<'_>,
        of: (&Span, conversation::ConversationId),
        ids: &mut IdGenerator,
        follows: &mut Vec<Follows>,
    ) -> usize {
        if self.runs.len() >= RUNS {
            let oldest = self.runs.remove(0);
            self.end(oldest, Ending::Unseen, follows);
        }
        let (pid, began_ns) = (called.process.pid, called.times_ns.0);
        // Within another one's tool it begins after that was asked for.
        let is_beside = |(_, other): &(RunId, Run)| {
            let waits = !other.wanted.is_empty() && other.wanted_since.0 <= began_ns;
            other.process.pid == pid && other.cause == called.cause && !waits
        };
        if self.runs.iter().any(is_beside) && self.parallel.len() < RUNS {
            self.parallel.insert(pid);
        }
        let run = self.first(called, of, called.process.service_name.clone(), ids);
        self.runs.push(run);
        self.runs.len() - 1
    }

    /// An agent goes on in another one's place.
    fn hand_over(
        &mut self,
        index: usize,
        name: String,
        called: &Called<'_>,
        of: (&Span, conversation::ConversationId),
        ids: &mut IdGenerator,
        follows: &mut Vec<Follows>,
    ) -> usize {
        let (id, mut from) = self.runs.remove(index);
        from.handed_over();
        let (above, parent_node) = (from.span_id, from.node.clone());
        self.done((id, from), follows);
        let (id, mut run) = self.first(called, of, name.clone(), ids);
        (run.above, run.parent_node, run.name) = (Some(above), Some(parent_node), Some(name));
        self.runs.push((id, run));
        self.runs.len() - 1
    }

    fn end(&mut self, (id, mut run): (RunId, Run), ending: Ending, follows: &mut Vec<Follows>) {
        run.ended(ending);
        self.over.push(Over { id, span_id: run.span_id, place: run.place, since_ns: run.last_ns });
        if self.over.len() > RUNS {
            self.over.remove(0);
        }
        let (key, above) = (run.key, run.above);
        let span = Span { parent: above, ..run.into_span() };
        follows.push(Follows { key, span, part: Part::Run(id) });
    }

    /// Ends runs of which nothing came for long, or those of a process that is gone; all without a time.
    pub(super) fn expire(&mut self, now_ns: Option<u64>, pid: Option<u32>) -> Vec<Follows> {
        let mut follows = Vec::new();
        let is_due = |(_, run): &mut (RunId, Run)| {
            let is_meant = pid.is_none_or(|pid| run.process.pid == pid);
            is_meant && now_ns.is_none_or(|now_ns| now_ns.saturating_sub(run.last_ns) > IDLE_NS)
        };
        let mut due: Vec<_> = self.done.extract_if(.., is_due).collect();
        due.extend(self.runs.extract_if(.., is_due));
        due.sort_by_key(|(id, _)| *id);
        let is_agents_end = now_ns.is_none() && pid.is_none();
        for run in due {
            self.end(run, if is_agents_end { Ending::Unseen } else { Ending::Over }, &mut follows);
        }
        if let Some(pid) = pid {
            self.parallel.remove(&pid);
        }
        if let Some(now_ns) = now_ns {
            self.over.retain(|over| now_ns.saturating_sub(over.since_ns) <= 4 * IDLE_NS);
        }
        follows
    }

    /// The first call of a run has its place, or a further one: what stands above it is the run, if that is of its trace. Its
    /// parent then.
    pub(super) fn placed(
        &mut self,
        id: RunId,
        (trace_id, parent, method): (TraceId, Option<SpanId>, Option<&'static str>),
    ) -> Option<SpanId> {
        let all = self.runs.iter_mut().chain(&mut self.done);
        if let Some((_, run)) = all.into_iter().find(|(known, _)| *known == id) {
            let place = *run.place.get_or_insert((trace_id, parent, method));
            return (place.0 == trace_id).then_some(run.span_id);
        }
        let over = self.over.iter_mut().find(|over| over.id == id)?;
        let place = *over.place.get_or_insert((trace_id, parent, method));
        (place.0 == trace_id).then_some(over.span_id)
    }

    /// Where a run stands, once that is known.
    pub(super) fn place(&self, id: RunId) -> Option<RunPlace> {
        let known = self.runs.iter().chain(&self.done).find(|(known, _)| *known == id);
        if let Some((_, run)) = known {
            let (trace_id, parent, method) = run.place?;
            return Some((trace_id, parent, method, run.span_id));
        }
        let over = self.over.iter().find(|over| over.id == id)?;
        let (trace_id, parent, method) = over.place?;
        Some((trace_id, parent, method, over.span_id))
    }
}
