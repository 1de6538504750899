//! One run of an agent: calls of a model that ask for tools, and those that bring what the tools gave.

use std::sync::Arc;
use std::time::SystemTime;

use super::conversation::ConversationId;
use crate::call::{Call, ToolCall, ToolResult};
use crate::correlate::attributes::{
    AGENT_NAME, EVALUATION_EXPLANATION, EVALUATION_NAME, EVALUATION_SCORE_LABEL, EVALUATION_SCORE_VALUE,
    FI_SPAN_KIND, GEN_AI_SPAN_KIND, GRAPH_NODE_ID, GRAPH_PARENT_NODE_ID, INFERRED, LOCAL_CONVERSATION_ID,
    OPERATION_NAME, TOOL_CALL_ID, TOOL_NAME, bounded,
};
use crate::correlate::propagation::{RANDOM, SAMPLED};
use crate::correlate::score::{self, RunFacts};
use crate::correlate::span::{Attributes, Kind, Span, SpanId, Status, TraceId};
use crate::correlate::totals::Totals;
use crate::correlate::tree::ExchangeKey;
use crate::discovery::process::Process;

/// By what frameworks name the tool that hands a conversation over to another agent.
const HAND_OVER: [&str; 3] = ["transfer_to_", "transfer_back_to_", "handoff_to_"];

/// Rounds that ask for the same tools, one after the other, from which on they go in a circle.
const CIRCLE: u64 = 3;

/// Rounds of one run that are compared for repetition.
const ROUNDS: usize = 1024;

/// A tool that a model wants called.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) tool: ToolCall,
    /// Of the span that it will have.
    pub(super) span_id: SpanId,
    /// The agent to which it hands over.
    pub(super) hands_over_to: Option<String>,
}

/// The agent that a tool of this name hands over to.
pub(super) fn hands_over_to(tool: &str) -> Option<String> {
    HAND_OVER
        .iter()
        .find_map(|begin| tool.strip_prefix(begin))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

/// A run under way, or over.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) process: Arc<Process>,
    pub(super) conversation: ConversationId,
    /// What its process made its first call for.
    pub(super) cause: Option<ExchangeKey>,
    /// It may have been made for any of those that the process serves.
    pub(super) may_be_anyones: bool,
    pub(super) span_id: SpanId,
    /// The agent's name, where something says it.
    pub(super) name: Option<String>,
    pub(super) node: String,
    pub(super) parent_node: Option<String>,
    /// What it is a part of, beside what its process serves: the span of a tool, or of the agent that handed over.
    pub(super) above: Option<SpanId>,
    /// Tools that are wanted and not answered, since this time.
    pub(super) wanted: Vec<Wanted>,
    pub(super) wanted_since: (u64, SystemTime),
    pub(super) began_ns: u64,
    pub(super) last_ns: u64,
    pub(super) times: (SystemTime, SystemTime),
    /// Its trace, what stands above its first call, and how that is known: once that has its place.
    pub(super) place: Option<(TraceId, Option<SpanId>, Option<&'static str>)>,
    pub(super) totals: Totals,
    facts: RunFacts,
    /// Digests of what was asked.
    asked: Vec<u64>,
    last_failed: bool,
    last_tools: Vec<String>,
    same_rounds: u64,
    /// Its last key, to which its span belongs.
    pub(super) key: ExchangeKey,
}

/// What begins a run.
pub(super) struct First {
    pub(super) process: Arc<Process>,
    pub(super) conversation: ConversationId,
    pub(super) cause: Option<ExchangeKey>,
    pub(super) may_be_anyones: bool,
    pub(super) span_id: SpanId,
    pub(super) node: String,
    pub(super) key: ExchangeKey,
    pub(super) began_ns: u64,
    pub(super) times: (SystemTime, SystemTime),
}

impl Run {
    pub(super) fn new(first: First) -> Self {
        let First { process, conversation, cause, may_be_anyones, span_id, node, key, began_ns, times } =
            first;
        Self {
            process,
            conversation,
            cause,
            may_be_anyones,
            span_id,
            name: None,
            node,
            parent_node: None,
            above: None,
            wanted: Vec::new(),
            wanted_since: (began_ns, times.0),
            began_ns,
            last_ns: began_ns,
            times,
            place: None,
            totals: Totals::default(),
            facts: RunFacts::default(),
            asked: Vec::new(),
            last_failed: false,
            last_tools: Vec::new(),
            same_rounds: 0,
            key,
        }
    }

    /// A call of its is over.
    pub(super) fn called(&mut self, call: &Call, span: &Span, ended_ns: u64) {
        self.last_ns = self.last_ns.max(ended_ns);
        self.times = (self.times.0.min(span.started), self.times.1.max(span.ended));
        self.totals.add(span);
        self.facts.calls += 1;
        let failed = span.status == Status::Error;
        self.facts.errors += u64::from(failed);
        if let Some(asked) = call.dialogue.prefixes.last() {
            if self.asked.contains(asked) {
                let again =
                    if self.last_failed { &mut self.facts.retries } else { &mut self.facts.repeated_calls };
                *again += 1;
            } else if self.asked.len() < ROUNDS {
                self.asked.push(*asked);
            }
        }
        self.last_failed = failed;
        self.facts.finished = !failed && call.tool_calls.is_empty();
        let tools: Vec<_> = call.tool_calls.iter().map(|tool| tool.name.clone()).collect();
        self.same_rounds =
            if !tools.is_empty() && tools == self.last_tools { self.same_rounds + 1 } else { 1 };
        self.facts.loops += u64::from(self.same_rounds == CIRCLE);
        self.last_tools = tools;
    }

    /// The tool that a result answers, taken out of those that are wanted.
    pub(super) fn answer(&mut self, result: &ToolResult) -> Option<Wanted> {
        let at = self.wanted.iter().position(|wanted| answers(result, &wanted.tool))?;
        let wanted = self.wanted.remove(at);
        if wanted.hands_over_to.is_none() {
            self.facts.tool_calls += 1;
            self.facts.tool_errors += u64::from(result.is_error);
        }
        Some(wanted)
    }

    /// It handed over to another agent, or nothing comes any more of it.
    pub(super) fn ends(&mut self) {
        self.facts.abandoned = self.wanted.iter().any(|wanted| wanted.hands_over_to.is_none());
    }

    /// It is over, as another agent goes on.
    pub(super) fn handed_over(&mut self) {
        self.wanted.clear();
        self.facts.finished = true;
    }

    /// The span of a tool that ran in the process, from the answer that asked for it to the request that tells of it.
    pub(super) fn tool(&self, wanted: &Wanted, is_error: bool, told: SystemTime) -> Span {
        let mut attributes: Attributes = vec![
            (OPERATION_NAME.into(), "execute_tool".into()),
            (TOOL_NAME.into(), bounded(&wanted.tool.name).into()),
        ];
        if let Some(id) = &wanted.tool.id {
            attributes.push((TOOL_CALL_ID.into(), bounded(id).into()));
        }
        let started = self.wanted_since.1;
        let name = format!("execute_tool {}", bounded(&wanted.tool.name));
        let status = if is_error { Status::Error } else { Status::Unset };
        self.span(wanted.span_id, name, (started, told.max(started)), status, "TOOL", attributes)
    }

    /// Its own.
    pub(super) fn into_span(self) -> Span {
        let mut attributes: Attributes = vec![(OPERATION_NAME.into(), "invoke_agent".into())];
        if let Some(name) = &self.name {
            attributes.push((AGENT_NAME.into(), bounded(name).into()));
        }
        attributes.push((GRAPH_NODE_ID.into(), bounded(&self.node).into()));
        if let Some(parent) = &self.parent_node {
            attributes.push((GRAPH_PARENT_NODE_ID.into(), bounded(parent).into()));
        } else {
            let score = self.facts.score();
            attributes.push((EVALUATION_NAME.into(), score::NAME.into()));
            attributes.push((EVALUATION_SCORE_VALUE.into(), crate::value::Value::Double(score.value)));
            attributes.push((EVALUATION_SCORE_LABEL.into(), score.label.into()));
            attributes.push((EVALUATION_EXPLANATION.into(), score.explanation.as_str().into()));
        }
        attributes.push((LOCAL_CONVERSATION_ID.into(), self.conversation.text().as_str().into()));
        self.totals.put_on(&mut attributes);
        let name = match &self.name {
            Some(name) => format!("invoke_agent {}", bounded(name)),
            None => "invoke_agent".to_owned(),
        };
        let status = if self.last_failed { Status::Error } else { Status::Unset };
        self.span(self.span_id, name, self.times, status, "AGENT", attributes)
    }

    fn span(
        &self,
        span_id: SpanId,
        name: String,
        (started, ended): (SystemTime, SystemTime),
        status: Status,
        kind: &'static str,
        mut attributes: Attributes,
    ) -> Span {
        attributes.push((FI_SPAN_KIND.into(), kind.into()));
        attributes.push((GEN_AI_SPAN_KIND.into(), kind.into()));
        attributes.push((INFERRED.into(), crate::value::Value::Bool(true)));
        Span {
            trace_id: TraceId([0; 16]),
            span_id,
            parent: None,
            flags: SAMPLED | RANDOM,
            trace_state: String::new(),
            kind: Kind::Internal,
            name,
            started,
            ended,
            attributes,
            events: Vec::new(),
            links: Vec::new(),
            status,
            chunk_gaps_us: Vec::new(),
            process: Arc::clone(&self.process),
        }
    }
}

/// Whether a result is that of a tool: by the call's id, and where there is none by the tool's name.
pub(super) fn answers(result: &ToolResult, tool: &ToolCall) -> bool {
    match (&result.call_id, &tool.id) {
        (Some(result), Some(tool)) => result == tool,
        _ => result.name.as_ref().is_some_and(|name| *name == tool.name),
    }
}
