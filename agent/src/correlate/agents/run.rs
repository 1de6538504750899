//! One run of an agent: calls of a model that ask for tools, and those that bring what the tools gave.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use super::conversation::ConversationId;
use super::repeats::{self, Counts, Rounds};
use crate::call::{Call, ToolCall, ToolResult};
use crate::correlate::attributes::{
    AGENT_LOOP, AGENT_LOOPS, AGENT_NAME, AGENT_OUTCOME, AGENT_REPEATS, EVALUATION_EXPLANATION,
    EVALUATION_NAME, EVALUATION_SCORE_LABEL, EVALUATION_SCORE_VALUE, FI_SPAN_KIND, GEN_AI_SPAN_KIND,
    GRAPH_NODE_ID, GRAPH_PARENT_NODE_ID, INFERRED, LOCAL_CONVERSATION_ID, OPERATION_NAME, TOOL_CALL_ID,
    TOOL_NAME, bounded,
};
use crate::correlate::propagation::{RANDOM, SAMPLED};
use crate::correlate::score::{self, RunFacts};
use crate::correlate::span::{Attributes, Kind, Span, SpanId, Status, TraceId};
use crate::correlate::totals::Totals;
use crate::correlate::tree::ExchangeKey;
use crate::discovery::process::Process;
use crate::value::Value;

/// By what frameworks name the tool that hands a conversation over to another agent.
const HAND_OVER: [&str; 3] = ["transfer_to_", "transfer_back_to_", "handoff_to_"];

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

/// Why nothing more comes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It came to its end, its process did, or it was silent for long.
    Over,
    /// The agent looks away: it stops, or there are too many runs.
    Unseen,
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
    /// What was asked.
    requests: Counts,
    /// Which tools were called.
    tools: Counts,
    rounds: Rounds,
    last_failed: bool,
    /// A digest of the text that the last answer is.
    pub(super) answer: Option<u64>,
    /// A digest of what was asked last.
    pub(super) last_request: Option<u64>,
    handed_over: bool,
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
            requests: Counts::default(),
            tools: Counts::default(),
            rounds: Rounds::default(),
            last_failed: false,
            answer: None,
            last_request: None,
            handed_over: false,
            key,
        }
    }

    /// A call of its is over, which tries again what failed or does not; marks its span.
    pub(super) fn called(
        &mut self,
        call: &Call,
        (request, is_retry): (Option<u64>, bool),
        span: &mut Span,
        ended_ns: u64,
    ) {
        self.last_ns = self.last_ns.max(ended_ns);
        self.times = (self.times.0.min(span.started), self.times.1.max(span.ended));
        self.totals.add(span);
        self.facts.calls += 1;
        let failed = span.status == Status::Error;
        self.facts.errors += u64::from(failed);
        if is_retry {
            self.facts.retries += 1;
        } else if let Some(request) = request {
            let before = self.requests.before(request);
            self.repeats(before, &mut span.attributes);
        }
        if self.rounds.is_circle {
            span.attributes.push((AGENT_LOOP.into(), Value::Bool(true)));
        }
        (self.last_request, self.answer) = (request, call.dialogue.answer);
        self.last_failed = failed;
        self.facts.finished = !failed && call.tool_calls.is_empty();
    }

    /// Marks what was done so often before.
    fn repeats(&mut self, before: u64, attributes: &mut Attributes) {
        if before > 0 {
            self.facts.repeated_calls += 1;
            attributes.push((AGENT_REPEATS.into(), Value::Int(i64::try_from(before).unwrap_or(i64::MAX))));
        }
    }

    /// A round of tools, each with the digest of its arguments, is over: those that one answer asked for.
    pub(super) fn went(&mut self, round: &[(String, Option<u64>)]) {
        if !round.is_empty() {
            let known: Option<Vec<_>> =
                round.iter().map(|(name, arguments)| Some((name.as_str(), (*arguments)?))).collect();
            let begins = self.rounds.next(known.map(|known| repeats::tools(known.into_iter())));
            self.facts.loops += u64::from(begins);
        }
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
    pub(super) fn ended(&mut self, ending: Ending) {
        let waits = self.wanted.iter().any(|wanted| wanted.hands_over_to.is_none());
        self.facts.abandoned = waits && !self.facts.finished && ending == Ending::Over;
    }

    /// How it ended.
    fn outcome(&self) -> &'static str {
        if self.handed_over {
            "handed_over"
        } else if self.facts.finished {
            "answered"
        } else if self.facts.abandoned {
            "abandoned"
        } else if self.last_failed {
            "failed"
        } else {
            "unseen"
        }
    }

    /// It is over, as another agent goes on.
    pub(super) fn handed_over(&mut self) {
        self.wanted.clear();
        (self.handed_over, self.facts.finished) = (true, true);
    }

    /// The span of a tool that ran in the process, from the answer that asked for it to the request that tells of it.
    pub(super) fn tool(&mut self, wanted: &Wanted, result: &ToolResult, told: SystemTime) -> Span {
        let mut attributes: Attributes = vec![
            (OPERATION_NAME.into(), "execute_tool".into()),
            (TOOL_NAME.into(), bounded(&wanted.tool.name).into()),
        ];
        if let Some(id) = &wanted.tool.id {
            attributes.push((TOOL_CALL_ID.into(), bounded(id).into()));
        }
        if let Some(arguments) = result.arguments {
            let digest = repeats::tools([(&*wanted.tool.name, arguments)].into_iter());
            let before = self.tools.before(digest);
            self.repeats(before, &mut attributes);
        }
        let started = self.wanted_since.1;
        let name = format!("execute_tool {}", bounded(&wanted.tool.name));
        let status = if result.is_error { Status::Error } else { Status::Unset };
        self.span(wanted.span_id, name, (started, told.max(started)), status, "TOOL", attributes)
    }

    /// Its own.
    pub(super) fn into_span(self) -> Span {
        let mut attributes: Attributes = vec![
            (OPERATION_NAME.into(), "invoke_agent".into()),
            (AGENT_OUTCOME.into(), self.outcome().into()),
        ];
        if let Some(loops) = i64::try_from(self.facts.loops).ok().filter(|loops| *loops > 0) {
            attributes.push((AGENT_LOOPS.into(), Value::Int(loops)));
        }
        if let Some(name) = &self.name {
            attributes.push((AGENT_NAME.into(), bounded(name).into()));
        }
        attributes.push((GRAPH_NODE_ID.into(), bounded(&self.node).into()));
        if let Some(parent) = &self.parent_node {
            attributes.push((GRAPH_PARENT_NODE_ID.into(), bounded(parent).into()));
        } else {
            let score = self.facts.score();
            attributes.push((EVALUATION_NAME.into(), score::NAME.into()));
            attributes.push((EVALUATION_SCORE_VALUE.into(), Value::Double(score.value)));
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
        attributes.push((INFERRED.into(), Value::Bool(true)));
        Span {
            trace_id: TraceId([0; 16]),
            span_id,
            parent: None,
            flags: SAMPLED | RANDOM,
            flags_are_told: false,
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
            content: None,
            process: Arc::clone(&self.process),
        }
    }
}

/// Results by what tells which tools they are of: many tools of many runs are compared with them.
pub(super) struct Results<'a> {
    ids: HashSet<&'a str>,
    /// Of those without an id.
    names: HashSet<&'a str>,
    /// Of all.
    all_names: HashSet<&'a str>,
}

impl<'a> Results<'a> {
    pub(super) fn of(results: &'a [ToolResult]) -> Self {
        let without_id = results.iter().filter(|result| result.call_id.is_none());
        Self {
            ids: results.iter().filter_map(|result| result.call_id.as_deref()).collect(),
            names: without_id.filter_map(|result| result.name.as_deref()).collect(),
            all_names: results.iter().filter_map(|result| result.name.as_deref()).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.all_names.is_empty()
    }

    /// Whether one is that of a tool, as [`answers`] has it.
    pub(super) fn answer(&self, tool: &ToolCall) -> bool {
        match &tool.id {
            Some(_) => self.name(tool) || self.names.contains(&*tool.name),
            None => self.all_names.contains(&*tool.name),
        }
    }

    /// Whether one names the very call.
    pub(super) fn name(&self, tool: &ToolCall) -> bool {
        tool.id.as_ref().is_some_and(|id| self.ids.contains(&**id))
    }
}

/// Whether a result is that of a tool: by the call's id, and where there is none by the tool's name.
fn answers(result: &ToolResult, tool: &ToolCall) -> bool {
    match (&result.call_id, &tool.id) {
        (Some(result), Some(tool)) => result == tool,
        _ => result.name.as_ref().is_some_and(|name| *name == tool.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_together_answer_what_one_of_them_does() {
        let of = |id: &str| Some(id.to_owned()).filter(|id| !id.is_empty());
        let pairs = ["", "a", "b"].into_iter().flat_map(|id| ["", "x", "y"].map(|name| (of(id), of(name))));
        let results: Vec<_> =
            pairs.map(|(call_id, name)| ToolResult { call_id, name, ..ToolResult::default() }).collect();
        for one in &results {
            for other in &results {
                let both = [one.clone(), other.clone()];
                for (id, name) in [("", "x"), ("a", "x"), ("b", "y"), ("c", "z")] {
                    let tool = ToolCall { id: of(id), name: name.to_owned() };
                    let expected = both.iter().any(|result| answers(result, &tool));
                    assert_eq!(Results::of(&both).answer(&tool), expected, "{both:?} {tool:?}");
                }
            }
        }
    }
}
